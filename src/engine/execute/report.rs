//! What came of a run.

use std::time::Duration;

use crate::event::Outcome;
use crate::failure::Failure;

/// What came of one operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpResult {
    /// How it ended; always there once the run is over.
    pub outcome: Option<Outcome>,
    /// How long it took.
    pub elapsed: Duration,
    /// One line, as in the event.
    pub detail: String,
    /// True when it changed something itself.
    pub changed: bool,
    /// True when it was only for the case that others are left out, and they were not.
    pub stood_by: bool,
}

/// What came of a run, operation by operation.
#[derive(Debug)]
pub struct Report {
    /// By id in the plan.
    pub ops: Vec<OpResult>,
    /// The first failure that was not optional.
    pub failure: Option<Failure>,
    /// The run was cancelled from outside.
    pub interrupted: bool,
}

impl Report {
    /// True when everything asked for was done.
    pub fn is_ok(&self) -> bool {
        self.failure.is_none() && !self.interrupted
    }

    /// Number of operations that changed something.
    pub fn changes(&self) -> usize {
        self.ops.iter().filter(|result| result.changed).count()
    }

    /// Durations by id, for [`super::super::plan::Plan::critical_path`].
    pub fn elapsed(&self) -> Vec<Duration> {
        self.ops.iter().map(|result| result.elapsed).collect()
    }

    /// Number of operations that ended in a way.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.ops.iter().filter(|result| result.outcome == Some(outcome)).count()
    }
}
