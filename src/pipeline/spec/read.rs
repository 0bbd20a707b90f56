//! Reads pipeline.yml, each part with the place of its mistakes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::{
    Aggregate, Destination, Infinity, Lake, Lookup, PipelineSpec, Source, Table, TableDestination, column, governance,
    lake_name,
};
use crate::model::paths;
use crate::model::suggest;
use crate::model::yaml::{self, Fields, Mark, Node};
use crate::model::{ModelError, interpolate};

/// The version that this release reads.
const VERSION: u32 = 1;

/// Why a table without a key is refused.
const WITHOUT_KEY: &str = "tables without a key are refused because their updates and deletes cannot be told apart; \
                           give the table a primary key and name its columns in `key`";

/// Reads the file.
pub(super) fn file(path: &Path, lookup: Lookup<'_>) -> Result<PipelineSpec, ModelError> {
    let base = paths::absolute(path).parent().map(Path::to_owned).unwrap_or_default();
    let tree = yaml::parse(&yaml::Source::read(path, &base)?)?;
    let mut fields = Fields::of(&tree, "the pipeline")?;
    let version = fields.require("version")?;
    if version.integer::<u32>("`version`")? != VERSION {
        return Err(version.error(format!("this release of pipectl reads version {VERSION} of this file")));
    }
    let spec = PipelineSpec {
        version: VERSION,
        source: source(fields.require("source")?, lookup)?,
        topic_prefix: text(&mut fields, "topic_prefix")?,
        connector: own_text(&mut fields, "connector", lookup)?,
        lake: lake(fields.require("lake")?)?,
        destination: destination(fields.require("destination")?)?,
        infinity: infinity(&tree, fields.take("infinity"))?,
        tables: tables(fields.require("tables")?)?,
        aggregates: fields.read("aggregates", aggregates)?.unwrap_or_default(),
        governance: fields.read("governance", governance::read)?.unwrap_or_default(),
    };
    check(&mut fields, "topic_prefix", &spec.topic_prefix, is_topic)?;
    fields.finish()?;
    across(&tree, &spec)?;
    governance::check(&tree, &spec)?;
    Ok(spec)
}

fn source(node: &Node, lookup: Lookup<'_>) -> Result<Source, ModelError> {
    let mut fields = Fields::of(node, "`source`")?;
    let mut text = |key| own_text(&mut fields, key, lookup);
    let (service, database) = (text("service")?, text("database")?);
    let (slot, publication) = (text("slot")?, text("publication")?);
    check(&mut fields, "slot", &slot, is_slot)?;
    let schema = match fields.take("schema") {
        Some(_) => own_text(&mut fields, "schema", lookup)?,
        None => "public".to_owned(),
    };
    fields.finish()?;
    Ok(Source { service, database, schema, slot, publication })
}

fn lake(node: &Node) -> Result<Lake, ModelError> {
    let mut fields = Fields::of(node, "`lake`")?;
    let mut address = |key| Ok::<_, ModelError>(text(&mut fields, key)?.trim_end_matches('/').to_owned());
    let (path, checkpoints) = (address("path")?, address("checkpoints")?);
    let database = text(&mut fields, "database")?;
    fields.finish()?;
    Ok(Lake { path, checkpoints, database })
}

fn destination(node: &Node) -> Result<Destination, ModelError> {
    let mut fields = Fields::of(node, "`destination`")?;
    let destination = Destination {
        service: text(&mut fields, "service")?,
        database: text(&mut fields, "database")?,
        schema: match fields.take("schema") {
            Some(_) => text(&mut fields, "schema")?,
            None => "public".to_owned(),
        },
    };
    fields.finish()?;
    Ok(destination)
}

/// `given` is not there for `infinity: null`, because YAML reads the word as nothing.
fn infinity(tree: &Node, given: Option<&Node>) -> Result<Infinity, ModelError> {
    let Some(node) = given else {
        return Ok(if tree.entry("infinity").is_some() { Infinity::Null } else { Infinity::Stop });
    };
    match node.loose("`infinity`")? {
        "stop" => Ok(Infinity::Stop),
        "null" => Ok(Infinity::Null),
        other => Err(node
            .error(format!("`infinity` is `stop` or `null`, not `{other}`"))
            .hint("stop: the jobs stop at an infinite date or time and name the row; null: it arrives as NULL")),
    }
}

fn tables(node: &Node) -> Result<IndexMap<String, Table>, ModelError> {
    let entries = node.mapping().ok_or_else(|| node.mismatch("`tables`", "a mapping"))?;
    if entries.is_empty() {
        return Err(node.error("`tables` is empty: there is nothing to capture"));
    }
    let mut tables = IndexMap::new();
    for (name, entry) in entries {
        let parts: Vec<&str> = name.split('.').collect();
        if parts.len() != 2 || parts.iter().any(|part| part.is_empty()) {
            return Err(ModelError::at(&entry.key, format!("table `{name}` must be named with its schema"))
                .hint(format!("write it like public.{name}")));
        }
        tables.insert(name.clone(), table(name, &entry.key, &entry.node)?);
    }
    Ok(tables)
}

fn table(name: &str, mark: &Mark, node: &Node) -> Result<Table, ModelError> {
    let mut fields = Fields::of(node, format!("table `{name}`"))?;
    let columns = columns(fields.require("columns")?, &fields.name("columns"))?;
    let key_node = fields.take("key");
    let key = match key_node {
        Some(node) => node.one_or_many(&fields.name("key"))?,
        None => Vec::new(),
    };
    if key.is_empty() {
        let mark = key_node.map_or(mark, |node| &node.mark);
        return Err(ModelError::at(mark, format!("table `{name}` has no key")).hint(WITHOUT_KEY));
    }
    let key_node = key_node.unwrap_or(node);
    for (index, column) in key.iter().enumerate() {
        if !columns.contains_key(column) {
            let hint = suggest::hint(column, columns.keys().map(String::as_str));
            return Err(ModelError::at(
                key_node.mark_of(column),
                format!("key column `{column}` of table `{name}` is not among its columns"),
            )
            .maybe_hint(hint));
        }
        if key[..index].contains(column) {
            return Err(ModelError::at(
                key_node.mark_of(column),
                format!("key of table `{name}` names `{column}` twice"),
            ));
        }
    }
    let destination = fields.require("destination")?;
    let mut inner = Fields::of(destination, fields.name("destination"))?;
    let destination =
        TableDestination { table: text(&mut inner, "table")?, transform: sql_file(inner.require("transform")?)? };
    inner.finish()?;
    fields.finish()?;
    Ok(Table { key, columns, destination })
}

fn columns(node: &Node, what: &str) -> Result<IndexMap<String, String>, ModelError> {
    let entries = node.mapping().ok_or_else(|| node.mismatch(what, "a mapping of names to types"))?;
    let mut columns = IndexMap::new();
    for (name, entry) in entries {
        let declared = entry.node.loose(&format!("type of `{name}` in {what}"))?;
        let canonical = column::canonical_type(declared).map_err(|reason| {
            entry.node.error(format!("column `{name}`: {reason}")).hint(format!("types: {}", column::known()))
        })?;
        columns.insert(name.clone(), canonical);
    }
    Ok(columns)
}

fn aggregates(node: &Node, what: &str) -> Result<IndexMap<String, Aggregate>, ModelError> {
    let entries = node.mapping().ok_or_else(|| node.mismatch(what, "a mapping"))?;
    let mut aggregates = IndexMap::new();
    for (name, entry) in entries {
        let mut fields = Fields::of(&entry.node, format!("aggregate `{name}`"))?;
        let table = text(&mut fields, "table")?;
        let key = fields.require("key")?;
        let columns = key.one_or_many(&fields.name("key"))?;
        if columns.is_empty() {
            return Err(key
                .error(format!("aggregate `{name}` has no key"))
                .hint("name the columns that make a group, they are how its rows are replaced"));
        }
        let query = sql_file(fields.require("query")?)?;
        let affected = fields.require("affected")?;
        let inner = affected.mapping().ok_or_else(|| affected.mismatch(&fields.name("affected"), "a mapping"))?;
        let mut files = BTreeMap::new();
        for (table, entry) in inner {
            files.insert(table.clone(), sql_file(&entry.node)?);
        }
        fields.finish()?;
        aggregates.insert(name.clone(), Aggregate { table, key: columns, query, affected: files });
    }
    Ok(aggregates)
}

/// What must hold between the parts.
fn across(tree: &Node, spec: &PipelineSpec) -> Result<(), ModelError> {
    let mut lake: BTreeMap<&str, &str> = BTreeMap::new();
    let mut written: BTreeMap<&str, String> = BTreeMap::new();
    for (name, table) in &spec.tables {
        if let Some(other) = lake.insert(lake_name(name), name) {
            let mark = tree.at(&["tables"]).unwrap_or(tree).mark_of(name);
            return Err(ModelError::at(mark, format!("tables `{other}` and `{name}` have the same name in the lake"))
                .hint("the lake drops the schema, so table names must differ"));
        }
        if let Some(other) = written.insert(&table.destination.table, format!("table `{name}`")) {
            return Err(duplicate(tree, &["tables", name, "destination"], &table.destination.table, &other));
        }
    }
    for (name, aggregate) in &spec.aggregates {
        if let Some(other) = written.insert(&aggregate.table, format!("aggregate `{name}`")) {
            return Err(duplicate(tree, &["aggregates", name], &aggregate.table, &other));
        }
        let destinations = spec.tables.values().map(|table| table.destination.table.as_str());
        for table in aggregate.affected.keys() {
            if !destinations.clone().any(|destination| destination == table) {
                let node = tree.at(&["aggregates", name, "affected"]).unwrap_or(tree);
                let message = format!("aggregate `{name}` refers to unknown destination table `{table}`");
                return Err(ModelError::at(node.mark_of(table), message).maybe_hint(suggest::hint(table, destinations)));
            }
        }
    }
    Ok(())
}

fn duplicate(tree: &Node, path: &[&str], destination: &str, other: &str) -> ModelError {
    let node = tree.at(path).and_then(|node| node.at(&["table"])).unwrap_or(tree);
    node.error(format!("destination table `{destination}` is written by {other} already"))
        .hint("two writers would overwrite each other's rows; give each its own table")
}

/// A file that is named relative to pipeline.yml and exists.
fn sql_file(node: &Node) -> Result<PathBuf, ModelError> {
    let name = node.string("a file name")?;
    if paths::resolve(&node.mark.source.base, &name).is_file() {
        return Ok(PathBuf::from(name));
    }
    Err(node.error(format!("no such file: {name}")).hint("the path is relative to this file's directory"))
}

/// Text that the jobs read as well: there, not empty, and without variables.
fn text(fields: &mut Fields<'_>, key: &'static str) -> Result<String, ModelError> {
    let node = fields.require(key)?;
    let text = node.string(&fields.name(key))?;
    if text.contains("${") {
        return Err(node
            .error(format!("{} cannot have variables: the jobs read this file as it is", fields.name(key)))
            .hint("write the value itself; `source` and `connector` may have variables"));
    }
    if text.is_empty() { Err(node.error(format!("{} is empty", fields.name(key)))) } else { Ok(text) }
}

/// Text that only pipectl reads: there, variables put in, not empty.
fn own_text(fields: &mut Fields<'_>, key: &'static str, lookup: Lookup<'_>) -> Result<String, ModelError> {
    let node = fields.require(key)?;
    let text = interpolate(&node.string(&fields.name(key))?, lookup)
        .map_err(|error| node.error(error.to_string()).hint(error.hint()))?;
    if text.is_empty() { Err(node.error(format!("{} is empty", fields.name(key)))) } else { Ok(text) }
}

/// Text of which only some characters are allowed.
fn check(fields: &mut Fields<'_>, key: &'static str, text: &str, allowed: fn(char) -> bool) -> Result<(), ModelError> {
    match text.chars().find(|c| !allowed(*c)) {
        Some(wrong) => Err(fields.require(key)?.error(format!("{} may not contain `{wrong}`", fields.name(key)))),
        None => Ok(()),
    }
}

/// Characters of a topic's name.
fn is_topic(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// Characters of a replication slot's name.
fn is_slot(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}
