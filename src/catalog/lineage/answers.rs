//! The graph in the two forms of the interface: `EntityLineage` and `SearchLineageResult`.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::entity::render::Rendering;
use super::super::error::Result;
use super::super::store::{Entity, View};
use super::walk::{self, Edge, Walk};

pub use super::walk::Reach;

/// `GET /lineage/{type}/{id}`: nodes as references, edges by ids.
pub fn by_reference(view: &impl View, root: &Entity, reach: Reach, base: &str) -> Result<Value> {
    let walk = walk::from(view, root, reach)?;
    let rendering = Rendering::new(view, base);
    let nodes: Vec<_> = walk.nodes.iter().map(|(entity, _)| rendering.reference(entity)).collect();
    let edges = |edges: &[Edge]| edges.iter().map(|edge| plain(view, edge)).collect::<Result<Vec<_>>>();
    Ok(json!({
        "entity": rendering.reference(root),
        "nodes": nodes,
        "upstreamEdges": edges(&walk.upstream)?,
        "downstreamEdges": edges(&walk.downstream)?,
    }))
}

/// `GET /lineage/getLineage`: nodes and edges by name, as a search index holds them.
pub fn by_name(view: &impl View, root: &Entity, reach: Reach, base: &str) -> Result<Value> {
    let walk = walk::from(view, root, reach)?;
    let rendering = Rendering::new(view, base);
    let mut nodes = Map::new();
    for (entity, depth) in std::iter::once((root, 0)).chain(walk.nodes.iter().map(|(entity, depth)| (entity, *depth))) {
        let node = json!({"entity": rendering.entity(entity)?, "nodeDepth": depth});
        nodes.insert(entity.fqn().to_owned(), node);
    }
    let edges = |edges: &[Edge]| -> Result<Map<String, Value>> {
        let mut found = Map::new();
        for edge in edges {
            let (name, value) = indexed(view, root, &walk, edge)?;
            found.insert(name, value);
        }
        Ok(found)
    };
    Ok(json!({
        "nodes": nodes,
        "upstreamEdges": edges(&walk.upstream)?,
        "downstreamEdges": edges(&walk.downstream)?,
    }))
}

/// The details of an edge as a client sees them: a pipeline that is gone is not shown.
pub fn details(view: &impl View, edge: &Map<String, Value>) -> Result<Map<String, Value>> {
    let mut details = edge.get("lineageDetails").and_then(Value::as_object).cloned().unwrap_or_default();
    let id = details.get("pipeline").and_then(|pipeline| pipeline["id"].as_str()).map(Uuid::try_parse);
    let pipeline = match id {
        Some(Ok(id)) => view.entity(id)?,
        _ => None,
    };
    match (pipeline, details.get_mut("pipeline")) {
        (Some(entity), Some(pipeline)) => pipeline["deleted"] = json!(entity.is_deleted()),
        _ => {
            details.shift_remove("pipeline");
        }
    }
    Ok(details)
}

fn plain(view: &impl View, edge: &Edge) -> Result<Value> {
    let mut value = json!({"fromEntity": edge.from, "toEntity": edge.to});
    if let Some(description) = edge.document.get("description") {
        value["description"] = description.clone();
    }
    value["lineageDetails"] = Value::Object(details(view, &edge.document)?);
    Ok(value)
}

fn indexed(view: &impl View, root: &Entity, walk: &Walk, edge: &Edge) -> Result<(String, Value)> {
    let end = |id: Uuid| {
        let all = std::iter::once(root).chain(walk.nodes.iter().map(|(entity, _)| entity));
        let entity = all.into_iter().find(|entity| entity.id() == id);
        let (fqn, kind) = entity.map_or(("", ""), |entity| (entity.fqn(), entity.kind.name));
        json!({"id": id, "fullyQualifiedName": fqn, "type": kind})
    };
    let name = format!("{}--->{}", edge.from, edge.to);
    let mut value = json!({"fromEntity": end(edge.from), "toEntity": end(edge.to), "docId": name});
    let mut details = details(view, &edge.document)?;
    if let Some(columns) = details.shift_remove("columnsLineage") {
        value["columns"] = columns;
    }
    if let Some(pipeline) = details.shift_remove("pipeline") {
        value["pipelineEntityType"] = pipeline["type"].clone();
        value["pipeline"] = pipeline;
    }
    for (field, detail) in details {
        value[field] = detail;
    }
    if let Some(description) = edge.document.get("description") {
        value["description"] = description.clone();
    }
    Ok((name, value))
}
