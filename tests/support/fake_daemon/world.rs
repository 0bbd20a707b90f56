//! The fake engine's memory and what tests may arrange in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::archives::Tree;

/// Everything the engine has, and how it is to behave.
pub struct World {
    /// API version that `/version` reports.
    pub api_version: String,
    /// Product version that `/version` reports.
    pub version: String,
    /// Memory of the machine.
    pub memory: u64,
    /// Where the engine says that it keeps its data.
    pub data_root: String,
    /// Storage driver.
    pub driver: String,
    /// What the engine's clock shows (RFC 3339); empty for an engine that does not tell.
    pub clock: String,
    /// When every container is said to have started (RFC 3339).
    pub started_at: String,
    /// Memory that each running container uses.
    pub memory_use: u64,
    /// Containers by id.
    pub containers: BTreeMap<String, Container>,
    /// Networks by name, with labels.
    pub networks: BTreeMap<String, BTreeMap<String, String>>,
    /// Volumes by name, with labels.
    pub volumes: BTreeMap<String, BTreeMap<String, String>>,
    /// Content of volumes that is not just an empty directory.
    pub contents: BTreeMap<String, Tree>,
    /// What was put into the anonymous volumes of containers, by their ids.
    pub anonymous: BTreeMap<String, Tree>,
    /// Nothing more fits into anonymous volumes.
    pub full_anonymous: bool,
    /// Archives of volumes break off after so many bytes.
    pub cut_archives: Option<usize>,
    /// Images.
    pub images: Vec<Image>,
    /// References that a pull finds; with nothing here there is no registry.
    pub registry: BTreeSet<String>,
    /// How builds fail, by repository.
    pub build_failures: BTreeMap<String, BuildFailure>,
    /// Ports of the host that something else uses.
    pub taken_ports: BTreeSet<u16>,
    /// What becomes of a service's containers once started; [`Fate::Runs`] unless said otherwise.
    pub fates: BTreeMap<String, Fate>,
    /// Lines that a service's containers have written.
    pub logs: BTreeMap<String, Vec<String>>,
    /// Answers to commands, first match wins; any other command succeeds and writes nothing.
    pub execs: Vec<ExecScript>,
    /// Errors by call, such as `POST /networks/create`.
    pub refusals: BTreeMap<String, (u16, String)>,
    /// Calls that are not answered while they stand here, such as `POST /containers/p-web-1/start`.
    pub held: BTreeSet<String>,
    /// After so many calls that change something the engine hears no more of them, and does not answer the last one.
    pub deaf_after: Option<usize>,
    /// Connections so far.
    pub accepted: usize,
    /// So many of them were of clients that are gone: what they asked and is not done is never done.
    pub gone: usize,
    /// Calls that changed something, in order.
    pub calls: Vec<String>,
    /// Execs by id: container and command.
    pub started_execs: BTreeMap<String, Vec<String>>,
    pub(super) counter: u64,
}

impl Default for World {
    fn default() -> Self {
        Self {
            api_version: "1.41".into(),
            version: "20.10.24".into(),
            memory: 16 << 30,
            data_root: "/var/lib/docker".into(),
            driver: "overlay2".into(),
            clock: String::new(),
            started_at: "2026-01-02T03:04:05.000000000Z".into(),
            memory_use: 64 << 20,
            containers: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            contents: BTreeMap::new(),
            anonymous: BTreeMap::new(),
            full_anonymous: false,
            cut_archives: None,
            images: Vec::new(),
            registry: BTreeSet::new(),
            build_failures: BTreeMap::new(),
            taken_ports: BTreeSet::new(),
            fates: BTreeMap::new(),
            logs: BTreeMap::new(),
            execs: Vec::new(),
            refusals: BTreeMap::new(),
            held: BTreeSet::new(),
            deaf_after: None,
            accepted: 0,
            gone: 0,
            calls: Vec::new(),
            started_execs: BTreeMap::new(),
            counter: 0,
        }
    }
}

/// What becomes of a container once it is started.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It runs; its health check, if it has one, passes at once.
    Runs,
    /// It runs and its health check passes after a while.
    HealthyAfter(Duration),
    /// It runs and its health check fails with this output.
    NeverHealthy(String),
    /// It ends after a while with this code.
    Exits(Duration, i64),
    /// The kernel kills it for memory at once.
    OomKilled,
    /// It ends at once with this code and is restarted, again and again: one restart more at every look.
    CrashLoop(i64),
}

/// How a build fails.
#[derive(Debug, Clone)]
pub struct BuildFailure {
    /// Number of the failing step, from 1.
    pub step: usize,
    /// What the step writes before.
    pub output: Vec<String>,
    /// The builder's message.
    pub message: String,
}

/// The answer to a command in a container.
#[derive(Debug, Clone)]
pub struct ExecScript {
    /// The command contains this text (words joined by blanks).
    pub contains: String,
    /// Exit code.
    pub exit_code: i64,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// A container.
#[derive(Debug, Clone)]
pub struct Container {
    pub id: String,
    pub name: String,
    /// The create request as it came.
    pub request: Value,
    pub labels: BTreeMap<String, String>,
    /// Published ports: `80/tcp` to host address and port.
    pub ports: BTreeMap<String, (String, u16)>,
    pub networks: BTreeMap<String, String>,
    pub started: Option<Instant>,
    /// Stopped from outside with this code.
    pub stopped: Option<i64>,
    /// Restarts by its restart policy.
    pub restarts: i64,
}

/// State and exit code, OOM flag, health and its output.
pub struct Condition {
    pub state: &'static str,
    pub exit_code: i64,
    pub oom_killed: bool,
    pub health: Option<(&'static str, String)>,
}

/// An image.
#[derive(Debug, Clone, Default)]
pub struct Image {
    pub id: String,
    pub references: BTreeSet<String>,
    pub labels: BTreeMap<String, String>,
}

impl World {
    /// Adds an image with one reference.
    pub fn add_image(&mut self, reference: &str) {
        let id = format!("sha256:{}", self.new_id());
        self.images.push(Image { id, references: [with_tag(reference)].into(), ..Image::default() });
    }

    /// A container by id or name.
    pub fn container(&self, key: &str) -> Option<&Container> {
        self.containers.values().find(|container| container.id == key || container.name == key)
    }

    /// Names of all containers, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.containers.values().map(|container| container.name.clone()).collect();
        names.sort();
        names
    }

    /// Ends a container from outside, as `docker kill` by somebody else would.
    pub fn kill(&mut self, key: &str) {
        let id = self.container(key).map(|container| container.id.clone());
        if let Some(container) = id.and_then(|id| self.containers.get_mut(&id)) {
            container.stopped = Some(137);
        }
    }

    pub(super) fn image(&self, reference: &str) -> Option<usize> {
        let tagged = with_tag(reference);
        self.images.iter().position(|image| image.references.contains(&tagged) || image.id == reference)
    }

    /// Gives an image one more reference, taken from whichever had it.
    pub(super) fn name_image(&mut self, index: usize, reference: &str) {
        let reference = with_tag(reference);
        for image in &mut self.images {
            image.references.remove(&reference);
        }
        self.images[index].references.insert(reference);
    }

    pub(super) fn is_running(&self, key: &str) -> bool {
        self.container(key).is_some_and(|container| self.condition(container).state == "running")
    }

    pub(super) fn condition(&self, container: &Container) -> Condition {
        let ended = |exit_code, oom_killed| Condition { state: "exited", exit_code, oom_killed, health: None };
        let Some(started) = container.started else {
            return Condition { state: "created", exit_code: 0, oom_killed: false, health: None };
        };
        if let Some(code) = container.stopped {
            return ended(code, false);
        }
        let has_check = container.request["Healthcheck"]["Test"].as_array().is_some_and(|test| test[0] != "NONE");
        let healthy = |is: bool| if is { ("healthy", String::new()) } else { ("starting", String::new()) };
        let health = match self.fate(container) {
            Fate::Runs => healthy(true),
            Fate::HealthyAfter(delay) => healthy(started.elapsed() >= delay),
            Fate::NeverHealthy(output) => ("unhealthy", output),
            Fate::Exits(delay, code) if started.elapsed() >= delay => return ended(code, false),
            Fate::Exits(..) => healthy(false),
            Fate::OomKilled => return ended(137, true),
            Fate::CrashLoop(exit_code) => {
                return Condition { state: "restarting", exit_code, oom_killed: false, health: None };
            }
        };
        Condition { state: "running", exit_code: 0, oom_killed: false, health: has_check.then_some(health) }
    }

    pub(super) fn fate(&self, container: &Container) -> Fate {
        let service = container.labels.get("com.docker.compose.service").unwrap_or(&container.name);
        self.fates.get(service).or_else(|| self.fates.get(&container.name)).cloned().unwrap_or(Fate::Runs)
    }

    /// A path with names in the place of ids.
    pub(super) fn readable(&self, path: &str) -> String {
        self.containers.values().fold(path.to_owned(), |path, container| path.replace(&container.id, &container.name))
    }

    pub(super) fn new_id(&mut self) -> String {
        self.counter += 1;
        format!("{:064x}", self.counter + 0xfa0)
    }
}

/// A reference always has a tag in the engine's memory.
pub(super) fn with_tag(reference: &str) -> String {
    let has_tag = reference.rsplit('/').next().is_some_and(|last| last.contains(':')) || reference.contains('@');
    if has_tag { reference.to_owned() } else { format!("{reference}:latest") }
}
