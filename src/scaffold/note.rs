//! `.pipectl/stack.json`: which version wrote the files, and what each held, so that a later version knows which of them
//! somebody has changed since.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where it is, from the project's folder.
pub(super) const PATH: &str = ".pipectl/stack.json";

/// What was written, and by what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// Version of the pipectl whose stack this is.
    pub version: String,
    /// SHA-256 of every file of that stack, in hexadecimal digits, by path.
    pub files: BTreeMap<String, String>,
}

impl Note {
    /// Reads the text of a note.
    pub(super) fn parse(text: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(text)
    }

    /// The text of a note, with a line for every file so that a difference can be read.
    pub(super) fn render(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
