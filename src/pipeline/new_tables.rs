//! Tables that joined pipeline.yml after the connector's first snapshot: Debezium streams their changes from then on, but reads the
//! rows they already have only when it is told to.
//!
//! Which tables have been read is kept in the connector's own configuration, under a name that Connect passes over: it is there and
//! gone with the connector's offsets, and an `up` that is interrupted finds the tables still unread.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::clients::connect::ConnectorConfig;
use super::connector::snapshot_select;
use super::spec::PipelineSpec;

/// The tables whose rows have been read, separated by commas.
const READ: &str = "pipectl.tables.read";

/// Notes in the wanted configuration which tables need not be read: those that were before, and all where there is no connector,
/// because its first snapshot reads them.
pub fn carry(wanted: &mut ConnectorConfig, existing: Option<&ConnectorConfig>, spec: &PipelineSpec) {
    let before = existing.map(|config| read(config));
    let read = spec.tables.keys().filter(|name| before.as_ref().is_none_or(|before| before.contains(name.as_str())));
    wanted.insert(READ.to_owned(), read.cloned().collect::<Vec<_>>().join(","));
}

/// Declared tables whose rows have not been read.
pub fn unread(config: &ConnectorConfig, spec: &PipelineSpec) -> Vec<String> {
    let read = read(config);
    spec.tables.keys().filter(|name| !read.contains(name.as_str())).cloned().collect()
}

/// Notes that all declared tables have been read.
pub fn all_read(config: &mut ConnectorConfig, spec: &PipelineSpec) {
    carry(config, None, spec);
}

/// The signal that has Debezium read tables. Streaming stops meanwhile and goes on where it was, so no change is lost, and the rows
/// are read exactly as in the first snapshot. (An incremental snapshot would not stop it, but reads dates by another calendar.)
///
/// Source: <https://debezium.io/documentation/reference/configuration/signalling.html>
pub fn signal(spec: &PipelineSpec, tables: &[String]) -> Value {
    let conditions: Vec<Value> = tables
        .iter()
        .filter_map(|name| {
            let select = snapshot_select(name, spec.tables.get(name)?)?;
            Some(json!({"data-collection": name, "filter": select}))
        })
        .collect();
    json!({
        "type": "execute-snapshot",
        "data": {"type": "blocking", "data-collections": tables, "additional-conditions": conditions},
    })
}

/// A connector that an earlier version registered says by its list of tables which it has read.
fn read(config: &ConnectorConfig) -> BTreeSet<&str> {
    let listed = config.get(READ).or_else(|| config.get("table.include.list"));
    listed.map(|names| names.split(',').filter(|name| !name.is_empty()).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::spec::Table;

    fn spec(names: &[&str]) -> PipelineSpec {
        let mut spec = PipelineSpec::default();
        for name in names {
            let columns = [("id", "bigint"), ("day", "date")].map(|(name, kind)| (name.to_owned(), kind.to_owned()));
            let table = Table { columns: columns.into_iter().collect(), ..Table::default() };
            spec.tables.insert((*name).to_owned(), table);
        }
        spec
    }

    #[test]
    fn the_first_snapshot_reads_every_table_there_is() {
        let (mut config, spec) = (ConnectorConfig::new(), spec(&["public.a", "public.b"]));
        carry(&mut config, None, &spec);
        assert_eq!(unread(&config, &spec), Vec::<String>::new());
    }

    #[test]
    fn a_table_that_joins_later_is_unread_until_it_is_noted() {
        let (mut first, mut second) = (ConnectorConfig::new(), ConnectorConfig::new());
        carry(&mut first, None, &spec(&["public.a"]));
        let grown = spec(&["public.a", "public.b"]);
        carry(&mut second, Some(&first), &grown);
        assert_eq!(unread(&second, &grown), ["public.b"]);
        all_read(&mut second, &grown);
        assert_eq!(unread(&second, &grown), Vec::<String>::new());
    }

    #[test]
    fn a_table_that_left_and_came_back_is_read_again() {
        let (mut config, all) = (ConnectorConfig::new(), spec(&["public.a", "public.b"]));
        carry(&mut config, None, &all);
        for declared in [spec(&["public.a"]), all.clone()] {
            let existing = config.clone();
            carry(&mut config, Some(&existing), &declared);
        }
        assert_eq!(unread(&config, &all), ["public.b"]);
    }

    #[test]
    fn a_connector_of_an_earlier_version_has_read_what_it_includes() {
        let config = ConnectorConfig::from([("table.include.list".to_owned(), "public.a".to_owned())]);
        assert_eq!(unread(&config, &spec(&["public.a", "public.b"])), ["public.b"]);
    }

    #[test]
    fn dates_are_read_as_in_the_first_snapshot() {
        let signal = signal(&spec(&["public.a", "public.b"]), &["public.b".to_owned()]);
        assert_eq!(signal["data"]["data-collections"], json!(["public.b"]));
        let filter = signal["data"]["additional-conditions"][0]["filter"].as_str().expect("a SELECT");
        assert!(filter.starts_with("SELECT \"id\", CASE WHEN isfinite(\"day\")"), "{filter}");
    }
}
