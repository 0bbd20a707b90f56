//! The error of everything that reads files: what is wrong, where (file, line, column, the line itself), what to do.

use std::fmt;
use std::path::{Path, PathBuf};

use super::yaml::Mark;

/// A mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelError {
    /// Where it is; absent for mistakes that are in no file (a profile that does not exist).
    pub place: Option<Box<Place>>,
    /// What is wrong: one line, lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user named it.
    pub file: PathBuf,
    /// Line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The line, without its end.
    pub text: String,
    /// Number of characters to underline.
    pub width: usize,
}

impl ModelError {
    /// A mistake that is in no file.
    pub fn new(message: impl Into<String>) -> Self {
        Self { place: None, message: message.into(), hint: None }
    }

    /// A mistake at a place that the parser marked.
    pub(crate) fn at(mark: &Mark, message: impl Into<String>) -> Self {
        Self { place: Some(Box::new(mark.place())), message: message.into(), hint: None }
    }

    /// A mistake of a file as a whole, such as one that cannot be read.
    pub fn in_file(file: &Path, message: impl Into<String>) -> Self {
        let place = Place { file: file.to_owned(), line: 0, column: 0, text: String::new(), width: 0 };
        Self { place: Some(Box::new(place)), message: message.into(), hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what to do about it, where something is known.
    #[must_use]
    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// `file:line:column: message`, as much of it as is known.
    pub fn headline(&self) -> String {
        match &self.place {
            None => self.message.clone(),
            Some(place) if place.line == 0 => format!("{}: {}", place.file.display(), self.message),
            Some(place) => {
                format!("{}:{}:{}: {}", place.file.display(), place.line, place.column, self.message)
            }
        }
    }

    /// The source line with its number and a caret line below it; empty when no line is known.
    pub fn excerpt(&self) -> Vec<String> {
        match &self.place {
            Some(place) if place.line > 0 => place.excerpt(),
            _ => Vec::new(),
        }
    }
}

/// Longest part of a line that is shown.
const EXCERPT: usize = 160;

impl Place {
    fn excerpt(&self) -> Vec<String> {
        let number = self.line.to_string();
        let length = self.text.chars().count();
        let before = self.column.saturating_sub(1).min(length);
        // Of a line that is too long, the part around the column is shown.
        let start = if length > EXCERPT { before.saturating_sub(EXCERPT / 2) } else { 0 };
        let shown: String = self.text.chars().skip(start).take(EXCERPT).collect();
        // A tab keeps its width only when the caret line has the same tab.
        let indent: String = shown.chars().take(before - start).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let room = shown.chars().count().saturating_sub(before - start);
        let carets = "^".repeat(self.width.min(room).max(1));
        let gutter = " ".repeat(number.len());
        vec![format!("{number} | {shown}"), format!("{gutter} | {indent}{carets}")]
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.headline())?;
        for line in self.excerpt() {
            write!(formatter, "\n  {line}")?;
        }
        if let Some(hint) = &self.hint {
            write!(formatter, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ModelError {}
