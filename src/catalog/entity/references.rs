//! References: to entities above, to owners, to tags. A reference to something that is not there is refused.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::error::{CatalogError, Result};
use super::super::kinds::{self, Kind};
use super::super::store::{Entity, View};
use super::parts;

/// Kinds that can own something.
const OWNERS: [&str; 2] = ["user", "team"];

/// A reference as it is stored.
pub fn to(entity: &Entity) -> Map<String, Value> {
    let mut reference = Map::new();
    reference.insert("id".into(), json!(entity.id()));
    reference.insert("type".into(), json!(entity.kind.name));
    reference.insert("name".into(), json!(entity.text("name")));
    reference.insert("fullyQualifiedName".into(), json!(entity.fqn()));
    if !entity.text("displayName").is_empty() {
        reference.insert("displayName".into(), json!(entity.text("displayName")));
    }
    reference
}

/// The entity behind a reference, of one of these kinds.
pub fn find(view: &impl View, reference: &Value, allowed: &[&str]) -> Result<Entity> {
    let text = |field: &str| reference.get(field).and_then(Value::as_str).unwrap_or_default();
    let (kind, id) = (text("type"), text("id"));
    if !allowed.contains(&kind) {
        return Err(CatalogError::bad(format!("a {kind} cannot stand here, only {}", allowed.join(" or "))));
    }
    let found = match Uuid::try_parse(id) {
        Ok(id) => view.entity(id)?,
        Err(_) => None,
    };
    found
        .filter(|entity| entity.kind.name == kind && !entity.is_deleted())
        .ok_or_else(|| CatalogError::missing(kind, id))
}

/// Completes owners and tags of a document from what they refer to.
pub fn resolve(view: &impl View, kind: &Kind, document: &mut Map<String, Value>) -> Result<()> {
    owners(view, document)?;
    tags(view, document)?;
    if let Some(list) = parts::list_mut(kind, document) {
        resolve_parts(view, list)?;
    }
    Ok(())
}

/// Drops owners and tags that are gone.
pub fn prune(view: &impl View, kind: &Kind, document: &mut Map<String, Value>) -> Result<()> {
    prune_object(view, document)?;
    match parts::list_mut(kind, document) {
        Some(list) => prune_parts(view, list),
        None => Ok(()),
    }
}

fn prune_parts(view: &impl View, list: &mut [Value]) -> Result<()> {
    for part in list.iter_mut().filter_map(Value::as_object_mut) {
        prune_object(view, part)?;
        if let Some(Value::Array(children)) = part.get_mut("children") {
            prune_parts(view, children)?;
        }
    }
    Ok(())
}

fn prune_object(view: &impl View, object: &mut Map<String, Value>) -> Result<()> {
    if let Some(Value::Array(owners)) = object.get_mut("owners") {
        keep(owners, |owner| find(view, owner, &OWNERS).map(drop))?;
    }
    if let Some(Value::Array(labels)) = object.get_mut("tags") {
        keep(labels, |label| tag(view, label["tagFQN"].as_str().unwrap_or_default()).map(drop))?;
    }
    Ok(())
}

/// Keeps what is found; only a failure of the store itself is one.
fn keep(items: &mut Vec<Value>, find: impl Fn(&Value) -> Result<()>) -> Result<()> {
    let mut kept = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        match find(&item) {
            Ok(()) => kept.push(item),
            Err(error) if error.status >= 500 => return Err(error),
            Err(_) => {}
        }
    }
    *items = kept;
    Ok(())
}

fn resolve_parts(view: &impl View, list: &mut [Value]) -> Result<()> {
    for part in list.iter_mut().filter_map(Value::as_object_mut) {
        tags(view, part)?;
        owners(view, part)?;
        if let Some(Value::Array(children)) = part.get_mut("children") {
            resolve_parts(view, children)?;
        }
    }
    Ok(())
}

fn owners(view: &impl View, document: &mut Map<String, Value>) -> Result<()> {
    if let Some(Value::Array(owners)) = document.get_mut("owners") {
        for owner in owners {
            *owner = Value::Object(to(&find(view, owner, &OWNERS)?));
        }
    }
    Ok(())
}

fn tags(view: &impl View, document: &mut Map<String, Value>) -> Result<()> {
    let Some(Value::Array(labels)) = document.get_mut("tags") else { return Ok(()) };
    for label in labels.iter_mut().filter_map(Value::as_object_mut) {
        let name = label.get("tagFQN").and_then(Value::as_str).unwrap_or_default().to_owned();
        if label.get("source").and_then(Value::as_str) == Some("Glossary") {
            return Err(CatalogError::missing("glossaryTerm", name));
        }
        let tag = tag(view, &name)?;
        label.insert("name".into(), json!(tag.text("name")));
        label.insert("description".into(), json!(tag.text("description")));
        for (field, default) in [("source", "Classification"), ("labelType", "Manual"), ("state", "Confirmed")] {
            label.entry(field).or_insert_with(|| json!(default));
        }
        label.remove("href");
    }
    Ok(())
}

fn tag(view: &impl View, name: &str) -> Result<Entity> {
    let tag = view.named(kinds::named("tag")?, name)?.filter(|tag| !tag.is_deleted());
    tag.ok_or_else(|| CatalogError::missing("tag", name))
}
