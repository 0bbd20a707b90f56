//! Follows one change from its commit at the source through topic, change log, merged Delta table and destination.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::marker::same_key;
use super::report::{Check, Followed, Hop, Operation, Place};
use crate::pipeline::clients::jobserver::{Job, JobServer, Rows};
use crate::pipeline::clients::kafka::{Kafka, Message};
use crate::pipeline::clients::postgres::{Database, quote_qualified};
use crate::pipeline::clients::{ClientError, first_words};
use crate::pipeline::spec::{PipelineSpec, Table, lake_name};
use crate::pipeline::transform::Shape;
use crate::pipeline::wait::{elapsed_ms, until_deadline};

/// How often the places are looked at; short, because it bounds the precision of the times.
const LOOK: Duration = Duration::from_millis(25);
/// The same for what costs the Spark driver something.
const LOOK_AT_JOBS: Duration = Duration::from_millis(100);
/// Longest wait of one Kafka fetch.
const FETCH_WAIT: Duration = Duration::from_millis(250);

/// The servers that a change passes.
pub(super) struct Route<'a> {
    pub spec: &'a PipelineSpec,
    pub kafka: &'a Kafka,
    pub jobs: &'a JobServer,
    pub destination: &'a Database,
    /// With which masked columns are hashed.
    pub salt: Option<String>,
}

/// A change that was committed at the source.
pub(super) struct Change<'a> {
    pub name: &'a str,
    pub table: &'a Table,
    pub shape: &'a Shape,
    pub operation: Operation,
    pub key: Value,
    /// Column with the marker, and its text after the change (before it, for a delete).
    pub marker: (&'a str, String),
    /// End of the topic before the change.
    pub from: i64,
    pub committed: Instant,
}

/// How far and how long a change is followed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Wait for the merged Delta table too.
    pub merged: bool,
    /// Give up then.
    pub deadline: Instant,
}

impl Route<'_> {
    /// Follows a change to the end. What does not arrive in time is a failed hop, not an error.
    pub(super) async fn follow(&self, change: Change<'_>, limits: Limits) -> Followed {
        let topic = self.spec.topic(change.name);
        let arrival = self.topic(&change, &topic, limits.deadline).await;
        let offset = arrival.as_ref().ok().copied();
        let mut hops = vec![hop(&change, Place::Topic, arrival.map(|offset| format!("offset {offset}")))];
        if let Some(offset) = offset {
            let merged = async {
                if limits.merged { Some(self.delta(&change, &topic, offset, limits.deadline).await) } else { None }
            };
            let (change_log, merged, destination) = tokio::join!(
                self.change_log(&change, &topic, offset, limits.deadline),
                merged,
                self.destination(&change, &topic, offset, limits.deadline)
            );
            hops.push(change_log);
            hops.extend(merged);
            hops.push(destination);
        }
        Followed { table: change.name.to_owned(), operation: change.operation, key: change.key, offset, hops }
    }

    async fn topic(&self, change: &Change<'_>, topic: &str, deadline: Instant) -> Result<i64, String> {
        let next = std::sync::atomic::AtomicI64::new(change.from);
        let seen = std::sync::atomic::Ordering::Relaxed;
        let look = || async {
            let messages = self.kafka.fetch(topic, next.load(seen), FETCH_WAIT).await?;
            if let Some(last) = messages.last() {
                next.store(last.offset + 1, seen);
            }
            Ok(messages.iter().find(|message| is_change(message, change)).map(|message| message.offset))
        };
        let passed = || format!("{} other messages", next.load(seen) - change.from);
        found(until_deadline(Duration::ZERO, deadline, look).await, passed)
    }

    async fn change_log(&self, change: &Change<'_>, topic: &str, offset: i64, deadline: Instant) -> Hop {
        let last = Last::default();
        let look = || async {
            let Some(job) = last.unless_transient(self.jobs.job("ingest").await)?.flatten() else {
                last.note("job ingest is not submitted or does not answer");
                return Ok(None);
            };
            last.note(&format!("job ingest is {} at {}{}", job.state, position(job.position(topic)), trouble(&job)));
            Ok(job.covers(topic, offset).then(|| format!("offset {offset} committed")))
        };
        let arrival = found(until_deadline(LOOK_AT_JOBS, deadline, look).await, || last.text());
        hop(change, Place::ChangeLog, arrival)
    }

    async fn delta(&self, change: &Change<'_>, topic: &str, offset: i64, deadline: Instant) -> Hop {
        let lake_table = lake_name(change.name);
        let last = Last::default();
        let look = || async {
            let Some(job) = last.unless_transient(self.jobs.job("ingest").await)?.flatten() else { return Ok(None) };
            let merge = job.merge.get(lake_table).or_else(|| job.merge.get(change.name));
            let merged = merge.and_then(|merge| merge.offsets.get(topic)).copied();
            last.note(&format!("merged up to {}{}", position(merged), trouble(&job)));
            if merged.is_none_or(|end| end <= offset) {
                // Not before there is something to merge: the next one would come without it.
                if job.covers(topic, offset) {
                    last.unless_transient(self.jobs.ask_for_merge().await)?;
                }
                return Ok(None);
            }
            let Some(rows) = last.unless_transient(self.jobs.rows(lake_table, &change.key).await)? else {
                return Ok(None);
            };
            last.note(&format!("version {} has {} such rows", rows.version, rows.rows.len()));
            Ok(is_merged(&rows, change).then(|| format!("version {}", rows.version)))
        };
        let arrival = found(until_deadline(LOOK_AT_JOBS, deadline, look).await, || last.text());
        hop(change, Place::Delta, arrival)
    }

    async fn destination(&self, change: &Change<'_>, topic: &str, offset: i64, deadline: Instant) -> Hop {
        let (schema, table) = (&self.spec.destination.schema, &change.table.destination.table);
        let relation = quote_qualified(schema, table);
        let sql = format!(
            "SELECT (SELECT max(next_offset) FROM pipectl.applied WHERE topic = $2::text), \
             (SELECT to_jsonb(t)::text FROM {relation} t WHERE {})",
            same_key(&relation, &change.table.key, "$1")
        );
        let key = change.key.to_string();
        let last = Last::default();
        let look = || async {
            let row = self.destination.first(&sql, &[&key, &topic]).await?;
            let (applied, row): (Option<i64>, Option<String>) =
                row.map_or((None, None), |row| (row.get(0), row.get(1)));
            let row: Option<Value> = row.and_then(|text| serde_json::from_str(&text).ok());
            last.note(&format!("row {}, applied up to {}", present(row.is_some()), position(applied)));
            let applied = applied.is_some_and(|end| end > offset);
            Ok((applied && is_at_destination(row.as_ref(), change)).then(|| format!("row {}", present(row.is_some()))))
        };
        let arrival = found(until_deadline(LOOK, deadline, look).await, || last.text());
        hop(change, Place::Destination, arrival)
    }
}

/// True for the message of this very change: its operation, and our marker or the row's key.
fn is_change(message: &Message, change: &Change<'_>) -> bool {
    let json = |bytes: &Option<Vec<u8>>| bytes.as_ref().and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    let Some(value) = json(&message.value) else { return false };
    // A row is read and not told of where a snapshot began again after the insert, because the connector was killed in the one before.
    let (operations, row) = match change.operation {
        Operation::Insert => (&["c", "r"][..], "after"),
        Operation::Update => (&["u"][..], "after"),
        Operation::Delete => (&["d"][..], "before"),
    };
    let (column, text) = &change.marker;
    let marked = value[row][column].as_str() == Some(text);
    value["op"].as_str().is_some_and(|operation| operations.contains(&operation))
        && (marked || json(&message.key).as_ref() == Some(&change.key))
}

fn is_merged(rows: &Rows, change: &Change<'_>) -> bool {
    let (column, text) = &change.marker;
    match change.operation {
        Operation::Delete => rows.rows.is_empty(),
        _ => rows.rows.len() == 1 && rows.rows[0].get(*column).and_then(Value::as_str) == Some(text),
    }
}

fn is_at_destination(row: Option<&Value>, change: &Change<'_>) -> bool {
    let (column, text) = &change.marker;
    match (change.operation, row) {
        (Operation::Delete, row) => row.is_none(),
        // A transformation that filters may leave the row out; then the applied offset is all there is to see.
        (_, None) => !change.shape.keeps_rows,
        (_, Some(row)) => !change.shape.passes(column) || row[column].as_str() == Some(text),
    }
}

fn hop(change: &Change<'_>, place: Place, arrival: Result<String, String>) -> Hop {
    let (ok, seen) = match arrival {
        Ok(seen) => (true, seen),
        Err(seen) => (false, seen),
    };
    let expected = match (place, change.operation) {
        (Place::Topic, operation) => format!("a message about the {}", operation.word()),
        (Place::ChangeLog, _) => "the message committed".to_owned(),
        (_, Operation::Delete) => "no row with this key".to_owned(),
        (_, operation) => format!("the row as of the {}", operation.word()),
    };
    let name = format!("{} {}: {}", change.operation.word(), change.name, place.word());
    Hop { place, check: Check { name, ok, expected, seen, ms: elapsed_ms(change.committed) } }
}

/// An arrival, or what there was instead of it when time ran out or a server failed.
fn found<T>(answer: Result<Option<T>, ClientError>, otherwise: impl Fn() -> String) -> Result<T, String> {
    match answer {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(format!("nothing in time; {}", otherwise())),
        Err(error) => Err(first_words(&error.to_string(), 200)),
    }
}

fn present(is_there: bool) -> &'static str {
    if is_there { "present" } else { "absent" }
}

/// What the job says of itself, for the end of a sentence.
fn trouble(job: &Job) -> String {
    let said = if job.detail.is_empty() { &job.warning } else { &job.detail };
    if said.is_empty() { String::new() } else { format!("; it says: {said}") }
}

fn position(offset: Option<i64>) -> String {
    offset.map_or_else(|| "no offset yet".to_owned(), |offset| format!("offset {offset}"))
}

/// What was seen last, for the message when time runs out.
#[derive(Default)]
struct Last(std::sync::Mutex<String>);

impl Last {
    fn note(&self, text: &str) {
        text.clone_into(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    /// A server that restarts meanwhile is looked at again; any other error ends the wait.
    fn unless_transient<T>(&self, answer: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_transient() => {
                self.note(&error.to_string());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
