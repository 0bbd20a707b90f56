//! `reset pipeline`: removes everything that records how far the data has come, as one consistent set.
//!
//! Connector offsets, slot, topics, lake with checkpoints, and destination rows belong together: to remove some of them
//! loses or doubles rows. The source's own tables are never touched. Table names in the metastore stay, because they
//! point to paths that the next start fills again.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::Pipeline;
use super::clients::ClientError;
use super::clients::hdfs::{Hdfs, path_of};
use super::clients::kafka::Kafka;
use super::clients::postgres::{Database, quote_qualified};
use super::spec::PipelineSpec;
use super::wait;
use crate::engine::work::SayFn;

/// Time to connect to a server.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time for a slot to be released, and for a topic to disappear, after their users are gone.
const RELEASE: Duration = Duration::from_secs(30);

/// Everything that a reset removes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ResetPlan {
    /// What goes, in the order in which it goes.
    pub items: Vec<ResetItem>,
}

/// One thing that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResetItem {
    /// Kind of thing.
    pub kind: ResetKind,
    /// Its name.
    pub name: String,
    /// How much it is: "12 messages", "3 files, 4096 bytes".
    pub detail: String,
}

/// Kinds of things that a reset removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResetKind {
    /// The connector with its offsets.
    Connector,
    /// The replication slot.
    Slot,
    /// A Kafka topic.
    Topic,
    /// A directory in HDFS.
    Path,
    /// Rows of a destination table.
    Rows,
}

/// Why a reset was not carried out, or not to its end. It can simply be run again: what is gone already is skipped.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// A server refused or did not answer.
    #[error("cannot {doing}: {source}")]
    Client {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: ClientError,
    },
    /// A job still writes.
    #[error("job {name} is {state}: stop it first, or it writes again what is being removed")]
    JobRuns {
        /// The job.
        name: String,
        /// Its state.
        state: String,
    },
    /// Something did not go away in time.
    #[error("{what} is still there after {} s", RELEASE.as_secs())]
    StillThere {
        /// What.
        what: String,
    },
}

/// The open connections.
struct Servers {
    connect: super::clients::connect::Connect,
    kafka: Kafka,
    hdfs: Hdfs,
    source: Database,
    destination: Database,
}

/// Lists what a reset would remove. All servers but Spark must run: what cannot be looked at cannot be removed either.
pub async fn plan(pipeline: &Pipeline) -> Result<ResetPlan, ResetError> {
    plan_with(pipeline, &open(pipeline).await?).await
}

/// Removes everything. The job services must have been stopped before; `say` is told what goes.
pub async fn apply(pipeline: &Pipeline, say: &SayFn) -> Result<ResetPlan, ResetError> {
    refuse_running_jobs(pipeline).await?;
    let servers = open(pipeline).await?;
    let plan = plan_with(pipeline, &servers).await?;
    for item in &plan.items {
        say(&format!("{} {}", item.kind.verb(), item.name));
        let doing = |source| ResetError::Client { doing: format!("{} {}", item.kind.verb(), item.name), source };
        match item.kind {
            ResetKind::Connector => remove_connector(&servers, &item.name).await.map_err(doing)?,
            ResetKind::Slot => remove_slot(&servers.source, &item.name).await?,
            ResetKind::Topic => servers.kafka.delete_topic(&item.name).await.map_err(doing)?,
            ResetKind::Path => servers.hdfs.delete(&item.name).await.map_err(doing)?,
            // All at once, below: one transaction for all rows.
            ResetKind::Rows => {}
        }
    }
    let topics = plan.items.iter().filter(|item| item.kind == ResetKind::Topic).map(|item| item.name.clone());
    wait_for_topics(&servers.kafka, topics.collect()).await?;
    truncate(pipeline, &servers.destination, &plan).await?;
    Ok(plan)
}

/// Empties the destination and forgets what had been applied to it, so that the process job fills it anew from the change log.
/// That job must have been stopped before; `say` is told what goes.
pub async fn destination(pipeline: &Pipeline, say: &SayFn) -> Result<(), ResetError> {
    let opened = tokio::try_join!(pipeline.hdfs(), pipeline.destination(PATIENCE));
    let (hdfs, destination) = opened.map_err(reach)?;
    let checkpoint = format!("{}/process", path_of(&pipeline.spec.lake.checkpoints));
    say(&format!("{} {checkpoint}", ResetKind::Path.verb()));
    let doing = |source| ResetError::Client { doing: format!("delete {checkpoint}"), source };
    hdfs.delete(&checkpoint).await.map_err(doing)?;
    let items = row_items(pipeline, &destination).await.map_err(reach)?;
    for item in &items {
        say(&format!("{} {}", item.kind.verb(), item.name));
    }
    truncate(pipeline, &destination, &ResetPlan { items }).await
}

impl ResetKind {
    /// What is done to it.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Connector => "delete connector",
            Self::Slot => "drop replication slot",
            Self::Topic => "delete topic",
            Self::Path => "delete",
            Self::Rows => "empty",
        }
    }
}

async fn open(pipeline: &Pipeline) -> Result<Servers, ResetError> {
    let opened = tokio::try_join!(
        pipeline.connect(),
        pipeline.kafka(PATIENCE),
        pipeline.hdfs(),
        pipeline.source(PATIENCE),
        pipeline.destination(PATIENCE)
    );
    let (connect, kafka, hdfs, source, destination) = opened.map_err(reach)?;
    Ok(Servers { connect, kafka, hdfs, source, destination })
}

fn reach(source: ClientError) -> ResetError {
    ResetError::Client { doing: "look at what is there".to_owned(), source }
}

async fn plan_with(pipeline: &Pipeline, servers: &Servers) -> Result<ResetPlan, ResetError> {
    let (connector, slot, topics, paths, rows) = tokio::try_join!(
        connector_item(pipeline, servers),
        slot_item(pipeline, servers),
        topic_items(pipeline, &servers.kafka),
        path_items(pipeline, &servers.hdfs),
        row_items(pipeline, &servers.destination)
    )
    .map_err(reach)?;
    let items = connector.into_iter().chain(slot).chain(topics).chain(paths).chain(rows).collect();
    Ok(ResetPlan { items })
}

async fn connector_item(pipeline: &Pipeline, servers: &Servers) -> Result<Option<ResetItem>, ClientError> {
    let name = &pipeline.spec.connector;
    let Some(status) = servers.connect.status(name).await? else { return Ok(None) };
    Ok(Some(ResetItem {
        kind: ResetKind::Connector,
        name: name.clone(),
        detail: format!("{}, with its offsets", status.summary()),
    }))
}

async fn slot_item(pipeline: &Pipeline, servers: &Servers) -> Result<Option<ResetItem>, ClientError> {
    let name = &pipeline.spec.source.slot;
    let sql = "SELECT pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) \
               FROM pg_replication_slots WHERE slot_name = $1::text AND database = current_database()";
    let Some(row) = servers.source.first(sql, &[name]).await? else { return Ok(None) };
    let kept: Option<String> = row.get(0);
    let detail = format!("keeps {} of write-ahead log", kept.as_deref().unwrap_or("nothing"));
    Ok(Some(ResetItem { kind: ResetKind::Slot, name: name.clone(), detail }))
}

async fn topic_items(pipeline: &Pipeline, kafka: &Kafka) -> Result<Vec<ResetItem>, ClientError> {
    let ours = format!("{}.", pipeline.spec.topic_prefix);
    let own = pipeline.spec.own_topics();
    let there: Vec<String> = kafka.topics().await?.into_keys().collect();
    let mut items = Vec::new();
    for topic in there.into_iter().filter(|topic| topic.starts_with(&ours) || own.contains(topic)) {
        let messages = kafka.end_offset(&topic).await? - kafka.start_offset(&topic).await?;
        items.push(ResetItem { kind: ResetKind::Topic, name: topic, detail: format!("{messages} messages") });
    }
    Ok(items)
}

async fn path_items(pipeline: &Pipeline, hdfs: &Hdfs) -> Result<Vec<ResetItem>, ClientError> {
    let mut items = Vec::new();
    for address in [&pipeline.spec.lake.path, &pipeline.spec.lake.checkpoints] {
        let path = path_of(address);
        if let Some(summary) = hdfs.summary(path).await? {
            let detail = format!("{} files, {} bytes", summary.file_count, summary.length);
            items.push(ResetItem { kind: ResetKind::Path, name: path.to_owned(), detail });
        }
    }
    Ok(items)
}

async fn row_items(pipeline: &Pipeline, destination: &Database) -> Result<Vec<ResetItem>, ClientError> {
    let spec = &pipeline.spec;
    let copies = spec.tables.values().map(|table| &table.destination.table);
    let computed = spec.aggregates.values().map(|aggregate| &aggregate.table);
    let served = copies.chain(computed).map(|table| (spec.destination.schema.as_str(), table.as_str()));
    let mut items = Vec::new();
    for (schema, table) in served.chain([("pipectl", "applied"), ("pipectl", "affected"), ("pipectl", "ledger")]) {
        let relation = quote_qualified(schema, table);
        let there = destination.first("SELECT to_regclass($1::text) IS NOT NULL", &[&relation]).await?;
        if !there.is_some_and(|row| row.get(0)) {
            continue;
        }
        let counted = destination.first(&format!("SELECT count(*) FROM {relation}"), &[]).await?;
        let rows: i64 = counted.map_or(0, |row| row.get(0));
        if rows > 0 {
            let name = format!("{schema}.{table}");
            items.push(ResetItem { kind: ResetKind::Rows, name, detail: format!("{rows} rows") });
        }
    }
    Ok(items)
}

/// A driver that does not answer runs no job.
async fn refuse_running_jobs(pipeline: &Pipeline) -> Result<(), ResetError> {
    let jobs = match pipeline.job_server().await {
        Ok(server) => server.jobs().await,
        Err(error) => Err(error),
    };
    let jobs = match jobs {
        Ok(jobs) => jobs,
        Err(ClientError::Address(_) | ClientError::Unreachable { .. }) => return Ok(()),
        Err(error) => return Err(reach(error)),
    };
    match jobs.into_iter().find(|job| matches!(job.state.as_str(), "running" | "starting")) {
        Some(job) => Err(ResetError::JobRuns { name: job.name, state: job.state }),
        None => Ok(()),
    }
}

async fn remove_connector(servers: &Servers, name: &str) -> Result<(), ClientError> {
    // Only a stopped connector gives up its offsets, and stopping takes Connect a moment.
    servers.connect.stop(name).await?;
    let stopped = || async {
        let status = servers.connect.status(name).await?;
        Ok::<_, ClientError>(status.filter(|status| status.connector.state == "STOPPED" && status.tasks.is_empty()))
    };
    let deadline = tokio::time::Instant::now() + RELEASE;
    if wait::until_deadline(Duration::from_millis(100), deadline, stopped).await?.is_none() {
        return Err(ClientError::Malformed { server: "Kafka Connect", reason: format!("{name} did not stop in time") });
    }
    servers.connect.delete_offsets(name).await?;
    servers.connect.delete(name).await
}

/// Drops the slot at the source, when everything that used it is gone.
pub async fn leave_source(pipeline: &Pipeline) -> Result<(), ResetError> {
    let name = &pipeline.spec.source.slot;
    let doing = |source| ResetError::Client { doing: format!("drop replication slot {name}"), source };
    let source = pipeline.source(PATIENCE).await.map_err(doing)?;
    remove_slot(&source, name).await
}

async fn remove_slot(source: &Database, name: &str) -> Result<(), ResetError> {
    let doing = |source| ResetError::Client { doing: format!("drop replication slot {name}"), source };
    let drop = || async {
        // In one statement, so that a slot that is gone already or still in use is no error.
        let sql = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots \
                   WHERE slot_name = $1::text AND NOT active";
        let gone = "SELECT 1 FROM pg_replication_slots WHERE slot_name = $1::text";
        source.query(sql, &[&name]).await?;
        Ok(source.first(gone, &[&name]).await?.is_none().then_some(()))
    };
    let deadline = tokio::time::Instant::now() + RELEASE;
    match wait::until_deadline(Duration::from_millis(100), deadline, drop).await.map_err(doing)? {
        Some(()) => Ok(()),
        None => Err(ResetError::StillThere { what: format!("replication slot {name}, in use by another connection,") }),
    }
}

/// Deletion is asynchronous; a topic made again too early would be the old one.
async fn wait_for_topics(kafka: &Kafka, gone: BTreeSet<String>) -> Result<(), ResetError> {
    let look = || async {
        let there = kafka.topics().await?;
        Ok(gone.iter().all(|topic| !there.contains_key(topic)).then_some(()))
    };
    let deadline = tokio::time::Instant::now() + RELEASE;
    let waited = wait::until_deadline(Duration::from_millis(100), deadline, look).await;
    match waited.map_err(|source| ResetError::Client { doing: "list topics".to_owned(), source })? {
        Some(()) => Ok(()),
        None => Err(ResetError::StillThere { what: "a deleted topic".to_owned() }),
    }
}

fn forget_definitions(spec: &PipelineSpec) -> String {
    let text = |table: &str| format!("'{}'", table.replace('\'', "''"));
    let tables: Vec<String> = spec.destination_tables().into_iter().map(text).collect();
    format!("DELETE FROM pipectl.definitions WHERE \"table\" IN ({})", tables.join(", "))
}

async fn truncate(pipeline: &Pipeline, destination: &Database, plan: &ResetPlan) -> Result<(), ResetError> {
    let rows = plan.items.iter().filter(|item| item.kind == ResetKind::Rows);
    let tables: Vec<String> = rows
        .filter_map(|item| item.name.split_once('.'))
        .map(|(schema, table)| quote_qualified(schema, table))
        .collect();
    if tables.is_empty() {
        return Ok(());
    }
    // What they will be made by is noted when they are made; of tables that are declared no more it is still told.
    let noted = destination.first("SELECT to_regclass('pipectl.definitions') IS NOT NULL", &[]).await;
    let noted = noted.map_err(reach)?.is_some_and(|row| row.get(0));
    let forget = if noted { forget_definitions(&pipeline.spec) } else { String::new() };
    // Several statements in one batch are one transaction.
    let emptied = destination.batch(&format!("TRUNCATE {}; {forget}", tables.join(", "))).await;
    emptied.map_err(|source| ResetError::Client { doing: "empty the destination's tables".to_owned(), source })
}
