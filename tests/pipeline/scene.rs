//! A project whose services are containers of a fake engine and answer from fake servers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pipectl::engine::backend::{Backend, ContainerSpec};
use pipectl::engine::observed::{NUMBER_LABEL, PROJECT_LABEL, SERVICE_LABEL};
use pipectl::engine::work::{StepDone, StepError, Stepper};
use pipectl::model::ext::{Ready, Step};
use pipectl::model::{Healthcheck, Port, Project, Protocol, Service};
use pipectl::pipeline::address::Addresses;
use pipectl::pipeline::{Endpoint, Pipeline, spec};
use pipectl::{probes, steps};
use serde_json::{Value, json};

use crate::fake_backend::FakeBackend;

pub const PROJECT: &str = "shop";

pub struct Scene {
    pub backend: Arc<FakeBackend>,
    pub addresses: Arc<Addresses>,
    pub pipeline: Arc<Pipeline>,
    pub project: Arc<Project>,
}

/// A pipeline.yml with one table, and the registration file that goes with it.
pub fn root() -> PathBuf {
    Path::new("tests/cases/pipeline").to_owned()
}

impl Scene {
    /// Services by name, each published at a port of this machine.
    pub async fn new(services: &[(Endpoint, u16)]) -> Self {
        let backend = Arc::new(FakeBackend::new());
        backend.add_image("image");
        let mut project = Project { name: PROJECT.to_owned(), ..Project::default() };
        for (endpoint, published) in services {
            start(&backend, endpoint.service, 1, endpoint.port, Some(*published)).await;
            let service = Service { name: endpoint.service.to_owned(), ..Service::default() };
            project.services.insert(endpoint.service.to_owned(), service);
        }
        let project = Arc::new(project);
        let addresses = Arc::new(Addresses::new(backend.clone(), PROJECT, "127.0.0.1"));
        let spec = Arc::new(
            spec::load(&root().join("good.yml"), &|name| (name == "SLOT").then(|| "slot_1".to_owned()))
                .expect("an example specification"),
        );
        let environment = BTreeMap::from([("POSTGRES_PASSWORD".to_owned(), "s3cret".to_owned())]);
        let pipeline = Arc::new(Pipeline::new(spec, root(), project.clone(), addresses.clone(), environment));
        Self { backend, addresses, pipeline, project }
    }

    /// Runs a step and returns what it said, too.
    pub async fn step(&self, uses: &str, timeout: Duration, args: Value) -> Result<StepDone, StepError> {
        let Value::Object(args) = args else { panic!("arguments are an object") };
        let step = Step {
            name: uses.to_owned(),
            uses: uses.to_owned(),
            after: Vec::new(),
            profiles: Vec::new(),
            timeout,
            args,
        };
        steps::Registry::new(self.pipeline.clone()).run(&step, &|_| ()).await
    }

    pub fn prober(&self) -> probes::Registry {
        probes::Registry::new(self.project.clone(), self.addresses.clone())
    }
}

pub fn ready(probe: &str, args: Value) -> Ready {
    let Value::Object(args) = args else { panic!("arguments are an object") };
    Ready { probe: probe.to_owned(), service: None, timeout: Duration::from_secs(1), args }
}

/// No arguments.
pub fn nothing() -> Value {
    json!({})
}

pub async fn start(backend: &FakeBackend, service: &str, number: u32, target: u16, published: Option<u16>) {
    let labels = BTreeMap::from([
        (PROJECT_LABEL.to_owned(), PROJECT.to_owned()),
        (SERVICE_LABEL.to_owned(), service.to_owned()),
        (NUMBER_LABEL.to_owned(), number.to_string()),
    ]);
    let spec = ContainerSpec {
        name: format!("{PROJECT}-{service}-{number}"),
        image: "image".to_owned(),
        ports: vec![Port { host_ip: None, published, target, protocol: Protocol::Tcp }],
        healthcheck: Some(Healthcheck::default()),
        labels,
        ..ContainerSpec::default()
    };
    backend.create_container(&spec).await.expect("create");
    backend.start(&spec.name).await.expect("start");
}
