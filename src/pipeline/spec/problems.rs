//! All mistakes of a file at once: whoever corrects one should not have to start again to hear of the next.

use std::fmt;

use crate::model::ModelError;

/// The mistakes of pipeline.yml and of the files it names, by file and line; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecErrors(Vec<ModelError>);

impl SpecErrors {
    /// The mistakes.
    pub fn all(&self) -> &[ModelError] {
        &self.0
    }
}

impl fmt::Display for SpecErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SpecErrors {}

impl From<ModelError> for SpecErrors {
    fn from(error: ModelError) -> Self {
        Self(vec![error])
    }
}

/// Mistakes found so far.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<ModelError>);

impl Problems {
    /// Notes a mistake. One that was noted already is not noted twice: a misspelt key is both unknown and missing.
    pub fn add(&mut self, error: ModelError) {
        let same = |known: &ModelError| known.place == error.place && known.message == error.message;
        if !self.0.iter().any(same) {
            self.0.push(error);
        }
    }

    /// The value, or nothing and the mistake noted.
    pub fn keep<T>(&mut self, result: Result<T, ModelError>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// The value, or an empty one and the mistake noted.
    pub fn or_default<T: Default>(&mut self, result: Result<T, ModelError>) -> T {
        self.keep(result).unwrap_or_default()
    }

    /// Notes several.
    pub fn extend(&mut self, errors: impl IntoIterator<Item = ModelError>) {
        errors.into_iter().for_each(|error| self.add(error));
    }

    /// The value where there are no mistakes; else all of them, by file and line.
    pub fn finish<T>(mut self, value: T) -> Result<T, SpecErrors> {
        if self.0.is_empty() {
            return Ok(value);
        }
        // Stable: what is in no file, and what stands at the same place, stays in the order of its finding.
        self.0.sort_by_key(|error| error.place.as_ref().map(|place| (place.file.clone(), place.line, place.column)));
        Err(SpecErrors(self.0))
    }
}
