//! Run events of `OpenLineage` for the Spark jobs. Pure: what the job server remembers of a run and what the catalog holds of
//! it, which events are due.
//!
//! Events follow <https://openlineage.io/spec/2-0-2/OpenLineage.json>, names of datasets <https://openlineage.io/docs/spec/naming>.
//! A run is a job from its start to its end, not one of its micro-batches: those come five a second.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::names;
use crate::pipeline::clients::hdfs::path_of;
use crate::pipeline::clients::jobserver::Run;
use crate::pipeline::spec::{PipelineSpec, lake_name};

const SPEC: &str = "https://openlineage.io/spec";
/// What a run that nobody knows any more is told to have ended by.
const LOST: &str = "its end was not seen: the Spark driver was started anew meanwhile";

/// Something that a job reads or writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// The system: `kafka://kafka:9092`.
    pub namespace: String,
    /// The name there: a topic, a path, `database.schema.table`.
    pub name: String,
}

/// The runs of a job, and what it reads and writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runs {
    /// The job's name in the catalog.
    pub job: &'static str,
    /// Its parts, in their order.
    pub tasks: [&'static str; 2],
    /// What is remembered of it, oldest first.
    pub runs: Vec<Run>,
    /// What it reads.
    pub inputs: Vec<Dataset>,
    /// What it writes.
    pub outputs: Vec<Dataset>,
}

/// Topics of a pipeline, in the order of its tables.
pub fn topics(spec: &PipelineSpec) -> Vec<Dataset> {
    let dataset = |name| Dataset { namespace: "kafka://kafka:9092".to_owned(), name };
    spec.topics().into_iter().map(dataset).collect()
}

/// Delta tables of a pipeline.
pub fn delta_tables(spec: &PipelineSpec) -> Vec<Dataset> {
    let path = path_of(&spec.lake.path);
    let namespace = spec.lake.path.strip_suffix(path).unwrap_or(&spec.lake.path);
    let dataset =
        |name: &String| Dataset { namespace: namespace.to_owned(), name: format!("{path}/{}", lake_name(name)) };
    spec.tables.keys().map(dataset).collect()
}

/// Tables and aggregates that a pipeline writes.
pub fn destination_tables(spec: &PipelineSpec) -> Vec<Dataset> {
    let destination = &spec.destination;
    let dataset = |table: &String| Dataset {
        namespace: format!("postgres://{}:5432", destination.service),
        name: format!("{}.{}.{table}", destination.database, destination.schema),
    };
    let tables = spec.tables.values().map(|table| &table.destination.table);
    tables.chain(spec.aggregates.values().map(|aggregate| &aggregate.table)).map(dataset).collect()
}

/// A catalog's word for a run: it has none for one that goes on but `Pending`.
pub fn state(run: &Run) -> &'static str {
    match end(run) {
        None => "Pending",
        Some("COMPLETE") => "Successful",
        Some(_) => "Failed",
    }
}

/// True for an entry of the catalog's history that is about this run: entries of events carry its id, others its start.
pub fn is_of(held: &Value, run: &Run) -> bool {
    held["executionId"] == run.id.as_str() || held["timestamp"] == run.started_ms
}

/// The events that a catalog has not seen, in the order of time; `held` is its history of the job.
pub fn due(of: &Runs, held: &[Value], now_ms: i64) -> Vec<Value> {
    let mut events = Vec::new();
    for lost in held.iter().filter(|entry| is_lost(entry, of)) {
        let run = Run { id: lost["executionId"].as_str().unwrap_or_default().to_owned(), ..Run::default() };
        events.push(event(of, &run, "ABORT", now_ms));
    }
    for run in &of.runs {
        let known = held.iter().find(|entry| is_of(entry, run));
        if known.is_none() {
            events.push(event(of, run, "START", run.started_ms));
        }
        if known.is_some_and(has_ended) {
            continue;
        }
        match end(run) {
            Some(kind) => events.push(event(of, run, kind, run.ended_ms.unwrap_or(now_ms))),
            None if run.batches > 0 && known.and_then(batches_in) != Some(run.batches) => {
                events.push(event(of, run, "RUNNING", now_ms));
            }
            None => {}
        }
    }
    events
}

/// A run that the catalog takes for going on and that the job server, which knows those that do, has forgotten.
fn is_lost(held: &Value, of: &Runs) -> bool {
    // Nothing is known at all while the driver has no job yet.
    !of.runs.is_empty()
        && held["executionId"].is_string()
        && !has_ended(held)
        && !of.runs.iter().any(|run| is_of(held, run))
}

fn has_ended(held: &Value) -> bool {
    held["executionStatus"] != "Pending" || held["endTime"].is_number()
}

fn batches_in(held: &Value) -> Option<u64> {
    held["parameters"]["batches"].as_u64()
}

/// How a run has ended; nothing while it goes on.
fn end(run: &Run) -> Option<&'static str> {
    match run.state.as_str() {
        "failed" if run.ended_ms.is_some() => Some("FAIL"),
        "stopped" if run.ended_ms.is_some() => Some("COMPLETE"),
        _ => None,
    }
}

fn event(of: &Runs, run: &Run, kind: &str, at_ms: i64) -> Value {
    let mut facets = json!({});
    if run.batches > 0 && kind != "START" {
        let counts = json!({"batches": run.batches, "rows": run.rows});
        facets["pipectl_progress"] = facet(&format!("{SPEC}/2-0-2/OpenLineage.json#/$defs/RunFacet"), counts);
    }
    if let Some(message) = message(run, kind) {
        let error = json!({"message": message, "programmingLanguage": "Python"});
        facets["errorMessage"] = facet(&format!("{SPEC}/facets/1-0-1/ErrorMessageRunFacet.json"), error);
    }
    let job_type = json!({"processingType": "STREAMING", "integration": "SPARK", "jobType": "JOB"});
    let job_type = facet(&format!("{SPEC}/facets/2-0-3/JobTypeJobFacet.json"), job_type);
    // Only with the start: a server makes an edge from every input to every output of a run that is complete, and the
    // edges of the pipeline, table by table and with their columns, are written by themselves.
    let datasets = |list: &[Dataset]| {
        let list = if kind == "START" { list } else { &[] };
        list.iter().map(|set| json!({"namespace": set.namespace, "name": set.name})).collect::<Vec<_>>()
    };
    json!({
        "eventType": kind,
        "eventTime": rfc3339(at_ms),
        "producer": producer(),
        "schemaURL": format!("{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"),
        "run": {"runId": run.id, "facets": facets},
        "job": {"namespace": names::SPARK, "name": of.job, "facets": {"jobType": job_type}},
        "inputs": datasets(&of.inputs),
        "outputs": datasets(&of.outputs),
    })
}

fn message<'r>(run: &'r Run, kind: &str) -> Option<&'r str> {
    match kind {
        "FAIL" => Some(if run.detail.is_empty() { "no reason is known" } else { &run.detail }),
        "ABORT" => Some(LOST),
        _ => None,
    }
}

fn facet(schema: &str, mut facet: Value) -> Value {
    facet["_producer"] = json!(producer());
    facet["_schemaURL"] = json!(schema);
    facet
}

/// A URI, as the specification wants it.
fn producer() -> String {
    format!("urn:pipectl:{}", env!("CARGO_PKG_VERSION"))
}

fn rfc3339(ms: i64) -> String {
    let since = Duration::from_millis(u64::try_from(ms).unwrap_or_default());
    humantime::format_rfc3339_millis(UNIX_EPOCH + since).to_string()
}
