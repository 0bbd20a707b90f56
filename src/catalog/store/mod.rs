//! The embedded store: one file, one writer, readers that see the state before or after a write and never between.
//!
//! Every write of an entity and of what goes with it is one transaction of redb, durable when it returns.

mod check;
mod read;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use redb::{Database, TableDefinition};

use super::error::{CatalogError, Result};

pub use check::check;
pub use read::{Entity, Id, Reading, View};
pub use write::Writing;

/// Name of the file in the data directory.
pub const FILE: &str = "catalog.redb";

/// What redb may keep in memory, in bytes. The catalog of a thousand tables is a few MiB.
const CACHE: usize = 2 << 20;

/// A table of the store; keys and values are bytes, described at each variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// id (16 bytes) -> kind, newline, document as JSON.
    Entities,
    /// kind, NUL, fully qualified name -> id (16 bytes), deleted (1 byte).
    Names,
    /// from id, to id (32 bytes) -> edge as JSON.
    Edges,
    /// to id, from id (32 bytes) -> nothing: the edges from their other end.
    EdgesBack,
    /// path, NUL, id -> nothing: entities by where their data is.
    Locations,
    /// pipeline id, timestamp (8 bytes, big endian) -> run as JSON.
    Runs,
    /// name -> value: tokens and what else there is one of.
    Meta,
}

impl Space {
    /// All tables.
    pub const ALL: [Self; 7] =
        [Self::Entities, Self::Names, Self::Edges, Self::EdgesBack, Self::Locations, Self::Runs, Self::Meta];

    fn definition(self) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
        TableDefinition::new(match self {
            Self::Entities => "entities",
            Self::Names => "names",
            Self::Edges => "edges",
            Self::EdgesBack => "edges_back",
            Self::Locations => "locations",
            Self::Runs => "runs",
            Self::Meta => "meta",
        })
    }
}

/// The store, open.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// Nothing while it could not be opened again after a failure of the disk.
    database: RwLock<Option<Database>>,
}

impl Store {
    /// Opens the store in a directory, makes it if there is none, repairs it if the last process was killed.
    pub fn open(directory: &Path) -> std::result::Result<Self, Box<redb::Error>> {
        let path = directory.join(FILE);
        let database = open(&path).map_err(Box::new)?;
        Ok(Self { path, database: RwLock::new(Some(database)) })
    }

    /// Runs a question against one consistent state.
    pub fn read<T>(&self, question: impl FnOnce(&Reading) -> Result<T>) -> Result<T> {
        let result = self.with(|database| {
            let transaction = database.begin_read().map_err(|error| failed("read", error))?;
            question(&Reading::new(transaction))
        });
        self.recovering(result)
    }

    /// Runs a change: all of it is stored, durably, or nothing.
    pub fn write<T>(&self, change: impl FnOnce(&Writing) -> Result<T>) -> Result<T> {
        let result = self.with(|database| {
            let transaction = database.begin_write().map_err(|error| failed("write", error))?;
            let writing = Writing::new(transaction);
            let value = change(&writing)?;
            // Without this the transaction is undone when it is dropped. Its own `abort` panics after a failed write.
            writing.commit().map(|()| value)
        });
        self.recovering(result)
    }

    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
        match guard.as_ref() {
            Some(database) => work(database),
            None => Err(CatalogError::full(NOT_OPEN)),
        }
    }

    /// After a failed write redb refuses everything until the file is opened again, which goes back to the last commit.
    /// A full disk may be empty again, so this is tried at once rather than left to a restart.
    fn recovering<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            if error.status == 507 {
                let mut guard = self.database.write().unwrap_or_else(PoisonError::into_inner);
                *guard = None;
                match open(&self.path) {
                    Ok(database) => *guard = Some(database),
                    Err(error) => {
                        tracing::error!(path = %self.path.display(), %error, "the store cannot be opened again");
                    }
                }
            }
        }
        result
    }
}

const NOT_OPEN: &str = "the store could not be opened again after the disk failed; free some space and try again";

#[expect(clippy::result_large_err, reason = "happens once a start")]
fn open(path: &Path) -> std::result::Result<Database, redb::Error> {
    let database = Database::builder().set_cache_size(CACHE).create(path)?;
    // Readers expect every table to be there.
    let transaction = database.begin_write()?;
    for space in Space::ALL {
        transaction.open_table(space.definition())?;
    }
    transaction.commit()?;
    Ok(database)
}

/// How an error of redb is answered: out of room is 507, anything else of the disk too as it needs the same remedy.
fn failed(what: &str, error: impl Into<redb::Error>) -> CatalogError {
    let error = error.into();
    match &error {
        redb::Error::Io(_) | redb::Error::PreviousIo => {
            tracing::error!(%error, "the store cannot {what}");
            CatalogError::full(format!(
                "the catalog's store cannot {what}: {error}; nothing was changed, free some disk space"
            ))
        }
        _ => {
            tracing::error!(%error, "the store cannot {what}");
            CatalogError::internal(format!("the catalog's store cannot {what}: {error}"))
        }
    }
}
