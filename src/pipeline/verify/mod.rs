//! `verify`: writes marked rows at the source, follows each change to the destination, then compares all tables.
//!
//! What is found wrong is part of the report; an error means that the verification itself could not be carried out.

mod aggregates;
mod compare;
mod follow;
mod marker;
mod report;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::Instant;

pub use marker::RunId;
pub use report::{Check, Followed, Hop, Operation, Place, VerifyReport, junit_of_error};

use super::Pipeline;
use super::clients::ClientError;
use super::clients::jobserver::JobServer;
use super::clients::kafka::Kafka;
use super::clients::postgres::Database;
use super::mask;
use super::spec::Table;
use super::transform::Shape;
use super::wait::elapsed_ms;
use crate::engine::work::SayFn;
use crate::model::files;
use follow::{Change, Limits, Route};
use marker::Marker;

/// Time to connect to a server.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is verified, and for how long at most.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// How much.
    pub scope: Scope,
    /// Deadline of the whole verification.
    pub timeout: Duration,
}

/// How much is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One row is inserted and deleted and followed through topic, change log and destination: seconds.
    Flow,
    /// Insert, update and delete in one table, merged Delta table included; then every table and aggregate is compared.
    Tables,
    /// As [`Scope::Tables`], with rows followed in every table that can be marked.
    Full,
    /// Every table and aggregate is compared, and nothing is written.
    Compare,
}

/// Why a verification could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A server did not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A file of the pipeline cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// pipeline.yml contradicts itself.
    #[error("pipeline.yml: {problem}")]
    Specification {
        /// What is wrong.
        problem: String,
    },
    /// The deadline passed before anything could be compared.
    #[error("not finished within {} s", .0.as_secs())]
    Timeout(Duration),
}

/// A verification of one pipeline.
pub struct Verify<'a> {
    pipeline: &'a Pipeline,
    run: RunId,
}

/// A table whose rows are followed.
struct Subject<'a> {
    name: &'a str,
    table: &'a Table,
    marker: Marker,
}

/// Connections that stay open for the whole run.
struct Servers {
    source: Database,
    destination: Database,
    kafka: Kafka,
    jobs: JobServer,
}

impl<'a> Verify<'a> {
    /// A verification under a new marker.
    pub fn new(pipeline: &'a Pipeline) -> Self {
        Self { pipeline, run: RunId::new() }
    }

    /// Runs it. `say` is told what is being waited for.
    pub async fn run(&self, options: &VerifyOptions, say: &SayFn) -> Result<VerifyReport, VerifyError> {
        let began = Instant::now();
        let deadline = began + options.timeout;
        let work = self.verify(options.scope, deadline, say);
        // Everything inside keeps the deadline by itself and reports what it saw; this only stops a server that hangs.
        let grace = Duration::from_secs(5);
        let report = tokio::time::timeout_at(deadline + grace, work).await;
        let mut report = report.map_err(|_| VerifyError::Timeout(options.timeout))??;
        self.run.as_str().clone_into(&mut report.run);
        report.elapsed_ms = elapsed_ms(began);
        let failures = report.failures().count();
        report.ok = failures == 0;
        Ok(report)
    }

    async fn verify(&self, scope: Scope, deadline: Instant, say: &SayFn) -> Result<VerifyReport, VerifyError> {
        let shapes = self.shapes()?;
        let masks = self.pipeline.spec.tables.values().any(|table| !table.masked.is_empty());
        if masks && self.pipeline.mask_salt().is_none() {
            let problem = format!("it masks columns, and {} is not set: the source cannot be compared", mask::KEY);
            return Err(VerifyError::Specification { problem });
        }
        let (source, destination, kafka, jobs) = tokio::try_join!(
            self.pipeline.source(PATIENCE),
            self.pipeline.destination(PATIENCE),
            self.pipeline.kafka(PATIENCE),
            self.pipeline.job_server()
        )?;
        let servers = Servers { source, destination, kafka, jobs };
        let mut report = VerifyReport::default();
        let subjects = self.subjects(&servers.source, scope, &mut report.notes).await?;
        // Side by side: each waits for two merges of its table, and one cycle of merges takes up all tables.
        let servers = &servers;
        let runs = subjects.iter().map(|subject| {
            let shape = &shapes[subject.name];
            async move {
                let mut rows = Vec::new();
                let followed = self.follow(servers, subject, shape, scope, deadline, &mut rows, say).await;
                // Rows are removed whatever happened; a failure to do so matters only when nothing worse did.
                (subject, followed, remove(&servers.source, &subject.marker, &rows).await)
            }
        });
        for (subject, followed, removed) in join_all(runs).await {
            let followed = followed?;
            let arrived = followed.iter().all(Followed::is_ok);
            report.followed.extend(followed);
            match removed {
                Err(error) if !arrived => {
                    let note = format!("{}: marked rows not removed, a later run does it: {error}", subject.name);
                    report.notes.push(note);
                }
                other => other?,
            }
        }
        let arrived = report.followed.iter().all(Followed::is_ok);
        if scope != Scope::Flow && arrived {
            let (mut source, mut destination) =
                tokio::try_join!(self.pipeline.source(PATIENCE), self.pipeline.destination(PATIENCE))?;
            let route = servers.route(self.pipeline);
            let compared =
                compare::tables(&route, &mut source, &mut destination, &shapes, deadline, &mut report.notes, say);
            report.checks.extend(compared.await?);
            report.checks.extend(aggregates::check(self.pipeline, &servers.destination, deadline).await?);
        } else if scope != Scope::Flow {
            report.notes.push("tables not compared, because a followed row did not arrive".to_owned());
        }
        Ok(report)
    }

    /// What each table's transformation leaves alone.
    fn shapes(&self) -> Result<BTreeMap<String, Shape>, VerifyError> {
        let tables = self.pipeline.spec.tables.iter();
        tables
            .map(|(name, table)| {
                let path = self.pipeline.file(&table.destination.transform);
                let sql = files::read(&path).map_err(|source| VerifyError::File { path, source })?;
                Ok((name.clone(), Shape::of_table(table, &sql)))
            })
            .collect()
    }

    /// The tables to follow rows of: all that can be marked, or the last declared of them, which usually depends on
    /// the others. Where there is none, the notes say why.
    async fn subjects(
        &self,
        source: &Database,
        scope: Scope,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Subject<'a>>, VerifyError> {
        if let Some(external) = &self.pipeline.spec.source.external {
            notes.push(format!(
                "no rows followed: nothing is written to {}, which is not of this project",
                external.host
            ));
            return Ok(Vec::new());
        }
        if scope == Scope::Compare {
            return Ok(Vec::new());
        }
        let mut subjects = Vec::new();
        let mut reasons = Vec::new();
        for (name, table) in self.pipeline.spec.tables.iter().rev() {
            match Marker::of(source, name, table).await? {
                Ok(marker) => subjects.push(Subject { name, table, marker }),
                Err(reason) => reasons.push(format!("{name}: {reason}")),
            }
            if scope != Scope::Full && !subjects.is_empty() {
                break;
            }
        }
        for subject in &subjects {
            let stale = subject.marker.delete_stale(source).await?;
            if stale > 0 {
                notes.push(format!("{}: removed {stale} rows that an interrupted verification left", subject.name));
            }
        }
        // An empty table, or one that no marker fits in, is no failure of the pipeline; comparing needs no marked row.
        if scope == Scope::Full || subjects.is_empty() {
            notes.extend(reasons.into_iter().map(|reason| format!("not followed: {reason}")));
        }
        Ok(subjects)
    }

    /// Inserts, then updates and deletes; each change is followed. `rows` gets the keys of rows that exist.
    #[expect(clippy::too_many_arguments, reason = "one call; a struct would only rename the arguments")]
    async fn follow(
        &self,
        servers: &Servers,
        subject: &Subject<'a>,
        shape: &Shape,
        scope: Scope,
        deadline: Instant,
        rows: &mut Vec<Value>,
        say: &SayFn,
    ) -> Result<Vec<Followed>, VerifyError> {
        let Subject { name, table, marker } = subject;
        let (route, topic) = (servers.route(self.pipeline), self.pipeline.spec.topic(name));
        let limits = Limits { merged: scope != Scope::Flow, deadline };
        let change = |operation, key: &Value, text: String, from, committed| Change {
            name,
            table,
            shape,
            operation,
            key: key.clone(),
            marker: (marker.column.as_str(), text),
            from,
            committed,
        };

        say(&format!("{name}: insert"));
        let from = servers.kafka.end_offset(&topic).await?;
        let first_text = marker.text(&self.run, "a");
        let first = marker.insert(&servers.source, &first_text).await?;
        let committed = Instant::now();
        rows.push(first.clone());
        let inserted = change(Operation::Insert, &first, first_text.clone(), from, committed);
        if scope == Scope::Flow {
            let mut followed = vec![route.follow(inserted, limits).await];
            if followed.iter().all(Followed::is_ok) {
                say(&format!("{name}: delete"));
                let from = servers.kafka.end_offset(&topic).await?;
                marker.delete(&servers.source, &first).await?;
                let deleted = change(Operation::Delete, &first, first_text, from, Instant::now());
                followed.push(route.follow(deleted, limits).await);
            }
            return Ok(followed);
        }

        // A second row is there to be deleted, so that update and delete share one merge of the Delta table.
        let second_text = marker.text(&self.run, "b");
        let second = marker.insert(&servers.source, &second_text).await?;
        rows.push(second.clone());
        let twin = change(Operation::Insert, &second, second_text.clone(), from, Instant::now());
        let (inserted, twin) = tokio::join!(route.follow(inserted, limits), route.follow(twin, limits));
        if !inserted.is_ok() || !twin.is_ok() {
            return Ok(vec![inserted, twin]);
        }

        say(&format!("{name}: update and delete"));
        let from = servers.kafka.end_offset(&topic).await?;
        let changed_text = marker.text(&self.run, "a2");
        marker.update(&servers.source, &first, &changed_text).await?;
        let updated = change(Operation::Update, &first, changed_text, from, Instant::now());
        marker.delete(&servers.source, &second).await?;
        let deleted = change(Operation::Delete, &second, second_text, from, Instant::now());
        let (updated, deleted) = tokio::join!(route.follow(updated, limits), route.follow(deleted, limits));
        Ok(vec![inserted, updated, deleted])
    }
}

impl Servers {
    fn route<'b>(&'b self, pipeline: &'b Pipeline) -> Route<'b> {
        Route {
            spec: &pipeline.spec,
            kafka: &self.kafka,
            jobs: &self.jobs,
            destination: &self.destination,
            salt: pipeline.mask_salt(),
        }
    }
}

/// Removes the marked rows that still exist.
async fn remove(source: &Database, marker: &Marker, rows: &[Value]) -> Result<(), ClientError> {
    for key in rows {
        marker.delete(source, key).await?;
    }
    Ok(())
}
