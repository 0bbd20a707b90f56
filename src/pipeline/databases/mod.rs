//! The two databases against pipeline.yml: tables, columns, types and keys as they are, before anything is captured.
//!
//! `facts` reads, `source` and `destination` decide, and every difference is told at once with what mends it.

pub mod destination;
pub mod facts;
pub mod hindrances;
pub mod kinds;
pub mod problem;
pub mod publication;
pub mod server;
pub mod source;

use std::time::Duration;

use super::Pipeline;
use super::clients::ClientError;
use super::spec::{Made, PipelineSpec, Table, lake_name};
use super::sql::{Flavour, Output, Reading, Relation, outputs, read, result};
use destination::{Gifts, Given, OWN};
use problem::Problem;

/// What the comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// What has to be mended first.
    pub problems: Vec<Problem>,
    /// What is good to know.
    pub remarks: Vec<String>,
}

/// Compares both databases with the declaration; nothing is changed.
pub async fn check(pipeline: &Pipeline, patience: Duration) -> Result<Findings, ClientError> {
    let spec = &pipeline.spec;
    let of_source = async {
        let names: Vec<String> = spec.tables.keys().cloned().collect();
        let database = pipeline.source(patience).await?;
        let mut problems = Vec::new();
        // The project's own server is set up by its image; a publication can be changed anywhere.
        if spec.source.external.is_some() {
            problems.extend(server::compare(spec, &server::read(&database, spec).await?));
        }
        problems.extend(publication::compare(spec, publication::read(&database, spec).await?.as_ref()));
        let found = facts::read(&database, &names).await?;
        problems.extend(source::compare(spec, &found));
        Ok::<_, ClientError>((problems, found))
    };
    let of_destination = async {
        let schema = &spec.destination.schema;
        let written: Vec<String> =
            spec.destination_tables().into_iter().map(|table| format!("{schema}.{table}")).collect();
        let names = [written.clone(), OWN.map(str::to_owned).to_vec()].concat();
        let database = pipeline.destination(patience).await?;
        Ok((facts::read(&database, &names).await?, hindrances::read(&database, &written).await?))
    };
    let ((mut problems, source), (there, hindrances)) = tokio::try_join!(of_source, of_destination)?;
    problems.extend(destination::compare(spec, &gifts(pipeline), &source, &there, &hindrances));
    Ok(Findings { problems, remarks: hindrances::remarks(&hindrances) })
}

/// What the SQL files give. One that cannot be read or followed is left to the jobs, which say why.
fn gifts(pipeline: &Pipeline) -> Gifts {
    let spec = &pipeline.spec;
    let text = |path| std::fs::read_to_string(pipeline.file(path)).unwrap_or_default();
    let mut gifts = Gifts::new();
    for (name, table) in &spec.tables {
        if let Some(given) = transformed(spec, name, &text(&table.destination.transform)) {
            gifts.insert(table.destination.table.clone(), given);
        }
    }
    for aggregate in spec.aggregates.values() {
        let Reading::Select(query) = read(&text(&aggregate.query), Flavour::Postgres) else { continue };
        let Some(names) = result(&query, &[]).filter(|names| names.complete) else { continue };
        let given = names.names.into_iter().map(|name| Given { name, from: None, kind: None }).collect();
        gifts.insert(aggregate.table.clone(), given);
    }
    gifts
}

/// The columns that a function gives, where pipeline.yml says it.
fn declared(table: &Table) -> Option<Vec<Given>> {
    let columns = &table.destination.results.columns;
    let given = |(name, made): (&String, &Made)| {
        let from = (*made == Made::Same).then(|| name.clone());
        Given { name: name.clone(), kind: from.as_ref().and_then(|from| table.columns.get(from).cloned()), from }
    };
    (!columns.is_empty()).then(|| columns.iter().map(given).collect())
}

/// The columns that a table's transformation gives, with their types where they are passed on.
pub fn transformed(spec: &PipelineSpec, name: &str, sql: &str) -> Option<Vec<Given>> {
    let table = spec.tables.get(name)?;
    if table.destination.is_function() {
        return declared(table);
    }
    let Reading::Select(query) = read(sql, Flavour::Spark) else { return None };
    let relations = [Relation::table(lake_name(name), table.columns.keys())];
    if !result(&query, &relations)?.complete {
        return None;
    }
    let from = |output: &Output| {
        let plain = output.expression.is_none() && output.lost.is_none() && output.from.len() == 1;
        output.from.first().filter(|_| plain).map(|(_, column)| column.clone())
    };
    let given = |output: Output| {
        let from = from(&output);
        Given { name: output.name, kind: from.as_ref().and_then(|from| table.columns.get(from).cloned()), from }
    };
    Some(outputs(&query, &relations).ok()?.into_iter().map(given).collect())
}
