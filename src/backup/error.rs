//! Why a backup could not be written, read or restored.

use std::path::PathBuf;

use crate::engine::backend::BackendError;

/// What went wrong, with the file it is about.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file is there already.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It cannot be opened.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It does not begin as such a file does.
    #[error("{} is no {expected}: {why}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// `backup of pipectl` or `archive of images`.
        expected: &'static str,
        /// What was found instead.
        why: String,
    },
    /// A newer pipectl wrote it.
    #[error("{} has format {found}, and this pipectl reads up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// It was cut off, altered, or holds what no backup holds.
    #[error("{} is damaged: {member}: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Part of it, with the entry in it where there is one.
        member: String,
        /// What is wrong with it.
        why: String,
    },
    /// A volume holds what cannot be kept, or could not be read to its end.
    #[error("volume {volume} cannot be saved: {why}")]
    Volume {
        /// The volume.
        volume: String,
        /// What is wrong.
        why: String,
    },
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] BackendError),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}
