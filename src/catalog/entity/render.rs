//! What a client sees of an entity: the document with addresses, and references that tell whether they are deleted.

use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::error::Result;
use super::super::kinds;
use super::super::store::{Entity, Id, View};

/// Makes answers from entities, for one request.
pub struct Rendering<'a, V> {
    view: &'a V,
    base: &'a str,
    /// Asked once a request: a page of tables refers to the same schema over and over.
    deleted: RefCell<HashMap<Id, bool>>,
}

impl<'a, V: View> Rendering<'a, V> {
    /// Answers from one state, with addresses that begin with `base` (`http://127.0.0.1:8585`).
    pub fn new(view: &'a V, base: &'a str) -> Self {
        Self { view, base, deleted: RefCell::default() }
    }

    /// The entity as a client sees it.
    pub fn entity(&self, entity: &Entity) -> Result<Map<String, Value>> {
        let mut document = entity.document.clone();
        document.insert("href".into(), json!(self.href(entity.kind.name, &entity.id().to_string())));
        let single = entity.kind.above.iter().map(|(field, _)| *field).chain(["botUser", "parent"]);
        for field in single {
            if let Some(Value::Object(reference)) = document.get_mut(field) {
                self.complete(reference)?;
            }
        }
        if let Some(Value::Array(owners)) = document.get_mut("owners") {
            for owner in owners.iter_mut().filter_map(Value::as_object_mut) {
                self.complete(owner)?;
            }
        }
        Ok(document)
    }

    /// A reference to an entity as a client sees it.
    pub fn reference(&self, entity: &Entity) -> Map<String, Value> {
        let mut reference = super::references::to(entity);
        if !entity.text("description").is_empty() {
            reference.insert("description".into(), json!(entity.text("description")));
        }
        reference.insert("deleted".into(), json!(entity.is_deleted()));
        reference.insert("href".into(), json!(self.href(entity.kind.name, &entity.id().to_string())));
        reference
    }

    fn complete(&self, reference: &mut Map<String, Value>) -> Result<()> {
        let text = |field: &str| reference.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (id, kind) = (text("id"), text("type"));
        if let Ok(parsed) = Uuid::try_parse(&id) {
            let known = self.deleted.borrow().get(&parsed).copied();
            let deleted = match known {
                Some(deleted) => deleted,
                None => self.view.entity(parsed)?.is_none_or(|entity| entity.is_deleted()),
            };
            self.deleted.borrow_mut().insert(parsed, deleted);
            reference.insert("deleted".into(), json!(deleted));
        }
        reference.insert("href".into(), json!(self.href(&kind, &id)));
        Ok(())
    }

    fn href(&self, kind: &str, id: &str) -> String {
        let collection = kinds::find(kind).map_or(kind, |kind| kind.collection);
        format!("{}/api/v1/{collection}/{id}", self.base)
    }
}
