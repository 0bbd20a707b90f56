//! The whole graph for the page at `/`, without anything secret: assets with columns and tags, edges with their pipelines.

use std::collections::HashMap;

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
    text.push_str("],\"edges\":[");
    separate = "";
    // The same few pipelines stand on most edges.
    let mut pipelines: HashMap<String, Value> = HashMap::new();
    view.scan_prefix(Space::Edges, &[], &mut |key, value| {
        let id = |bytes: Option<&[u8]>| bytes.and_then(|bytes| uuid::Uuid::from_slice(bytes).ok()).unwrap_or_default();
        let edge =
            serde_json::from_slice(value).map_err(|error| CatalogError::internal(format!("an edge: {error}")))?;
        let details = Value::Object(answers::details(view, &edge)?);
        let mover = details["pipeline"]["id"].as_str().unwrap_or_default();
        if !pipelines.contains_key(mover) {
            pipelines.insert(mover.to_owned(), pipeline(view, mover)?);
        }
        let edge = json!({
            "from": id(key.get(..16)), "to": id(key.get(16..)), "source": details["source"],
            "columns": details["columnsLineage"], "pipeline": pipelines.get(mover),
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

fn pipeline(view: &impl View, id: &str) -> Result<Value> {
    let entity = match uuid::Uuid::try_parse(id) {
        Ok(id) => view.entity(id)?,
        Err(_) => None,
    };
    Ok(entity.map_or(Value::Null, |entity| {
        let run = entity.document.get("pipelineStatus");
        // The interface has one word for what waits and for what has begun; a run that has an id has begun.
        let goes_on = run.filter(|run| run["executionStatus"] == "Pending" && run.get("executionId").is_some());
        json!({
            "name": entity.text("name"),
            "fqn": entity.fqn(),
            "state": goes_on.map_or_else(|| run.map(|run| run["executionStatus"].clone()), |_| Some(json!("Running"))),
            "rows": run.and_then(|run| run["metrics"]["totalRowsProcessed"].as_u64()),
            "batches": run.and_then(|run| run["parameters"]["batches"].as_u64()),
            "at": run.map(|run| run.get("endTime").unwrap_or(&run["timestamp"])),
        })
    }))
}

fn write(value: &Value) -> Result<String> {
    serde_json::to_string(value).map_err(|error| CatalogError::internal(format!("the graph is no JSON: {error}")))
}
