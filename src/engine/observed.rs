//! What is there: one snapshot of the engine's objects that belong to a project.

use std::collections::BTreeMap;

/// Label with the project's name (Compose's own, so that `docker compose ps|logs|down` work on our stacks).
pub const PROJECT_LABEL: &str = "com.docker.compose.project";
/// Label with the service's name.
pub const SERVICE_LABEL: &str = "com.docker.compose.service";
/// Label with the number of the container within its service, from 1.
pub const NUMBER_LABEL: &str = "com.docker.compose.container-number";
/// Label with the key of a volume.
pub const VOLUME_LABEL: &str = "com.docker.compose.volume";
/// Label with the key of a network.
pub const NETWORK_LABEL: &str = "com.docker.compose.network";
/// Label with the hash of the configuration an object was made from.
pub const CONFIG_HASH_LABEL: &str = "io.pipectl.config-hash";
/// Label that tells one-off containers (`run`) from those of a service; Compose lists only what has it.
pub const ONEOFF_LABEL: &str = "com.docker.compose.oneoff";
/// Label with Compose's own hash; Compose lists only what has it, so ours is written there as well.
pub const COMPOSE_HASH_LABEL: &str = "com.docker.compose.config-hash";
/// Label with the project directory.
pub const WORKING_DIR_LABEL: &str = "com.docker.compose.project.working_dir";
/// Label with the Compose files, comma-separated.
pub const CONFIG_FILES_LABEL: &str = "com.docker.compose.project.config_files";
/// Label of volumes with the version of the format of the data in them, see `x-pipectl.layout`.
pub const LAYOUT_LABEL: &str = "io.pipectl.layout";
/// Label of images that pipectl built: the hash of their inputs.
pub const IMAGE_HASH_LABEL: &str = "io.pipectl.image-hash";

/// Everything of a project.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// Containers.
    pub containers: Vec<ContainerSummary>,
    /// Networks.
    pub networks: Vec<NetworkSummary>,
    /// Volumes.
    pub volumes: Vec<VolumeSummary>,
    /// Exit codes of the containers that have ended, by container name (a listing does not tell them).
    pub exit_codes: BTreeMap<String, i64>,
}

/// State of a container's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RunState {
    /// Made, never started.
    #[default]
    Created,
    /// Runs.
    Running,
    /// Frozen.
    Paused,
    /// Between two runs of its restart policy.
    Restarting,
    /// Ended.
    Exited,
    /// Cannot be used any more.
    Dead,
}

impl RunState {
    /// The words for it where a person reads why something is waited for.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Created => "created, not started",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Exited => "exited",
            Self::Dead => "dead",
        }
    }

    /// True while there is a process that must be stopped before the container can go.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Restarting)
    }
}

/// Verdict of a container's health check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// It has none.
    #[default]
    None,
    /// Not decided yet.
    Starting,
    /// Passing.
    Healthy,
    /// Failing.
    Unhealthy,
}

/// A container in a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerSummary {
    /// Id.
    pub id: String,
    /// Name without the leading slash.
    pub name: String,
    /// Project, from the label; empty when it has none.
    pub project: String,
    /// Project directory, from the label; empty when it has none.
    pub working_dir: String,
    /// Service, from the label.
    pub service: String,
    /// Number within the service, from the label.
    pub number: u32,
    /// State.
    pub state: RunState,
    /// Health, as far as a listing tells.
    pub health: Health,
    /// Image reference it was made from.
    pub image: String,
    /// Our hash of the configuration it was made from; empty for containers that others made.
    pub config_hash: String,
    /// Names of attached networks with the container's address on each.
    pub networks: BTreeMap<String, String>,
    /// Published ports: container port to host port.
    pub ports: BTreeMap<u16, u16>,
    /// The one address of the engine's machine that such a port is published on; nothing of one that is on all of them.
    pub bound: BTreeMap<u16, String>,
}

/// Full state of one container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerDetail {
    /// Id.
    pub id: String,
    /// Name without the leading slash.
    pub name: String,
    /// State.
    pub state: RunState,
    /// Exit code of the last run.
    pub exit_code: i64,
    /// True when the kernel killed it for memory.
    pub oom_killed: bool,
    /// What the engine says about a failed start.
    pub error: String,
    /// Health.
    pub health: Health,
    /// Output of the last health check.
    pub health_output: String,
    /// How often the restart policy restarted it.
    pub restarts: i64,
    /// Start of the last run, RFC 3339.
    pub started_at: String,
    /// End of the run before, or of this one where it does not run, RFC 3339; the year 1 when there is none.
    pub finished_at: String,
    /// Its first process, as the machine that runs containers numbers it; nothing when it does not run.
    pub pid: Option<u64>,
    /// Addresses by network.
    pub networks: BTreeMap<String, String>,
    /// Published ports: container port to host port.
    pub ports: BTreeMap<u16, u16>,
}

/// A network in a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkSummary {
    /// Name.
    pub name: String,
    /// Our hash of the configuration it was made from; empty when others made it.
    pub config_hash: String,
    /// Project, from the label; empty when it has none.
    pub project: String,
    /// Its address ranges, such as `172.18.0.0/16`.
    pub subnets: Vec<String>,
}

/// A volume in a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VolumeSummary {
    /// Name.
    pub name: String,
    /// Key in the Compose file, from the label; empty when it has none.
    pub key: String,
    /// Layout of the data in it, from the label; none for volumes that have no such label.
    pub layout: Option<u32>,
    /// Our hash of the configuration it was made from; empty when others made it.
    pub config_hash: String,
    /// Project, from the label; empty when it has none.
    pub project: String,
}

/// A local image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageSummary {
    /// Id (`sha256:..`).
    pub id: String,
    /// Every `name:tag`.
    pub references: Vec<String>,
    /// Our hash of its inputs; empty for images that others made.
    pub image_hash: String,
    /// Size in bytes, layers shared with others included.
    pub size: u64,
    /// Architecture, for example `amd64`; empty where the engine did not tell.
    pub architecture: String,
}
