//! The hash of an image's inputs: its tag.

use std::collections::BTreeMap;
use std::io::Read as _;

use sha2::{Digest as _, Sha256};

use super::context::{Entry, Kind};

/// Changed when the way images are built changes such that old ones must not be taken for new ones.
const SCHEME: &str = "pipectl-image-1";
/// Hexadecimal digits of a tag.
const DIGITS: usize = 12;

/// Everything an image is made from.
pub(super) struct Inputs<'a> {
    /// Files of the context.
    pub entries: &'a [Entry],
    /// Path of the Dockerfile (or script) within the context.
    pub recipe: &'a str,
    /// Stage.
    pub target: Option<&'a str>,
    /// Build arguments.
    pub args: &'a BTreeMap<String, String>,
    /// Parents by name with their hashes.
    pub parents: &'a BTreeMap<String, String>,
}

/// Hashes contents, never times: a fresh checkout has the identity of an old one.
pub(super) fn identity(inputs: &Inputs<'_>) -> std::io::Result<String> {
    let mut hash = Fields(Sha256::new());
    hash.field(SCHEME.as_bytes());
    hash.field(inputs.recipe.as_bytes());
    hash.field(inputs.target.unwrap_or_default().as_bytes());
    for (section, pairs) in [("args", inputs.args), ("parents", inputs.parents)] {
        hash.field(section.as_bytes());
        for (key, value) in pairs {
            hash.field(key.as_bytes());
            hash.field(value.as_bytes());
        }
    }
    for entry in inputs.entries {
        hash.field(entry.path.as_bytes());
        match &entry.kind {
            Kind::Link(target) => {
                hash.field(b"link");
                hash.field(target.as_os_str().as_encoded_bytes());
            }
            Kind::File { executable } => {
                hash.field(if *executable { b"executable" } else { b"file" });
                hash.file(&entry.source)?;
            }
        }
    }
    let mut text = format!("{:x}", hash.0.finalize());
    text.truncate(DIGITS);
    Ok(text)
}

/// Fields with their length in front, so that no two different inputs make one byte sequence.
struct Fields(Sha256);

impl Fields {
    fn field(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn file(&mut self, path: &std::path::Path) -> std::io::Result<()> {
        let mut content = Vec::new();
        std::fs::File::open(path)?.read_to_end(&mut content)?;
        self.field(&content);
        Ok(())
    }
}
