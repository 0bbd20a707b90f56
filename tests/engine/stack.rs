//! A project in a few lines, the fakes it runs on, and the loop that every command has: observe, plan, execute.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pipectl::engine::backend::{BackendError, OutputFn, ProgressFn};
use pipectl::engine::desired::{Desired, Hashes, desired};
use pipectl::engine::execute::{Options, Report, Tools, run};
use pipectl::engine::observe::observe;
use pipectl::engine::observed::Observed;
use pipectl::engine::plan::Plan;
use pipectl::engine::reconcile::{self, UpOptions};
use pipectl::engine::work::{ImageProvider, Probed, Prober, SayFn, StepDone, StepError, Stepper};
use pipectl::event::{Event, Events};
use pipectl::model::ext::{Ready, Step};
use pipectl::model::{
    Condition, Dependency, Healthcheck, Mount, MountKind, Network, NetworkAttachment, Port, Project, Protocol, Service,
    Volume,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::fake_backend::FakeBackend;

/// Reads one node a line: `web: db healthy, seed after | port 8080, volume data, probe, health, job, optional, instead other`,
/// or `step seed: db`. Needs may end in `?` (not required) or `!` (restart with it).
pub fn project(lines: &[&str]) -> Project {
    let mut project = Project {
        name: "shop".into(),
        dir: "/project".into(),
        files: vec!["/project/compose.yaml".into()],
        ..Project::default()
    };
    project.networks.insert("default".into(), Network { name: "shop_default".into(), ..Network::default() });
    for line in lines {
        let (name, rest) = line.split_once(':').expect("every line has a colon");
        let (needs, traits) = rest.split_once('|').unwrap_or((rest, ""));
        let needs = needs.split(',').map(str::trim).filter(|need| !need.is_empty());
        if let Some(name) = name.strip_prefix("step ") {
            let after = needs.map(str::to_owned).collect();
            let timeout = Duration::from_secs(30);
            let step = Step {
                name: name.into(),
                uses: name.into(),
                after,
                profiles: Vec::new(),
                timeout,
                args: serde_json::Map::default(),
            };
            project.ext.steps.insert(name.into(), step);
            continue;
        }
        let mut service =
            Service { name: name.into(), image: Some(format!("{name}:1")), scale: 1, ..Service::default() };
        service.networks.insert("default".into(), NetworkAttachment::default());
        needs.for_each(|need| add_need(&mut service, need));
        for word in traits.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            add_trait(&mut service, word);
            if let Some(key) = word.strip_prefix("volume ") {
                let volume = Volume { name: format!("shop_{key}"), ..Volume::default() };
                project.volumes.insert(key.into(), volume);
            }
        }
        project.services.insert(name.into(), service);
    }
    project
}

fn add_need(service: &mut Service, need: &str) {
    let (to, condition) = need.split_once(' ').expect("a need is `name condition`");
    let (required, restart) = (!condition.ends_with('?'), condition.ends_with('!'));
    let condition = match condition.trim_end_matches(['?', '!']) {
        "started" => Condition::Started,
        "healthy" => Condition::Healthy,
        "completed" => Condition::CompletedSuccessfully,
        _ => {
            service.ext.after.push(to.into());
            return;
        }
    };
    service.depends_on.insert(to.into(), Dependency { condition, required, restart });
}

fn add_trait(service: &mut Service, word: &str) {
    match word.split_once(' ') {
        Some(("port", port)) => service.ports.push(Port {
            host_ip: None,
            published: Some(port.parse().expect("a port")),
            target: 80,
            protocol: Protocol::Tcp,
        }),
        Some(("volume", key)) => service.mounts.push(Mount {
            kind: MountKind::Volume(key.into()),
            target: format!("/{key}"),
            read_only: false,
        }),
        Some(("instead", other)) => service.ext.instead = Some(other.into()),
        Some(("scale", scale)) => service.scale = scale.parse().expect("a number"),
        None if word == "job" => service.ext.job = true,
        None if word == "optional" => service.ext.optional = true,
        None if word == "health" => {
            service.healthcheck =
                Some(Healthcheck { test: vec!["CMD".into(), "true".into()], ..Healthcheck::default() });
        }
        None if word == "probe" => {
            let timeout = Duration::from_secs(20);
            let args = serde_json::Map::default();
            service.ext.ready = Some(Ready { probe: "http".into(), service: None, timeout, args });
        }
        _ => panic!("unknown trait {word}"),
    }
}

/// Answers of probes by service; ready where nothing is scripted.
#[derive(Default)]
pub struct FakeProber(pub Mutex<BTreeMap<String, Probed>>);

#[async_trait]
impl Prober for FakeProber {
    async fn poll(&self, service: &str, _: &Ready) -> Probed {
        let answers = self.0.lock().expect("not poisoned");
        answers.get(service).cloned().unwrap_or_else(|| Probed::Ready("200".into()))
    }
}

/// What a scripted step does.
#[derive(Clone)]
pub enum FakeStep {
    Changes,
    Fails(StepError),
    Hangs,
}

/// Runs steps: nothing to change where nothing is scripted. Takes 20 ms each.
#[derive(Default)]
pub struct FakeStepper {
    pub script: Mutex<BTreeMap<String, FakeStep>>,
    pub ran: Mutex<Vec<String>>,
}

#[async_trait]
impl Stepper for FakeStepper {
    async fn run(&self, step: &Step, say: &SayFn) -> Result<StepDone, StepError> {
        self.ran.lock().expect("not poisoned").push(step.name.clone());
        let script = self.script.lock().expect("not poisoned").get(&step.name).cloned();
        say("looking");
        sleep(Duration::from_millis(20)).await;
        match script {
            Some(FakeStep::Hangs) => std::future::pending().await,
            Some(FakeStep::Fails(error)) => Err(error),
            Some(FakeStep::Changes) => Ok(StepDone { changed: true, detail: "made".into() }),
            None => Ok(StepDone { changed: false, detail: "in place".into() }),
        }
    }

    async fn look_at(&self, _: &Step) -> Vec<String> {
        Vec::new()
    }
}

/// Makes images in the fake engine, except those that cannot be had.
pub struct FakeImages {
    backend: Arc<FakeBackend>,
    pub unavailable: Mutex<BTreeSet<String>>,
}

#[async_trait]
impl ImageProvider for FakeImages {
    async fn ensure(&self, reference: &str, progress: &ProgressFn, _: &OutputFn) -> Result<String, BackendError> {
        progress(1, 2, "pulling");
        sleep(Duration::from_millis(50)).await;
        if self.unavailable.lock().expect("not poisoned").contains(reference) {
            let (operation, message) = (format!("pull {reference}"), "no registry answers".into());
            return Err(BackendError::Refused { operation, message });
        }
        self.backend.add_image(reference);
        Ok("pulled".into())
    }
}

/// A project on fakes.
pub struct Stack {
    pub project: Project,
    pub backend: Arc<FakeBackend>,
    pub prober: Arc<FakeProber>,
    pub stepper: Arc<FakeStepper>,
    pub images: Arc<FakeImages>,
    pub options: UpOptions,
    pub parallel: usize,
    /// Time for a run.
    pub limit: Option<Duration>,
    pub cancel: CancellationToken,
    /// Events of the last run.
    pub events: Vec<Event>,
}

impl Stack {
    /// A project of which every image is present.
    pub fn new(lines: &[&str]) -> Self {
        let stack = Self::without_images(lines);
        stack.project.services.values().filter_map(|service| service.image.as_deref()).for_each(|image| {
            stack.backend.add_image(image);
        });
        stack
    }

    pub fn without_images(lines: &[&str]) -> Self {
        let backend = Arc::new(FakeBackend::new());
        let images = FakeImages { backend: Arc::clone(&backend), unavailable: Mutex::default() };
        Self {
            project: project(lines),
            backend,
            prober: Arc::default(),
            stepper: Arc::default(),
            images: Arc::new(images),
            options: UpOptions::default(),
            parallel: 4,
            limit: None,
            cancel: CancellationToken::new(),
            events: Vec::new(),
        }
    }

    pub fn service(&mut self, name: &str) -> &mut Service {
        self.project.services.get_mut(name).expect("the service exists")
    }

    pub fn desired(&self) -> Desired {
        let services = self.project.services.iter();
        let images = services.map(|(name, service)| (name.clone(), service.image.clone().unwrap_or_default()));
        let hashes = Hashes { content: &|_| Ok(None), secret: &<[u8]>::to_vec };
        desired(&self.project, &images.collect(), hashes).expect("every service has an image")
    }

    pub async fn observed(&self) -> Observed {
        observe(self.backend.as_ref(), &self.project).await.expect("the fake engine answers")
    }

    pub async fn plan(&self) -> Plan {
        let options = UpOptions { images_present: self.backend.images_present(), ..self.options.clone() };
        reconcile::up(&self.project, &self.observed().await, &self.desired(), &options).expect("a plan")
    }

    /// Observe, plan, execute.
    pub async fn up(&mut self) -> Report {
        let plan = self.plan().await;
        self.run(&plan).await
    }

    pub async fn run(&mut self, plan: &Plan) -> Report {
        let tools = Tools {
            backend: self.backend.clone(),
            prober: self.prober.clone(),
            stepper: self.stepper.clone(),
            images: self.images.clone(),
        };
        let (events, mut received) = Events::channel();
        let options = Options { parallel: self.parallel, limit: self.limit };
        let report = run(plan, &tools, &events, self.cancel.clone(), &options).await;
        drop(events);
        self.events.clear();
        while let Some(event) = received.recv().await {
            self.events.push(event);
        }
        report
    }

    /// Changing calls of the last run whose text begins with one of the words.
    pub fn calls(&self, verbs: &[&str]) -> Vec<String> {
        let calls = self.backend.take_calls();
        calls.into_iter().filter(|call| verbs.iter().any(|verb| call.starts_with(verb))).collect()
    }

    pub fn ran_steps(&self) -> Vec<String> {
        std::mem::take(&mut self.stepper.ran.lock().expect("not poisoned"))
    }
}
