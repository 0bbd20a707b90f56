//! Holds answers against the published JSON schemas, where they are at hand.

use serde_json::Value;

use crate::om_schemas;
use crate::site::skipped;

/// Schemas of entities by collection.
const ENTITIES: [(&str, &str); 17] = [
    ("services/databaseServices", "entity/services/databaseService"),
    ("services/messagingServices", "entity/services/messagingService"),
    ("services/pipelineServices", "entity/services/pipelineService"),
    ("services/storageServices", "entity/services/storageService"),
    ("services/ingestionPipelines", "entity/services/ingestionPipelines/ingestionPipeline"),
    ("services/testConnectionDefinitions", "entity/services/connections/testConnectionDefinition"),
    ("databases", "entity/data/database"),
    ("databaseSchemas", "entity/data/databaseSchema"),
    ("tables", "entity/data/table"),
    ("storedProcedures", "entity/data/storedProcedure"),
    ("topics", "entity/data/topic"),
    ("containers", "entity/data/container"),
    ("pipelines", "entity/data/pipeline"),
    ("tags", "entity/classification/tag"),
    ("classifications", "entity/classification/classification"),
    ("bots", "entity/bot"),
    ("teams", "entity/teams/team"),
];

/// Panics when an answer is not what the schema of its route says.
pub fn check(method: &str, path: &str, body: &Value) {
    let path = path.split('?').next().unwrap_or_default().trim_start_matches('/');
    if body.is_null() {
        return;
    }
    if path.ends_with("/bulk") || path.ends_with("/deleteStale") {
        return hold("type/bulkOperationResult", method, path, body);
    }
    if path.starts_with("openlineage/") {
        return hold("api/lineage/openlineage/openLineageResponse", method, path, body);
    }
    if path.starts_with("usage/") {
        return hold("type/entityUsage", method, path, body);
    }
    if let Some(rest) = path.strip_prefix("lineage/") {
        return match rest.split('/').next() {
            Some("getLineage") => {
                for edges in ["upstreamEdges", "downstreamEdges"] {
                    for edge in body[edges].as_object().expect("edges by name").values() {
                        hold("api/lineage/esLineageData", method, path, edge);
                    }
                }
                hold("api/lineage/searchLineageResult", method, path, body);
            }
            Some("getLineageEdge") => {}
            _ if method == "GET" => hold("type/entityLineage", method, path, body),
            _ => {}
        };
    }
    if path.starts_with("users/") && (path.contains("auth-mechanism") || path.contains("oken")) {
        let token = if path.contains("auth-mechanism") { &body["config"] } else { body };
        return hold("auth/jwtAuth", method, path, token);
    }
    if path == "users" || path == "users/loggedInUser" || path.starts_with("users/name/") {
        return many("entity/teams/user", method, path, body);
    }
    if path.starts_with("system/settings/") {
        return hold("settings/settings", method, path, body);
    }
    if (path.ends_with("/status") || path.contains("/pipelineStatus")) && method == "GET" {
        return;
    }
    let own = |(collection, _): &&(&str, &str)| path == *collection || path.starts_with(&format!("{collection}/"));
    if let Some((_, schema)) = ENTITIES.iter().find(own) {
        many(schema, method, path, body);
    }
}

fn many(schema: &str, method: &str, path: &str, body: &Value) {
    match body["data"].as_array() {
        Some(data) if body["paging"].is_object() => {
            hold("type/paging", method, path, &body["paging"]);
            for entity in data {
                hold(schema, method, path, entity);
            }
        }
        _ => hold(schema, method, path, body),
    }
}

fn hold(schema: &str, method: &str, path: &str, body: &Value) {
    om_schemas::hold(schema, &format!("{method} {path}"), body);
}

#[test]
fn the_schemas_refuse_what_they_should() {
    if om_schemas::directory().is_none() {
        return skipped("PIPECTL_OM_SCHEMAS is not set");
    }
    let table =
        serde_json::json!({"id": uuid::Uuid::new_v4(), "name": "t", "columns": [{"name": "a", "dataType": "INT"}]});
    check("GET", "/tables/1", &table);
    for (pointer, key, value) in
        [("", "unknown", "x"), ("/columns/0", "unknown", "x"), ("/columns/0", "dataType", "INTT")]
    {
        let mut wrong = table.clone();
        wrong.pointer_mut(pointer).expect("there")[key] = value.into();
        let refused = std::panic::catch_unwind(|| check("GET", "/tables/1", &wrong));
        assert!(refused.is_err(), "{key} at {pointer:?} passed");
    }
}
