//! The whole graph for the page at `/`, without anything secret: assets with columns and tags, the
//! pipelines that move the data with the state of their last run, and edges.

use serde_json::{Value, json};

use super::entity::parts;
use super::error::{CatalogError, Result};
use super::kinds;
use super::lineage::answers;
use super::store::{Entity, Space, View};

/// Kinds that the page shows as assets.
const SHOWN: [&str; 3] = ["table", "topic", "container"];

/// The graph as JSON text, written entity by entity: a thousand tables never stand in memory together.
pub fn json_text(view: &impl View) -> Result<String> {
    let mut text = String::from("{\"assets\":[");
    let mut separate = "";
    for kind in SHOWN {
        for (_, slot) in view.names(kinds::named(kind)?, "")? {
            let Some(entity) = view.entity(slot.id)?.filter(|entity| !entity.is_deleted()) else { continue };
            text.push_str(separate);
            text.push_str(&write(&asset(&entity))?);
            separate = ",";
        }
    }
    text.push_str("],\"pipelines\":[");
    separate = "";
    for (_, slot) in view.names(kinds::named("pipeline")?, "")? {
        let Some(entity) = view.entity(slot.id)?.filter(|entity| !entity.is_deleted()) else { continue };
        text.push_str(separate);
        text.push_str(&write(&pipeline(&entity))?);
        separate = ",";
    }
    text.push_str("],\"edges\":[");
    separate = "";
    view.scan_prefix(Space::Edges, &[], &mut |key, value| {
        let id = |bytes: Option<&[u8]>| bytes.and_then(|bytes| uuid::Uuid::from_slice(bytes).ok()).unwrap_or_default();
        let edge =
            serde_json::from_slice(value).map_err(|error| CatalogError::internal(format!("an edge: {error}")))?;
        let details = Value::Object(answers::details(view, &edge)?);
        let edge = json!({
            "from": id(key.get(..16)), "to": id(key.get(16..)), "source": details["source"],
            "columns": details["columnsLineage"], "pipeline": details["pipeline"]["id"],
        });
        text.push_str(separate);
        text.push_str(&write(&edge)?);
        separate = ",";
        Ok(true)
    })?;
    text.push_str("]}");
    Ok(text)
}

fn asset(entity: &Entity) -> Value {
    let mut columns = Vec::new();
    parts::visit(parts::list(entity.kind, &entity.document), &mut |part| {
        let text = |field: &str| part.get(field).and_then(Value::as_str);
        columns.push(json!({
            "fqn": text("fullyQualifiedName"),
            "name": text("name"),
            "type": text("dataTypeDisplay").or_else(|| text("dataType")),
            "description": text("description"),
            "key": text("constraint") == Some("PRIMARY_KEY"),
            "tags": tags(part.get("tags")),
        }));
    });
    json!({
        "id": entity.id(),
        "kind": entity.kind.name,
        "name": entity.text("name"),
        "fqn": entity.fqn(),
        "service": entity.document.get("service").map(|service| &service["name"]),
        "serviceType": entity.text("serviceType"),
        "description": entity.text("description"),
        "tags": tags(entity.document.get("tags")),
        "rows": entity.document.get("profile").and_then(|profile| profile["rowCount"].as_f64()),
        "columns": columns,
    })
}

fn tags(labels: Option<&Value>) -> Vec<&str> {
    let labels = labels.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    labels.iter().filter_map(|label| label["tagFQN"].as_str()).collect()
}

fn pipeline(entity: &Entity) -> Value {
    let run = entity.document.get("pipelineStatus");
    // The interface has one word for what waits and for what has begun; a run that has an id has begun.
    let goes_on = run.filter(|run| run["executionStatus"] == "Pending" && run.get("executionId").is_some());
    let tasks = run.and_then(|run| run["taskStatus"].as_array()).map(Vec::as_slice).unwrap_or_default();
    let task = |task: &Value| json!({"name": task["name"], "state": task["executionStatus"]});
    json!({
        "id": entity.id(),
        "name": entity.text("name"),
        "fqn": entity.fqn(),
        "service": entity.document.get("service").map(|service| &service["name"]),
        "serviceType": entity.text("serviceType"),
        "description": entity.text("description"),
        "state": goes_on.map_or_else(|| run.map(|run| run["executionStatus"].clone()), |_| Some(json!("Running"))),
        "rows": run.and_then(|run| run["metrics"]["totalRowsProcessed"].as_u64()),
        "batches": run.and_then(|run| run["parameters"]["batches"].as_u64()),
        "at": run.map(|run| run.get("endTime").unwrap_or(&run["timestamp"])),
        "error": run.and_then(|run| run["error"]["errorMessage"].as_str()),
        "tasks": tasks.iter().map(task).collect::<Vec<_>>(),
    })
}

fn write(value: &Value) -> Result<String> {
    serde_json::to_string(value).map_err(|error| CatalogError::internal(format!("the graph is no JSON: {error}")))
}
