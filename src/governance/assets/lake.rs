//! The lake: Delta tables under a database service, their directories under a storage service of the same name.

use serde_json::{Value, json};

use super::about::{Abouts, Text};
use super::{Asset, Measure, types};
use crate::governance::client::Version;
use crate::governance::collect::lake::{LakeFacts, LakeTable};
use crate::governance::kind::Kind;
use crate::governance::{fqn, names};
use crate::pipeline::clients::hdfs::path_of;
use crate::pipeline::spec::{PipelineSpec, Table, lake_name};

/// Columns that job 1 adds to each merged table (spark/lib/lake.py).
const ADDED: [(&str, &str, &str); 2] =
    [("_offset", "bigint", "Kafka offset of the last change."), ("_lsn", "bigint", "Its place in the source's log.")];
/// Directory of the change log.
const CHANGE_LOG: &str = "_changes";

pub(super) fn assets(spec: &PipelineSpec, facts: &LakeFacts, abouts: &Abouts, version: Version) -> Vec<Asset> {
    let database = Asset::new(Kind::Database, ("service", names::LAKE), names::LAKE_DATABASE, Value::Null);
    let text = Text { description: Some(format!("Delta tables in {}.", spec.lake.path)), ..Text::default() };
    let schema = Asset::new(Kind::Schema, ("database", &database.fqn), &spec.lake.database, Value::Null);
    let mut assets = vec![database, schema.described(text)];
    for (name, table) in &spec.tables {
        let seen = facts.tables.get(lake_name(name));
        assets.push(delta_table(spec, (name, table), seen, abouts, version));
        assets.push(directory(spec, lake_name(name), seen, &format!("Delta table `{}`.", lake_name(name))));
    }
    let log = facts.tables.get(CHANGE_LOG);
    assets.push(directory(spec, CHANGE_LOG, log, "The change log: every change of every table, appended by job 1."));
    assets
}

/// The schema of the log where there is one; before the first run what job 1 will make.
fn delta_table(
    spec: &PipelineSpec,
    (name, table): (&str, &Table),
    seen: Option<&LakeTable>,
    abouts: &Abouts,
    version: Version,
) -> Asset {
    let schema = fqn::join([names::LAKE, names::LAKE_DATABASE, &spec.lake.database]);
    let declared = || {
        let own = table.columns.iter().map(|(name, kind)| (name.clone(), types::spark_type(kind)));
        own.chain(ADDED.iter().map(|(name, kind, _)| ((*name).to_owned(), (*kind).to_owned()))).collect::<Vec<_>>()
    };
    let columns = seen.and_then(|seen| seen.columns.clone()).unwrap_or_else(declared);
    let json = |(index, (column, kind)): (usize, &(String, String))| {
        let mut json = types::spark(&fqn::entity_name(column), kind);
        json.insert("ordinalPosition".to_owned(), json!(index + 1));
        if table.key.len() == 1 && table.key[0] == *column {
            json.insert("constraint".to_owned(), json!("PRIMARY_KEY"));
        }
        Value::Object(json)
    };
    let mut rest = json!({
        "tableType": "External",
        "columns": columns.iter().enumerate().map(json).collect::<Vec<_>>(),
    });
    if table.key.len() > 1 {
        rest["tableConstraints"] = json!([{"constraintType": "PRIMARY_KEY", "columns": table.key}]);
    }
    if version.knows_locations() {
        rest["locationPath"] = json!(format!("{}/{}", spec.lake.path, lake_name(name)));
    }
    let own = names::lake_table(spec, name);
    let about = |column: &str| {
        let added = ADDED.iter().find(|(name, _, _)| *name == column).map(|(_, _, text)| *text);
        abouts.column(&fqn::below(&own, column), added)
    };
    let delta_version = seen.and_then(|seen| seen.version).filter(|_| version.knows_locations());
    let measure =
        seen.and_then(|seen| seen.bytes).map(|bytes| Measure::Table { rows: None, bytes: Some(bytes), delta_version });
    Asset::new(Kind::Table, ("databaseSchema", &schema), lake_name(name), rest)
        .described(abouts.entity(&own, None))
        .with_columns("/columns", columns.iter().map(|(name, _)| name.as_str()), about)
        .measured(measure)
}

fn directory(spec: &PipelineSpec, name: &str, seen: Option<&LakeTable>, description: &str) -> Asset {
    let path = format!("{}/{name}", path_of(&spec.lake.path));
    let rest = json!({
        "prefix": path,
        "fileFormats": ["parquet"],
    });
    let measure = seen.and_then(|seen| Some(Measure::Directory { bytes: seen.bytes?, files: seen.files? }));
    Asset::new(Kind::Container, ("service", names::LAKE), &path, rest)
        .described(Text { description: Some(description.to_owned()), ..Text::default() })
        .measured(measure)
}
