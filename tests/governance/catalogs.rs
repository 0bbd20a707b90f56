//! A project's catalogs as services of it: which one is spoken to, what is kept of each, and what `verify` says of one that
//! was left out, and of one that has stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pipectl::engine::backend::{Backend, ContainerSpec};
use pipectl::engine::observed::{NUMBER_LABEL, PROJECT_LABEL, SERVICE_LABEL};
use pipectl::governance::session::{CATALOGS, store};
use pipectl::governance::token::VARIABLE;
use pipectl::governance::{check, ingest, names};
use pipectl::model::ext::ServiceExt;
use pipectl::model::{Port, Project, Protocol, Service};
use pipectl::pipeline::Pipeline;
use pipectl::pipeline::address::Addresses;
use serde_json::Value;

use crate::fake_backend::FakeBackend;
use crate::lineage::own_spec;
use crate::stage::{Stage, lite};

const PROJECT: &str = "shop";

/// A project with both catalogs, each optional, none of them started.
struct Scene {
    root: tempfile::TempDir,
    backend: Arc<FakeBackend>,
    project: Arc<Project>,
}

impl Scene {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let statements = root.path().join("spark/transforms");
        std::fs::create_dir_all(&statements).expect("made");
        for file in std::fs::read_dir("spark/transforms").expect("readable") {
            let file = file.expect("readable");
            std::fs::copy(file.path(), statements.join(file.file_name())).expect("copied");
        }
        let backend = Arc::new(FakeBackend::new());
        backend.add_image("image");
        let mut project = Project { name: PROJECT.to_owned(), ..Project::default() };
        for catalog in CATALOGS {
            let ext = ServiceExt { optional: true, ..ServiceExt::default() };
            let service = Service { name: catalog.service.to_owned(), ext, ..Service::default() };
            project.services.insert(catalog.service.to_owned(), service);
        }
        Self { root, backend, project: Arc::new(project) }
    }

    /// Starts a catalog's container; what answers for it is published at this port.
    async fn start(&self, service: &str, published: u16) {
        let labels = [(PROJECT_LABEL, PROJECT), (SERVICE_LABEL, service), (NUMBER_LABEL, "1")];
        let spec = ContainerSpec {
            name: container(service),
            image: "image".to_owned(),
            ports: vec![Port { host_ip: None, published: Some(published), target: 8585, protocol: Protocol::Tcp }],
            labels: labels.map(|(label, value)| (label.to_owned(), value.to_owned())).into(),
            ..ContainerSpec::default()
        };
        self.backend.create_container(&spec).await.expect("created");
        self.backend.start(&spec.name).await.expect("started");
    }

    /// The pipeline as the next command sees it, with `lake` as the place of its Delta tables.
    fn pipeline(&self, lake: &str, variables: &[(&str, &str)]) -> Pipeline {
        let mut spec = own_spec();
        lake.clone_into(&mut spec.lake.path);
        let environment: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let addresses = Arc::new(Addresses::new(self.backend.clone(), PROJECT, "127.0.0.1"));
        Pipeline::new(Arc::new(spec), self.root.path(), self.project.clone(), addresses, environment)
    }

    /// What `verify` says of the lineage: nothing, or what it saw.
    async fn seen(&self) -> Option<String> {
        let check = check(&self.pipeline("hdfs:///lake", &[])).await?;
        assert!(!check.ok, "nothing was ingested");
        Some(check.seen)
    }
}

fn container(service: &str) -> String {
    format!("{PROJECT}-{service}-1")
}

#[tokio::test]
async fn verify_passes_over_a_catalog_that_was_left_out_and_over_none_that_has_stopped() {
    let next = "`pipectl status` shows what runs, `pipectl up` starts what does not";
    let scene = Scene::new();
    assert_eq!(scene.seen().await, None, "both were left out");
    scene.start("om-server", 1).await;
    scene.backend.end(&container("om-server"), 1);
    assert_eq!(scene.seen().await, Some(format!("om-server is not running (exited); {next}")));

    let scene = Scene::new();
    let server = lite().await;
    scene.start("catalog", server.port()).await;
    let seen = scene.seen().await.expect("a catalog that runs");
    assert!(seen.starts_with("missing: "), "{seen}");
    scene.backend.end(&container("catalog"), 137);
    assert_eq!(scene.seen().await, Some(format!("catalog is not running (exited); {next}")));
    scene.backend.lose(&container("catalog"));
    scene.start("catalog", 1).await;
    assert_eq!(
        scene.seen().await,
        Some(format!("the catalog at 127.0.0.1:1 is unreachable: connection refused; {next}"))
    );
}

#[tokio::test]
async fn two_catalogs_have_nothing_in_common() {
    let (scene, mut stages) = (Scene::new(), Vec::new());
    for catalog in CATALOGS {
        let server = lite().await;
        scene.start(catalog.service, server.port()).await;
        stages.push(Stage::at(&server.to_string()).await);
    }
    let token = stages[0].admin.bot_token().await.expect("the bot's token");
    // What the better of the two is told is nothing to the one that stands in for it.
    let variables = [(VARIABLE, token.reveal()), ("OM_ADMIN_EMAIL", "somebody@example.com")];
    let filled = async |lake: &str, service: &str| {
        let pipeline = scene.pipeline(lake, &variables);
        let report = ingest(&pipeline, Some(service), &BTreeSet::from([names::SPARK]), &|_| ()).await;
        assert_eq!(report.expect("a catalog that works").problems, [""; 0]);
    };
    for catalog in CATALOGS {
        filled("hdfs:///first", catalog.service).await;
    }
    let kept = CATALOGS.map(|catalog| store(&scene.pipeline("", &[]), catalog).read().expect("readable"));
    assert_eq!(kept[0], None, "a token of the environment is not kept");
    assert!(kept[1].as_ref().is_some_and(|kept| *kept != token), "{kept:?}");

    // A text that is renewed in one of them is still ours in the other.
    for (catalog, stage) in CATALOGS.iter().zip(&stages) {
        filled("hdfs:///second", catalog.service).await;
        let job = stage.bot.find("pipelines", &names::job(names::INGEST), "").await.expect("readable").expect("there");
        let words = job.get("description").and_then(Value::as_str).unwrap_or_default();
        assert!(words.contains("hdfs:///second"), "{}: {words}", catalog.service);
    }
}
