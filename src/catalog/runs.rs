//! Runs of pipelines: kept by time, the newest also in the pipeline itself.

use serde_json::{Map, Value, json};

use super::error::{CatalogError, Result};
use super::kinds::shapes::RUN;
use super::shape;
use super::store::{Entity, Id, Space, View, Writing};

/// Adds a run that a client reports.
pub fn report(writing: &Writing, pipeline: &Entity, body: Value) -> Result<Entity> {
    let Value::Object(mut run) = body else { return Err(CatalogError::bad("the status of a run is a JSON object")) };
    shape::check(&mut run, &[RUN])?;
    write(writing, pipeline, &run)
}

/// Stores a run and returns the pipeline with its newest one. The pipeline's version stays: a run changes nothing about it.
pub fn write(writing: &Writing, pipeline: &Entity, run: &Map<String, Value>) -> Result<Entity> {
    writing.put_run(pipeline.id(), time_of(run), run)?;
    refresh(writing, pipeline)
}

/// Removes a run.
pub fn remove(writing: &Writing, pipeline: &Entity, timestamp: i64) -> Result<Entity> {
    if !writing.remove_run(pipeline.id(), timestamp)? {
        return Err(CatalogError::missing("pipelineStatus", timestamp));
    }
    refresh(writing, pipeline)
}

/// Runs between two times (milliseconds, both included), newest first.
pub fn between(view: &impl View, pipeline: Id, start: i64, end: i64) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    each(view, pipeline, &mut |run| {
        if (start..=end).contains(&time_of(&run)) {
            found.push(Value::Object(run));
        }
    })?;
    found.reverse();
    Ok(found)
}

/// The run with this id.
pub fn find(view: &impl View, pipeline: Id, run_id: &str) -> Result<Option<Map<String, Value>>> {
    let mut found = None;
    each(view, pipeline, &mut |run| {
        if run.get("executionId").and_then(Value::as_str) == Some(run_id) {
            found = Some(run);
        }
    })?;
    Ok(found)
}

fn refresh(writing: &Writing, pipeline: &Entity) -> Result<Entity> {
    let mut newest = None;
    each(writing, pipeline.id(), &mut |run| newest = Some(run))?;
    let mut pipeline = pipeline.clone();
    match newest {
        Some(run) => pipeline.document.insert("pipelineStatus".into(), json!(run)),
        None => pipeline.document.shift_remove("pipelineStatus"),
    };
    writing.put_entity(&pipeline)?;
    Ok(pipeline)
}

fn each(view: &impl View, pipeline: Id, visit: &mut dyn FnMut(Map<String, Value>)) -> Result<()> {
    view.scan_prefix(Space::Runs, pipeline.as_bytes(), &mut |_, value| {
        visit(serde_json::from_slice(value).map_err(|error| CatalogError::internal(format!("a run: {error}")))?);
        Ok(true)
    })
}

fn time_of(run: &Map<String, Value>) -> i64 {
    run.get("timestamp").and_then(Value::as_i64).unwrap_or_default()
}
