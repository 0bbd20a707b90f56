//! One service of a project.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::ext::ServiceExt;
use super::secret::SecretUse;

/// A service: how its containers are made and what must hold before they start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Service {
    /// Name, the key in `services`.
    pub name: String,
    /// Image reference as written (after interpolation).
    pub image: Option<String>,
    /// How to build the image here.
    pub build: Option<Build>,
    /// `pull_policy` as written (`always`, `missing`, `never`, `build`).
    pub pull_policy: Option<String>,
    /// Replaces the image's entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// Replaces the image's command.
    pub command: Option<Vec<String>>,
    /// Environment, `env_file` contents included, later wins.
    pub environment: BTreeMap<String, String>,
    /// `user[:group]` of the process.
    pub user: Option<String>,
    /// Working directory.
    pub working_dir: Option<String>,
    /// Host name inside; the service's name is always an alias as well.
    pub hostname: Option<String>,
    /// Fixed container name; excludes `scale` over 1.
    pub container_name: Option<String>,
    /// Run an init process as PID 1.
    pub init: Option<bool>,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Ports that are documented but not published.
    pub expose: Vec<String>,
    /// Volumes, bind mounts and tmpfs mounts.
    pub mounts: Vec<Mount>,
    /// Secrets that it finds as files.
    pub secrets: Vec<SecretUse>,
    /// Networks by key.
    pub networks: BTreeMap<String, NetworkAttachment>,
    /// What must hold of other services before this one starts.
    pub depends_on: BTreeMap<String, Dependency>,
    /// The container's own health check.
    pub healthcheck: Option<Healthcheck>,
    /// Restart policy.
    pub restart: RestartPolicy,
    /// Signal that asks the process to stop.
    pub stop_signal: Option<String>,
    /// Time between that signal and SIGKILL; the engine's 10 s when absent.
    pub stop_grace_period: Option<Duration>,
    /// Memory limit in bytes.
    pub mem_limit: Option<u64>,
    /// Limit in CPUs.
    pub cpus: Option<f64>,
    /// Size of /dev/shm in bytes.
    pub shm_size: Option<u64>,
    /// Capabilities added.
    pub cap_add: Vec<String>,
    /// Capabilities dropped.
    pub cap_drop: Vec<String>,
    /// Security options such as `no-new-privileges:true`.
    pub security_opt: Vec<String>,
    /// Root file system read-only.
    pub read_only: bool,
    /// Extra `host:ip` entries.
    pub extra_hosts: Vec<String>,
    /// Limits: name to (soft, hard).
    pub ulimits: BTreeMap<String, (i64, i64)>,
    /// Kernel parameters of the container.
    pub sysctls: BTreeMap<String, String>,
    /// Labels from the file.
    pub labels: BTreeMap<String, String>,
    /// Profiles that enable it; empty means always.
    pub profiles: Vec<String>,
    /// Number of containers (`scale` or `deploy.replicas`), 1 by default.
    pub scale: u32,
    /// Service-level `x-pipectl`.
    pub ext: ServiceExt,
}

/// How an image is built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Build {
    /// Absolute path of the build context.
    pub context: PathBuf,
    /// Dockerfile relative to the context; `Dockerfile` when absent.
    pub dockerfile: Option<String>,
    /// Stage to build.
    pub target: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// Name under which this program itself is put into the context (`x-pipectl: {executable: NAME}`).
    pub executable: Option<String>,
}

/// One published port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Address on the host; every address when absent.
    pub host_ip: Option<String>,
    /// Port on the host; the engine chooses when absent.
    pub published: Option<u16>,
    /// Port inside.
    pub target: u16,
    /// Transport.
    pub protocol: Protocol,
}

/// Transport of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// A mount of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it comes from.
    pub kind: MountKind,
    /// Absolute path inside.
    pub target: String,
    /// True when the container cannot write to it.
    pub read_only: bool,
}

/// Source of a mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountKind {
    /// A named volume, by its key in `volumes`.
    Volume(String),
    /// An anonymous volume.
    Anonymous,
    /// A path on the host, absolute.
    Bind(PathBuf),
    /// Memory, with an optional size in bytes.
    Tmpfs(Option<u64>),
}

/// How a service joins a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkAttachment {
    /// Further names on that network; the service's own name is implied.
    pub aliases: Vec<String>,
}

/// One entry of `depends_on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dependency {
    /// What must hold.
    pub condition: Condition,
    /// False: a failure of the dependency is a warning, not an error.
    pub required: bool,
    /// True: recreate this service when the dependency is recreated.
    pub restart: bool,
}

/// Condition of a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The container runs.
    Started,
    /// The service is ready: its `x-pipectl` probe passes, or its health check where it has no probe.
    Healthy,
    /// The container has exited with 0.
    CompletedSuccessfully,
}

/// A container health check. Absent times mean the engine's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Healthcheck {
    /// `["CMD", ..]`, `["CMD-SHELL", ..]`, or `["NONE"]` to switch the image's own off.
    pub test: Vec<String>,
    /// Time between checks.
    pub interval: Option<Duration>,
    /// Time one check may take.
    pub timeout: Option<Duration>,
    /// Failures in a row until unhealthy.
    pub retries: Option<u32>,
    /// Start-up time in which failures do not count.
    pub start_period: Option<Duration>,
    /// Interval during the start period (engine 25 and later).
    pub start_interval: Option<Duration>,
}

/// Restart policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestartPolicy {
    /// Never.
    #[default]
    No,
    /// Always.
    Always,
    /// When it exits non-zero, at most so many times (0: without end).
    OnFailure(u32),
    /// Always, unless stopped by hand.
    UnlessStopped,
}
