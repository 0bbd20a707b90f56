//! `read-new-tables`: has the connector read the rows of tables that joined pipeline.yml after its first snapshot, got a column, or were
//! missing in the publication for a time.

use std::time::Duration;

use super::{client_failure, failure};
use crate::engine::work::{SayFn, StepDone, StepError};
use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::connect::{Connect, ConnectorConfig};
use crate::pipeline::clients::kafka::Kafka;
use crate::pipeline::clients::postgres::Database;
use crate::pipeline::reading::Reading;
use crate::pipeline::{Pipeline, new_tables, publication, wait};

const USES: &str = "read-new-tables";
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(200);
/// Readings that end before their last row until the step gives up: a source that was restarted ends one, a SELECT that fails each.
const ATTEMPTS: usize = 3;

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

/// How a reading has ended.
enum Ended {
    Complete,
    /// The connector streams again, and the last rows have not come.
    Early,
    Failed(String),
}

/// The servers that a reading goes through.
struct Servers {
    connect: Connect,
    source: Database,
    kafka: Kafka,
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
    let servers = Servers { connect, source, kafka: pipeline.kafka(PATIENCE).await? };
    // Before the rows are read: a change between the two would be in neither.
    publication::add(pipeline, &servers.source, &tables).await?;
    let published = publication::members(pipeline, &servers.source).await?;
    for attempt in 1.. {
        nothing_else_is_read(pipeline, &servers).await?;
        match attempt_to_read(pipeline, &servers, &config, &tables, say).await? {
            Ended::Complete => break,
            Ended::Failed(why) => return Ok(Outcome::Failed(why)),
            Ended::Early if attempt < ATTEMPTS => say("the connector was interrupted; the tables are read again"),
            Ended::Early => {
                let names = tables.join(", ");
                return Ok(Outcome::Failed(format!("the connector has not read {names} to the end, {attempt} times")));
            }
        }
    }
    confirmed(pipeline, &servers.source, say).await?;
    new_tables::all_read(&mut config, spec, &published);
    servers.connect.put_config(name, &config).await?;
    Ok(Outcome::Read(tables))
}

/// Ends what the connector may be reading by an earlier signal. It notes a signal as taken some seconds after it has taken it: killed before
/// that, it takes it again, and its end would be mistaken for that of our reading, which the restart that follows would then cut in two.
async fn nothing_else_is_read(pipeline: &Pipeline, servers: &Servers) -> Result<(), ClientError> {
    servers.kafka.forget(&pipeline.spec.signal_topic()).await?;
    let restart = || async {
        match servers.connect.restart(&pipeline.spec.connector).await {
            Ok(()) => Ok(Some(())),
            Err(error) if error.is_transient() => Ok(None),
            Err(error) => Err(error),
        }
    };
    wait::until(LOOK, restart).await
}

async fn attempt_to_read(
    pipeline: &Pipeline,
    servers: &Servers,
    config: &ConnectorConfig,
    tables: &[String],
    say: &SayFn,
) -> Result<Ended, ClientError> {
    let (spec, Servers { connect, source, kafka }) = (&pipeline.spec, servers);
    let mut readings = Vec::new();
    for table in tables {
        readings.push(Reading::of(pipeline, config, source, kafka, table).await?);
    }
    let signal = new_tables::signal(spec, tables).to_string();
    kafka.send(&spec.signal_topic(), spec.topic_prefix.as_bytes(), signal.as_bytes()).await?;
    // Where the source's log ended when the connector had begun to read: it confirms no such position before it streams again.
    let mut begun_at: Option<String> = None;
    loop {
        if let Some(failed) = connect.status(&spec.connector).await?.as_ref().and_then(|status| status.failed()) {
            let why = failed.reasons().join("\n");
            return Ok(Ended::Failed(format!("the connector failed while it read {}\n{why}", tables.join(", "))));
        }
        // Asked before the look: what was sent before it streamed again is in the topics by then.
        let streams_again = match &begun_at {
            Some(position) => has_confirmed(pipeline, source, position).await?,
            None => false,
        };
        for reading in &mut readings {
            reading.look(kafka).await?;
        }
        let Some(left) = readings.iter().find(|reading| !reading.is_read) else { return Ok(Ended::Complete) };
        if streams_again {
            return Ok(Ended::Early);
        }
        if begun_at.is_none() && readings.iter().any(|reading| reading.has_begun) {
            // The signal was taken: not again after a crash, when nobody follows the reading any more.
            kafka.forget(&spec.signal_topic()).await?;
            begun_at = Some(position(source).await?);
        }
        say(&format!("{}: {} of {} rows read", left.table, left.read, left.rows));
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until the connector streams again and has stored that: what follows restarts it, and a restart in the middle would leave
/// the rest of the tables unread.
async fn confirmed(pipeline: &Pipeline, source: &Database, say: &SayFn) -> Result<(), ClientError> {
    let now = position(source).await?;
    say("waiting until the connector streams again");
    let look = || async { Ok::<_, ClientError>(has_confirmed(pipeline, source, &now).await?.then_some(())) };
    wait::until(LOOK, look).await
}

/// Where the source's log ends.
async fn position(source: &Database) -> Result<String, ClientError> {
    let now = source.query("SELECT pg_current_wal_lsn()::text", &[]).await?;
    Ok(now.first().map(|row| row.get(0)).unwrap_or_default())
}

/// Whether Postgres has the connector's word for everything up to there.
async fn has_confirmed(pipeline: &Pipeline, source: &Database, position: &str) -> Result<bool, ClientError> {
    let sql = "SELECT confirmed_flush_lsn >= $2::text::pg_lsn FROM pg_replication_slots WHERE slot_name = $1::text";
    let row = source.first(sql, &[&pipeline.spec.source.slot, &position]).await?;
    let reached: Option<bool> = row.and_then(|row| row.get(0));
    Ok(reached == Some(true))
}
