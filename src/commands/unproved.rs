//! Remembers that a start has changed something and not yet proved and catalogued the flow, for the `up` after one that was killed.

use std::io;
use std::path::PathBuf;

use super::stack::Stack;
use crate::failure::Failure;

/// A file that is there from the beginning of a run whose plan ends in a proof until that proof has succeeded.
pub struct Unproved(PathBuf);

impl Unproved {
    /// The mark of a project, beside its other state.
    pub fn of(stack: &Stack) -> Self {
        Self(stack.state_dir().join("unproved"))
    }

    /// True when an earlier run did not get to its proof.
    pub fn is_set(&self) -> bool {
        self.0.exists()
    }

    /// Before anything is changed.
    pub fn set(&self) -> io::Result<()> {
        if let Some(directory) = self.0.parent() {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(&self.0, "the last `pipectl up` changed something and has not proved the flow since\n")
    }

    /// The failure of a machine where it cannot be kept.
    pub fn unwritable(&self, error: &io::Error) -> Failure {
        Failure::usage(format!("cannot keep {}", self.0.display()))
            .because(error.to_string())
            .hint("make the directory .pipectl writable for you")
    }

    /// After the proof.
    pub fn clear(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
