//! The graph of where data comes from: edges between entities, with the columns they map and the pipeline that moves the data.

pub mod answers;
mod datasets;
mod events;
pub mod openlineage;
mod walk;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::access::Principal;
use super::clock;
use super::entity::{parts, patch, references};
use super::error::{CatalogError, Result};
use super::kinds::shapes::{LINEAGE_DETAILS, REFERENCE_FIELDS};
use super::kinds::{self};
use super::shape::{self, Field, Shape, fields};
use super::store::{Entity, View, Writing};

/// The body of `PUT /lineage`.
static BODY: &[Field] = fields!["edge" required => Shape::Object(EDGE)];

static EDGE: &[Field] = fields![
    "fromEntity" required => Shape::Object(REFERENCE_FIELDS),
    "toEntity" required => Shape::Object(REFERENCE_FIELDS),
    "description" => Shape::Text,
    "lineageDetails" => Shape::Object(LINEAGE_DETAILS),
];

/// Kinds that can move data.
const MOVERS: [&str; 2] = ["pipeline", "storedProcedure"];

/// Writes the edge that a body describes, over the one that is there.
pub fn put(writing: &Writing, body: Value, who: &Principal) -> Result<()> {
    let Value::Object(mut body) = body else { return Err(CatalogError::bad("the body is {\"edge\": {..}}")) };
    shape::check(&mut body, &[BODY])?;
    let edge = &body["edge"];
    let from = end(writing, &edge["fromEntity"])?;
    let to = end(writing, &edge["toEntity"])?;
    let details = edge.get("lineageDetails").and_then(Value::as_object).cloned().unwrap_or_default();
    let description = edge.get("description").and_then(Value::as_str);
    write(writing, (&from, &to), details, description, who)
}

/// Writes the edge between two entities from its details alone.
pub fn put_details(writing: &Writing, ends: (&Entity, &Entity), details: Value, who: &Principal) -> Result<()> {
    write(writing, ends, checked(details)?, None, who)
}

/// Applies a patch to the details of an edge.
pub fn patch_details(
    writing: &Writing,
    ends: (&Entity, &Entity),
    operations: &Value,
    who: &Principal,
) -> Result<Map<String, Value>> {
    let edge = existing(writing, ends.0.id(), ends.1.id())?;
    let mut details = edge.get("lineageDetails").and_then(Value::as_object).cloned().unwrap_or_default();
    // Clients add to the list of columns without asking whether there is one.
    details.entry("columnsLineage").or_insert_with(|| json!([]));
    let patched = patch::apply(&Value::Object(details), operations)?;
    let description = edge.get("description").and_then(Value::as_str);
    write(writing, ends, checked(patched)?, description, who)?;
    let edge = existing(writing, ends.0.id(), ends.1.id())?;
    Ok(edge.get("lineageDetails").and_then(Value::as_object).cloned().unwrap_or_default())
}

/// Removes the edge between two entities.
pub fn remove(writing: &Writing, from: Uuid, to: Uuid) -> Result<()> {
    if writing.remove_edge(from, to)? { Ok(()) } else { Err(no_edge(from, to)) }
}

/// The edge between two entities.
pub fn existing(view: &impl View, from: Uuid, to: Uuid) -> Result<Map<String, Value>> {
    view.edge(from, to)?.ok_or_else(|| no_edge(from, to))
}

fn no_edge(from: Uuid, to: Uuid) -> CatalogError {
    CatalogError::new(404, format!("Lineage edge from {from} to {to} not found"))
}

fn checked(details: Value) -> Result<Map<String, Value>> {
    let Value::Object(mut details) = details else {
        return Err(CatalogError::bad("the details of an edge are a JSON object"));
    };
    shape::check(&mut details, &[LINEAGE_DETAILS])?;
    Ok(details)
}

fn end(view: &impl View, reference: &Value) -> Result<Entity> {
    let kind = kinds::named(reference["type"].as_str().unwrap_or_default())?;
    references::find(view, reference, &[kind.name])
}

/// Stores an edge: with the columns that both ends have, and stamps of who wrote it first and last.
fn write(
    writing: &Writing,
    (from, to): (&Entity, &Entity),
    mut details: Map<String, Value>,
    description: Option<&str>,
    who: &Principal,
) -> Result<()> {
    let (from_id, to_id) = (from.id(), to.id());
    if from_id == to_id {
        return Err(CatalogError::bad(format!("{} cannot come from itself", from.fqn())));
    }
    if let Some(pipeline) = details.get("pipeline") {
        let pipeline = references::to(&references::find(writing, pipeline, &MOVERS)?);
        details.insert("pipeline".into(), Value::Object(pipeline));
    }
    let mappings = details.get("columnsLineage").and_then(Value::as_array).cloned().unwrap_or_default();
    details.insert("columnsLineage".into(), Value::Array(existing_columns(&mappings, from, to)));
    details.entry("source").or_insert_with(|| json!("Manual"));
    let old = writing.edge(from_id, to_id)?;
    let before = old.as_ref().and_then(|edge| edge.get("lineageDetails"));
    let first = |field: &str| before.and_then(|details| details.get(field)).cloned();
    details.insert("createdAt".into(), first("createdAt").unwrap_or_else(|| json!(clock::now())));
    details.insert("createdBy".into(), first("createdBy").unwrap_or_else(|| json!(who.name)));
    details.insert("updatedAt".into(), json!(clock::now()));
    details.insert("updatedBy".into(), json!(who.name));
    let mut edge = Map::new();
    if let Some(description) = description {
        edge.insert("description".into(), json!(description));
    }
    edge.insert("lineageDetails".into(), Value::Object(details));
    writing.put_edge(from_id, to_id, &edge)
}

/// The mappings between columns that exist. A real server of this version drops the others without a word, too.
fn existing_columns(mappings: &[Value], from: &Entity, to: &Entity) -> Vec<Value> {
    let sources = parts::names(from.kind, &from.document);
    let targets = parts::names(to.kind, &to.document);
    let known = |value: &Value, names: &std::collections::HashSet<String>| {
        value.as_str().is_some_and(|name| names.contains(name))
    };
    let mut kept = Vec::new();
    for mapping in mappings {
        let mut mapping = mapping.clone();
        if let Some(Value::Array(columns)) = mapping.get_mut("fromColumns") {
            columns.retain(|column| known(column, &sources));
        }
        let has_source = mapping["fromColumns"].as_array().is_some_and(|columns| !columns.is_empty());
        if has_source && known(&mapping["toColumn"], &targets) {
            kept.push(mapping);
        }
    }
    kept
}
