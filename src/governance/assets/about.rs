//! What pipeline.yml says of tables and columns, carried along the lineage: a copy of a personal column is as personal
//! as its origin, and so is everything that is computed from it.

use std::collections::BTreeMap;

use crate::governance::lineage::Lineage;
use crate::governance::names;
use crate::pipeline::spec::{About, PipelineSpec};

/// Tags of this classification exclude each other.
const PII: &str = "PII.";
/// The strictest of them.
const SENSITIVE: &str = "PII.Sensitive";

/// What is added to the description of a masked column.
const MASKED: &str = "Masked: a keyed hash of the source's value.";

/// What people should know of an entity or a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// Markdown.
    pub description: Option<String>,
    /// Users or teams by name; of entities only.
    pub owners: Vec<String>,
    /// `Classification.Tag`.
    pub tags: Vec<String>,
}

/// Everything that pipeline.yml says, by fully qualified name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Abouts {
    entities: BTreeMap<String, Text>,
    columns: BTreeMap<String, Text>,
    owners: Vec<String>,
}

impl Abouts {
    /// Reads the section and follows the edges.
    pub fn of(spec: &PipelineSpec, lineage: &Lineage) -> Self {
        let governance = &spec.governance;
        let mut abouts = Self { owners: governance.owners.clone(), ..Self::default() };
        for (name, table) in &spec.tables {
            let about = governance.tables.get(name).cloned().unwrap_or_default();
            let source = names::source_table(spec, name);
            abouts.describe(&source, &about, &|text| text.to_owned());
            let topic = |text: &str| format!("Every change of `{name}`, in order. {text}");
            abouts.describe(&names::topic(spec, name), &about, &topic);
            abouts.describe(&names::lake_table(spec, name), &about, &|text| text.to_owned());
            abouts.describe(&names::destination_of(spec, table), &about, &|text| text.to_owned());
            for (column, about) in &about.columns {
                let text =
                    Text { description: about.description.clone(), tags: about.tags.clone(), owners: Vec::new() };
                abouts.columns.insert(crate::governance::fqn::below(&source, column), text);
            }
        }
        abouts.mask(spec);
        abouts.follow(lineage);
        for (name, aggregate) in &spec.aggregates {
            let about = governance.aggregates.get(name).cloned().unwrap_or_default();
            let table = names::destination_table(spec, &aggregate.table);
            abouts.describe(&table, &about, &|text| text.to_owned());
            for (column, about) in &about.columns {
                let text = abouts.columns.entry(crate::governance::fqn::below(&table, column)).or_default();
                text.description = about.description.clone().or(text.description.take());
                add(&mut text.tags, &about.tags);
            }
        }
        abouts
    }

    /// What is known of an entity; a comment in the database stands in where pipeline.yml says nothing.
    pub fn entity(&self, fqn: &str, comment: Option<&str>) -> Text {
        let mut text = self.entities.get(fqn).cloned().unwrap_or_default();
        text.description = text.description.or_else(|| comment.map(str::to_owned));
        text
    }

    /// What is known of a column.
    pub fn column(&self, fqn: &str, comment: Option<&str>) -> Text {
        let mut text = self.columns.get(fqn).cloned().unwrap_or_default();
        text.description = text.description.or_else(|| comment.map(str::to_owned));
        text
    }

    fn describe(&mut self, fqn: &str, about: &About, words: &dyn Fn(&str) -> String) {
        let mut tags = about.tags.clone();
        tags.extend(about.tier.map(|tier| format!("Tier.Tier{tier}")));
        let owners = if about.owners.is_empty() { self.owners.clone() } else { about.owners.clone() };
        let text = Text { description: about.description.as_deref().map(words), owners, tags };
        self.entities.insert(fqn.to_owned(), text);
    }

    /// A masked column is told as such from the topic on: what is there is no longer what the source has.
    fn mask(&mut self, spec: &PipelineSpec) {
        for (name, table) in &spec.tables {
            for column in &table.masked {
                let source = crate::governance::fqn::below(&names::source_table(spec, name), column);
                let words = self.columns.get(&source).and_then(|text| text.description.clone());
                let description = [words.as_deref(), Some(MASKED)].into_iter().flatten().collect::<Vec<_>>().join(" ");
                let text = Text { description: Some(description), ..Text::default() };
                self.columns.insert(names::topic_column(spec, name, column), text);
            }
        }
    }

    /// Edges are in the order of the flow, so one pass reaches the end.
    fn follow(&mut self, lineage: &Lineage) {
        for map in lineage.edges.iter().flat_map(|edge| &edge.columns) {
            let mut passed = Text::default();
            for origin in map.from.iter().filter_map(|column| self.columns.get(column)) {
                add(&mut passed.tags, &origin.tags);
                if map.plain {
                    passed.description.clone_from(&origin.description);
                }
            }
            if passed != Text::default() {
                let text = self.columns.entry(map.to.clone()).or_default();
                add(&mut text.tags, &passed.tags);
                text.description = text.description.take().or(passed.description);
            }
        }
    }
}

impl Text {
    /// One line: `[tag, tag] (owner) description`.
    pub fn told(&self) -> String {
        let tags = (!self.tags.is_empty()).then(|| format!(" [{}]", self.tags.join(", ")));
        let owners = (!self.owners.is_empty()).then(|| format!(" ({})", self.owners.join(", ")));
        let description = self.description.as_ref().map(|description| format!(" {description}"));
        [tags, owners, description].into_iter().flatten().collect()
    }
}

/// Adds tags. Of `PII.Sensitive` and its milder neighbours a column has one: the strictest of its origins.
fn add(tags: &mut Vec<String>, more: &[String]) {
    for tag in more.iter().filter(|tag| !tag.starts_with(PII) || tag.as_str() == SENSITIVE) {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    if tags.iter().any(|tag| tag == SENSITIVE) {
        tags.retain(|tag| !tag.starts_with(PII) || tag == SENSITIVE);
    } else if let (false, Some(milder)) =
        (tags.iter().any(|tag| tag.starts_with(PII)), more.iter().find(|tag| tag.starts_with(PII)))
    {
        tags.push(milder.clone());
    }
}
