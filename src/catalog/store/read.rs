//! Reading: typed questions over the tables, the same inside and outside of a write.

use std::ops::Bound;

use redb::{ReadTransaction, ReadableTable};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::error::{CatalogError, Result};
use super::super::kinds::{self, Kind};
use super::{Space, failed};

/// Identity of an entity.
pub type Id = Uuid;

/// An entity as stored.
#[derive(Debug, Clone)]
pub struct Entity {
    /// What it is.
    pub kind: &'static Kind,
    /// Its document, without `href`.
    pub document: Map<String, Value>,
}

/// What the index of names tells without reading the entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Its id.
    pub id: Id,
    /// True when it is deleted but kept.
    pub deleted: bool,
}

impl Entity {
    /// A text of the document, empty where there is none.
    pub fn text(&self, field: &str) -> &str {
        self.document.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Its fully qualified name.
    pub fn fqn(&self) -> &str {
        self.text("fullyQualifiedName")
    }

    /// Its id; nil in a document that has none, which the store does not hold.
    pub fn id(&self) -> Id {
        Uuid::try_parse(self.text("id")).unwrap_or_default()
    }

    /// True when it is deleted but kept.
    pub fn is_deleted(&self) -> bool {
        self.document.get("deleted").and_then(Value::as_bool).unwrap_or_default()
    }
}

/// What a visitor of [`View::scan`] wants next.
pub type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<bool>;

/// A consistent state of the store.
pub trait View {
    /// The value at a key.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Visits keys from `from` to `to` in order, or in reverse, until the visitor returns false.
    fn scan(&self, space: Space, range: (Bound<&[u8]>, Bound<&[u8]>), reverse: bool, visit: Visit<'_>) -> Result<()>;

    /// Visits the keys that begin with `prefix`.
    fn scan_prefix(&self, space: Space, prefix: &[u8], visit: Visit<'_>) -> Result<()> {
        let end = after_prefix(prefix);
        let to = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        self.scan(space, (Bound::Included(prefix), to), false, visit)
    }

    /// The entity with this id, deleted or not.
    fn entity(&self, id: Id) -> Result<Option<Entity>> {
        self.get(Space::Entities, id.as_bytes())?.map(|bytes| parse_entity(&bytes)).transpose()
    }

    /// The place of a name in the index.
    fn slot(&self, kind: &Kind, fqn: &str) -> Result<Option<Slot>> {
        self.get(Space::Names, &name_key(kind, fqn))?.map(|bytes| parse_slot(&bytes)).transpose()
    }

    /// The entity with this name, deleted or not.
    fn named(&self, kind: &Kind, fqn: &str) -> Result<Option<Entity>> {
        match self.slot(kind, fqn)? {
            Some(slot) => self.entity(slot.id),
            None => Ok(None),
        }
    }

    /// Every name of a kind with its place, in the order of names.
    fn names(&self, kind: &Kind, prefix: &str) -> Result<Vec<(String, Slot)>> {
        let mut found = Vec::new();
        let skip = kind.name.len() + 1;
        self.scan_prefix(Space::Names, &name_key(kind, prefix), &mut |key, value| {
            found.push((String::from_utf8_lossy(&key[skip..]).into_owned(), parse_slot(value)?));
            Ok(true)
        })?;
        Ok(found)
    }

    /// Ids that a lineage edge leads to, or comes from.
    fn neighbours(&self, id: Id, upstream: bool) -> Result<Vec<Id>> {
        let mut found = Vec::new();
        let space = if upstream { Space::EdgesBack } else { Space::Edges };
        self.scan_prefix(space, id.as_bytes(), &mut |key, _| {
            found.push(parse_id(&key[16..])?);
            Ok(true)
        })?;
        Ok(found)
    }

    /// The edge between two entities.
    fn edge(&self, from: Id, to: Id) -> Result<Option<Map<String, Value>>> {
        self.get(Space::Edges, &pair(from, to))?.map(|bytes| parse_json(&bytes)).transpose()
    }
}

/// A state that does not change any more.
pub struct Reading(ReadTransaction);

impl Reading {
    pub(super) fn new(transaction: ReadTransaction) -> Self {
        Self(transaction)
    }
}

impl View for Reading {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let table = self.0.open_table(space.definition()).map_err(|error| failed("read", error))?;
        get(&table, key)
    }

    fn scan(&self, space: Space, range: (Bound<&[u8]>, Bound<&[u8]>), reverse: bool, visit: Visit<'_>) -> Result<()> {
        let table = self.0.open_table(space.definition()).map_err(|error| failed("read", error))?;
        scan(&table, range, reverse, visit)
    }
}

pub(super) fn get(table: &impl ReadableTable<&'static [u8], &'static [u8]>, key: &[u8]) -> Result<Option<Vec<u8>>> {
    let found = table.get(key).map_err(|error| failed("read", error))?;
    Ok(found.map(|value| value.value().to_vec()))
}

pub(super) fn scan(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    range: (Bound<&[u8]>, Bound<&[u8]>),
    reverse: bool,
    visit: Visit<'_>,
) -> Result<()> {
    let mut entries = table.range::<&[u8]>(range).map_err(|error| failed("read", error))?;
    loop {
        let next = if reverse { entries.next_back() } else { entries.next() };
        let Some(entry) = next else { return Ok(()) };
        let (key, value) = entry.map_err(|error| failed("read", error))?;
        if !visit(key.value(), value.value())? {
            return Ok(());
        }
    }
}

/// Key of a name in [`Space::Names`].
pub(super) fn name_key(kind: &Kind, fqn: &str) -> Vec<u8> {
    [kind.name.as_bytes(), b"\0", fqn.as_bytes()].concat()
}

/// Key of an edge, from its two ends.
pub(super) fn pair(from: Id, to: Id) -> Vec<u8> {
    [from.as_bytes().as_slice(), to.as_bytes()].concat()
}

/// The first key behind all that begin with `prefix`; nothing when there is none.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

pub(super) fn parse_entity(bytes: &[u8]) -> Result<Entity> {
    let cut = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(|| torn("an entity without a kind"))?;
    let name = std::str::from_utf8(&bytes[..cut]).map_err(|_| torn("an entity whose kind is no text"))?;
    let kind = kinds::find(name).ok_or_else(|| torn(&format!("an entity of unknown kind {name}")))?;
    Ok(Entity { kind, document: parse_json(&bytes[cut + 1..])? })
}

pub(super) fn parse_json(bytes: &[u8]) -> Result<Map<String, Value>> {
    serde_json::from_slice(bytes).map_err(|error| torn(&format!("a document that is no JSON ({error})")))
}

pub(super) fn parse_slot(bytes: &[u8]) -> Result<Slot> {
    match bytes.split_at_checked(16) {
        Some((id, [deleted])) => Ok(Slot { id: parse_id(id)?, deleted: *deleted == 1 }),
        _ => Err(torn("a name without an id")),
    }
}

pub(super) fn parse_id(bytes: &[u8]) -> Result<Id> {
    Uuid::from_slice(bytes).map_err(|_| torn("a key without an id"))
}

fn torn(what: &str) -> CatalogError {
    CatalogError::internal(format!("the catalog's store holds {what}; `pipectl catalog check` tells more"))
}
