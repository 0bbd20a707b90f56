//! What pipectl wrote into the catalog where people write too: descriptions, tags and owners. A text that is still ours may
//! be replaced; any other is somebody's and stays.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// File of a memory, in the catalog's state directory.
pub const FILE: &str = "catalog-texts.json";

/// Why the memory cannot be read or kept.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}", path = path.display())]
pub struct MemoryError {
    path: PathBuf,
    reason: String,
}

/// The memory of one catalog.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    path: PathBuf,
    texts: BTreeMap<String, String>,
    changed: bool,
    /// What stood there before the changes that the catalog has not taken yet, oldest first.
    unsettled: Vec<(String, Option<String>)>,
}

impl Memory {
    /// Reads the memory from a state directory; none is an empty one.
    pub fn read(state: &Path) -> Result<Self, MemoryError> {
        let path = state.join(FILE);
        let failed = |reason: String| MemoryError { path: path.clone(), reason };
        let texts = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                failed(format!("{error}; remove it, and every text in the catalog counts as somebody's"))
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(failed(error.to_string())),
        };
        Ok(Self { path, texts, changed: false, unsettled: Vec::new() })
    }

    /// What was written last.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str)
    }

    /// Keys that begin so.
    pub fn keys_below(&self, prefix: &str) -> Vec<String> {
        self.texts
            .range(prefix.to_owned()..)
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(prefix))
            .cloned()
            .collect()
    }

    /// Remembers a text.
    pub fn remember(&mut self, key: String, text: &str) {
        if self.text(&key) != Some(text) {
            let before = self.texts.insert(key.clone(), text.to_owned());
            self.unsettled.push((key, before));
            self.changed = true;
        }
    }

    /// Forgets a text.
    pub fn forget(&mut self, key: &str) {
        if let Some(before) = self.texts.remove(key) {
            self.unsettled.push((key.to_owned(), Some(before)));
            self.changed = true;
        }
    }

    /// The catalog has taken everything so far.
    pub fn settle(&mut self) {
        self.unsettled.clear();
    }

    /// The catalog has not taken what came after the last [`Self::settle`]: texts that it still has would no longer be
    /// known as ours.
    pub fn take_back(&mut self) {
        while let Some((key, before)) = self.unsettled.pop() {
            match before {
                Some(text) => self.texts.insert(key, text),
                None => self.texts.remove(&key),
            };
        }
    }

    /// Keeps it, when there is something new.
    pub fn keep(&mut self) -> Result<(), MemoryError> {
        if !self.changed {
            return Ok(());
        }
        let failed = |reason: String| MemoryError { path: self.path.clone(), reason };
        let text = serde_json::to_string_pretty(&self.texts).map_err(|error| failed(error.to_string()))?;
        let fresh = self.path.with_extension("new");
        let directory = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(directory)
            .and_then(|()| std::fs::write(&fresh, text))
            .and_then(|()| std::fs::rename(&fresh, &self.path))
            .map_err(|error| failed(error.to_string()))?;
        self.changed = false;
        Ok(())
    }
}
