//! Facts about the running pipeline, gathered from all its servers at once and each bounded in time.
//!
//! One part that does not answer is a fact too: it is reported as such, and the others are shown all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::Pipeline;
use super::clients::ClientError;
use super::clients::connect::ConnectorStatus;
use super::clients::jobserver::{Job, TableInfo};
use super::clients::kafka::Kafka;
use super::clients::postgres::quote_qualified;
use super::kept::{self, Kept};
use super::problems::{self, Problem};
use super::repair::Repair;
use super::{new_tables, publication};

/// Time one part may take before it counts as silent; all are asked at once, and answers take a tenth of that.
const LIMIT: Duration = Duration::from_secs(2);
/// The jobs that move data.
pub const JOBS: [&str; 2] = ["ingest", "process"];

/// Something known, or the reason why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact<T> {
    /// It is known.
    Known(T),
    /// Its server gave no answer; why.
    Unknown(String),
}

/// Everything `status` tells about the data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PipelineStatus {
    /// The connector and its tasks; nothing when it is not registered.
    pub connector: Fact<Option<ConnectorStatus>>,
    /// The replication slot; nothing when it does not exist.
    pub slot: Fact<Option<Slot>>,
    /// Declared tables whose changes the publication leaves out; all of them when it does not exist.
    pub unpublished: Fact<Vec<String>>,
    /// Declared tables that were taken out of the publication and added again: what changed in between was not captured.
    pub missed: Fact<Vec<String>>,
    /// By topic, the offset that its next message gets; a topic that does not exist is not among them.
    pub topics: Fact<BTreeMap<String, i64>>,
    /// The Spark jobs.
    pub jobs: Fact<Vec<JobStatus>>,
    /// The Delta tables.
    pub tables: Fact<BTreeMap<String, TableInfo>>,
    /// The destination's tables.
    pub destination: Fact<Vec<DestinationTable>>,
    /// What is left of tables that pipeline.yml declares no more.
    pub kept: Fact<Vec<Kept>>,
    /// True when nothing below is wrong.
    pub healthy: bool,
    /// What is wrong, one line each.
    pub problems: Vec<Problem>,
    /// What `pipectl repair` would do about it.
    pub repairs: BTreeSet<Repair>,
}

/// The replication slot of the connector.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Slot {
    /// Name.
    pub name: String,
    /// True while somebody streams from it.
    pub active: bool,
    /// Bytes of write-ahead log that the connector has not confirmed.
    pub lag_bytes: i64,
    /// `reserved`, `extended`, `unreserved` or `lost`.
    pub wal_status: String,
    /// Position up to which the connector has confirmed the log, as Postgres writes it; empty before the first confirmation.
    pub confirmed: String,
    /// Position at which the log ends.
    pub current: String,
    /// What the program calls itself that reads from it; empty while none does, and where the role may not know.
    pub reader: String,
}

impl Slot {
    /// True where another program than the connector reads from it: Debezium calls itself "Debezium Streaming"
    /// (io.debezium.connector.postgresql.PostgresConnection).
    pub fn is_read_by_another(&self) -> bool {
        !self.reader.is_empty() && !self.reader.starts_with("Debezium")
    }
}

/// A Spark job with its distance from the topics' ends.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct JobStatus {
    /// What the job server says.
    #[serde(flatten)]
    pub job: Job,
    /// Messages that it has not committed yet; nothing while one of the two ends is unknown.
    pub lag: Option<i64>,
    /// The same by topic, without those of which nothing is left.
    pub unread: BTreeMap<String, Unread>,
    /// Milliseconds since its last batch was committed; nothing before the first.
    pub idle_ms: Option<i64>,
}

/// What a job has not read of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Messages.
    pub changes: i64,
    /// Milliseconds since the first of them was written; nothing where the broker did not tell in time.
    pub waiting_ms: Option<i64>,
}

/// A table of the destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DestinationTable {
    /// Name with its schema.
    pub table: String,
    /// Rows.
    pub rows: i64,
    /// Source topic, for a table that is not computed.
    pub topic: Option<String>,
    /// Offset after the last message that has been applied to it.
    pub applied: Option<i64>,
}

impl<T> Fact<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Why it is not known.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(why) => Some(why),
        }
    }
}

impl JobStatus {
    /// The topic whose first unread message is the oldest.
    pub fn oldest_unread(&self) -> Option<(&str, Unread)> {
        let oldest = self.unread.iter().max_by_key(|(_, unread)| unread.waiting_ms)?;
        Some((oldest.0, *oldest.1))
    }
}

/// What is read of the topics: ends, and which of them end in a tombstone, which no job commits.
struct Topics {
    ends: BTreeMap<String, i64>,
    kafka: Kafka,
}

/// Gathers everything; takes about as long as the slowest answer, at most two seconds.
pub async fn gather(pipeline: &Pipeline) -> PipelineStatus {
    let (connector, slot, unpublished, missed, topics, jobs, tables, destination, kept) = tokio::join!(
        bounded(async { pipeline.connect().await?.status_with_restarts(&pipeline.spec.connector).await }),
        bounded(slot(pipeline)),
        bounded(unpublished(pipeline)),
        bounded(missed(pipeline)),
        bounded(topics(pipeline)),
        bounded(async { pipeline.job_server().await?.jobs().await }),
        bounded(async { pipeline.job_server().await?.tables().await }),
        bounded(destination(pipeline)),
        bounded(kept::read(pipeline, LIMIT)),
    );
    let jobs = match jobs {
        Fact::Known(jobs) => Fact::Known(with_lag(pipeline, jobs, topics.known(), destination.known()).await),
        Fact::Unknown(reason) => Fact::Unknown(reason),
    };
    let topics = match topics {
        Fact::Known(topics) => Fact::Known(topics.ends),
        Fact::Unknown(reason) => Fact::Unknown(reason),
    };
    let mut status = PipelineStatus {
        connector,
        slot,
        unpublished,
        missed,
        topics,
        jobs,
        tables,
        destination,
        kept,
        healthy: false,
        problems: Vec::new(),
        repairs: BTreeSet::new(),
    };
    let problems = problems::find(&status, &pipeline.spec);
    status.healthy = problems.is_empty();
    // Of containers nothing is known here.
    status.repairs = problems::repairs(&problems, |_| false);
    status.problems = problems;
    status
}

async fn bounded<T>(ask: impl Future<Output = Result<T, ClientError>>) -> Fact<T> {
    // On the heap: six of these side by side make a future too large for a caller's stack.
    match tokio::time::timeout(LIMIT, Box::pin(ask)).await {
        Ok(Ok(value)) => Fact::Known(value),
        Ok(Err(error)) => Fact::Unknown(error.to_string()),
        Err(_) => Fact::Unknown(format!("no answer within {} s", LIMIT.as_secs())),
    }
}

async fn slot(pipeline: &Pipeline) -> Result<Option<Slot>, ClientError> {
    let source = pipeline.source(LIMIT).await?;
    let sql = "SELECT slot_name::text, active, \
               coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn), 0)::bigint, \
               coalesce(wal_status, 'unknown'), coalesce(confirmed_flush_lsn::text, ''), pg_current_wal_lsn()::text, \
               coalesce((SELECT application_name FROM pg_stat_replication WHERE pid = active_pid), '') \
               FROM pg_replication_slots WHERE slot_name = $1::text";
    let row = source.first(sql, &[&pipeline.spec.source.slot]).await?;
    Ok(row.map(|row| Slot {
        name: row.get(0),
        active: row.get(1),
        lag_bytes: row.get(2),
        wal_status: row.get(3),
        confirmed: row.get(4),
        current: row.get(5),
        reader: row.get(6),
    }))
}

async fn unpublished(pipeline: &Pipeline) -> Result<Vec<String>, ClientError> {
    publication::missing(pipeline, &pipeline.source(LIMIT).await?).await
}

async fn missed(pipeline: &Pipeline) -> Result<Vec<String>, ClientError> {
    let Some(config) = pipeline.connect().await?.config(&pipeline.spec.connector).await? else { return Ok(Vec::new()) };
    let published = publication::members(pipeline, &pipeline.source(LIMIT).await?).await?;
    Ok(new_tables::missed(&config, &pipeline.spec, &published))
}

async fn topics(pipeline: &Pipeline) -> Result<Topics, ClientError> {
    let kafka = pipeline.kafka(LIMIT).await?;
    let there = kafka.topics().await?;
    let wanted: Vec<String> = pipeline.spec.topics().into_iter().filter(|topic| there.contains_key(topic)).collect();
    let ends = kafka.end_offsets(&wanted).await?;
    Ok(Topics { ends, kafka })
}

async fn destination(pipeline: &Pipeline) -> Result<Vec<DestinationTable>, ClientError> {
    let destination = pipeline.destination(LIMIT).await?;
    let schema = &pipeline.spec.destination.schema;
    let copies =
        pipeline.spec.tables.iter().map(|(name, table)| (&table.destination.table, Some(pipeline.spec.topic(name))));
    let computed = pipeline.spec.aggregates.values().map(|aggregate| (&aggregate.table, None));
    let applied: BTreeMap<String, i64> = destination
        .query("SELECT topic, max(next_offset) FROM pipectl.applied GROUP BY topic", &[])
        .await?
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    let mut tables = Vec::new();
    for (table, topic) in copies.chain(computed) {
        let relation = quote_qualified(schema, table);
        // Counting a big table takes long; there the planner's estimate is near enough.
        let sql = format!(
            "SELECT CASE WHEN c.reltuples > 1000000 THEN c.reltuples::bigint ELSE (SELECT count(*) FROM {relation}) END \
             FROM pg_class c WHERE c.oid = '{}'::regclass",
            relation.replace('\'', "''")
        );
        let rows = destination.first(&sql, &[]).await?.map_or(0, |row| row.get(0));
        let applied = topic.as_ref().and_then(|topic| applied.get(topic)).copied();
        tables.push(DestinationTable { table: format!("{schema}.{table}"), rows, topic, applied });
    }
    Ok(tables)
}

async fn with_lag(
    pipeline: &Pipeline,
    jobs: Vec<Job>,
    topics: Option<&Topics>,
    destination: Option<&Vec<DestinationTable>>,
) -> Vec<JobStatus> {
    let mut statuses = Vec::new();
    for job in jobs {
        let mut lag = topics.map(|_| 0);
        let mut unread = BTreeMap::new();
        for topic in pipeline.spec.topics() {
            let applied = || {
                let tables = destination.into_iter().flatten();
                tables.filter(|table| table.topic.as_ref() == Some(&topic)).find_map(|table| table.applied)
            };
            // The destination keeps its own position, which outlives a restart of the driver.
            let position = if job.name == "process" { applied() } else { job.position(&topic) };
            lag = match (lag, topics, position) {
                (Some(lag), Some(topics), Some(position)) => {
                    let behind = behind(topics, &topic, position).await;
                    unread.extend((behind.changes > 0).then_some((topic, behind)));
                    Some(lag + behind.changes)
                }
                // A topic without messages has no position and no lag.
                (Some(lag), Some(topics), None) if topics.ends.get(&topic) == Some(&0) => Some(lag),
                _ => None,
            };
        }
        let committed = job.batches.last.as_ref().map(|batch| batch.committed_ms).filter(|committed| *committed > 0);
        let idle_ms = committed.map(|committed| now_ms() - committed);
        statuses.push(JobStatus { job, lag, unread, idle_ms });
    }
    statuses
}

/// Messages of a topic after `position`, and since when the first of them is there. A delete is followed by a tombstone, which no job
/// counts: when that is all there is, nothing is behind.
async fn behind(topics: &Topics, topic: &str, position: i64) -> Unread {
    let changes = topics.ends.get(topic).map_or(0, |end| (end - position).max(0));
    if changes == 0 {
        return Unread { changes, waiting_ms: None };
    }
    match tokio::time::timeout(Duration::from_millis(50), topics.kafka.fetch(topic, position, Duration::ZERO)).await {
        Ok(Ok(messages)) if changes == 1 && messages.iter().all(|message| message.value.is_none()) => {
            Unread { changes: 0, waiting_ms: None }
        }
        Ok(Ok(messages)) => {
            Unread { changes, waiting_ms: messages.first().map(|first| (now_ms() - first.timestamp_ms).max(0)) }
        }
        _ => Unread { changes, waiting_ms: None },
    }
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_read_well_as_json() {
        let json = |fact: &Fact<i64>| serde_json::to_string(fact).expect("plain data");
        assert_eq!(json(&Fact::Known(3)), r#"{"known":3}"#);
        assert_eq!(json(&Fact::Unknown("timed out".into())), r#"{"unknown":"timed out"}"#);
    }
}
