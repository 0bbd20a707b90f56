//! The history of a job's runs: told in events, read back, and what a server made nothing of is written as a status.

use serde_json::{Value, json};

use crate::governance::client::{Catalog, CatalogError};
use crate::governance::openlineage::{Runs, due, is_of, state};

/// True when something was written.
pub(super) async fn write(catalog: &Catalog, pipeline: &str, of: &Runs, now_ms: i64) -> Result<bool, CatalogError> {
    let before = catalog.statuses(pipeline, now_ms).await?;
    let events = due(of, &before, now_ms);
    let heard = events.is_empty() || tell(catalog, &events).await?;
    let after = if events.is_empty() || !heard { before } else { catalog.statuses(pipeline, now_ms).await? };
    let mut written = heard && !events.is_empty();
    for run in &of.runs {
        // Servers differ in which events they take, and say so to none: what counts is what they hold.
        let state = state(run);
        if after.iter().any(|entry| is_of(entry, run) && entry["executionStatus"] == state) {
            continue;
        }
        let tasks = of.tasks.map(|task| json!({"name": task, "executionStatus": state}));
        let status = json!({"timestamp": run.started_ms, "executionStatus": state, "taskStatus": tasks});
        catalog.put_status(pipeline, &status).await?;
        written = true;
    }
    Ok(written)
}

/// False where the server has no place for events.
async fn tell(catalog: &Catalog, events: &[Value]) -> Result<bool, CatalogError> {
    for event in events {
        match catalog.post_event(event).await {
            Ok(()) => {}
            Err(CatalogError::UnknownRoute { request, .. } | CatalogError::NotFound { request, .. }) => {
                tracing::info!(request, "the catalog takes no run events");
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
