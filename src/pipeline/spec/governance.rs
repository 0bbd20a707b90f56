//! `governance`: what people should know of tables and columns, for the catalog. The jobs do not read it.

use std::time::Duration;

use indexmap::IndexMap;

use super::PipelineSpec;
use super::problems::Problems;
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
pub(super) fn read(node: &Node, what: &str, problems: &mut Problems) -> Governance {
    let Some(mut fields) = problems.keep(Fields::of(node, what)) else { return Governance::default() };
    let governance = Governance {
        every: problems.or_default(fields.read("every", every)),
        owners: problems.or_default(fields.strings("owners")),
        tables: abouts(&mut fields, "tables", problems),
        aggregates: abouts(&mut fields, "aggregates", problems),
    };
    problems.extend(fields.unknown_keys());
    governance
}

/// Everything that is described must be declared.
pub(super) fn check(tree: &Node, spec: &PipelineSpec, problems: &mut Problems) {
    let Some(section) = tree.at(&["governance"]) else { return };
    let mut unknown = |path: &[&str], name: &str, what: String, known: Vec<&str>| {
        let place = section.at(path).unwrap_or(section);
        let message = format!("`governance` describes {what}, which is not declared");
        problems.add(ModelError::at(place.mark_of(name), message).maybe_hint(suggest::hint(name, known)));
    };
    for (name, about) in &spec.governance.tables {
        let Some(table) = spec.tables.get(name) else {
            let known = spec.tables.keys().map(String::as_str).collect();
            unknown(&["tables"], name, format!("table `{name}`"), known);
            continue;
        };
        for column in about.columns.keys().filter(|column| !table.columns.contains_key(*column)) {
            let known = table.columns.keys().map(String::as_str).collect();
            unknown(&["tables", name, "columns"], column, format!("column `{column}` of table `{name}`"), known);
        }
    }
    for name in spec.governance.aggregates.keys().filter(|name| !spec.aggregates.contains_key(*name)) {
        let known = spec.aggregates.keys().map(String::as_str).collect();
        unknown(&["aggregates"], name, format!("aggregate `{name}`"), known);
    }
}

fn abouts(fields: &mut Fields<'_>, key: &'static str, problems: &mut Problems) -> IndexMap<String, About> {
    let Some(node) = fields.take(key) else { return IndexMap::new() };
    let entries = problems.keep(node.mapping().ok_or_else(|| node.mismatch(&fields.name(key), "a mapping")));
    let entries = entries.into_iter().flatten();
    entries.filter_map(|(name, entry)| Some((name.clone(), about(name, &entry.node, problems)?))).collect()
}

fn about(name: &str, node: &Node, problems: &mut Problems) -> Option<About> {
    let mut fields = problems.keep(Fields::of(node, format!("`governance` of `{name}`")))?;
    let about = About {
        description: problems.or_default(fields.string("description")),
        owners: problems.or_default(fields.strings("owners")),
        tags: problems.or_default(fields.read("tags", tags)).unwrap_or_default(),
        tier: problems.or_default(fields.read("tier", tier)),
        columns: problems.or_default(fields.read("columns", columns)).unwrap_or_default(),
    };
    problems.extend(fields.unknown_keys());
    Some(about)
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
