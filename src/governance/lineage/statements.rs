//! The SQL files of a pipeline, read once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::model::files;
use crate::pipeline::Pipeline;

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}: {source}", path = path.display())]
pub struct FileError {
    path: PathBuf,
    source: std::io::Error,
}

/// The texts of the statements.
#[derive(Debug, Clone, Default)]
pub struct Statements {
    /// By source table: its transformation.
    pub transforms: BTreeMap<String, String>,
    /// By aggregate: its query.
    pub queries: BTreeMap<String, String>,
    /// By aggregate and destination table: the SELECT of the groups that a change touches.
    pub affected: BTreeMap<(String, String), String>,
}

impl Statements {
    /// Reads the files that pipeline.yml names.
    pub fn load(pipeline: &Pipeline) -> Result<Self, FileError> {
        let read = |path: &PathBuf| {
            let path = pipeline.file(path);
            files::read(&path).map_err(|source| FileError { path, source })
        };
        let mut statements = Self::default();
        for (name, table) in &pipeline.spec.tables {
            statements.transforms.insert(name.clone(), read(&table.destination.transform)?);
        }
        for (name, aggregate) in &pipeline.spec.aggregates {
            statements.queries.insert(name.clone(), read(&aggregate.query)?);
            for (table, path) in &aggregate.affected {
                statements.affected.insert((name.clone(), table.clone()), read(path)?);
            }
        }
        Ok(statements)
    }
}
