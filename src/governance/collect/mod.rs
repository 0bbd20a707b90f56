//! Reads what the servers hold. One small reader a server; a server that does not answer leaves its part unknown, and
//! the others are read all the same.

pub mod kafka;
pub mod lake;
pub mod postgres;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::governance::names;
use crate::pipeline::Pipeline;
use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::connect::ConnectorStatus;
use crate::pipeline::clients::jobserver::Job;

/// Time to connect to a server.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was read; nothing where a server was not asked or did not answer.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The services that were asked for.
    pub services: BTreeSet<&'static str>,
    /// The source database.
    pub source: Option<postgres::DatabaseFacts>,
    /// The destination database.
    pub destination: Option<postgres::DatabaseFacts>,
    /// By topic.
    pub topics: Option<BTreeMap<String, kafka::TopicFacts>>,
    /// The connector; nothing inside when it is not registered.
    pub connector: Option<Option<ConnectorStatus>>,
    /// The lake.
    pub lake: Option<lake::LakeFacts>,
    /// The jobs that were submitted.
    pub jobs: Option<Vec<Job>>,
    /// Servers that did not answer, by service.
    pub failures: Vec<(&'static str, ClientError)>,
    /// What is only partly known, and why.
    pub notes: Vec<String>,
}

/// Reads everything of the chosen services at once.
pub async fn collect(pipeline: &Pipeline, services: &BTreeSet<&'static str>) -> Facts {
    let mut facts = Facts { services: services.clone(), ..Facts::default() };
    let chosen = |name: &str| services.contains(name);
    // On the heap: six of these side by side make a future too large for a caller's stack.
    let (source, destination, topics, connector, lake, jobs) = tokio::join!(
        Box::pin(asked(chosen(names::SOURCE), async { postgres::read(&pipeline.source(PATIENCE).await?).await })),
        Box::pin(asked(chosen(names::DESTINATION), async {
            postgres::read(&pipeline.destination(PATIENCE).await?).await
        })),
        Box::pin(asked(chosen(names::KAFKA), kafka::read(pipeline))),
        Box::pin(asked(chosen(names::CONNECT), async {
            pipeline.connect().await?.status(&pipeline.spec.connector).await
        })),
        Box::pin(asked(chosen(names::LAKE), async { Ok(lake::read(pipeline).await) })),
        Box::pin(asked(chosen(names::SPARK), async { pipeline.job_server().await?.jobs().await })),
    );
    facts.source = facts.keep(names::SOURCE, source);
    facts.destination = facts.keep(names::DESTINATION, destination);
    facts.topics = facts.keep(names::KAFKA, topics);
    facts.connector = facts.keep(names::CONNECT, connector);
    if matches!(facts.connector, Some(None)) {
        let name = &pipeline.spec.connector;
        facts.notes.push(format!("connector {name} is not registered; `pipectl up` registers it"));
    }
    facts.lake = facts.keep(names::LAKE, lake);
    facts.notes.extend(facts.lake.iter().flat_map(|lake| lake.notes.clone()));
    // The jobs are declared, whether they run or not: a driver that still starts has none.
    facts.jobs = match jobs {
        Some(Err(error)) if error.is_transient() => {
            facts.notes.push(format!("no run state of the Spark jobs: {error}"));
            Some(Vec::new())
        }
        other => facts.keep(names::SPARK, other),
    };
    facts
}

async fn asked<T>(chosen: bool, ask: impl Future<Output = Result<T, ClientError>>) -> Option<Result<T, ClientError>> {
    if chosen { Some(ask.await) } else { None }
}

impl Facts {
    fn keep<T>(&mut self, service: &'static str, read: Option<Result<T, ClientError>>) -> Option<T> {
        match read? {
            Ok(value) => Some(value),
            Err(error) => {
                self.failures.push((service, error));
                None
            }
        }
    }
}
