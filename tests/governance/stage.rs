//! A catalog to test against: our lite one in this process, or a real server where `PIPECTL_TEST_OM_URL` points at it
//! (`host:port`, administrator `admin@open-metadata.org` / `admin`).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use pipectl::catalog::{Options, Server};
use pipectl::governance::GovernanceError;
use pipectl::governance::assets;
use pipectl::governance::assets::services::services;
use pipectl::governance::client::{Catalog, CatalogError};
use pipectl::governance::collect::Facts;
use pipectl::governance::lineage::Lineage;
use pipectl::governance::names;
use pipectl::governance::reconcile::{Graph, Ingested, Reconciler, read_edges};
use pipectl::pipeline::clients::Http;
use pipectl::pipeline::spec::PipelineSpec;

pub const EMAIL: &str = "admin@open-metadata.org";

pub struct Stage {
    pub state: tempfile::TempDir,
    /// Logged in as the ingestion bot.
    pub bot: Catalog,
    /// Logged in as administrator: a person.
    pub admin: Catalog,
}

/// A lite catalog on a free port, for as long as the test lives.
pub async fn lite() -> SocketAddr {
    lite_in(&tempfile::tempdir().expect("a directory").keep()).await
}

/// The same with its data in a directory.
pub async fn lite_in(data: &Path) -> SocketAddr {
    let listen = "127.0.0.1:0".parse().expect("an address");
    let options = Options { listen, data: data.to_owned(), password: "admin".into() };
    let server = Server::bind(options).await.expect("the catalog starts");
    let address = server.address();
    tokio::spawn(server.run(std::future::pending()));
    address
}

impl Stage {
    pub async fn new() -> Self {
        match std::env::var("PIPECTL_TEST_OM_URL") {
            Ok(url) => Self::at(url.trim_start_matches("http://").trim_end_matches('/')).await,
            Err(_) => Self::at(&lite().await.to_string()).await,
        }
    }

    /// With the catalog at `host:port`.
    pub async fn at(address: &str) -> Self {
        let catalog = Catalog::connect(Http::new("the catalog", address), 2).await.expect("a version");
        let token = catalog.login(EMAIL, "admin").await.expect("an administrator");
        let admin = catalog.with_token(&token);
        let bot = catalog.with_token(&admin.bot_token().await.expect("the bot's token"));
        Self { state: tempfile::tempdir().expect("a directory"), bot, admin }
    }

    /// Brings the catalog up to date as `ingest` does.
    pub async fn ingest(
        &self,
        spec: &PipelineSpec,
        facts: &Facts,
        lineage: &Lineage,
    ) -> Result<Ingested, CatalogError> {
        let version = self.bot.version();
        let reconciler = Reconciler::new(&self.bot, self.state.path()).expect("a memory");
        let holdings = assets::wanted(spec, facts, lineage, version);
        let pipelines = names::pipelines(spec);
        let whole = (facts.services.len() == names::SERVICES.len()).then_some((lineage, pipelines.as_slice()));
        match reconciler.run(&services(spec, "admin", version), &holdings, whole, &|_| ()).await {
            Ok(report) => Ok(report),
            Err(GovernanceError::Catalog(error)) => Err(error),
            Err(other) => panic!("not the catalog's fault: {other}"),
        }
    }

    /// What differs from the wanted lineage, one line each.
    pub async fn differences(&self, spec: &PipelineSpec, lineage: &Lineage) -> Vec<String> {
        let pipelines = names::pipelines(spec);
        let graph: Graph = read_edges(&self.bot).await.expect("readable");
        let found = graph.differences(&self.bot, lineage, &pipelines);
        found.iter().map(|difference| difference.told(lineage, &graph.edges)).collect()
    }
}

/// Every service.
pub fn all() -> BTreeSet<&'static str> {
    names::SERVICES.into()
}
