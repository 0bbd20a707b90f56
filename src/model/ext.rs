//! `x-pipectl`: what the Compose Specification cannot say. Plain `docker compose` ignores these keys.

use std::collections::BTreeMap;
use std::time::Duration;

/// Service-level `x-pipectl`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServiceExt {
    /// When the service counts as ready; without it its health check decides, without that "running" does.
    pub ready: Option<Ready>,
    /// One-shot: success is exit code 0, also when nobody depends on it.
    pub job: bool,
    /// Where its image cannot be had, `up` says so and goes on without it.
    pub optional: bool,
    /// The service that does its work where it is left out.
    pub instead: Option<String>,
    /// Steps (by name) that must have succeeded before its containers start.
    pub after: Vec<String>,
    /// Address for people, shown by `up`, `status` and `credentials`.
    pub endpoint: Option<Endpoint>,
    /// User and password that go with the endpoint.
    pub credentials: Option<Credentials>,
    /// Part of the stack it belongs to; listings group by it.
    pub plane: Option<String>,
}

/// A readiness gate: a named probe with its arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Ready {
    /// Name of the probe, looked up by the probe registry.
    pub probe: String,
    /// Service that is asked; the service itself when absent.
    pub service: Option<String>,
    /// Deadline, counted from the start of the container.
    pub timeout: Duration,
    /// All other keys: the probe's own arguments (`port`, `path`, `contains`, `command` ..).
    pub args: serde_json::Map<String, serde_json::Value>,
}

/// An address for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What is found there.
    pub label: String,
    /// The address.
    pub url: String,
}

/// Credentials of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
}

/// Project-level `x-pipectl`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProjectExt {
    /// Path of the pipeline specification (`pipeline.yml`), absolute.
    pub pipeline: Option<std::path::PathBuf>,
    /// Pipeline steps by name: nodes of the same DAG as the containers.
    pub steps: BTreeMap<String, Step>,
    /// Profiles that are enabled besides the chosen ones, usually by a variable; `none` stands for no profile.
    pub profiles: Vec<String>,
    /// Version of the format in which the services keep their data; [`FIRST_LAYOUT`] when absent. It grows when a service
    /// can no longer read what an earlier version of it wrote.
    pub layout: Option<u32>,
}

/// Layout of volumes and projects that name none.
pub const FIRST_LAYOUT: u32 = 1;

impl ProjectExt {
    /// The layout of the data, with its default.
    pub fn layout(&self) -> u32 {
        self.layout.unwrap_or(FIRST_LAYOUT)
    }
}

/// A pipeline step as declared; what it does is looked up by `uses` in the step registry.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Name, the key in `steps`.
    pub name: String,
    /// Kind of step in the registry.
    pub uses: String,
    /// Services that must be ready and steps that must have succeeded before.
    pub after: Vec<String>,
    /// Profiles that enable it; empty means always.
    pub profiles: Vec<String>,
    /// Deadline for one run of the step.
    pub timeout: Duration,
    /// All other keys: the step's own arguments.
    pub args: serde_json::Map<String, serde_json::Value>,
}
