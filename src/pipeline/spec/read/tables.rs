//! `tables` and `aggregates`.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::super::problems::Problems;
use super::super::{Aggregate, Table, TableDestination, column};
use super::text::{sql_file, text};
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
    let columns = match problems.keep(fields.require("columns")) {
        Some(node) => columns(node, &fields.name("columns"), problems),
        None => IndexMap::new(),
    };
    let key = key(name, mark, &mut fields, node, &columns, problems);
    let destination = problems.keep(fields.require("destination"));
    let destination = destination.and_then(|node| destination_of(node, fields.name("destination"), problems));
    problems.extend(fields.unknown_keys());
    Some(Table { key, columns, destination: destination.unwrap_or_default() })
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

fn destination_of(node: &Node, what: String, problems: &mut Problems) -> Option<TableDestination> {
    let mut fields = problems.keep(Fields::of(node, what))?;
    let table = problems.or_default(text(&mut fields, "table"));
    let transform = problems.or_default(fields.require("transform").and_then(sql_file));
    problems.extend(fields.unknown_keys());
    Some(TableDestination { table, transform })
}

fn columns(node: &Node, what: &str, problems: &mut Problems) -> IndexMap<String, String> {
    let Some(entries) = node.mapping() else {
        problems.add(node.mismatch(what, "a mapping of names to types"));
        return IndexMap::new();
    };
    if entries.is_empty() {
        problems.add(node.error(format!("{what} is empty")).hint("declare every column of the table, in its order"));
    }
    let mut columns = IndexMap::new();
    for (name, entry) in entries {
        let kind = entry.node.loose(&format!("type of `{name}` in {what}")).and_then(|declared| {
            column::canonical_type(declared).map_err(|reason| {
                entry.node.error(format!("column `{name}`: {reason}")).hint(format!("types: {}", column::known()))
            })
        });
        // It stays among the columns: that its key or its transformation names it is no mistake.
        columns.insert(name.clone(), problems.or_default(kind));
    }
    columns
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
