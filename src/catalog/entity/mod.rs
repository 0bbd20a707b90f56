//! Creating and changing entities: one engine for all kinds, driven by the table in `kinds`.

pub mod bulk;
pub mod delete;
pub mod list;
mod merge;
pub mod parts;
pub mod patch;
pub mod references;
pub mod render;
mod secrets;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::access::Principal;
use super::clock;
use super::error::{CatalogError, Result};
use super::fqn;
use super::kinds::Kind;
use super::shape;
use super::store::{Entity, View, Writing};

/// How a body is written over what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// POST: there must be nothing.
    Create,
    /// PUT: create or replace; a bot keeps the texts and owners that are there.
    Put,
    /// PUT with `overrideMetadata=true`: a bot replaces them too.
    Override,
}

/// An entity after it was written.
#[derive(Debug)]
pub struct Written {
    /// As it is now.
    pub entity: Entity,
    /// True when there was none before.
    pub created: bool,
}

/// Creates or replaces the entity that a body describes.
pub fn put(writing: &Writing, kind: &'static Kind, body: Value, who: &Principal, mode: Mode) -> Result<Written> {
    who.may_write(kind)?;
    let Value::Object(mut body) = body else {
        return Err(CatalogError::bad(format!("the body of a {} is a JSON object", kind.name)));
    };
    shape::check(&mut body, &[kind.body])?;
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    fqn::check_name(&name)?;

    let mut document = Map::new();
    let above = above(writing, kind, &body)?;
    let own_name = own_name(writing, kind, &body, above.first(), &name)?;
    fqn::check_length(&own_name)?;
    let old = writing.named(kind, &own_name)?;
    if mode == Mode::Create && old.is_some() {
        return Err(CatalogError::new(409, "Entity already exists"));
    }

    document.insert("id".into(), json!(old.as_ref().map_or_else(Uuid::new_v4, Entity::id)));
    document.insert("name".into(), json!(name));
    document.insert("fullyQualifiedName".into(), json!(own_name));
    for (field, value) in body {
        // References are the server's; the lists of what this catalog does not have carry nothing.
        if field != "name" && !kind.above.iter().any(|(above, _)| *above == field) && !is_absent(kind, &field) {
            document.insert(field, value);
        }
    }
    for ((field, _), reference) in kind.above.iter().zip(&above) {
        document.insert((*field).to_owned(), Value::Object(reference.reference.clone()));
    }
    let tells_type = kind.own.iter().any(|field| field.name == "serviceType");
    if let Some(service_type) = above.first().and_then(|above| above.service_type.clone()).filter(|_| tells_type) {
        document.insert("serviceType".into(), service_type);
    }
    for (field, default) in kind.defaults {
        if !document.contains_key(*field) && (old.is_none() || *field != "owners") {
            let value = serde_json::from_str(default).unwrap_or_default();
            document.insert((*field).to_owned(), value);
        }
    }
    document.insert("deleted".into(), json!(false));
    secrets::mask(&mut document);
    references::resolve(writing, kind, &mut document)?;
    if let Some(old) = &old {
        same_type(kind, old, &document)?;
        let keep = who.is_bot && mode != Mode::Override;
        merge::onto(&old.document, &mut document, kind, keep);
        // What is kept may refer to a user or a tag that is gone; that must not hinder the next ingestion.
        references::prune(writing, kind, &mut document)?;
    }
    let entity = finish(writing, kind, document, old.as_ref(), who)?;
    Ok(Written { entity, created: old.is_none() })
}

/// Sets one field of an entity, or takes it away.
pub fn set(
    writing: &Writing,
    entity: &Entity,
    field: &'static str,
    value: Option<Value>,
    who: &Principal,
) -> Result<Entity> {
    who.may_write(entity.kind)?;
    let mut document = entity.document.clone();
    match value {
        Some(value) => document.insert(field.to_owned(), value),
        None => document.shift_remove(field),
    };
    finish(writing, entity.kind, document, Some(entity), who)
}

/// The same for a measurement or a sample: the entity's version stays, as nothing about it has changed.
pub fn attach(writing: &Writing, entity: &Entity, field: &'static str, value: Option<Value>) -> Result<Entity> {
    let mut entity = entity.clone();
    match value {
        Some(value) => entity.document.insert(field.to_owned(), value),
        None => entity.document.shift_remove(field),
    };
    writing.put_entity(&entity)?;
    Ok(entity)
}

/// Names the parts, counts the version up where something has changed, and stores the document.
fn finish(
    writing: &Writing,
    kind: &'static Kind,
    mut document: Map<String, Value>,
    old: Option<&Entity>,
    who: &Principal,
) -> Result<Entity> {
    let own_name = document.get("fullyQualifiedName").and_then(Value::as_str).unwrap_or_default().to_owned();
    parts::complete(kind, &mut document, &own_name)?;
    let version = match old {
        None => 0.1,
        Some(old) => match merge::next_version(&old.document, &document, kind) {
            // The same again is no change: nothing is written, so that a repeated ingestion costs no disk.
            None => return Ok(old.clone()),
            Some(version) => version,
        },
    };
    document.insert("version".into(), json!(version));
    document.insert("updatedAt".into(), json!(clock::now()));
    document.insert("updatedBy".into(), json!(who.name));
    let entity = Entity { kind, document };
    writing.put_entity(&entity)?;
    Ok(entity)
}

/// A reference to something above, and what is inherited from there.
struct Above {
    reference: Map<String, Value>,
    fqn: String,
    service_type: Option<Value>,
}

/// What the entity stands below: its parent as the body names it, and what is above the parent.
fn above(view: &impl View, kind: &Kind, body: &Map<String, Value>) -> Result<Vec<Above>> {
    let Some((field, parent_kind)) = kind.parent() else { return Ok(Vec::new()) };
    let parent = match body.get(field) {
        Some(reference @ Value::Object(_)) => references::find(view, reference, &kind.parents().collect::<Vec<_>>())?,
        given => by_either_name(view, parent_kind, given.and_then(Value::as_str).unwrap_or_default())?,
    };
    let service_type = parent.document.get("serviceType").cloned();
    let mut found = vec![Above {
        reference: references::to(&parent),
        fqn: parent.fqn().to_owned(),
        service_type: service_type.clone(),
    }];
    for (field, _) in parent_kind.above {
        if let Some(Value::Object(reference)) = parent.document.get(*field) {
            found.push(Above {
                reference: reference.clone(),
                fqn: reference.get("fullyQualifiedName").and_then(Value::as_str).unwrap_or_default().to_owned(),
                service_type: service_type.clone(),
            });
        }
    }
    Ok(found)
}

/// Clients name a service by its bare name, anything else by its fully qualified one; with dots these differ.
fn by_either_name(view: &impl View, kind: &'static Kind, given: &str) -> Result<Entity> {
    for name in [given.to_owned(), fqn::quote(given)] {
        if let Some(entity) = view.named(kind, &name)?.filter(|entity| !entity.is_deleted()) {
            return Ok(entity);
        }
    }
    Err(CatalogError::missing(kind.name, given))
}

/// The fully qualified name; a container may stand below another one.
fn own_name(
    view: &impl View,
    kind: &'static Kind,
    body: &Map<String, Value>,
    parent: Option<&Above>,
    name: &str,
) -> Result<String> {
    if kind.name == "container" {
        if let Some(parent) = body.get("parent") {
            let parent = references::find(view, parent, &[kind.name])?;
            return Ok(fqn::child(parent.fqn(), name));
        }
    }
    Ok(parent.map_or_else(|| fqn::quote(name), |parent| fqn::child(&parent.fqn, name)))
}

fn is_absent(kind: &Kind, field: &str) -> bool {
    kind.body.iter().any(|known| known.name == field && matches!(known.shape, shape::Shape::Absent))
}

/// What is below a service was made for its type, so a service never changes it.
fn same_type(kind: &Kind, old: &Entity, document: &Map<String, Value>) -> Result<()> {
    let new = document.get("serviceType").and_then(Value::as_str).unwrap_or_default();
    if kind.is_service() && old.text("serviceType") != new {
        return Err(CatalogError::bad(format!(
            "{} {} is of type {}, not {new}; delete it first, or use another name",
            kind.name,
            old.fqn(),
            old.text("serviceType"),
        )));
    }
    Ok(())
}
