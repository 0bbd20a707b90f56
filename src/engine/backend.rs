//! The only seam to a container engine: about twenty atomic operations, no policy.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::observed::{ContainerDetail, ContainerSummary, ImageSummary, NetworkSummary, VolumeSummary};
use crate::model::{Healthcheck, Mount, Port, RestartPolicy, SecretBytes};

/// A container engine.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Facts about the engine; also the test that it answers.
    async fn info(&self) -> Result<EngineInfo>;

    /// Containers of a project, stopped ones too.
    async fn containers(&self, project: &str) -> Result<Vec<ContainerSummary>>;
    /// Networks of a project, and those with one of the given names.
    async fn networks(&self, project: &str, names: &[String]) -> Result<Vec<NetworkSummary>>;
    /// Volumes of a project, and those with one of the given names.
    async fn volumes(&self, project: &str, names: &[String]) -> Result<Vec<VolumeSummary>>;
    /// Every local image that has a tag.
    async fn images(&self) -> Result<Vec<ImageSummary>>;
    /// Those of these image references that are there, and perhaps other images too. Engines that need long for a full
    /// listing (Docker 20.10 reads every layer of every build from disk) answer this one faster.
    async fn find_images(&self, references: &[String]) -> Result<Vec<ImageSummary>> {
        let _ = references;
        self.images().await
    }
    /// Full state of one container.
    async fn inspect(&self, container: &str) -> Result<ContainerDetail>;
    /// Every container of the engine, whoever made it, stopped ones too.
    async fn all_containers(&self) -> Result<Vec<ContainerSummary>>;
    /// Memory in use by a running container that was inspected just now, in bytes, without the page cache that the
    /// kernel can drop.
    async fn memory(&self, container: &ContainerDetail) -> Result<u64>;

    /// Makes a network.
    async fn create_network(&self, spec: &NetworkSpec) -> Result<()>;
    /// Removes a network; absent is success.
    async fn remove_network(&self, name: &str) -> Result<()>;
    /// Makes a volume.
    async fn create_volume(&self, spec: &VolumeSpec) -> Result<()>;
    /// Removes a volume; absent is success.
    async fn remove_volume(&self, name: &str) -> Result<()>;

    /// Makes a container with its secrets and returns its id. One that was made and lacks them was never started.
    async fn create_container(&self, spec: &ContainerSpec) -> Result<String>;
    /// Starts a container; already running is success.
    async fn start(&self, container: &str) -> Result<()>;
    /// Asks a container to stop, kills it after `grace`; already stopped or absent is success.
    async fn stop(&self, container: &str, grace: Duration) -> Result<()>;
    /// Sends SIGKILL; not running or absent is success.
    async fn kill(&self, container: &str) -> Result<()>;
    /// Removes a container with its anonymous volumes, running or not; absent is success.
    async fn remove_container(&self, container: &str) -> Result<()>;

    /// Runs a command in a running container and returns its output.
    async fn exec(&self, container: &str, command: &[String]) -> Result<ExecOutput>;
    /// The last `tail` lines a container wrote (stdout and stderr, oldest first).
    async fn logs(&self, container: &str, tail: usize) -> Result<Vec<String>>;
    /// Streams lines until the container ends or the receiver is dropped.
    async fn follow_logs(&self, container: &str, options: &LogOptions, lines: mpsc::Sender<LogLine>) -> Result<()>;

    /// Pulls an image from its registry.
    async fn pull(&self, reference: &str, progress: &ProgressFn) -> Result<()>;
    /// Builds an image from a tar of its context; `output` gets the build's lines.
    async fn build(&self, request: BuildRequest, output: &OutputFn) -> Result<()>;
    /// Makes an image from a root file system tar on disk (`docker import`).
    async fn import(&self, rootfs: &std::path::Path, reference: &str) -> Result<()>;
    /// Gives an image one more reference.
    async fn tag(&self, image: &str, reference: &str) -> Result<()>;
    /// Removes an image reference; absent is success.
    async fn remove_image(&self, reference: &str) -> Result<()>;
}

/// Bytes done, bytes in all (0 while unknown), and a word on what is being done.
pub type ProgressFn = dyn Fn(u64, u64, &str) + Send + Sync;
/// One line of output.
pub type OutputFn = dyn Fn(&str) + Send + Sync;
/// Result of a backend call.
pub type Result<T> = std::result::Result<T, BackendError>;

/// Why an engine call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BackendError {
    /// Nothing answers at the engine's address.
    #[error("no container engine answers at {address}: {reason}")]
    Unreachable {
        /// Where it was tried.
        address: String,
        /// What the operating system said.
        reason: String,
    },
    /// The engine's socket may not be opened by this user.
    #[error("no permission to use the container engine at {address}")]
    Permission {
        /// Where it was tried.
        address: String,
    },
    /// The engine answers but speaks an API that is too old.
    #[error(
        "{engine} at {address} is too old: it speaks API {}.{}, and {}.{} is needed (Docker 20.10 or newer)",
        api.0, api.1, needed.0, needed.1
    )]
    TooOld {
        /// Where it answered.
        address: String,
        /// Product and version.
        engine: String,
        /// The API it speaks, as (major, minor).
        api: (u32, u32),
        /// The oldest API that will do.
        needed: (u32, u32),
    },
    /// The object is not there.
    #[error("{what} does not exist")]
    NotFound {
        /// Kind and name.
        what: String,
    },
    /// A port of the host is in use.
    #[error("port {port} of this machine is taken: {message}")]
    PortTaken {
        /// The port, as in the engine's message.
        port: u16,
        /// What the engine said.
        message: String,
    },
    /// An image build failed in one of its steps.
    #[error("building {image} failed at `{step}`: {message}")]
    Build {
        /// The image.
        image: String,
        /// The failing step of the Dockerfile.
        step: String,
        /// What the builder said.
        message: String,
        /// The last lines of the step's output.
        output: Vec<String>,
    },
    /// A registry wants a login, or another one.
    #[error("failed to {operation}: registry {registry} {}: {message}", match user {
        Some(user) => format!("refuses the login of {user}"),
        None => "wants a login, and Docker's configuration has none for it".to_owned(),
    })]
    Login {
        /// What was asked, as a phrase: "pull registry.example.com/pipectl/kafka:12ab".
        operation: String,
        /// Host and port of the registry.
        registry: String,
        /// Whose login was tried.
        user: Option<String>,
        /// What the registry said.
        message: String,
    },
    /// Any other refusal.
    #[error("failed to {operation}: {message}")]
    Refused {
        /// What was asked, as a phrase: "create container shop-web-1".
        operation: String,
        /// What the engine said.
        message: String,
    },
}

/// Facts about the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineInfo {
    /// Where it answers (socket or URL).
    pub address: String,
    /// Product and version, for people.
    pub version: String,
    /// API version it speaks at most, as (major, minor).
    pub api: (u32, u32),
    /// Memory of the machine that runs containers, in bytes.
    pub memory: u64,
    /// Its processors.
    pub cpus: u64,
    /// Where it keeps images and volumes.
    pub data_root: String,
    /// Storage driver.
    pub storage_driver: String,
    /// Operating system and architecture of containers, for example `linux/x86_64`.
    pub platform: String,
    /// Release of its kernel: the same as this machine's where containers run on this machine.
    pub kernel: String,
    /// Its time when it was asked (RFC 3339); empty where it does not tell.
    pub clock: String,
    /// The proxy through which it pulls; empty without one.
    pub proxy: String,
    /// Ranges it takes networks from, each with the prefix length of one network; empty for its defaults.
    pub address_pools: Vec<(String, u8)>,
}

/// A network to make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Name on the engine.
    pub name: String,
    /// Driver.
    pub driver: Option<String>,
    /// No route to the outside.
    pub internal: bool,
    /// Labels, ours included.
    pub labels: BTreeMap<String, String>,
}

/// A volume to make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VolumeSpec {
    /// Name on the engine.
    pub name: String,
    /// Driver.
    pub driver: Option<String>,
    /// Driver options.
    pub driver_opts: BTreeMap<String, String>,
    /// Labels, ours included.
    pub labels: BTreeMap<String, String>,
}

/// A container to make. Everything is resolved: engine names, absolute paths, image reference.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContainerSpec {
    /// Name on the engine.
    pub name: String,
    /// Image reference.
    pub image: String,
    /// Entrypoint override.
    pub entrypoint: Option<Vec<String>>,
    /// Command override.
    pub command: Option<Vec<String>>,
    /// Environment.
    pub environment: BTreeMap<String, String>,
    /// User.
    pub user: Option<String>,
    /// Working directory.
    pub working_dir: Option<String>,
    /// Host name.
    pub hostname: Option<String>,
    /// Init process.
    pub init: Option<bool>,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Mounts; a `MountKind::Volume` holds the engine name of the volume here.
    pub mounts: Vec<Mount>,
    /// Files below [`SECRETS_DIR`](crate::model::SECRETS_DIR), where a mount must be that can be written to.
    pub secrets: Vec<SecretFile>,
    /// Networks by engine name, with all aliases.
    pub networks: BTreeMap<String, Vec<String>>,
    /// Health check.
    pub healthcheck: Option<Healthcheck>,
    /// Restart policy.
    pub restart: RestartPolicy,
    /// Stop signal.
    pub stop_signal: Option<String>,
    /// Stop grace period.
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
    /// Security options.
    pub security_opt: Vec<String>,
    /// Read-only root.
    pub read_only: bool,
    /// Extra hosts.
    pub extra_hosts: Vec<String>,
    /// Limits.
    pub ulimits: BTreeMap<String, (i64, i64)>,
    /// Kernel parameters.
    pub sysctls: BTreeMap<String, String>,
    /// Labels, ours included.
    pub labels: BTreeMap<String, String>,
}

/// A secret in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// Name of the file.
    pub name: String,
    /// User id of its owner.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
    /// The secret.
    pub content: SecretBytes,
}

/// An image to build.
#[derive(Debug, Clone, Default)]
pub struct BuildRequest {
    /// Every reference the result gets, the first one last: it stands for all of them.
    pub references: Vec<String>,
    /// The context as a tar archive on disk, Dockerfile inside.
    pub context: std::path::PathBuf,
    /// Dockerfile inside the archive.
    pub dockerfile: String,
    /// Stage.
    pub target: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// Take no layer from an earlier build.
    pub no_cache: bool,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
}

/// What a command in a container wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecOutput {
    /// Exit code.
    pub exit_code: i64,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Which log lines are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Go on as lines are written.
    pub follow: bool,
    /// Only the last so many lines; all when absent.
    pub tail: Option<usize>,
    /// Only lines since this time, seconds since 1970.
    pub since: Option<i64>,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Time stamp as the engine wrote it (RFC 3339).
    pub time: String,
    /// True when it came from standard error.
    pub stderr: bool,
    /// The line without its end.
    pub text: String,
}
