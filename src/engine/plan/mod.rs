//! A plan: what will be done, in which order and why. Made by `reconcile`, obeyed by `execute`.

mod show;

use std::time::Duration;

use super::backend::{ContainerSpec, NetworkSpec, VolumeSpec};
use crate::model::ext::{Ready, Step};

/// A DAG of operations. An operation's id is its index; `after` only names smaller ids, so the order in the list is
/// topological and a cycle cannot be written down.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The operations.
    pub operations: Vec<Operation>,
    /// What the planner saw and leaves alone, for people.
    pub warnings: Vec<Warning>,
}

/// Something that the plan does not do but a person should know.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Warning {
    /// What.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// One operation: one engine call, one gate or one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What is done.
    pub action: Action,
    /// Why: "not there", "configuration changed", "depends on db, which is recreated" ...
    pub cause: String,
    /// The service it belongs to, if any.
    pub service: Option<String>,
    /// Operations that must have ended well before.
    pub after: Vec<usize>,
    /// Operations that must have ended before, well or not: an order without a condition.
    pub after_ended: Vec<usize>,
    /// Only when something it comes after has changed something; skipped otherwise.
    pub on_change: bool,
    /// A failure is a warning and what depends on it is skipped without failing the run.
    pub optional: bool,
    /// The service that does the work of what is then skipped.
    pub instead: Option<String>,
    /// Only when one of these was left out; skipped otherwise. All of them must have ended before. Empty for what does not
    /// depend on that.
    pub in_place_of: Vec<usize>,
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
    /// Deadline, counted from the moment the gate is reached.
    pub timeout: Duration,
    /// How long a container that was started just now must have run for [`Until::Running`]: one that exits at once
    /// did run for a moment.
    pub settle: Duration,
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

impl Plan {
    /// Number of operations that change something: everything but gates and steps, which look first, and what is done only
    /// where something else fails.
    pub fn changes(&self) -> usize {
        let due = self.operations.iter().filter(|operation| operation.in_place_of.is_empty());
        due.filter(|operation| operation.action.is_change()).count()
    }

    /// Containers of a service that the plan starts or waits for.
    pub fn containers_of(&self, service: &str) -> Vec<&str> {
        let mut names: Vec<_> = self
            .operations
            .iter()
            .filter(|operation| operation.service.as_deref() == Some(service))
            .filter_map(|operation| match &operation.action {
                Action::StartContainer { name } => Some(name.as_str()),
                Action::Await(gate) => Some(gate.container.as_str()),
                _ => None,
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The chain of operations that decided how long the run took, given how long each one took.
    pub fn critical_path(&self, elapsed: &[Duration]) -> Vec<usize> {
        let mut total = vec![Duration::ZERO; self.operations.len()];
        let mut from = vec![None; self.operations.len()];
        for (id, operation) in self.operations.iter().enumerate() {
            let slowest = operation.before().max_by_key(|before| (total[*before], usize::MAX - before));
            from[id] = slowest;
            total[id] =
                slowest.map_or(Duration::ZERO, |before| total[before]) + elapsed.get(id).copied().unwrap_or_default();
        }
        let last = (0..total.len()).max_by_key(|id| (total[*id], usize::MAX - id));
        let mut path: Vec<_> = std::iter::successors(last, |id| from[*id]).collect();
        path.reverse();
        path
    }
}

impl Operation {
    /// Every operation that must have ended before this one begins.
    pub fn before(&self) -> impl Iterator<Item = usize> + '_ {
        self.after.iter().chain(&self.after_ended).chain(&self.in_place_of).copied()
    }
}

impl Action {
    /// True for what changes something by itself; gates only look, steps look first.
    pub fn is_change(&self) -> bool {
        !matches!(self, Self::Await(_) | Self::RunStep(_))
    }
}
