//! What must hold between the parts of pipeline.yml.

use std::collections::BTreeMap;

use super::super::problems::Problems;
use super::super::{Infinity, PipelineSpec, lake_name};
use crate::model::ModelError;
use crate::model::suggest;
use crate::model::yaml::Node;

pub(super) fn check(tree: &Node, spec: &PipelineSpec, problems: &mut Problems) {
    let mut lake: BTreeMap<&str, &str> = BTreeMap::new();
    let mut written: BTreeMap<&str, String> = BTreeMap::new();
    for (name, table) in &spec.tables {
        if let Some(other) = lake.insert(lake_name(name), name) {
            let mark = tree.at(&["tables"]).unwrap_or(tree).mark_of(name);
            problems.add(
                ModelError::at(mark, format!("tables `{other}` and `{name}` have the same name in the lake"))
                    .hint("the lake drops the schema, so table names must differ"),
            );
        }
        if table.destination.table.is_empty() {
            continue;
        }
        if let Some(other) = written.insert(&table.destination.table, format!("table `{name}`")) {
            problems.add(duplicate(tree, &["tables", name, "destination"], &table.destination.table, &other));
        }
    }
    if spec.infinity == Infinity::Null {
        keys_without_infinity(tree, spec, problems);
    }
    for (name, aggregate) in &spec.aggregates {
        if !aggregate.table.is_empty() {
            if let Some(other) = written.insert(&aggregate.table, format!("aggregate `{name}`")) {
                problems.add(duplicate(tree, &["aggregates", name], &aggregate.table, &other));
            }
        }
        let destinations = spec.tables.values().map(|table| table.destination.table.as_str());
        for table in aggregate.affected.keys() {
            if !destinations.clone().any(|destination| destination == table) {
                let node = tree.at(&["aggregates", name, "affected"]).unwrap_or(tree);
                let message = format!("aggregate `{name}` refers to unknown destination table `{table}`");
                let hint = suggest::hint(table, destinations.clone());
                problems.add(ModelError::at(node.mark_of(table), message).maybe_hint(hint));
            }
        }
    }
}

/// A key that is NULL equals nothing: its row would be inserted again with each change, and never be deleted.
fn keys_without_infinity(tree: &Node, spec: &PipelineSpec, problems: &mut Problems) {
    for (name, table) in &spec.tables {
        let kind = |column: &String| table.columns.get(column).map(|kind| kind.trim_end_matches("[]"));
        let can_be_infinite = |column: &&String| matches!(kind(column), Some("date" | "timestamp" | "timestamptz"));
        for column in table.key.iter().filter(can_be_infinite) {
            let node = tree.at(&["tables", name, "key"]).unwrap_or(tree);
            let message = format!(
                "key column `{column}` of table `{name}` would be NULL where it is infinite (`infinity: null`)"
            );
            problems.add(ModelError::at(node.mark_of(column), message).hint(
                "a row without a key is not found again; write `infinity: stop`, or give the table another key in the source",
            ));
        }
    }
}

fn duplicate(tree: &Node, path: &[&str], destination: &str, other: &str) -> ModelError {
    let node = tree.at(path).and_then(|node| node.at(&["table"])).unwrap_or(tree);
    node.error(format!("destination table `{destination}` is written by {other} already"))
        .hint("two writers would overwrite each other's rows; give each its own table")
}
