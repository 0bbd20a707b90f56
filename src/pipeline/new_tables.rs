//! Tables that joined pipeline.yml after the connector's first snapshot, and columns that joined a table: Debezium streams their changes
//! from then on, but reads what is there already only when it is told to. A column that was added with a default has values that no
//! change tells of, and neither does one tell of what happened while the publication lacked a table.
//!
//! What has been read is kept in the connector's own configuration, under a name that Connect passes over: it is there and
//! gone with the connector's offsets, and an `up` that is interrupted finds the tables still unread.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::clients::connect::ConnectorConfig;
use super::connector::snapshot_select;
use super::publication::Members;
use super::spec::PipelineSpec;

/// The tables whose rows have been read, each with the columns that it was declared with then: a JSON object of lists.
const READ: &str = "pipectl.tables.read";

/// The same tables, each with what tells its place in the publication from a later one: a JSON object of texts.
const PUBLISHED: &str = "pipectl.tables.published";

/// Tables and their columns; no columns where an earlier version has not noted them.
type Tables = BTreeMap<String, Option<BTreeSet<String>>>;

/// Notes in the wanted configuration what need not be read: what was before, and all where there is no connector, because its first
/// snapshot reads it.
pub fn carry(
    wanted: &mut ConnectorConfig,
    existing: Option<&ConnectorConfig>,
    spec: &PipelineSpec,
    published: &Members,
) {
    let now = declared(spec);
    let noted = match existing.map(read) {
        None => now,
        Some(mut before) => {
            let still_noted = |(name, columns): (String, BTreeSet<String>)| {
                let known = before.remove(&name)?;
                Some((name, known.unwrap_or(columns)))
            };
            now.into_iter().filter_map(still_noted).collect()
        }
    };
    // Of an earlier version's connector nobody knows; it is believed.
    let known = existing.map(noted_members).unwrap_or_default();
    let place = |name: &String| known.get(name).or_else(|| published.get(name)).cloned();
    let members: Members = noted.keys().filter_map(|name| Some((name.clone(), place(name)?))).collect();
    wanted.insert(READ.to_owned(), json!(noted).to_string());
    wanted.insert(PUBLISHED.to_owned(), json!(members).to_string());
}

/// Declared tables whose rows have not been read, or not with all declared columns, or not since the publication has them.
pub fn unread(config: &ConnectorConfig, spec: &PipelineSpec, published: &Members) -> Vec<String> {
    let (read, missed) = (read(config), missed(config, spec, published));
    let has = |name: &String, columns: &BTreeSet<String>| {
        read.get(name).is_some_and(|known| known.as_ref().is_none_or(|known| columns.is_subset(known)))
    };
    let unread = |name: &String, columns: &BTreeSet<String>| {
        !has(name, columns) || missed.contains(name) || !published.contains_key(name)
    };
    declared(spec).into_iter().filter(|(name, columns)| unread(name, columns)).map(|(name, _)| name).collect()
}

/// Tables that are captured, and were taken out of the publication and added again.
pub fn missed(config: &ConnectorConfig, spec: &PipelineSpec, published: &Members) -> Vec<String> {
    let noted = noted_members(config);
    let differs = |name: &&String| noted.get(*name).zip(published.get(*name)).is_some_and(|(then, now)| then != now);
    spec.tables.keys().filter(differs).cloned().collect()
}

/// True for a table that the connector has read.
pub fn is_captured(config: &ConnectorConfig, table: &str) -> bool {
    read(config).contains_key(table)
}

/// Tables that the connector captures and pipeline.yml declares no more.
pub fn left(config: &ConnectorConfig, spec: &PipelineSpec) -> Vec<String> {
    read(config).into_keys().filter(|name| !spec.tables.contains_key(name)).collect()
}

/// Notes that all declared tables have been read.
pub fn all_read(config: &mut ConnectorConfig, spec: &PipelineSpec, published: &Members) {
    carry(config, None, spec, published);
}

fn declared(spec: &PipelineSpec) -> BTreeMap<String, BTreeSet<String>> {
    spec.tables.iter().map(|(name, table)| (name.clone(), table.columns.keys().cloned().collect())).collect()
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

fn noted_members(config: &ConnectorConfig) -> Members {
    config.get(PUBLISHED).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// A connector that an earlier version registered has a list of tables there, or says by those that it includes which it has read.
fn read(config: &ConnectorConfig) -> Tables {
    if let Some(noted) = config.get(READ).and_then(|text| serde_json::from_str(text).ok()) {
        return noted;
    }
    let listed = config.get(READ).or_else(|| config.get("table.include.list"));
    let names = listed.into_iter().flat_map(|names| names.split(',')).filter(|name| !name.is_empty());
    names.map(|name| (name.to_owned(), None)).collect()
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

    /// Both tables, added for so many times.
    fn published(times: u32) -> Members {
        ["public.a", "public.b"].map(|name| (name.to_owned(), format!("table {times}"))).into_iter().collect()
    }

    #[test]
    fn the_first_snapshot_reads_every_table_there_is() {
        let (mut config, spec) = (ConnectorConfig::new(), spec(&["public.a", "public.b"]));
        carry(&mut config, None, &spec, &published(1));
        assert_eq!(unread(&config, &spec, &published(1)), Vec::<String>::new());
    }

    #[test]
    fn a_table_that_joins_later_is_unread_until_it_is_noted() {
        let (mut first, mut second) = (ConnectorConfig::new(), ConnectorConfig::new());
        carry(&mut first, None, &spec(&["public.a"]), &published(1));
        let grown = spec(&["public.a", "public.b"]);
        carry(&mut second, Some(&first), &grown, &published(1));
        assert_eq!(unread(&second, &grown, &published(1)), ["public.b"]);
        all_read(&mut second, &grown, &published(1));
        assert_eq!(unread(&second, &grown, &published(1)), Vec::<String>::new());
    }

    #[test]
    fn a_table_that_left_and_came_back_is_read_again() {
        let (mut config, all) = (ConnectorConfig::new(), spec(&["public.a", "public.b"]));
        carry(&mut config, None, &all, &published(1));
        for declared in [spec(&["public.a"]), all.clone()] {
            let existing = config.clone();
            carry(&mut config, Some(&existing), &declared, &published(1));
        }
        assert_eq!(unread(&config, &all, &published(1)), ["public.b"]);
    }

    #[test]
    fn a_table_that_left_is_told() {
        let mut config = ConnectorConfig::new();
        carry(&mut config, None, &spec(&["public.a", "public.b"]), &published(1));
        assert_eq!(left(&config, &spec(&["public.a", "public.new"])), ["public.b"]);
    }

    #[test]
    fn a_table_that_the_publication_lacked_for_a_time_is_read_again() {
        let (mut config, spec) = (ConnectorConfig::new(), spec(&["public.a", "public.b"]));
        carry(&mut config, None, &spec, &published(1));
        let mut lacking = published(1);
        lacking.remove("public.b");
        assert_eq!(unread(&config, &spec, &lacking), ["public.b"]);
        let again = Members::from([("public.b".to_owned(), "table 2".to_owned())]);
        let again: Members = lacking.into_iter().chain(again).collect();
        // Registering it anew meanwhile does not make it read.
        let existing = config.clone();
        carry(&mut config, Some(&existing), &spec, &again);
        assert_eq!(unread(&config, &spec, &again), ["public.b"]);
        assert_eq!(missed(&config, &spec, &again), ["public.b"]);
        all_read(&mut config, &spec, &again);
        assert_eq!(unread(&config, &spec, &again), Vec::<String>::new());
    }

    #[test]
    fn a_table_that_gets_a_column_is_read_again() {
        let (mut config, mut declared) = (ConnectorConfig::new(), spec(&["public.a", "public.b"]));
        carry(&mut config, None, &declared, &published(1));
        let table = declared.tables.get_mut("public.b").expect("it is declared");
        table.columns.insert("size".to_owned(), "integer".to_owned());
        // Registering it anew does not make it read.
        let existing = config.clone();
        carry(&mut config, Some(&existing), &declared, &published(1));
        assert_eq!(unread(&config, &declared, &published(1)), ["public.b"]);
        all_read(&mut config, &declared, &published(1));
        assert_eq!(unread(&config, &declared, &published(1)), Vec::<String>::new());
    }

    #[test]
    fn a_connector_of_an_earlier_version_has_read_what_it_lists_or_includes() {
        for key in [READ, "table.include.list"] {
            let config = ConnectorConfig::from([(key.to_owned(), "public.a".to_owned())]);
            assert_eq!(unread(&config, &spec(&["public.a", "public.b"]), &published(1)), ["public.b"]);
        }
    }

    #[test]
    fn dates_are_read_as_in_the_first_snapshot() {
        let signal = signal(&spec(&["public.a", "public.b"]), &["public.b".to_owned()]);
        assert_eq!(signal["data"]["data-collections"], json!(["public.b"]));
        let filter = signal["data"]["additional-conditions"][0]["filter"].as_str().expect("a SELECT");
        assert!(filter.starts_with("SELECT \"id\", CASE WHEN isfinite(\"day\")"), "{filter}");
    }
}
