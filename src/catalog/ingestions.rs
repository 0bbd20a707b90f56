//! Runs of ingestion pipelines, as the client that makes them reports: kept by time, the newest also in the pipeline itself.

use serde_json::{Map, Value, json};

use super::clock;
use super::error::{CatalogError, Result};
use super::kinds::shapes::INGESTION_RUN;
use super::shape::{self, Field, Shape, fields};
use super::store::{Entity, Id, Space, View, Writing};

/// How far a run has come.
static PROGRESS: &[Field] = fields![
    "runId" => Shape::Text,
    "timestamp" required => Shape::Integer,
    "updateType" required => Shape::OneOf(&["DISCOVERY", "PROCESSING", "STEP_COMPLETE", "PIPELINE_COMPLETE", "ERROR"]),
    "stepName" => Shape::Text,
    "progress" => Shape::Any,
    "currentEntity" => Shape::Text,
    "message" => Shape::Text,
];

/// Stores the state of a run, over an earlier one of the same run, and returns the pipeline with its newest.
pub fn report(writing: &Writing, pipeline: &Entity, body: Value) -> Result<Entity> {
    let Value::Object(mut run) = body else { return Err(CatalogError::bad("the status of a run is a JSON object")) };
    shape::check(&mut run, &[INGESTION_RUN])?;
    let known = find(writing, pipeline.id(), text(&run, "runId"))?;
    // The time of its first report: a run has one place among the others.
    let first = known.as_ref().and_then(|known| known.get("timestamp").cloned());
    let now = run.get("timestamp").cloned().unwrap_or_else(|| json!(clock::now()));
    run.insert("timestamp".into(), first.unwrap_or(now));
    for field in ["startDate", "metadata"] {
        if let (None, Some(value)) = (run.get(field), known.as_ref().and_then(|known| known.get(field))) {
            run.insert(field.into(), value.clone());
        }
    }
    store(writing, pipeline, &run)
}

/// Notes how far a run has come, in the metadata of its state.
pub fn progress(writing: &Writing, pipeline: &Entity, run_id: &str, body: Value) -> Result<Entity> {
    let Value::Object(mut update) = body else {
        return Err(CatalogError::bad("the progress of a run is a JSON object"));
    };
    shape::check(&mut update, &[PROGRESS])?;
    let known = find(writing, pipeline.id(), run_id)?;
    let mut run = known.ok_or_else(|| CatalogError::missing("pipelineStatus", run_id))?;
    let metadata = run.entry("metadata").or_insert_with(|| json!({}));
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("progress".into(), Value::Object(update));
    }
    store(writing, pipeline, &run)
}

/// The run with this id.
pub fn find(view: &impl View, pipeline: Id, run_id: &str) -> Result<Option<Map<String, Value>>> {
    Ok(all(view, pipeline)?.into_iter().find(|run| text(run, "runId") == run_id))
}

/// Runs between two times (milliseconds, both included), newest first.
pub fn between(view: &impl View, pipeline: Id, start: i64, end: i64) -> Result<Vec<Value>> {
    let inside = |run: &Map<String, Value>| (start..=end).contains(&time_of(run));
    Ok(all(view, pipeline)?.into_iter().rev().filter(inside).map(Value::Object).collect())
}

fn store(writing: &Writing, pipeline: &Entity, run: &Map<String, Value>) -> Result<Entity> {
    writing.put_run(pipeline.id(), time_of(run), run)?;
    let mut pipeline = pipeline.clone();
    if let Some(newest) = all(writing, pipeline.id())?.pop() {
        pipeline.document.insert("pipelineStatuses".into(), Value::Object(newest));
    }
    writing.put_entity(&pipeline)?;
    Ok(pipeline)
}

/// Oldest first.
fn all(view: &impl View, pipeline: Id) -> Result<Vec<Map<String, Value>>> {
    let mut found = Vec::new();
    view.scan_prefix(Space::Runs, pipeline.as_bytes(), &mut |_, value| {
        found.push(serde_json::from_slice(value).map_err(|error| CatalogError::internal(format!("a run: {error}")))?);
        Ok(true)
    })?;
    Ok(found)
}

fn time_of(run: &Map<String, Value>) -> i64 {
    run.get("timestamp").and_then(Value::as_i64).unwrap_or_default()
}

fn text<'a>(run: &'a Map<String, Value>, field: &str) -> &'a str {
    run.get(field).and_then(Value::as_str).unwrap_or_default()
}
