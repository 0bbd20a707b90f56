//! `POST /openlineage/lineage`: the state of runs, and edges from what a run has read to what it has written.
//!
//! Edges that somebody declared stay as they are: they know columns and order better than what a listener saw of a run.

use serde_json::{Map, Value, json};

use super::super::access::Principal;
use super::super::entity::references;
use super::super::error::{CatalogError, Result};
use super::super::fqn;
use super::super::kinds;
use super::super::runs;
use super::super::store::{Entity, View, Writing};
use super::datasets;
use super::events::{Column, EventType, RunEvent};

/// What came of one event.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Edges that were not there before.
    pub edges: usize,
    /// Names that fit nothing in the catalog.
    pub unknown: Vec<String>,
    /// False for an event that says nothing about edges: its run goes on, or it has one side only.
    pub linked: bool,
}

/// Takes one event.
pub fn single(writing: &Writing, body: Value, who: &Principal) -> Result<Value> {
    let effect = take(writing, &RunEvent::parse(body)?, who)?;
    Ok(json!({"status": "success", "message": message(&effect), "lineageEdgesCreated": effect.edges}))
}

/// Takes many; one that is wrong is named in the answer and does not hinder the others.
pub fn batch(writing: &Writing, body: &Value, who: &Principal) -> Result<Value> {
    let Some(Value::Array(events)) = body.get("events") else {
        return Err(CatalogError::bad("the body is {\"events\": [..]}"));
    };
    let (mut edges, mut skipped, mut failed) = (0, 0, Vec::new());
    for (index, event) in events.iter().enumerate() {
        match RunEvent::parse(event.clone()).and_then(|event| take(writing, &event, who)) {
            Ok(effect) => {
                edges += effect.edges;
                skipped += usize::from(!effect.linked);
            }
            Err(error) if error.status >= 500 => return Err(error),
            Err(error) => failed.push(json!({"index": index, "reason": error.message, "retriable": false})),
        }
    }
    let status = match (failed.len(), events.len()) {
        (0, _) => "success",
        (bad, all) if bad == all => "failure",
        _ => "partial_success",
    };
    Ok(json!({
        "status": status,
        "summary": {
            "received": events.len(),
            "successful": events.len() - failed.len() - skipped,
            "failed": failed.len(),
            "skipped": skipped,
        },
        "failedEvents": failed,
        "lineageEdgesCreated": edges,
    }))
}

fn message(effect: &Effect) -> String {
    match (effect.linked, effect.unknown.as_slice()) {
        (_, unknown) if !unknown.is_empty() => format!("not in the catalog: {}", unknown.join(", ")),
        (false, _) => "the run was recorded; edges come with a COMPLETE event that has inputs and outputs".to_owned(),
        (true, _) => "processed".to_owned(),
    }
}

fn take(writing: &Writing, event: &RunEvent, who: &Principal) -> Result<Effect> {
    let mut effect = Effect::default();
    let pipeline = pipeline(writing, event)?;
    match &pipeline {
        Some(pipeline) => record(writing, event, pipeline)?,
        None => effect.unknown.push(format!("pipeline {}", event.job.name)),
    }
    effect.linked =
        event.event_type == Some(EventType::Complete) && !event.inputs.is_empty() && !event.outputs.is_empty();
    if !effect.linked {
        return Ok(effect);
    }
    let mut ends = [Vec::new(), Vec::new()];
    for (side, datasets) in [&event.inputs, &event.outputs].into_iter().enumerate() {
        for dataset in datasets {
            match datasets::resolve(writing, dataset)? {
                Some(entity) => ends[side].push((dataset, entity)),
                None => effect.unknown.push(format!("{} {}", dataset.namespace, dataset.name)),
            }
        }
    }
    let [inputs, outputs] = ends;
    for (_, from) in &inputs {
        for (output, to) in &outputs {
            // A merge reads what it writes.
            if from.id() == to.id() || is_declared(writing, from, to)? {
                continue;
            }
            effect.edges += usize::from(writing.edge(from.id(), to.id())?.is_none());
            let columns = columns(writing, &output.columns(), from, to)?;
            let mut details = Map::new();
            details.insert("source".into(), json!("OpenLineage"));
            details.insert("columnsLineage".into(), Value::Array(columns));
            if let Some(sql) = event.sql() {
                details.insert("sqlQuery".into(), json!(sql));
            }
            if let Some(pipeline) = &pipeline {
                details.insert("pipeline".into(), Value::Object(references::to(pipeline)));
            }
            super::put_details(writing, (from, to), Value::Object(details), who)?;
        }
    }
    Ok(effect)
}

/// True for an edge that does not come from events.
fn is_declared(view: &impl View, from: &Entity, to: &Entity) -> Result<bool> {
    let edge = view.edge(from.id(), to.id())?;
    Ok(edge.is_some_and(|edge| edge.get("lineageDetails").is_none_or(|details| details["source"] != "OpenLineage")))
}

/// The column mappings of an output that begin at this input.
fn columns(view: &impl View, fields: &[Column<'_>], from: &Entity, to: &Entity) -> Result<Vec<Value>> {
    let mut mappings = Vec::new();
    for field in fields {
        let mut sources = Vec::new();
        for source in &field.sources {
            let dataset = datasets::by_name(view, source.namespace, source.dataset)?;
            if dataset.is_some_and(|entity| entity.id() == from.id()) {
                sources.push(fqn::child(from.fqn(), source.column));
            }
        }
        if !sources.is_empty() {
            mappings.push(json!({"fromColumns": sources, "toColumn": fqn::child(to.fqn(), field.name)}));
        }
    }
    Ok(mappings)
}

/// The pipeline that a job's name stands for. Spark's listener appends the operation to the application's name and writes
/// both in snake case, so `job1_ingest.append_data` is the pipeline `job1-ingest`.
fn pipeline(view: &impl View, event: &RunEvent) -> Result<Option<Entity>> {
    let kind = kinds::named("pipeline")?;
    let pipelines: Vec<_> = view.names(kind, "")?.into_iter().filter(|(_, slot)| !slot.deleted).collect();
    // Named outright: the namespace is the service, the job its pipeline.
    let named = fqn::child(&event.job.namespace, &event.job.name);
    if let Some((_, slot)) = pipelines.iter().find(|(name, _)| *name == named) {
        return view.entity(slot.id);
    }
    for job in event.job_names() {
        for wanted in [job, job.split('.').next().unwrap_or(job)] {
            let same = |known: &str| known == wanted || plain(known) == plain(wanted);
            let mut fitting = pipelines
                .iter()
                .filter(|(name, _)| same(name) || fqn::parts(name).last().is_some_and(|last| same(last)));
            if let (Some((_, slot)), None) = (fitting.next(), fitting.next()) {
                return view.entity(slot.id);
            }
        }
    }
    Ok(None)
}

fn plain(name: &str) -> String {
    name.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "_")
}

/// Writes the state of the run: one entry a run, from its start to its end.
fn record(writing: &Writing, event: &RunEvent, pipeline: &Entity) -> Result<()> {
    let state = match event.event_type {
        Some(EventType::Start | EventType::Running) => "Pending",
        Some(EventType::Complete) => "Successful",
        Some(EventType::Fail | EventType::Abort) => "Failed",
        Some(EventType::Other) | None => return Ok(()),
    };
    let time = event.time().unwrap_or_default();
    let known = runs::find(writing, pipeline.id(), &event.run.run_id)?;
    let mut run = known.unwrap_or_default();
    // Events may come late: what has ended does not begin again.
    if state == "Pending" && run.contains_key("endTime") {
        return Ok(());
    }
    run.entry("timestamp").or_insert_with(|| json!(time));
    run.insert("executionStatus".into(), json!(state));
    run.insert("executionId".into(), json!(event.run.run_id));
    if state != "Pending" {
        run.insert("endTime".into(), json!(time));
    }
    if let Some(rows) = event.rows() {
        run.insert("metrics".into(), json!({"totalRowsProcessed": rows}));
    }
    if let Some(batches) = event.batches() {
        run.insert("parameters".into(), json!({"batches": batches}));
    }
    if let Some(message) = event.error() {
        run.insert("error".into(), json!({"errorMessage": message}));
    }
    runs::write(writing, pipeline, &run).map(drop)
}
