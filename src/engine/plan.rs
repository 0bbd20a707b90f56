//! A plan: what will be done, in which order and why. Made by `reconcile`, obeyed by `execute`.

use std::time::Duration;

use super::backend::{ContainerSpec, NetworkSpec, VolumeSpec};
use crate::model::ext::{Ready, Step};

/// A DAG of operations. An operation's id is its index; `after` only names smaller ids, so the order in the list is
/// topological and a cycle cannot be written down.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The operations.
    pub operations: Vec<Operation>,
}

/// One operation: one engine call, one gate or one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What is done.
    pub action: Action,
    /// Why: "not there", "configuration changed", "depends on kafka" ...
    pub cause: String,
    /// The service it belongs to, if any.
    pub service: Option<String>,
    /// Operations that must have ended well before.
    pub after: Vec<usize>,
    /// A failure is a warning and what depends on it is skipped without failing the run.
    pub optional: bool,
}

/// What an operation does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Get an image: build it or pull it, by its reference, through the image provider.
    EnsureImage {
        /// Reference that must exist afterwards.
        reference: String,
    },
    /// Make a network.
    CreateNetwork(NetworkSpec),
    /// Remove a network.
    RemoveNetwork {
        /// Name on the engine.
        name: String,
    },
    /// Make a volume.
    CreateVolume(VolumeSpec),
    /// Remove a volume and the data in it.
    RemoveVolume {
        /// Name on the engine.
        name: String,
    },
    /// Make a container.
    CreateContainer(Box<ContainerSpec>),
    /// Start a container.
    StartContainer {
        /// Name on the engine.
        name: String,
    },
    /// Stop a container.
    StopContainer {
        /// Name on the engine.
        name: String,
        /// Time until SIGKILL.
        grace: Duration,
    },
    /// Remove a container.
    RemoveContainer {
        /// Name on the engine.
        name: String,
    },
    /// Wait until a container is ready.
    Await(Gate),
    /// Run a pipeline step through the step registry.
    RunStep(Step),
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// Container that must not end meanwhile (or must end well, for [`Until::Completed`]).
    pub container: String,
    /// Condition.
    pub until: Until,
    /// Deadline.
    pub timeout: Duration,
}

/// Condition of a gate.
#[derive(Debug, Clone, PartialEq)]
pub enum Until {
    /// The container runs.
    Running,
    /// Its own health check passes.
    Healthy,
    /// A probe passes.
    Probe(Ready),
    /// It has exited with 0.
    Completed,
}
