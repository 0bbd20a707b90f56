//! A catalog to test against: our lite one in this process, or a server that runs where `PIPECTL_TEST_OM_URL` points at it
//! (`host:port`, administrator `admin@open-metadata.org`, password `PIPECTL_TEST_OM_PASSWORD` or `admin`). A test has such a server
//! for itself, and begins by removing this pipeline's services from it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use pipectl::catalog::{Options, Server};
use pipectl::governance::GovernanceError;
use pipectl::governance::assets;
use pipectl::governance::assets::services::services;
use pipectl::governance::client::{Catalog, CatalogError, Version};
use pipectl::governance::collect::Facts;
use pipectl::governance::lineage::Lineage;
use pipectl::governance::names;
use pipectl::governance::reconcile::{Graph, Ingested, Reconciler, read_edges};
use pipectl::governance::token::Token;
use pipectl::pipeline::clients::Http;
use pipectl::pipeline::spec::PipelineSpec;
use reqwest::StatusCode;
use serde_json::Value;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::lineage::own_spec;

pub const EMAIL: &str = "admin@open-metadata.org";

pub struct Stage {
    pub state: tempfile::TempDir,
    /// Logged in as the ingestion bot.
    pub bot: Catalog,
    /// Logged in as administrator: a person.
    pub admin: Catalog,
    /// Of a server that other tests use too: their turn comes when this one is over.
    _turn: Option<OwnedMutexGuard<()>>,
}

/// Whose turn it is on a server that all tests use.
static TURN: LazyLock<Arc<Mutex<()>>> = LazyLock::new(Arc::default);

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
            Ok(url) => Self::shared(url.trim_start_matches("http://").trim_end_matches('/')).await,
            Err(_) => Self::alone().await,
        }
    }

    /// With a lite catalog of its own, whatever the environment says: for a test that leaves its server useless to others.
    pub async fn alone() -> Self {
        Self::at(&lite().await.to_string()).await
    }

    /// With the lite catalog at `host:port`, which is one test's.
    pub async fn at(address: &str) -> Self {
        Self::logged_in(address, "admin").await.0
    }

    /// With a server that other tests use too, as if it were new.
    async fn shared(address: &str) -> Self {
        let turn = TURN.clone().lock_owned().await;
        let password = std::env::var("PIPECTL_TEST_OM_PASSWORD").unwrap_or_else(|_| "admin".into());
        let (stage, token) = Self::logged_in(address, &password).await;
        clear(address, &token, stage.bot.version()).await.expect("an administrator may");
        Self { _turn: Some(turn), ..stage }
    }

    async fn logged_in(address: &str, password: &str) -> (Self, Token) {
        let catalog = Catalog::connect(Http::new("the catalog", address), 2).await.expect("a version");
        let token = catalog.login(EMAIL, password).await.expect("an administrator");
        let admin = catalog.with_token(&token);
        let bot = catalog.with_token(&admin.bot_token().await.expect("the bot's token"));
        (Self { state: tempfile::tempdir().expect("a directory"), bot, admin, _turn: None }, token)
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

/// Removes the pipeline's services for good, with all that they hold, marked deleted or not.
async fn clear(address: &str, token: &Token, version: Version) -> reqwest::Result<()> {
    let http = reqwest::Client::new();
    for service in services(&own_spec(), "admin", version) {
        let collection = format!("http://{address}/api/v1/{}", service.kind.collection());
        let found = http.get(format!("{collection}/name/{}?include=all", service.name));
        let found = found.bearer_auth(token.reveal()).send().await?;
        if found.status() == StatusCode::NOT_FOUND {
            continue;
        }
        let found: Value = found.error_for_status()?.json().await?;
        let id = found["id"].as_str().expect("an id");
        let removal = http.delete(format!("{collection}/{id}?hardDelete=true&recursive=true"));
        removal.bearer_auth(token.reveal()).send().await?.error_for_status()?;
    }
    Ok(())
}

/// Every service.
pub fn all() -> BTreeSet<&'static str> {
    names::SERVICES.into()
}
