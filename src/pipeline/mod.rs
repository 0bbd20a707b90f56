//! The pipeline as a whole: what pipeline.yml declares, how its servers are reached, and what is asked of several of
//! them at once (`verify`, `status`, `reset`).
//!
//! Steps and probes take a [`Pipeline`] and ask it for clients; nothing here prints or decides what runs when.

pub mod address;
pub mod canonical;
pub mod clients;
pub mod connector;
pub mod databases;
pub mod generated;
pub mod hop;
pub mod kept;
pub mod known;
pub mod mask;
pub mod new_tables;
pub mod path;
pub mod problems;
pub mod publication;
pub mod reading;
pub mod repair;
pub mod reset;
pub mod spec;
pub mod sql;
pub mod status;
pub mod tls;
pub mod transform;
pub mod verify;
pub(crate) mod wait;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Project, SECRETS_DIR};
use address::{AddressError, Addresses};
use clients::connect::Connect;
use clients::hdfs::Hdfs;
use clients::jobserver::JobServer;
use clients::kafka::Kafka;
use clients::postgres::{Database, Login};
use clients::{ClientError, Http};
use spec::PipelineSpec;

/// A server of the pipeline: service and container port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// Service.
    pub service: &'static str,
    /// Port inside its container.
    pub port: u16,
}

/// The broker's listener for clients on this machine.
pub const KAFKA: Endpoint = Endpoint { service: "kafka", port: 29092 };
/// Kafka Connect's REST interface.
pub const CONNECT: Endpoint = Endpoint { service: "debezium", port: 8083 };
/// The NameNode's HTTP port.
pub const NAMENODE: Endpoint = Endpoint { service: "namenode", port: 9870 };
/// The Spark driver's read-only interface.
pub const JOB_SERVER: Endpoint = Endpoint { service: "spark-driver", port: 4041 };
/// Postgres inside its containers.
const POSTGRES_PORT: u16 = 5432;

/// A running pipeline: its specification and the way to its servers.
pub struct Pipeline {
    /// What pipeline.yml says.
    pub spec: Arc<PipelineSpec>,
    /// Directory of pipeline.yml: files it names are relative to it.
    pub root: PathBuf,
    project: Arc<Project>,
    addresses: Arc<Addresses>,
    environment: BTreeMap<String, String>,
}

impl Pipeline {
    /// `environment` is what the Compose files were interpolated with (process environment and `.env`).
    pub fn new(
        spec: Arc<PipelineSpec>,
        root: impl Into<PathBuf>,
        project: Arc<Project>,
        addresses: Arc<Addresses>,
        environment: BTreeMap<String, String>,
    ) -> Self {
        Self { spec, root: root.into(), project, addresses, environment }
    }

    /// Kafka Connect.
    pub async fn connect(&self) -> Result<Connect, ClientError> {
        Ok(Connect::new(self.http("Kafka Connect", CONNECT).await?))
    }

    /// Kafka.
    pub async fn kafka(&self, patience: Duration) -> Result<Kafka, ClientError> {
        Kafka::connect(&self.address(KAFKA).await?, patience).await
    }

    /// HDFS.
    pub async fn hdfs(&self) -> Result<Hdfs, ClientError> {
        Ok(Hdfs::new(self.http("HDFS", NAMENODE).await?))
    }

    /// The job server. Reading a Delta table takes Spark seconds on a busy machine, hence the long deadline.
    pub async fn job_server(&self) -> Result<JobServer, ClientError> {
        let http = self.http("the job server", JOB_SERVER).await?;
        Ok(JobServer::new(http.deadline(Duration::from_secs(60))))
    }

    /// The source database.
    pub async fn source(&self, patience: Duration) -> Result<Database, ClientError> {
        let source = &self.spec.source;
        let Some(external) = &source.external else {
            return self.database(&source.service, &source.database, patience).await;
        };
        let (user, password) = self.source_role();
        let host = if external.host.contains(':') { format!("[{}]", external.host) } else { external.host.clone() };
        let address = format!("{host}:{}", external.port);
        let (database, tls) = (source.database.clone(), Some(external.tls.clone()));
        Database::connect(&Login { address, database, user, password, tls }, patience).await
    }

    /// Role and password with which changes are captured: those that the source's service was given; of a database elsewhere
    /// `SOURCE_USER` and `SOURCE_PASSWORD`, and where they are not set `POSTGRES_USER` and `POSTGRES_PASSWORD`.
    pub fn source_role(&self) -> (String, String) {
        let source = &self.spec.source;
        if source.external.is_none() {
            let login = login(&self.project, &source.service, &source.database, String::new());
            return (login.user, login.password);
        }
        let one_of = |names: [&str; 2]| names.into_iter().find_map(|name| self.variable(name));
        let user = one_of(["SOURCE_USER", "POSTGRES_USER"]).unwrap_or_else(|| "postgres".to_owned());
        (user, one_of(["SOURCE_PASSWORD", "POSTGRES_PASSWORD"]).unwrap_or_default())
    }

    /// What the connector's configuration says in place of the source's password, where Kafka Connect has it as a secret: with that
    /// its API, its topic and its log do not show the password.
    pub fn source_password_reference(&self) -> Option<String> {
        let secret = if self.spec.source.external.is_some() { "source_password" } else { "postgres_password" };
        let files = &self.project.services.get(CONNECT.service)?.secrets;
        let file = files.iter().find(|file| file.source == secret)?;
        // The provider that debezium/connect-distributed.properties names.
        Some(format!("${{secrets:{SECRETS_DIR}:{}}}", file.target))
    }

    /// Role and password of the destination: those that its service was given.
    pub fn destination_role(&self) -> (String, String) {
        let destination = &self.spec.destination;
        let login = login(&self.project, &destination.service, &destination.database, String::new());
        (login.user, login.password)
    }

    /// The destination database.
    pub async fn destination(&self, patience: Duration) -> Result<Database, ClientError> {
        self.database(&self.spec.destination.service, &self.spec.destination.database, patience).await
    }

    /// A file that pipeline.yml or a step names.
    pub fn file(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// A variable of the environment.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    /// The salt of masked columns, where there are such columns and a key.
    pub fn mask_salt(&self) -> Option<String> {
        let masks = self.spec.tables.values().any(|table| !table.masked.is_empty());
        let key = self.variable(mask::KEY).filter(|key| masks && !key.is_empty())?;
        Some(mask::salt(&key))
    }

    /// Names of the containers of services, for those that run.
    pub async fn containers(&self, services: &[&str]) -> Vec<String> {
        let mut names = Vec::new();
        for service in services {
            match self.addresses.container(service).await {
                Ok(container) => names.push(container.name),
                // One that has ended has logs too, and its name follows from the project's.
                Err(_) if self.project.services.contains_key(*service) => {
                    names.push(format!("{}-{service}-1", self.project.name));
                }
                Err(_) => {}
            }
        }
        names
    }

    /// `host:port` of a server.
    pub async fn address_of(&self, endpoint: Endpoint) -> Result<String, ClientError> {
        Ok(self.address(endpoint).await?)
    }

    /// The project that the servers are services of.
    pub fn project(&self) -> &Project {
        &self.project
    }

    async fn database(&self, service: &str, database: &str, patience: Duration) -> Result<Database, ClientError> {
        let address = self.addresses.address(service, POSTGRES_PORT).await?;
        let login = login(&self.project, service, database, address);
        Database::connect(&login, patience).await
    }

    async fn http(&self, server: &'static str, endpoint: Endpoint) -> Result<Http, ClientError> {
        Ok(Http::new(server, self.address(endpoint).await?))
    }

    async fn address(&self, endpoint: Endpoint) -> Result<String, AddressError> {
        self.addresses.address(endpoint.service, endpoint.port).await
    }
}

/// The login that a Postgres service was given.
pub(crate) fn login(project: &Project, service: &str, database: &str, address: String) -> Login {
    let user = project.given(service, "POSTGRES_USER").unwrap_or_else(|| "postgres".to_owned());
    let password = project.given(service, "POSTGRES_PASSWORD").unwrap_or_default();
    Login { address, database: database.to_owned(), user, password, tls: None }
}
