//! Compares the wanted lineage with what the catalog holds, edge by edge and column by column.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Edge, Lineage};
use crate::governance::client::FoundEdge;

/// A difference between the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// An edge is not there.
    Missing {
        /// Place in [`Lineage::edges`].
        edge: usize,
    },
    /// An edge is there with other contents.
    Other {
        /// Place in [`Lineage::edges`].
        edge: usize,
        /// What differs, for people.
        what: String,
    },
    /// An edge of ours that is not wanted.
    Orphaned {
        /// Place among the found edges.
        found: usize,
    },
}

/// The differences; `columns` says for which edges the server keeps column mappings at all.
pub fn differences(
    wanted: &Lineage,
    found: &[FoundEdge],
    ours: &[String],
    columns: &dyn Fn(&Edge) -> bool,
) -> Vec<Difference> {
    let key = |edge: &FoundEdge| (edge.from.fqn.clone(), edge.to.fqn.clone());
    let by_ends: BTreeMap<(String, String), &FoundEdge> = found.iter().map(|edge| (key(edge), edge)).collect();
    let mut differences = Vec::new();
    for (index, edge) in wanted.edges.iter().enumerate() {
        match by_ends.get(&(edge.from.fqn.clone(), edge.to.fqn.clone())) {
            None => differences.push(Difference::Missing { edge: index }),
            Some(held) => {
                if let Some(what) = difference(edge, held, columns(edge)) {
                    differences.push(Difference::Other { edge: index, what });
                }
            }
        }
    }
    let is_wanted = |found: &FoundEdge| {
        wanted.edges.iter().any(|edge| edge.from.fqn == found.from.fqn && edge.to.fqn == found.to.fqn)
    };
    let is_ours = |found: &FoundEdge| found.pipeline.as_ref().is_some_and(|pipeline| ours.contains(pipeline));
    let orphans = found.iter().enumerate().filter(|(_, edge)| is_ours(edge) && !is_wanted(edge));
    differences.extend(orphans.map(|(found, _)| Difference::Orphaned { found }));
    differences
}

fn difference(edge: &Edge, held: &FoundEdge, columns: bool) -> Option<String> {
    if held.pipeline.as_deref() != Some(edge.pipeline.as_str()) {
        let seen = held.pipeline.as_deref().unwrap_or("no pipeline");
        return Some(format!("moved by {}, seen {seen}", edge.pipeline));
    }
    if edge.sql.as_deref().unwrap_or_default() != held.sql.as_deref().unwrap_or_default() {
        return Some("another statement".to_owned());
    }
    if !columns {
        return None;
    }
    let wanted: BTreeMap<&str, BTreeSet<&str>> =
        edge.columns.iter().map(|map| (map.to.as_str(), map.from.iter().map(String::as_str).collect())).collect();
    let seen = columns_of(held);
    let missing = wanted.iter().filter(|(to, from)| seen.get(*to) != Some(*from)).map(|(to, _)| *to);
    let extra = seen.keys().filter(|to| !wanted.contains_key(*to)).copied();
    let (missing, extra): (Vec<&str>, Vec<&str>) = (missing.collect(), extra.collect());
    match (missing.is_empty(), extra.is_empty()) {
        (true, true) => None,
        (false, _) => Some(format!("column mapping of {} is missing or different", missing.join(", "))),
        (true, false) => Some(format!("column mapping of {} is not wanted", extra.join(", "))),
    }
}

/// By end column: what it is made of.
fn columns_of(held: &FoundEdge) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut columns: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for map in &held.columns {
        let from = map.get("fromColumns").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        if let Some(to) = map.get("toColumn").and_then(Value::as_str) {
            columns.entry(to).or_default().extend(from);
        }
    }
    columns
}

impl Difference {
    /// One line.
    pub fn told(&self, wanted: &Lineage, found: &[FoundEdge]) -> String {
        let ends = |edge: usize| {
            let edge = &wanted.edges[edge];
            format!("{} -> {}", edge.from.fqn, edge.to.fqn)
        };
        match self {
            Self::Missing { edge } => format!("missing: {}", ends(*edge)),
            Self::Other { edge, what } => format!("different: {}: {what}", ends(*edge)),
            Self::Orphaned { found: index } => {
                let edge = &found[*index];
                format!("orphaned: {} -> {}", edge.from.fqn, edge.to.fqn)
            }
        }
    }
}
