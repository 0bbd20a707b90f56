//! `read-new-tables`: has the connector read the rows of tables that joined pipeline.yml after its first snapshot, got a column, or were
//! missing in the publication for a time.

use std::time::Duration;

use serde_json::Value;

use super::{client_failure, failure};
use crate::engine::work::{SayFn, StepDone, StepError};
use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::kafka::Kafka;
use crate::pipeline::clients::postgres::{Database, quote_qualified};
use crate::pipeline::{Pipeline, new_tables, publication, wait};

const USES: &str = "read-new-tables";
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(200);

/// How long a look waits for messages that are not there yet.
const FETCH_WAIT: Duration = Duration::from_millis(50);

/// A table that is being read.
struct Reading {
    topic: String,
    name: String,
    /// The first message that has not been looked at; at first the end of the topic before the signal.
    next: i64,
    /// Messages of the snapshot so far.
    read: i64,
    /// Rows it has: each becomes such a message.
    rows: i64,
    /// Whether the message of the last row is there.
    is_read: bool,
}

pub(super) async fn run(pipeline: &Pipeline, say: &SayFn) -> Result<StepDone, StepError> {
    match read(pipeline, say).await {
        Ok(Outcome::Nothing) => {
            Ok(StepDone { changed: false, detail: "the rows of every table have been read".to_owned() })
        }
        Ok(Outcome::Read(names)) => Ok(StepDone { changed: true, detail: format!("read {}", names.join(", ")) }),
        Ok(Outcome::Failed(why)) => {
            let hint = Some("`pipectl logs debezium` has the whole trace; `pipectl up` tries again".to_owned());
            Err(failure(pipeline, USES, why, hint).await)
        }
        Err(error) => Err(client_failure(pipeline, USES, "read the new tables", &error).await),
    }
}

enum Outcome {
    Nothing,
    Read(Vec<String>),
    Failed(String),
}

async fn read(pipeline: &Pipeline, say: &SayFn) -> Result<Outcome, ClientError> {
    let (spec, name) = (&pipeline.spec, &pipeline.spec.connector);
    let connect = pipeline.connect().await?;
    let Some(mut config) = connect.config(name).await? else { return Ok(Outcome::Nothing) };
    let source = pipeline.source(PATIENCE).await?;
    let tables = new_tables::unread(&config, spec, &publication::members(pipeline, &source).await?);
    if tables.is_empty() {
        return Ok(Outcome::Nothing);
    }
    let kafka = pipeline.kafka(PATIENCE).await?;
    // Before the rows are read: a change between the two would be in neither.
    publication::add(pipeline, &source, &tables).await?;
    let published = publication::members(pipeline, &source).await?;
    let mut readings = Vec::new();
    for table in &tables {
        readings.push(Reading::of(pipeline, &source, &kafka, table).await?);
    }
    // The topic's first message ends nothing.
    for reading in readings.iter().filter(|reading| reading.next > 0) {
        kafka.send(&reading.topic, None, new_tables::truncate(&reading.name).to_string().as_bytes()).await?;
    }
    let signal = new_tables::signal(spec, &tables).to_string();
    kafka.send(&spec.signal_topic(), Some(spec.topic_prefix.as_bytes()), signal.as_bytes()).await?;
    loop {
        if let Some(failed) = connect.status(name).await?.as_ref().and_then(|status| status.failed()) {
            let why = failed.reasons().join("\n");
            return Ok(Outcome::Failed(format!("the connector failed while it read {}\n{why}", tables.join(", "))));
        }
        for reading in readings.iter_mut().filter(|reading| !reading.is_read) {
            reading.look(&kafka).await?;
        }
        let Some(left) = readings.iter().find(|reading| !reading.is_read) else { break };
        say(&format!("{}: {} of {} rows read", left.name, left.read, left.rows));
        tokio::time::sleep(LOOK).await;
    }
    confirmed(pipeline, &source, say).await?;
    new_tables::all_read(&mut config, spec, &published);
    connect.put_config(name, &config).await?;
    Ok(Outcome::Read(tables))
}

impl Reading {
    async fn of(pipeline: &Pipeline, source: &Database, kafka: &Kafka, table: &str) -> Result<Self, ClientError> {
        let topic = pipeline.spec.topic(table);
        let (schema, relation) = table.split_once('.').unwrap_or(("public", table));
        let next = kafka.end_offset(&topic).await?;
        let counted = source.query(&format!("SELECT count(*) FROM {}", quote_qualified(schema, relation)), &[]).await?;
        let rows = counted.first().map_or(0, |row| row.get(0));
        // Of an empty table nothing is told.
        Ok(Self { topic, name: table.to_owned(), next, read: 0, rows, is_read: rows == 0 })
    }

    /// Reads on in the topic, in which changes of a table that was captured before stand among the rows of the snapshot.
    async fn look(&mut self, kafka: &Kafka) -> Result<(), ClientError> {
        loop {
            let messages = kafka.fetch(&self.topic, self.next, FETCH_WAIT).await?;
            let Some(last) = messages.last() else { return Ok(()) };
            self.next = last.offset + 1;
            for row in messages.iter().filter_map(|message| snapshot_row(message.value.as_deref()?)) {
                self.read += 1;
                self.is_read |= row.is_last;
            }
            if self.is_read {
                return Ok(());
            }
        }
    }
}

/// A row that a snapshot has read.
struct SnapshotRow {
    /// Whether it is the last one of its table.
    is_last: bool,
}

/// Source: <https://debezium.io/documentation/reference/connectors/postgresql.html#postgresql-create-events> (`source.snapshot`)
fn snapshot_row(message: &[u8]) -> Option<SnapshotRow> {
    let message: Value = serde_json::from_slice(message).ok()?;
    let marker = message["source"]["snapshot"].as_str().filter(|_| message["op"] == "r")?;
    Some(SnapshotRow { is_last: ["last", "last_in_data_collection"].contains(&marker) })
}

/// Waits until the connector streams again and has stored that: what follows restarts it, and a restart in the middle would leave
/// the rest of the tables unread.
async fn confirmed(pipeline: &Pipeline, source: &Database, say: &SayFn) -> Result<(), ClientError> {
    let now = source.query("SELECT pg_current_wal_lsn()::text", &[]).await?;
    let now: String = now.first().map(|row| row.get(0)).unwrap_or_default();
    let sql = "SELECT confirmed_flush_lsn >= $2::text::pg_lsn FROM pg_replication_slots WHERE slot_name = $1::text";
    say("waiting until the connector streams again");
    let look = || async {
        let row = source.first(sql, &[&pipeline.spec.source.slot, &now]).await?;
        let reached: Option<bool> = row.and_then(|row| row.get(0));
        Ok::<_, ClientError>((reached == Some(true)).then_some(()))
    };
    wait::until(LOOK, look).await
}
