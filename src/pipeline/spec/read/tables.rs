//! `tables` and `aggregates`.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::super::problems::Problems;
use super::super::{Aggregate, Table, TableDestination, column, function};
use super::text::{sql_file, text, transformation};
use crate::model::ModelError;
use crate::model::suggest;
use crate::model::yaml::{Fields, Mapping, Mark, Node};

/// Why a table without a key is refused.
const WITHOUT_KEY: &str = "tables without a key are refused because their updates and deletes cannot be told apart; \
                           give the table a primary key and name its columns in `key`";

pub(super) fn tables(node: &Node, problems: &mut Problems) -> IndexMap<String, Table> {
    let entries = problems.keep(mapping(node, "`tables`"));
    let mut tables = IndexMap::new();
    let Some(entries) = entries else { return tables };
    if entries.is_empty() {
        problems.add(node.error("`tables` is empty: there is nothing to capture"));
    }
    for (name, entry) in entries {
        let parts: Vec<&str> = name.split('.').collect();
        if parts.len() != 2 || parts.iter().any(|part| part.is_empty()) {
            let schema = name.split('.').next_back().filter(|last| !last.is_empty()).unwrap_or("orders");
            problems.add(
                ModelError::at(&entry.key, format!("table `{name}` must be named with its schema"))
                    .hint(format!("write it like public.{schema}")),
            );
        }
        if let Some(table) = table(name, &entry.key, &entry.node, problems) {
            tables.insert(name.clone(), table);
        }
    }
    tables
}

fn mapping<'n>(node: &'n Node, what: &str) -> Result<&'n Mapping, ModelError> {
    node.mapping().ok_or_else(|| node.mismatch(what, "a mapping"))
}

fn table(name: &str, mark: &Mark, node: &Node, problems: &mut Problems) -> Option<Table> {
    let mut fields = problems.keep(Fields::of(node, format!("table `{name}`")))?;
    let column_node = problems.keep(fields.require("columns"));
    let (columns, masked) = match column_node {
        Some(node) => columns(node, &fields.name("columns"), problems),
        None => (IndexMap::new(), BTreeSet::new()),
    };
    let key = key(name, mark, &mut fields, node, &columns, problems);
    for column in masked.iter().filter(|column| key.contains(column)) {
        let place = column_node.and_then(|node| node.at(&[column.as_str(), "mask"])).unwrap_or(node);
        let message = format!("column `{column}` is part of the key of table `{name}`, and a key cannot be masked");
        problems.add(place.error(message).hint("rows are found again by their key, here and at the destination"));
    }
    let destination = problems.keep(fields.require("destination"));
    let what = fields.name("destination");
    let destination = destination.and_then(|node| destination_of(node, what, &columns, &key, problems));
    problems.extend(fields.unknown_keys());
    Some(Table { key, columns, masked, destination: destination.unwrap_or_default() })
}

fn key(
    name: &str,
    mark: &Mark,
    fields: &mut Fields<'_>,
    table: &Node,
    columns: &IndexMap<String, String>,
    problems: &mut Problems,
) -> Vec<String> {
    let node = fields.take("key");
    let mut key = Vec::new();
    if let Some(node) = node {
        let Some(named) = problems.keep(node.one_or_many(&fields.name("key"))) else { return key };
        key = named;
    } else if let Some(misspelt) = fields.misspelt("key") {
        problems.add(misspelt);
        return key;
    }
    if key.is_empty() {
        let mark = node.map_or(mark, |node| &node.mark);
        problems.add(ModelError::at(mark, format!("table `{name}` has no key")).hint(WITHOUT_KEY));
    }
    let node = node.unwrap_or(table);
    for (index, column) in key.iter().enumerate() {
        if key[..index].contains(column) {
            let message = format!("key of table `{name}` names `{column}` twice");
            problems.add(ModelError::at(node.mark_of(column), message));
        // Where the columns could not be read, nothing is known of them.
        } else if !columns.contains_key(column) && !columns.is_empty() {
            let message = format!("key column `{column}` of table `{name}` is not among its columns");
            let hint = suggest::hint(column, columns.keys().map(String::as_str));
            problems.add(ModelError::at(node.mark_of(column), message).maybe_hint(hint));
        }
    }
    key
}

fn destination_of(
    node: &Node,
    what: String,
    columns: &IndexMap<String, String>,
    key: &[String],
    problems: &mut Problems,
) -> Option<TableDestination> {
    let mut fields = problems.keep(Fields::of(node, what))?;
    let table = problems.or_default(text(&mut fields, "table"));
    let transform = problems.or_default(fields.require("transform").and_then(transformation));
    let results = function::results(&mut fields, &transform, columns, key, problems);
    problems.extend(fields.unknown_keys());
    Some(TableDestination { table, transform, results })
}

/// Columns with their types, and those that are masked.
fn columns(node: &Node, what: &str, problems: &mut Problems) -> (IndexMap<String, String>, BTreeSet<String>) {
    let (mut columns, mut masked) = (IndexMap::new(), BTreeSet::new());
    let Some(entries) = node.mapping() else {
        problems.add(node.mismatch(what, "a mapping of names to types"));
        return (columns, masked);
    };
    if entries.is_empty() {
        problems.add(node.error(format!("{what} is empty")).hint("declare every column of the table, in its order"));
    }
    for (name, entry) in entries {
        // It stays among the columns whatever its type: that key or transformation name it is no mistake.
        let kind = if entry.node.mapping().is_some() {
            let (kind, mask) = column(name, &entry.node, what, problems).unwrap_or_default();
            masked.extend(mask.then(|| name.clone()));
            kind
        } else {
            problems.or_default(kind(name, &entry.node, what))
        };
        columns.insert(name.clone(), kind);
    }
    (columns, masked)
}

/// `{type: text, mask: hash}`: its type, and whether it is masked.
fn column(name: &str, node: &Node, what: &str, problems: &mut Problems) -> Option<(String, bool)> {
    let mut fields = problems.keep(Fields::of(node, format!("column `{name}` in {what}")))?;
    let declared = fields.require("type").and_then(|node| kind(name, node, what));
    let declared = problems.or_default(declared);
    let mask = fields.take("mask");
    problems.extend(fields.unknown_keys());
    let Some(mask) = mask else { return Some((declared, false)) };
    match problems.keep(mask.string(&format!("`mask` of column `{name}`"))).as_deref() {
        Some("hash") if declared == "text" || declared.is_empty() => return Some((declared, true)),
        Some("hash") => problems.add(
            mask.error(format!("column `{name}` is {declared}, and only text can be masked"))
                .hint("a hash is 64 hexadecimal digits; leave the column out, or make a text of it in the source"),
        ),
        Some(other) => problems.add(
            mask.error(format!("`mask` of column `{name}` is `hash`, not `{other}`"))
                .hint("hash: the value is replaced by a keyed hash before it leaves the source"),
        ),
        None => {}
    }
    Some((declared, false))
}

fn kind(name: &str, node: &Node, what: &str) -> Result<String, ModelError> {
    column::canonical_type(node.loose(&format!("type of `{name}` in {what}"))?)
        .map_err(|reason| node.error(format!("column `{name}`: {reason}")).hint(format!("types: {}", column::known())))
}

pub(super) fn aggregates(node: &Node, what: &str, problems: &mut Problems) -> IndexMap<String, Aggregate> {
    let mut aggregates = IndexMap::new();
    let Some(entries) = problems.keep(mapping(node, what)) else { return aggregates };
    for (name, entry) in entries {
        if let Some(aggregate) = aggregate(name, &entry.node, problems) {
            aggregates.insert(name.clone(), aggregate);
        }
    }
    aggregates
}

fn aggregate(name: &str, node: &Node, problems: &mut Problems) -> Option<Aggregate> {
    let mut fields = problems.keep(Fields::of(node, format!("aggregate `{name}`")))?;
    let table = problems.or_default(text(&mut fields, "table"));
    let mut key = Vec::new();
    if let Some(node) = problems.keep(fields.require("key")) {
        match problems.keep(node.one_or_many(&fields.name("key"))) {
            Some(columns) if columns.is_empty() => problems.add(
                node.error(format!("aggregate `{name}` has no key"))
                    .hint("name the columns that make a group, they are how its rows are replaced"),
            ),
            columns => key = columns.unwrap_or_default(),
        }
    }
    let query = problems.or_default(fields.require("query").and_then(sql_file));
    let mut affected = BTreeMap::new();
    if let Some(node) = problems.keep(fields.require("affected")) {
        let entries = problems.keep(mapping(node, &fields.name("affected")));
        for (table, entry) in entries.into_iter().flatten() {
            affected.insert(table.clone(), problems.or_default(sql_file(&entry.node)));
        }
    }
    problems.extend(fields.unknown_keys());
    Some(Aggregate { table, key, query, affected })
}
