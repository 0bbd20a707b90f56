//! PATCH: operations of RFC 6902 on the entity as a client sees it.

use json_patch::Patch;
use serde_json::{Map, Value, json};

use super::super::access::Principal;
use super::super::error::{CatalogError, Result};
use super::super::kinds::COMMON;
use super::super::shape;
use super::super::store::{Entity, Writing};
use super::render::Rendering;
use super::{finish, references, secrets};

/// Fields that make an entity what it is.
const FIXED: [&str; 2] = ["id", "name"];

/// Fields that the server writes. A client that sends the difference of two whole documents may touch them, in vain.
const OURS: [&str; 7] = ["fullyQualifiedName", "version", "updatedAt", "updatedBy", "serviceType", "deleted", "href"];

/// Applies a patch to an entity and stores it.
pub fn patch(writing: &Writing, entity: &Entity, operations: &Value, who: &Principal) -> Result<Entity> {
    who.may_write(entity.kind)?;
    let mut seen = Rendering::new(writing, "").entity(entity)?;
    references::prune(writing, entity.kind, &mut seen)?;
    let patched = apply(&Value::Object(seen.clone()), operations)?;
    let Value::Object(mut document) = patched else {
        return Err(CatalogError::bad("a patch must leave a JSON object"));
    };
    for field in FIXED {
        if document.get(field) != seen.get(field) {
            return Err(CatalogError::bad(format!("{field} of a {} cannot be changed", entity.kind.name)));
        }
    }
    let above = || entity.kind.above.iter().map(|(field, _)| *field);
    for field in OURS.into_iter().chain(above()) {
        match entity.document.get(field) {
            Some(value) => document.insert(field.to_owned(), value.clone()),
            None => document.shift_remove(field),
        };
    }
    check(entity, &mut document)?;
    for field in ["botUser", "parent"] {
        if let Some(Value::Object(reference)) = document.get_mut(field) {
            reference.retain(|key, _| key != "href" && key != "deleted");
        }
    }
    secrets::mask(&mut document);
    references::resolve(writing, entity.kind, &mut document)?;
    finish(writing, entity.kind, document, Some(entity), who)
}

/// Checks the document against the fields of its kind. A body names the parent where the document refers to it.
fn check(entity: &Entity, document: &mut Map<String, Value>) -> Result<()> {
    let Some((field, _)) = entity.kind.above.first() else {
        return shape::check(document, &[COMMON, entity.kind.own, entity.kind.body]);
    };
    let is_named = |known: &shape::Field| known.name == *field && matches!(known.shape, shape::Shape::Text);
    if !entity.kind.body.iter().any(is_named) {
        // A reference there, too, but for what only answers have.
        if let Some(Value::Object(reference)) = document.get_mut(*field) {
            reference.retain(|key, _| key != "href" && key != "deleted");
        }
        return shape::check(document, &[COMMON, entity.kind.own, entity.kind.body]);
    }
    let reference = document.insert((*field).to_owned(), json!("parent"));
    shape::check(document, &[COMMON, entity.kind.own, entity.kind.body])?;
    if let Some(reference) = reference {
        document.insert((*field).to_owned(), reference);
    }
    Ok(())
}

/// The document after the operations; they apply all or not at all.
pub fn apply(document: &Value, operations: &Value) -> Result<Value> {
    let patch: Patch = serde_json::from_value(operations.clone())
        .map_err(|error| CatalogError::bad(format!("the body is no JSON Patch (RFC 6902): {error}")))?;
    let mut patched = document.clone();
    json_patch::patch(&mut patched, &patch)
        .map_err(|error| CatalogError::bad(format!("the patch does not apply: {error}")))?;
    Ok(patched)
}
