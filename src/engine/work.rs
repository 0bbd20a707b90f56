//! The traits through which the executor reaches what it knows nothing about: probes, steps and images.

use async_trait::async_trait;

use super::backend::ProgressFn;
use crate::model::ext::{Ready, Step};

/// Answer of one poll of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probed {
    /// Ready; a short word on what was seen ("ApiVersions ok").
    Ready(String),
    /// Not yet; what was seen ("connection refused", "FSState safeMode").
    NotYet(String),
    /// Not yet, because it is at work on something whose length nobody knows ("orders is built anew: 4000 changes so far"). As long as it
    /// says other things it gets on, and the gate's time begins anew.
    Busy(String),
    /// It will never be: fail the gate at once ("task FAILED: ..").
    Never(String),
}

/// Polls readiness. One implementation for the product (a registry by probe name), fakes for tests.
#[async_trait]
pub trait Prober: Send + Sync {
    /// One poll; the caller repeats it about ten times a second. Must return within a second or two.
    /// `service` is the service that the gate belongs to; `ready.service` redirects it.
    async fn poll(&self, service: &str, ready: &Ready) -> Probed;
}

/// Runs pipeline steps by name.
#[async_trait]
pub trait Stepper: Send + Sync {
    /// Runs a step to its end: checks, applies, verifies; idempotent. `say` reports where it stands.
    /// Returns one line on what it did, and whether anything was changed.
    async fn run(&self, step: &Step, say: &SayFn) -> Result<StepDone, StepError>;

    /// Containers whose logs may tell why a step does not come to its end.
    async fn look_at(&self, step: &Step) -> Vec<String>;
}

/// Reports what a step waits for, one line.
pub type SayFn = dyn Fn(&str) + Send + Sync;

/// A step that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepDone {
    /// False when everything was in place already.
    pub changed: bool,
    /// One line.
    pub detail: String,
}

/// A step that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// What failed and why, causes included, one per line.
    pub message: String,
    /// The next command to type or the thing to change.
    pub hint: Option<String>,
    /// Containers whose last log lines help.
    pub look_at: Vec<String>,
}

/// Makes images present.
#[async_trait]
pub trait ImageProvider: Send + Sync {
    /// Makes `reference` exist locally: builds or pulls. `progress` gets bytes where they are known, `output` build lines.
    async fn ensure(
        &self,
        reference: &str,
        progress: &ProgressFn,
        output: &super::backend::OutputFn,
    ) -> Result<String, super::backend::BackendError>;
}
