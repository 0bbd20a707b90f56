//! A container engine in memory: as strict about order as a real one, scripted, and with a record of every call.
//!
//! Containers live on tokio's clock, so a test with paused time sees a minute pass in no time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use pipectl::engine::backend::{
    Backend, BackendError, BuildRequest, ContainerSpec, EngineInfo, ExecOutput, LogLine, LogOptions, NetworkSpec,
    OutputFn, ProgressFn, Result, VolumeSpec,
};
use pipectl::engine::observed::{
    CONFIG_HASH_LABEL, ContainerDetail, ContainerSummary, Health, ImageSummary, LAYOUT_LABEL, NUMBER_LABEL,
    NetworkSummary, PROJECT_LABEL, RunState, SERVICE_LABEL, VOLUME_LABEL, VolumeSummary, WORKING_DIR_LABEL,
};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep};

/// What the containers of a service do once they are started.
#[derive(Debug, Clone, Default)]
pub struct Behaviour {
    /// They exit with this code after this time.
    pub exit: Option<(Duration, i64)>,
    /// The exit is the kernel's doing.
    pub oom: bool,
    /// They exit again and again and are restarted every 200 ms.
    pub looping: bool,
    /// Their health check gives this verdict after this time; healthy at once when absent.
    pub health: Option<(Duration, Health)>,
    /// What they have written.
    pub logs: Vec<String>,
}

/// Process of a container.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Process {
    Created,
    Started(Instant),
    Ended(i64),
}

#[derive(Debug, Clone)]
struct FakeContainer {
    spec: ContainerSpec,
    process: Process,
}

#[derive(Default)]
struct State {
    containers: BTreeMap<String, FakeContainer>,
    networks: BTreeMap<String, NetworkSpec>,
    volumes: BTreeMap<String, VolumeSpec>,
    images: BTreeSet<String>,
    behaviours: BTreeMap<String, Behaviour>,
    failures: BTreeMap<String, BackendError>,
    calls: Vec<String>,
    running: usize,
    most: usize,
    changes: usize,
    kill_after: Option<usize>,
}

/// The engine. Every changing call takes `latency`.
#[derive(Default)]
pub struct FakeBackend {
    state: Mutex<State>,
    latency: Duration,
    killed: Notify,
}

impl FakeBackend {
    pub fn new() -> Self {
        Self { latency: Duration::from_millis(10), ..Self::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the lock")
    }

    pub fn add_image(&self, reference: &str) {
        self.state().images.insert(reference.to_owned());
    }

    pub fn images_present(&self) -> BTreeSet<String> {
        self.state().images.clone()
    }

    pub fn script(&self, service: &str, behaviour: Behaviour) {
        self.state().behaviours.insert(service.to_owned(), behaviour);
    }

    /// Makes a call, named as in [`Self::take_calls`], fail from now on.
    pub fn fail(&self, call: &str, error: BackendError) {
        self.state().failures.insert(call.to_owned(), error);
    }

    pub fn heal(&self) {
        self.state().failures.clear();
    }

    /// The changing call with this number (from 1) has its effect and never returns; [`Self::killed`] then wakes.
    pub fn kill_after(&self, changes: Option<usize>) {
        let mut state = self.state();
        state.changes = 0;
        state.kill_after = changes;
    }

    pub async fn killed(&self) {
        self.killed.notified().await;
    }

    /// The changing calls since the last time, in the order in which they began.
    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state().calls)
    }

    /// The most changing calls that ran at the same time.
    pub fn most_at_once(&self) -> usize {
        self.state().most
    }

    /// Ends a container as if its process had exited.
    pub fn end(&self, container: &str, code: i64) {
        self.state().containers.get_mut(container).expect("the container exists").process = Process::Ended(code);
    }

    /// Removes a container behind pipectl's back.
    pub fn lose(&self, container: &str) {
        self.state().containers.remove(container).expect("the container exists");
    }

    /// `name state` of every container, for comparing whole worlds.
    pub fn world(&self) -> Vec<String> {
        let state = self.state();
        let containers = state.containers.iter().map(|(name, container)| {
            let hash = &container.spec.labels[CONFIG_HASH_LABEL][..6];
            format!("{name} {:?} {} {hash}", state.detail(container).state, container.spec.image)
        });
        let networks = state.networks.keys().map(|name| format!("network {name}"));
        let volumes = state.volumes.keys().map(|name| format!("volume {name}"));
        containers.chain(networks).chain(volumes).collect()
    }

    /// One changing call: recorded, slow, scripted to fail, perhaps the last one of this life.
    async fn change<T>(&self, call: String, effect: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        {
            let mut state = self.state();
            state.calls.push(call.clone());
            state.running += 1;
            state.most = state.most.max(state.running);
        }
        sleep(self.latency).await;
        let (result, killed) = {
            let mut state = self.state();
            state.running -= 1;
            state.changes += 1;
            let killed = state.kill_after == Some(state.changes);
            match state.failures.get(&call) {
                Some(error) => (Err(error.clone()), killed),
                None => (effect(&mut state), killed),
            }
        };
        if killed {
            self.killed.notify_one();
            std::future::pending::<()>().await;
        }
        result
    }
}

impl State {
    fn detail(&self, container: &FakeContainer) -> ContainerDetail {
        let spec = &container.spec;
        let behaviour = self.behaviours.get(&spec.labels[SERVICE_LABEL]).cloned().unwrap_or_default();
        let mut detail = ContainerDetail {
            id: format!("id-{}", spec.name),
            name: spec.name.clone(),
            networks: spec.networks.keys().map(|name| (name.clone(), "10.0.0.2".to_owned())).collect(),
            ..ContainerDetail::default()
        };
        let since = match container.process {
            Process::Created => return detail,
            Process::Ended(code) => {
                return ContainerDetail { state: RunState::Exited, exit_code: code, ..detail };
            }
            Process::Started(since) => since,
        };
        let elapsed = since.elapsed();
        detail.state = RunState::Running;
        detail.started_at = format!("{since:?}");
        if behaviour.looping {
            let restarts = i64::try_from(elapsed.as_millis() / 200).unwrap_or(i64::MAX);
            let between = elapsed.as_millis() % 200 >= 100;
            detail.restarts = restarts;
            detail.started_at = format!("{since:?}+{restarts}");
            detail.state = if between { RunState::Restarting } else { RunState::Running };
            detail.exit_code = if between { behaviour.exit.map_or(1, |(_, code)| code) } else { 0 };
            detail.health = if spec.healthcheck.is_some() { Health::Starting } else { Health::None };
            return detail;
        }
        if let Some((after, code)) = behaviour.exit.filter(|(after, _)| elapsed >= *after) {
            let _ = after;
            return ContainerDetail { state: RunState::Exited, exit_code: code, oom_killed: behaviour.oom, ..detail };
        }
        if spec.healthcheck.is_some() {
            detail.health = match behaviour.health {
                Some((after, verdict)) if elapsed >= after => verdict,
                Some(_) => Health::Starting,
                None => Health::Healthy,
            };
            detail.health_output = format!("check says {:?}", detail.health);
        }
        detail
    }

    fn find(&mut self, name: &str) -> Result<&mut FakeContainer> {
        let missing = BackendError::NotFound { what: format!("container {name}") };
        let name = name.strip_prefix("id-").unwrap_or(name);
        self.containers.get_mut(name).ok_or(missing)
    }

    fn is_live(&self, container: &FakeContainer) -> bool {
        self.detail(container).state.is_live()
    }
}

fn refused(operation: impl Into<String>, message: impl Into<String>) -> BackendError {
    BackendError::Refused { operation: operation.into(), message: message.into() }
}

fn label(labels: &BTreeMap<String, String>, key: &str) -> String {
    labels.get(key).cloned().unwrap_or_default()
}

#[async_trait]
impl Backend for FakeBackend {
    async fn info(&self) -> Result<EngineInfo> {
        Ok(EngineInfo { version: "fake".into(), api: (1, 41), ..EngineInfo::default() })
    }

    async fn containers(&self, project: &str) -> Result<Vec<ContainerSummary>> {
        let state = self.state();
        let ours = state.containers.values().filter(|container| container.spec.labels[PROJECT_LABEL] == project);
        let summary = |container: &FakeContainer| {
            let detail = state.detail(container);
            let spec = &container.spec;
            let live = detail.state.is_live();
            let ports = spec.ports.iter().filter_map(|port| Some((port.target, port.published?)));
            ContainerSummary {
                id: detail.id,
                name: spec.name.clone(),
                project: project.to_owned(),
                working_dir: label(&spec.labels, WORKING_DIR_LABEL),
                service: label(&spec.labels, SERVICE_LABEL),
                number: label(&spec.labels, NUMBER_LABEL).parse().unwrap_or(0),
                state: detail.state,
                health: detail.health,
                image: spec.image.clone(),
                config_hash: label(&spec.labels, CONFIG_HASH_LABEL),
                networks: detail.networks,
                ports: if live { ports.collect() } else { BTreeMap::new() },
                bound: BTreeMap::new(),
            }
        };
        Ok(ours.map(summary).collect())
    }

    async fn all_containers(&self) -> Result<Vec<ContainerSummary>> {
        let projects: BTreeSet<String> =
            self.state().containers.values().map(|container| container.spec.labels[PROJECT_LABEL].clone()).collect();
        let mut all = Vec::new();
        for project in projects {
            all.extend(self.containers(&project).await?);
        }
        Ok(all)
    }

    async fn networks(&self, project: &str, names: &[String]) -> Result<Vec<NetworkSummary>> {
        let state = self.state();
        let summary = |spec: &NetworkSpec| NetworkSummary {
            name: spec.name.clone(),
            config_hash: label(&spec.labels, CONFIG_HASH_LABEL),
            project: label(&spec.labels, PROJECT_LABEL),
            subnets: Vec::new(),
        };
        let wanted = |known: &NetworkSummary| known.project == project || names.contains(&known.name);
        Ok(state.networks.values().map(summary).filter(wanted).collect())
    }

    async fn volumes(&self, project: &str, names: &[String]) -> Result<Vec<VolumeSummary>> {
        let state = self.state();
        let summary = |spec: &VolumeSpec| VolumeSummary {
            name: spec.name.clone(),
            key: label(&spec.labels, VOLUME_LABEL),
            layout: label(&spec.labels, LAYOUT_LABEL).parse().ok(),
            config_hash: label(&spec.labels, CONFIG_HASH_LABEL),
            project: label(&spec.labels, PROJECT_LABEL),
        };
        let wanted = |known: &VolumeSummary| known.project == project || names.contains(&known.name);
        Ok(state.volumes.values().map(summary).filter(wanted).collect())
    }

    async fn images(&self) -> Result<Vec<ImageSummary>> {
        let state = self.state();
        let summary = |name: &String| ImageSummary { references: vec![name.clone()], ..ImageSummary::default() };
        Ok(state.images.iter().map(summary).collect())
    }

    async fn inspect(&self, container: &str) -> Result<ContainerDetail> {
        let mut state = self.state();
        let container = state.find(container)?.clone();
        Ok(state.detail(&container))
    }

    async fn memory(&self, _: &ContainerDetail) -> Result<u64> {
        Ok(1 << 20)
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<()> {
        let spec = spec.clone();
        self.change(format!("create network {}", spec.name), |state| {
            if state.networks.contains_key(&spec.name) {
                return Err(refused("create network", "name in use"));
            }
            state.networks.insert(spec.name.clone(), spec);
            Ok(())
        })
        .await
    }

    async fn remove_network(&self, name: &str) -> Result<()> {
        self.change(format!("remove network {name}"), |state| {
            let used = state.containers.values().any(|container| container.spec.networks.contains_key(name));
            if used {
                return Err(refused(format!("remove network {name}"), "has active endpoints"));
            }
            state.networks.remove(name);
            Ok(())
        })
        .await
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> Result<()> {
        let spec = spec.clone();
        self.change(format!("create volume {}", spec.name), |state| {
            state.volumes.insert(spec.name.clone(), spec);
            Ok(())
        })
        .await
    }

    async fn remove_volume(&self, name: &str) -> Result<()> {
        self.change(format!("remove volume {name}"), |state| {
            state.volumes.remove(name);
            Ok(())
        })
        .await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<String> {
        let spec = spec.clone();
        self.change(format!("create {}", spec.name), |state| {
            let operation = format!("create container {}", spec.name);
            if state.containers.contains_key(&spec.name) {
                return Err(refused(operation, "the name is already in use"));
            }
            if !state.images.contains(&spec.image) {
                return Err(BackendError::NotFound { what: format!("image {}", spec.image) });
            }
            if let Some(network) = spec.networks.keys().find(|network| !state.networks.contains_key(*network)) {
                return Err(BackendError::NotFound { what: format!("network {network}") });
            }
            let id = format!("id-{}", spec.name);
            state.containers.insert(spec.name.clone(), FakeContainer { spec, process: Process::Created });
            Ok(id)
        })
        .await
    }

    async fn start(&self, container: &str) -> Result<()> {
        self.change(format!("start {container}"), |state| {
            let found = state.find(container)?.clone();
            for port in found.spec.ports.iter().filter_map(|port| port.published) {
                let publishes = |other: &&FakeContainer| other.spec.ports.iter().any(|p| p.published == Some(port));
                let mut others = state.containers.values().filter(|other| other.spec.name != found.spec.name);
                if others.any(|other| publishes(&other) && state.is_live(other)) {
                    return Err(BackendError::PortTaken { port, message: "port is already allocated".into() });
                }
            }
            if !state.is_live(&found) {
                state.find(container)?.process = Process::Started(Instant::now());
            }
            Ok(())
        })
        .await
    }

    async fn stop(&self, container: &str, _: Duration) -> Result<()> {
        self.change(format!("stop {container}"), |state| {
            if let Ok(found) = state.find(container) {
                found.process = Process::Ended(143);
            }
            Ok(())
        })
        .await
    }

    async fn kill(&self, container: &str) -> Result<()> {
        self.stop(container, Duration::ZERO).await
    }

    async fn remove_container(&self, container: &str) -> Result<()> {
        self.change(format!("remove {container}"), |state| {
            state.containers.remove(container);
            Ok(())
        })
        .await
    }

    async fn exec(&self, _: &str, _: &[String]) -> Result<ExecOutput> {
        Ok(ExecOutput::default())
    }

    async fn logs(&self, container: &str, tail: usize) -> Result<Vec<String>> {
        let mut state = self.state();
        let service = state.find(container)?.spec.labels[SERVICE_LABEL].clone();
        let logs = state.behaviours.get(&service).map(|behaviour| behaviour.logs.clone()).unwrap_or_default();
        Ok(logs[logs.len().saturating_sub(tail)..].to_vec())
    }

    async fn follow_logs(&self, _: &str, _: &LogOptions, _: mpsc::Sender<LogLine>) -> Result<()> {
        Ok(())
    }

    async fn pull(&self, reference: &str, _: &ProgressFn) -> Result<()> {
        self.add_image(reference);
        Ok(())
    }

    async fn build(&self, request: BuildRequest, _: &OutputFn) -> Result<()> {
        request.references.iter().for_each(|reference| self.add_image(reference));
        Ok(())
    }

    async fn import(&self, _: &Path, reference: &str) -> Result<()> {
        self.add_image(reference);
        Ok(())
    }

    async fn tag(&self, _: &str, reference: &str) -> Result<()> {
        self.add_image(reference);
        Ok(())
    }

    async fn remove_image(&self, reference: &str) -> Result<()> {
        self.state().images.remove(reference);
        Ok(())
    }
}
