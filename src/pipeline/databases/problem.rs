//! What a database has otherwise than pipeline.yml declares it.

use std::fmt;

use crate::pipeline::clients::postgres::{quote, quote_qualified};

/// One difference: where it is declared, what was found, what mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `pipeline.yml:LINE`.
    pub place: String,
    /// What was found and what is declared, one line.
    pub what: String,
    /// What mends it, any of these: SQL, or a line to change.
    pub mends: Vec<String>,
}

impl Problem {
    /// A difference at a place.
    pub fn new(place: String, what: impl Into<String>) -> Self {
        Self { place, what: what.into(), mends: Vec::new() }
    }

    /// Adds a way to mend it.
    #[must_use]
    pub fn mend(mut self, how: impl Into<String>) -> Self {
        self.mends.push(how.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.what)?;
        for (index, mend) in self.mends.iter().enumerate() {
            let lead = if index == 0 { "mend" } else { "or" };
            write!(formatter, "\n  {lead}: {mend}")?;
        }
        Ok(())
    }
}

/// `schema.table` quoted.
pub(super) fn relation(name: &str) -> String {
    let (schema, table) = name.split_once('.').unwrap_or(("public", name));
    quote_qualified(schema, table)
}

/// A declared type as SQL; an enum has a name of its own, and so has a type that is not known.
pub(super) fn sql_kind(declared: Option<&str>) -> &str {
    declared.filter(|kind| *kind != "enum").unwrap_or("TYPE")
}

/// Columns quoted, with commas.
pub(super) fn list<S: AsRef<str>>(columns: &[S]) -> String {
    columns.iter().map(|column| quote(column.as_ref())).collect::<Vec<_>>().join(", ")
}

/// Columns as pipeline.yml lists them.
pub(super) fn plain(columns: &[String]) -> String {
    columns.join(", ")
}
