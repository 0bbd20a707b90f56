//! Remembers that volumes are being removed or filled, for the `up` after a command that was killed on its way: what is
//! left then is part of one state and part of another, and every store would take its own for the whole.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::stack::Stack;
use crate::engine::observed::Observed;
use crate::failure::Failure;

/// A file that is there while volumes are not as any moment left them.
pub struct Unfinished(PathBuf);

/// What is in it.
#[derive(Serialize, Deserialize)]
struct Mark {
    /// The command, as typed.
    command: String,
    /// Volumes that are being removed; none while volumes are being filled.
    removing: Option<Vec<String>>,
}

impl Unfinished {
    /// The mark of a project, beside its other state.
    pub fn of(stack: &Stack) -> Self {
        Self(stack.state_dir().join("unfinished.json"))
    }

    /// Refuses to go on where such a command was killed. As long as no volume is gone, nothing has happened. Only looks.
    pub fn check(&self, now: &Observed) -> Result<(), Failure> {
        let text = match std::fs::read(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.failure("read", &error)),
        };
        let mark: Mark = serde_json::from_slice(&text).map_err(|error| self.failure("read", &error.into()))?;
        let is_there = |name: &String| now.volumes.iter().any(|volume| volume.name == *name);
        if mark.removing.is_some_and(|names| names.iter().all(is_there)) {
            return Ok(());
        }
        let message = format!("`pipectl {}` did not get to its end: volumes are gone or incomplete", mark.command);
        Err(Failure::stack(message)
            .hint("`pipectl reset all` leaves nothing of them, `pipectl restore FILE --force` brings a backup back"))
    }

    /// Before this command removes the first volume.
    pub fn removing(&self, command: &str, before: &Observed) -> Result<(), Failure> {
        // An earlier command left them incomplete: that they are all there says nothing then.
        if self.check(before).is_err() && self.0.exists() {
            return Ok(());
        }
        let names: Vec<String> = before.volumes.iter().map(|volume| volume.name.clone()).collect();
        if names.is_empty() { Ok(()) } else { self.set(command, Some(names)) }
    }

    /// Before this command fills the first volume.
    pub fn filling(&self, command: &str) -> Result<(), Failure> {
        self.set(command, None)
    }

    /// When all volumes are whole or gone.
    pub fn clear(&self) -> Result<(), Failure> {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failure("remove", &error)),
            _ => Ok(()),
        }
    }

    fn set(&self, command: &str, removing: Option<Vec<String>>) -> Result<(), Failure> {
        let write = || {
            if let Some(directory) = self.0.parent() {
                std::fs::create_dir_all(directory)?;
            }
            std::fs::write(&self.0, serde_json::to_vec(&Mark { command: command.to_owned(), removing })?)
        };
        write().map_err(|error| self.failure("write", &error))
    }

    fn failure(&self, verb: &str, error: &io::Error) -> Failure {
        Failure::stack(format!("cannot {verb} {}", self.0.display()))
            .because(error.to_string())
            .hint("make the directory .pipectl writable for you, or `pipectl reset all`")
    }
}
