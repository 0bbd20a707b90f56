//! What is left of tables that pipeline.yml declares no more: nothing of it is removed, and nothing comes to it.

use serde::Serialize;

use super::Pipeline;
use super::clients::ClientError;
use super::clients::hdfs::path_of;
use super::clients::postgres::quote_qualified;
use super::spec::{PipelineSpec, lake_name};

/// A table of the destination that nothing comes to any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its name with its schema.
    pub table: String,
    /// The source's table that it was made of; nothing for an aggregate, and for a table that goes elsewhere now.
    pub source: Option<String>,
}

/// Reads them: job 2 notes what it has made each table by.
pub async fn read(pipeline: &Pipeline, patience: std::time::Duration) -> Result<Vec<Kept>, ClientError> {
    let destination = pipeline.destination(patience).await?;
    let noted = "SELECT to_regclass('pipectl.definitions') IS NOT NULL";
    // Before the first start of the job.
    if !destination.first(noted, &[]).await?.is_some_and(|row| row.get(0)) {
        return Ok(Vec::new());
    }
    let sql = "SELECT \"table\", source FROM pipectl.definitions \
               WHERE to_regclass(format('%I.%I', $1::text, \"table\")) IS NOT NULL ORDER BY source, \"table\"";
    let rows = destination.query(sql, &[&pipeline.spec.destination.schema]).await?;
    Ok(left(&pipeline.spec, rows.iter().map(|row| (row.get(0), row.get(1)))))
}

fn left(spec: &PipelineSpec, noted: impl Iterator<Item = (String, Option<String>)>) -> Vec<Kept> {
    let declared = spec.destination_tables();
    noted
        .filter(|(table, _)| !declared.contains(&table.as_str()))
        .map(|(table, source)| Kept {
            table: format!("{}.{table}", spec.destination.schema),
            source: source.filter(|source| !spec.tables.contains_key(source)),
        })
        .collect()
}

impl Kept {
    /// What is there.
    pub fn is_there(&self, spec: &PipelineSpec) -> String {
        let table = format!("table {} of the destination", self.table);
        match &self.source {
            Some(source) => format!("topic {}, Delta table {}, {table}", spec.topic(source), lake_path(spec, source)),
            None => table,
        }
    }

    /// What removes it. The topic empties itself, and a table that comes back is read on from where it ended.
    pub fn drop_it(&self, spec: &PipelineSpec) -> String {
        let (schema, table) = self.table.split_once('.').unwrap_or(("public", &self.table));
        let sql = format!("`DROP TABLE {}` in the destination", quote_qualified(schema, table));
        match &self.source {
            Some(source) => format!("{sql}, `pipectl exec namenode hdfs dfs -rm -r {}`", lake_path(spec, source)),
            None => sql,
        }
    }
}

fn lake_path(spec: &PipelineSpec, source: &str) -> String {
    format!("{}/{}", path_of(&spec.lake.path), lake_name(source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::spec::{Destination, Lake, Table, TableDestination};

    #[test]
    fn what_is_declared_no_more_is_told_with_what_drops_it() {
        let destination = TableDestination { table: "purchases".into(), ..TableDestination::default() };
        let orders = Table { destination, ..Table::default() };
        let spec = PipelineSpec {
            topic_prefix: "p".into(),
            lake: Lake { path: "hdfs://namenode:9000/data/delta".into(), ..Lake::default() },
            destination: Destination { schema: "public".into(), ..Destination::default() },
            tables: [("public.orders".to_owned(), orders)].into_iter().collect(),
            ..PipelineSpec::default()
        };
        let source = |name: &str| Some(format!("public.{name}"));
        let noted = [
            ("purchases".to_owned(), source("orders")),
            // It was made of the same source before.
            ("orders".to_owned(), source("orders")),
            ("shops".to_owned(), source("shops")),
            ("yearly".to_owned(), None),
        ];
        let told: Vec<_> =
            left(&spec, noted.into_iter()).iter().map(|kept| (kept.is_there(&spec), kept.drop_it(&spec))).collect();
        let told: Vec<(&str, &str)> = told.iter().map(|(there, drop)| (there.as_str(), drop.as_str())).collect();
        assert_eq!(
            told,
            [
                ("table public.orders of the destination", "`DROP TABLE \"public\".\"orders\"` in the destination"),
                (
                    "topic p.public.shops, Delta table /data/delta/shops, table public.shops of the destination",
                    "`DROP TABLE \"public\".\"shops\"` in the destination, `pipectl exec namenode hdfs dfs -rm -r /data/delta/shops`"
                ),
                ("table public.yearly of the destination", "`DROP TABLE \"public\".\"yearly\"` in the destination"),
            ]
        );
    }
}
