//! Reads the keys of a mapping one by one and refuses, at the end, those that nobody asked for.

use super::node::{Entry, Mapping, Node};
use super::source::Mark;
use crate::model::error::ModelError;
use crate::model::suggest;

/// A mapping under reading.
pub(crate) struct Fields<'n> {
    what: String,
    mark: &'n Mark,
    entries: &'n Mapping,
    known: Vec<&'static str>,
    unsupported: &'static [&'static str],
}

impl<'n> Fields<'n> {
    /// Begins to read `node`, called `what` in messages ("service `web`").
    pub fn of(node: &'n Node, what: impl Into<String>) -> Result<Self, ModelError> {
        let what = what.into();
        let entries = node.mapping().ok_or_else(|| node.mismatch(&what, "a mapping"))?;
        Ok(Self { what, mark: &node.mark, entries, known: Vec::new(), unsupported: &[] })
    }

    /// Keys that the file format has and pipectl does not: refused, but not as if they were misspelt.
    pub fn unsupported(&mut self, keys: &'static [&'static str]) {
        self.unsupported = keys;
    }

    /// Name of a key for messages: "`image` of service `web`".
    pub fn name(&self, key: &str) -> String {
        format!("`{key}` of {}", self.what)
    }

    /// The value of a key; null counts as absent.
    pub fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.node).filter(|node| !node.is_null())
    }

    /// The value of a key, read by `reader`, which gets the name for messages too.
    pub fn read<T>(
        &mut self,
        key: &'static str,
        reader: impl FnOnce(&'n Node, &str) -> Result<T, ModelError>,
    ) -> Result<Option<T>, ModelError> {
        match self.take(key) {
            Some(node) => reader(node, &self.name(key)).map(Some),
            None => Ok(None),
        }
    }

    /// The value of a key that must be there.
    pub fn require(&mut self, key: &'static str) -> Result<&'n Node, ModelError> {
        self.take(key).ok_or_else(|| {
            // Absent because it is misspelt: then the misspelt key is the place to show.
            let missing = || ModelError::at(self.mark, format!("{} has no `{key}`", self.what));
            self.misspelt(key).unwrap_or_else(missing)
        })
    }

    /// The mistake of a key that nobody asked for and that is written almost like `key`.
    pub fn misspelt(&self, key: &'static str) -> Option<ModelError> {
        let near = |(found, _): &(&String, &Entry)| {
            !self.known.contains(&found.as_str()) && suggest::nearest(found, [key]).is_some()
        };
        let (found, entry) = self.entries.iter().find(near)?;
        Some(self.unknown(found, entry))
    }

    /// Text of a key.
    pub fn string(&mut self, key: &'static str) -> Result<Option<String>, ModelError> {
        self.read(key, Node::string)
    }

    /// Truth value of a key, false when absent.
    pub fn flag(&mut self, key: &'static str) -> Result<bool, ModelError> {
        Ok(self.read(key, Node::boolean)?.unwrap_or_default())
    }

    /// List of scalars of a key, empty when absent.
    pub fn strings(&mut self, key: &'static str) -> Result<Vec<String>, ModelError> {
        Ok(self.read(key, Node::strings)?.unwrap_or_default())
    }

    /// Keys without effect: each one that is there becomes a warning.
    pub fn ignore(&mut self, keys: &[&'static str], warnings: &mut Vec<String>) {
        for key in keys {
            if let Some(entry) = self.entry(key) {
                let mark = &entry.key;
                warnings.push(format!("{mark:?}: `{key}` of {} has no effect in pipectl", self.what));
            }
        }
    }

    /// All other keys, for readers that take whatever there is.
    pub fn rest(&self) -> serde_json::Map<String, serde_json::Value> {
        let unknown = self.entries.iter().filter(|(key, _)| !self.known.contains(&key.as_str()));
        unknown.map(|(key, entry)| (key.clone(), entry.node.json())).collect()
    }

    /// Refuses keys that nobody asked for; `x-` keys are always allowed.
    pub fn finish(self) -> Result<(), ModelError> {
        self.unknown_keys().into_iter().next().map_or(Ok(()), Err)
    }

    /// A mistake for each key that nobody asked for; `x-` keys are always allowed.
    pub fn unknown_keys(self) -> Vec<ModelError> {
        let unknown = |(key, entry): (&String, &Entry)| {
            if key.starts_with("x-") || self.known.contains(&key.as_str()) {
                return None;
            }
            if self.unsupported.contains(&key.as_str()) {
                let message = format!("`{key}` of {} is not supported by pipectl", self.what);
                return Some(
                    ModelError::at(&entry.key, message).hint("remove it, or use `docker compose` for this file"),
                );
            }
            Some(self.unknown(key, entry))
        };
        self.entries.iter().filter_map(unknown).collect()
    }

    fn unknown(&self, key: &str, entry: &Entry) -> ModelError {
        ModelError::at(&entry.key, format!("unknown key `{key}` in {}", self.what))
            .maybe_hint(suggest::hint(key, self.known.iter().copied()))
    }

    fn entry(&mut self, key: &'static str) -> Option<&'n Entry> {
        self.known.push(key);
        self.entries.get(key)
    }
}
