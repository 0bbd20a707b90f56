//! Writing: changes to the tables inside of one transaction. Indices are kept here, so that no caller can forget one.

use std::ops::Bound;

use redb::WriteTransaction;
use serde_json::{Map, Value};

use super::super::error::{CatalogError, Result};
use super::super::locations;
use super::read::{self, Entity, Id, View, Visit, name_key, pair};
use super::{Space, failed};

/// Runs of a pipeline that are kept; older ones go.
const MOST_RUNS: usize = 500;

/// A change that is not stored yet; it sees what it has written.
pub struct Writing(WriteTransaction);

impl View for Writing {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let table = self.0.open_table(space.definition()).map_err(|error| failed("read", error))?;
        read::get(&table, key)
    }

    fn scan(&self, space: Space, range: (Bound<&[u8]>, Bound<&[u8]>), reverse: bool, visit: Visit<'_>) -> Result<()> {
        // The visitor may ask for the same table, which can be open once only: so the entries are read before it is called.
        let mut entries: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        {
            let table = self.0.open_table(space.definition()).map_err(|error| failed("read", error))?;
            read::scan(&table, range, reverse, &mut |key, value| {
                entries.push((key.to_vec(), value.to_vec()));
                Ok(true)
            })?;
        }
        for (key, value) in &entries {
            if !visit(key, value)? {
                break;
            }
        }
        Ok(())
    }
}

impl Writing {
    pub(super) fn new(transaction: WriteTransaction) -> Self {
        Self(transaction)
    }

    pub(super) fn commit(self) -> Result<()> {
        self.0.commit().map_err(|error| failed("write", error))
    }

    /// Stores an entity, new or changed, with its indices. Its name never changes.
    pub fn put_entity(&self, entity: &Entity) -> Result<()> {
        let id = entity.id();
        if let Some(old) = self.entity(id)? {
            self.remove_locations(&old)?;
        }
        let mut bytes = format!("{}\n", entity.kind.name).into_bytes();
        bytes.extend(json(&entity.document)?);
        self.put(Space::Entities, id.as_bytes(), &bytes)?;
        let slot = [id.as_bytes().as_slice(), &[u8::from(entity.is_deleted())]].concat();
        self.put(Space::Names, &name_key(entity.kind, entity.fqn()), &slot)?;
        for path in locations::of(entity) {
            self.put(Space::Locations, &locations::key(&path, id), &[])?;
        }
        Ok(())
    }

    /// Removes an entity for good, with its edges and runs.
    pub fn remove_entity(&self, entity: &Entity) -> Result<()> {
        let id = entity.id();
        self.remove_locations(entity)?;
        for other in self.neighbours(id, false)? {
            self.remove_edge(id, other)?;
        }
        for other in self.neighbours(id, true)? {
            self.remove_edge(other, id)?;
        }
        for (key, _) in self.runs(id)? {
            self.remove(Space::Runs, &key)?;
        }
        self.remove(Space::Names, &name_key(entity.kind, entity.fqn()))?;
        self.remove(Space::Entities, id.as_bytes())?;
        Ok(())
    }

    /// Stores a lineage edge.
    pub fn put_edge(&self, from: Id, to: Id, edge: &Map<String, Value>) -> Result<()> {
        self.put(Space::Edges, &pair(from, to), &json(edge)?)?;
        self.put(Space::EdgesBack, &pair(to, from), &[])
    }

    /// Removes a lineage edge; false when there was none.
    pub fn remove_edge(&self, from: Id, to: Id) -> Result<bool> {
        self.remove(Space::EdgesBack, &pair(to, from))?;
        self.remove(Space::Edges, &pair(from, to))
    }

    /// Stores a run of a pipeline under its timestamp (milliseconds) and lets the oldest go.
    pub fn put_run(&self, pipeline: Id, timestamp: i64, run: &Map<String, Value>) -> Result<()> {
        self.put(Space::Runs, &run_key(pipeline, timestamp), &json(run)?)?;
        let runs = self.runs(pipeline)?;
        for (key, _) in runs.iter().take(runs.len().saturating_sub(MOST_RUNS)) {
            self.remove(Space::Runs, key)?;
        }
        Ok(())
    }

    /// Removes a run; false when there was none.
    pub fn remove_run(&self, pipeline: Id, timestamp: i64) -> Result<bool> {
        self.remove(Space::Runs, &run_key(pipeline, timestamp))
    }

    /// Stores a value of [`Space::Meta`].
    pub fn put_meta(&self, name: &str, value: &[u8]) -> Result<()> {
        self.put(Space::Meta, name.as_bytes(), value)
    }

    /// Removes a value of [`Space::Meta`]; false when there was none.
    pub fn remove_meta(&self, name: &str) -> Result<bool> {
        self.remove(Space::Meta, name.as_bytes())
    }

    fn runs(&self, pipeline: Id) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut runs = Vec::new();
        self.scan_prefix(Space::Runs, pipeline.as_bytes(), &mut |key, value| {
            runs.push((key.to_vec(), value.to_vec()));
            Ok(true)
        })?;
        Ok(runs)
    }

    fn remove_locations(&self, entity: &Entity) -> Result<()> {
        for path in locations::of(entity) {
            self.remove(Space::Locations, &locations::key(&path, entity.id()))?;
        }
        Ok(())
    }

    fn put(&self, space: Space, key: &[u8], value: &[u8]) -> Result<()> {
        let mut table = self.0.open_table(space.definition()).map_err(|error| failed("write", error))?;
        table.insert(key, value).map_err(|error| failed("write", error))?;
        Ok(())
    }

    fn remove(&self, space: Space, key: &[u8]) -> Result<bool> {
        let mut table = self.0.open_table(space.definition()).map_err(|error| failed("write", error))?;
        let removed = table.remove(key).map_err(|error| failed("write", error))?;
        Ok(removed.is_some())
    }
}

/// Key of a run in [`Space::Runs`]; big endian, so that keys are in the order of time.
fn run_key(pipeline: Id, timestamp: i64) -> Vec<u8> {
    [pipeline.as_bytes().as_slice(), &timestamp.max(0).to_be_bytes()].concat()
}

fn json(document: &Map<String, Value>) -> Result<Vec<u8>> {
    serde_json::to_vec(document).map_err(|error| CatalogError::internal(format!("a document is no JSON: {error}")))
}
