//! A file that was read, and a mark: a place in it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::error::{ModelError, Place};
use crate::model::{files, paths};

/// A file that was read.
pub(crate) struct Source {
    /// The file, as the user named it.
    pub shown: PathBuf,
    /// Directory against which relative paths in it are resolved, absolute.
    pub base: PathBuf,
    /// Its contents.
    pub text: String,
}

impl Source {
    /// Reads a file; relative paths in it will be taken from `base`.
    pub fn read(file: &Path, base: &Path) -> Result<Arc<Self>, ModelError> {
        let text = files::read(file).map_err(|error| {
            ModelError::in_file(&shorten(file), format!("cannot be read: {}", paths::reason(&error)))
        })?;
        Ok(Arc::new(Self { shown: shorten(file), base: base.to_owned(), text }))
    }
}

/// Below the current directory, the path from there is what a person types and recognises.
fn shorten(file: &Path) -> PathBuf {
    let below = |dir: PathBuf| file.strip_prefix(dir).map(Path::to_owned).ok();
    std::env::current_dir().ok().and_then(below).unwrap_or_else(|| file.to_owned())
}

/// A place in a file.
#[derive(Clone)]
pub(crate) struct Mark {
    /// The file.
    pub source: Arc<Source>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Number of characters on that line.
    pub width: usize,
}

impl Mark {
    /// The place for an error message.
    pub fn place(&self) -> Place {
        let text = self.source.text.lines().nth(self.line.saturating_sub(1)).unwrap_or_default();
        Place {
            file: self.source.shown.clone(),
            line: self.line,
            column: self.column,
            text: text.trim_end().to_owned(),
            width: self.width,
        }
    }

    /// The place of `needle`, if it is written at this mark or in the lines below it; else this mark.
    /// A block of text is one scalar with one mark, but a mistake in it is on one of its lines.
    pub fn narrow(&self, needle: &str) -> Self {
        let mut skip = self.column.saturating_sub(1);
        for (index, line) in self.source.text.lines().enumerate().skip(self.line.saturating_sub(1)) {
            let start = line.char_indices().nth(skip).map_or(line.len(), |(at, _)| at);
            if let Some(found) = line[start..].find(needle) {
                let column = line[..start + found].chars().count() + 1;
                return Self {
                    source: Arc::clone(&self.source),
                    line: index + 1,
                    column,
                    width: needle.chars().count(),
                };
            }
            skip = 0;
        }
        self.clone()
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.source.shown.display(), self.line, self.column)
    }
}
