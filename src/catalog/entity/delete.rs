//! Deleting: softly (kept, hidden, restorable) or for good, alone or with everything below.

use serde_json::json;

use super::super::access::Principal;
use super::super::clock;
use super::super::error::{CatalogError, Result};
use super::super::kinds::Kind;
use super::super::store::{Entity, View, Writing};
use super::merge;

/// How far a deletion goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// For good.
    pub hard: bool,
    /// With everything below.
    pub recursive: bool,
}

/// Deletes an entity and returns it as it was last.
pub fn delete(writing: &Writing, entity: &Entity, extent: Extent, who: &Principal) -> Result<Entity> {
    who.may_write(entity.kind)?;
    if entity.text("provider") == "system" || (entity.kind.name == "user" && is_built_in(entity)) {
        let (kind, name) = (entity.kind.name, entity.fqn());
        return Err(CatalogError::bad(format!("{kind} {name} belongs to the catalog and cannot be deleted")));
    }
    let below = below(writing, entity, extent.hard)?;
    if !extent.recursive && !below.is_empty() {
        return Err(CatalogError::bad(format!("{} is not empty", entity.kind.name)));
    }
    for child in &below {
        remove(writing, child, extent.hard, who)?;
    }
    remove(writing, entity, extent.hard, who)
}

/// Brings an entity back with everything below it.
pub fn restore(writing: &Writing, entity: &Entity, who: &Principal) -> Result<Entity> {
    who.may_write(entity.kind)?;
    for child in below(writing, entity, true)? {
        mark(writing, &child, false, who)?;
    }
    mark(writing, entity, false, who)
}

/// What stands below, deleted ones too if wanted.
fn below(view: &impl View, entity: &Entity, deleted_too: bool) -> Result<Vec<Entity>> {
    let prefix = format!("{}.", entity.fqn());
    let mut found = Vec::new();
    for kind in kinds_below(entity.kind) {
        for (_, slot) in view.names(kind, &prefix)? {
            if deleted_too || !slot.deleted {
                found.extend(view.entity(slot.id)?);
            }
        }
    }
    Ok(found)
}

/// The kinds below a kind at any depth. A container may also stand below a container.
fn kinds_below(kind: &'static Kind) -> Vec<&'static Kind> {
    let mut found: Vec<&'static Kind> = Vec::new();
    if kind.name == "container" {
        found.push(kind);
    }
    for child in kind.children() {
        found.extend(kinds_below(child));
        if !found.iter().any(|known| known.name == child.name) {
            found.push(child);
        }
    }
    found
}

fn remove(writing: &Writing, entity: &Entity, hard: bool, who: &Principal) -> Result<Entity> {
    if hard {
        writing.remove_entity(entity)?;
        let mut entity = entity.clone();
        entity.document.insert("deleted".into(), json!(true));
        return Ok(entity);
    }
    mark(writing, entity, true, who)
}

fn mark(writing: &Writing, entity: &Entity, deleted: bool, who: &Principal) -> Result<Entity> {
    let mut entity = entity.clone();
    let old = entity.document.clone();
    entity.document.insert("deleted".into(), json!(deleted));
    if let Some(version) = merge::next_version(&old, &entity.document, entity.kind) {
        entity.document.insert("version".into(), json!(version));
        entity.document.insert("updatedAt".into(), json!(clock::now()));
        entity.document.insert("updatedBy".into(), json!(who.name));
        writing.put_entity(&entity)?;
    }
    Ok(entity)
}

fn is_built_in(user: &Entity) -> bool {
    [super::super::seed::ADMIN, super::super::seed::BOT].contains(&user.text("name"))
}
