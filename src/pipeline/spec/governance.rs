//! `governance`: what people should know of tables and columns, for the catalog. The jobs do not read it.

use std::time::Duration;

use indexmap::IndexMap;

use super::PipelineSpec;
use crate::model::ModelError;
use crate::model::forms::duration;
use crate::model::suggest;
use crate::model::yaml::{Fields, Node};

/// The shortest time between two runs: each asks every server of the pipeline.
pub const SHORTEST: Duration = Duration::from_secs(1);

/// The section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Governance {
    /// How often `pipectl ingest --every` brings the catalog up to date, where the command itself does not say.
    pub every: Option<Duration>,
    /// Users or teams that own everything that names no owners of its own.
    pub owners: Vec<String>,
    /// By table, under its source name.
    pub tables: IndexMap<String, About>,
    /// By aggregate.
    pub aggregates: IndexMap<String, About>,
}

/// What is said about a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// For people, Markdown.
    pub description: Option<String>,
    /// Users or teams.
    pub owners: Vec<String>,
    /// Tags as `Classification.Tag`.
    pub tags: Vec<String>,
    /// 1 (most important) to 5.
    pub tier: Option<u8>,
    /// By column.
    pub columns: IndexMap<String, AboutColumn>,
}

/// What is said about a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AboutColumn {
    /// For people, Markdown.
    pub description: Option<String>,
    /// Tags as `Classification.Tag`, for example `PII.Sensitive`.
    pub tags: Vec<String>,
}

/// Reads the section.
pub(super) fn read(node: &Node, what: &str) -> Result<Governance, ModelError> {
    let mut fields = Fields::of(node, what)?;
    let governance = Governance {
        every: fields.read("every", every)?,
        owners: fields.strings("owners")?,
        tables: fields.read("tables", abouts)?.unwrap_or_default(),
        aggregates: fields.read("aggregates", abouts)?.unwrap_or_default(),
    };
    fields.finish()?;
    Ok(governance)
}

/// Everything that is described must be declared.
pub(super) fn check(tree: &Node, spec: &PipelineSpec) -> Result<(), ModelError> {
    let Some(section) = tree.at(&["governance"]) else { return Ok(()) };
    let unknown = |place: &Node, name: &str, what: String, known: Vec<&str>| {
        let hint = suggest::hint(name, known);
        ModelError::at(place.mark_of(name), what).maybe_hint(hint)
    };
    for (name, about) in &spec.governance.tables {
        let Some(table) = spec.tables.get(name) else {
            let place = section.at(&["tables"]).unwrap_or(section);
            let known = spec.tables.keys().map(String::as_str).collect();
            return Err(unknown(
                place,
                name,
                format!("`governance` describes table `{name}`, which is not declared"),
                known,
            ));
        };
        if let Some(column) = about.columns.keys().find(|column| !table.columns.contains_key(*column)) {
            let place = section.at(&["tables", name, "columns"]).unwrap_or(section);
            let known = table.columns.keys().map(String::as_str).collect();
            let message = format!("`governance` describes column `{column}` of table `{name}`, which is not declared");
            return Err(unknown(place, column, message, known));
        }
    }
    if let Some(name) = spec.governance.aggregates.keys().find(|name| !spec.aggregates.contains_key(*name)) {
        let place = section.at(&["aggregates"]).unwrap_or(section);
        let known = spec.aggregates.keys().map(String::as_str).collect();
        let message = format!("`governance` describes aggregate `{name}`, which is not declared");
        return Err(unknown(place, name, message, known));
    }
    Ok(())
}

fn abouts(node: &Node, what: &str) -> Result<IndexMap<String, About>, ModelError> {
    let entries = node.mapping().ok_or_else(|| node.mismatch(what, "a mapping"))?;
    entries.iter().map(|(name, entry)| Ok((name.clone(), about(name, &entry.node)?))).collect()
}

fn about(name: &str, node: &Node) -> Result<About, ModelError> {
    let mut fields = Fields::of(node, format!("`governance` of `{name}`"))?;
    let about = About {
        description: fields.string("description")?,
        owners: fields.strings("owners")?,
        tags: fields.read("tags", tags)?.unwrap_or_default(),
        tier: fields.read("tier", tier)?,
        columns: fields.read("columns", columns)?.unwrap_or_default(),
    };
    fields.finish()?;
    Ok(about)
}

fn columns(node: &Node, what: &str) -> Result<IndexMap<String, AboutColumn>, ModelError> {
    let entries = node.mapping().ok_or_else(|| node.mismatch(what, "a mapping"))?;
    let column = |(name, entry): (&String, &crate::model::yaml::Entry)| {
        let mut fields = Fields::of(&entry.node, format!("column `{name}` in {what}"))?;
        let about = AboutColumn {
            description: fields.string("description")?,
            tags: fields.read("tags", tags)?.unwrap_or_default(),
        };
        fields.finish()?;
        Ok((name.clone(), about))
    };
    entries.iter().map(column).collect()
}

fn every(node: &Node, what: &str) -> Result<Duration, ModelError> {
    let every = duration::read(node, what)?;
    if every < SHORTEST {
        return Err(node.error(format!("{what} must be at least {} s", SHORTEST.as_secs())));
    }
    Ok(every)
}

fn tags(node: &Node, what: &str) -> Result<Vec<String>, ModelError> {
    let tags = node.strings(what)?;
    for tag in &tags {
        if tag.split('.').count() != 2 || tag.split('.').any(str::is_empty) {
            return Err(ModelError::at(node.mark_of(tag), format!("tag `{tag}` has no classification"))
                .hint("write it as Classification.Tag, for example PII.Sensitive; `tier` is a key of its own"));
        }
    }
    Ok(tags)
}

fn tier(node: &Node, what: &str) -> Result<u8, ModelError> {
    match node.integer::<u8>(what)? {
        tier @ 1..=5 => Ok(tier),
        _ => Err(node.error(format!("{what} must be 1 (most important) to 5"))),
    }
}
