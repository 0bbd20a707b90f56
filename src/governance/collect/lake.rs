//! Delta tables: their schema from the log, as Spark reads it, and the size of what lies in HDFS.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::pipeline::Pipeline;
use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::hdfs::path_of;
use crate::pipeline::spec::lake_name;

/// The lake; what could not be read is left out of it and noted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LakeFacts {
    /// By directory: merged tables, and the change log.
    pub tables: BTreeMap<String, LakeTable>,
    /// What could not be read, and why.
    pub notes: Vec<String>,
}

/// A table of the lake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LakeTable {
    /// Version.
    pub version: Option<i64>,
    /// Columns with Spark's types; nothing when the log could not be read.
    pub columns: Option<Vec<(String, String)>>,
    /// Bytes, one replica, old versions included.
    pub bytes: Option<u64>,
    /// Files, the log's included.
    pub files: Option<u64>,
}

/// Reads the lake. Tables are declared in pipeline.yml, so nothing that fails here is a reason to fail.
pub(super) async fn read(pipeline: &Pipeline) -> LakeFacts {
    let names: Vec<&str> = pipeline.spec.tables.keys().map(|name| lake_name(name)).collect();
    let mut facts = LakeFacts::default();
    for name in names.iter().copied().chain(["_changes"]) {
        facts.tables.insert(name.to_owned(), LakeTable::default());
    }
    if let Err(error) = sizes(pipeline, &mut facts).await {
        facts.notes.push(format!("no sizes of the Delta tables: {error}"));
    }
    if let Err(error) = schemas(pipeline, &names, &mut facts).await {
        facts.notes.push(format!("schemas of the Delta tables as pipeline.yml declares them: {error}"));
    }
    facts
}

async fn sizes(pipeline: &Pipeline, facts: &mut LakeFacts) -> Result<(), ClientError> {
    let hdfs = pipeline.hdfs().await?;
    let root = path_of(&pipeline.spec.lake.path).to_owned();
    for (name, table) in &mut facts.tables {
        if let Some(summary) = hdfs.summary(&format!("{root}/{name}")).await? {
            table.bytes = Some(summary.length);
            table.files = Some(summary.file_count);
        }
    }
    Ok(())
}

async fn schemas(pipeline: &Pipeline, names: &[&str], facts: &mut LakeFacts) -> Result<(), ClientError> {
    let jobs = pipeline.job_server().await?;
    let known = jobs.tables().await?;
    for name in names {
        if !known.contains_key(*name) {
            continue;
        }
        let schema = jobs.schema(name).await?;
        if let Some(table) = facts.tables.get_mut(*name) {
            table.version = Some(schema.version);
            table.columns =
                Some(schema.schema.fields.iter().map(|field| (field.name.clone(), simple(&field.kind))).collect());
        }
    }
    Ok(())
}

/// Spark's short name of a type in its JSON form: `long` is `bigint`, an array names its element.
fn simple(kind: &Value) -> String {
    if let Some(word) = kind.as_str() {
        let short = match word {
            "long" => "bigint",
            "integer" => "int",
            "short" => "smallint",
            "byte" => "tinyint",
            other => other,
        };
        return short.to_owned();
    }
    let part = |key: &str| simple(kind.get(key).unwrap_or(&Value::Null));
    match kind.get("type").and_then(Value::as_str) {
        Some("array") => format!("array<{}>", part("elementType")),
        Some("map") => format!("map<{},{}>", part("keyType"), part("valueType")),
        Some("struct") => {
            let fields = kind.get("fields").and_then(Value::as_array).into_iter().flatten();
            let fields = fields.map(|field| {
                let name = field.get("name").and_then(Value::as_str).unwrap_or_default();
                format!("{name}:{}", simple(field.get("type").unwrap_or(&Value::Null)))
            });
            format!("struct<{}>", fields.collect::<Vec<_>>().join(","))
        }
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_of_the_delta_log_have_their_short_names() {
        let nested = json!({"type": "array", "containsNull": true, "elementType": {"type": "struct", "fields": [
            {"name": "a", "type": "long"}, {"name": "b", "type": {"type": "map", "keyType": "string", "valueType": "integer"}}]}});
        assert_eq!(simple(&nested), "array<struct<a:bigint,b:map<string,int>>>");
        assert_eq!(simple(&json!("decimal(12,2)")), "decimal(12,2)");
        assert_eq!(simple(&json!(null)), "unknown");
    }
}
