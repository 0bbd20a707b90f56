//! What the Compose files say, as plain data: parsed, interpolated, merged, validated.
//!
//! Nothing here talks to Docker or to the network. `load` is the way in; everything after it sees only these types.
//! Field meaning follows the Compose Specification; `ext` holds what `x-pipectl` adds.

mod canonical;
mod cycle;
pub mod dotenv;
mod environment;
mod error;
pub mod ext;
pub(crate) mod files;
pub(crate) mod forms;
mod include;
mod interpolate;
mod load;
mod merge;
pub(crate) mod paths;
mod published;
pub mod render;
mod secret;
mod service;
pub(crate) mod suggest;
mod typed;
mod validate;
pub(crate) mod yaml;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use error::{ModelError, Place};
pub use interpolate::{InterpolateError, interpolate};
pub use load::{LoadOptions, environment, load};
pub use published::{KnownSecret, PortVariable};
pub use secret::{SECRETS_DIR, Secret, SecretBytes, SecretSource, SecretUse};
pub use service::{
    Build, Condition, Dependency, Healthcheck, Mount, MountKind, NetworkAttachment, Port, Protocol, RestartPolicy,
    Service,
};

/// A whole Compose project after loading: names are resolved, defaults are filled in, references are checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Project {
    /// Project name: prefix of every container, network and volume.
    pub name: String,
    /// Directory of the first Compose file. Relative host paths were resolved against it, those of an included file
    /// against that file's own directory.
    pub dir: PathBuf,
    /// The files that were read, in order, includes and overrides too.
    pub files: Vec<PathBuf>,
    /// Services that the chosen profiles enable, by name, dependencies not sorted.
    pub services: BTreeMap<String, Service>,
    /// Services left out because none of their profiles was chosen: name to profiles.
    pub disabled: BTreeMap<String, Vec<String>>,
    /// Those of them whose work an enabled service does: their containers make room for that one's.
    pub superseded: BTreeMap<String, Superseded>,
    /// Networks by key.
    pub networks: BTreeMap<String, Network>,
    /// Named volumes by key.
    pub volumes: BTreeMap<String, Volume>,
    /// Secrets that its services use, by key.
    pub secrets: BTreeMap<String, Secret>,
    /// Project-level `x-pipectl`.
    pub ext: ext::ProjectExt,
    /// Variables that decide on published ports.
    pub port_variables: Vec<PortVariable>,
    /// Secrets of services that are those of the files.
    pub known_secrets: Vec<KnownSecret>,
    /// What was accepted but has no effect, and variables that are not set: one line each.
    pub warnings: Vec<String>,
}

/// A service that the profiles leave out, and the enabled one that does its work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Superseded {
    /// The enabled service.
    pub by: String,
    /// Time that its containers have to stop.
    pub stop_grace_period: Option<std::time::Duration>,
}

/// A network of the project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Name on the engine, `<project>_<key>` unless the file says otherwise.
    pub name: String,
    /// Driver; the engine's default (`bridge`) when absent.
    pub driver: Option<String>,
    /// True when it must exist already and is never created or removed by us.
    pub external: bool,
    /// True for a network without a route to the outside.
    pub internal: bool,
    /// Labels from the file.
    pub labels: BTreeMap<String, String>,
}

/// A named volume of the project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Volume {
    /// Name on the engine, `<project>_<key>` unless the file says otherwise.
    pub name: String,
    /// Driver; `local` when absent.
    pub driver: Option<String>,
    /// Options handed to the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// True when it must exist already and is never created or removed by us.
    pub external: bool,
    /// Labels from the file.
    pub labels: BTreeMap<String, String>,
}
