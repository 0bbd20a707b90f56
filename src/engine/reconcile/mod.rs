//! The difference between what should be and what is, as a plan. Pure: no engine call, no clock, no randomness, so
//! equal input gives an equal plan and everything can be tested as text.
//!
//! `up` closes the whole difference; `down`, `stop`, `start` and `restart` only look at what is there.

mod alternatives;
mod builder;
mod decide;
mod launch;
mod lifecycle;
mod networks;
mod refuse;
mod remove;
mod up;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::graph::GraphError;
use crate::exit;
use crate::failure::Failure;
pub use alternatives::select;
pub use lifecycle::{restart, start, stop};
pub use refuse::refusals;
pub use remove::{down, reset_all, reset_part};
pub use up::up;

/// The engine's own grace period where a service names none.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// What `up` is asked to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpOptions {
    /// Services; all when empty. What they need comes along.
    pub services: Vec<String>,
    /// Recreate the containers of the chosen services whether they changed or not.
    pub force_recreate: bool,
    /// Never recreate a container that exists.
    pub no_recreate: bool,
    /// Remove containers of services that the project no longer has.
    pub remove_orphans: bool,
    /// Image references that exist locally; others are ensured first.
    pub images_present: BTreeSet<String>,
    /// Number of containers for some services, instead of the file's.
    pub scale: BTreeMap<String, u32>,
    /// Steps that are left out.
    pub without_steps: BTreeSet<String>,
    /// Steps that only run when something before them changed something.
    pub steps_on_change: BTreeSet<String>,
}

/// Why there is no plan. Nothing was touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The graph or a chosen name is wrong.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// An external network or volume is missing.
    #[error("{kind} `{name}` is declared external and does not exist")]
    ExternalMissing {
        /// `network` or `volume`.
        kind: &'static str,
        /// Name on the engine.
        name: String,
    },
    /// Volumes hold data in the format of another version.
    #[error("data of layout {found} in {}, and this project has layout {needed}", volumes.join(", "))]
    Layout {
        /// The volumes, by their names on the engine.
        volumes: Vec<String>,
        /// Layout of the data.
        found: u32,
        /// Layout that the services read and write.
        needed: u32,
    },
    /// More than one container with one name.
    #[error("service `{0}` has a fixed `container_name` and cannot run more than once")]
    FixedName(String),
    /// More than one container on one port of the machine.
    #[error("service `{service}` publishes port {port} of this machine and cannot run more than once")]
    FixedPort {
        /// The service.
        service: String,
        /// The port on the host.
        port: u16,
    },
    /// The description lacks a service: a mistake of the caller.
    #[error("service `{0}` was not described")]
    NotDescribed(String),
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        let failure = Self::new(exit::USAGE, error.to_string());
        match error {
            PlanError::Graph(GraphError::Disabled { profiles, .. }) => {
                failure.hint(format!("choose it with `--profile {}`", profiles.first().map_or("NAME", String::as_str)))
            }
            PlanError::Graph(GraphError::UnknownService { .. }) => {
                failure.hint("`pipectl config --services` lists the services")
            }
            PlanError::ExternalMissing { kind, name } => failure.hint(format!("docker {kind} create {name}")),
            PlanError::Layout { found, needed, .. } if found > needed => failure
                .hint("a newer version wrote it: use that version of pipectl and of the Compose files")
                .hint("to begin anew: `pipectl reset all` throws the data away, with `--backup FILE` it keeps a copy"),
            PlanError::Layout { .. } => failure
                .hint("an older version wrote it: that version of pipectl and of the Compose files still starts it")
                .hint("to go on with this one: `pipectl reset all --backup FILE`, then `pipectl up` begins anew"),
            PlanError::FixedPort { .. } => failure.hint("leave the host port out and the engine chooses one for each"),
            _ => failure,
        }
    }
}
