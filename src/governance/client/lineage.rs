//! Lineage: edges between entities, written one by one and read from the server's database (not from its search
//! index, which lags behind).

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Catalog, CatalogError};

/// An entity of an edge: its type (`table`) and id.
pub type End<'a> = (&'a str, &'a str);

/// An edge to write.
#[derive(Debug, Clone, Copy)]
pub struct NewEdge<'a> {
    /// Where data comes from.
    pub from: End<'a>,
    /// Where it goes.
    pub to: End<'a>,
    /// Id of the pipeline that moves it.
    pub pipeline: &'a str,
    /// The statement that makes one of the other.
    pub sql: Option<&'a str>,
    /// For people.
    pub description: &'a str,
    /// Column mappings as `[{fromColumns, toColumn}]`, fully qualified.
    pub columns: &'a [Value],
}

/// An edge as the catalog holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundEdge {
    /// Where data comes from: type, id and fully qualified name.
    pub from: FoundEnd,
    /// Where it goes.
    pub to: FoundEnd,
    /// Fully qualified name of the pipeline on it.
    pub pipeline: Option<String>,
    /// Column mappings.
    pub columns: Vec<Value>,
    /// The statement on it.
    pub sql: Option<String>,
}

/// An entity of a found edge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundEnd {
    /// `table`, `topic` ..
    pub entity_type: String,
    /// Id.
    pub id: String,
    /// Fully qualified name.
    pub fqn: String,
}

impl Catalog {
    /// Writes an edge; one that is there is replaced.
    pub async fn put_edge(&self, edge: &NewEdge<'_>) -> Result<(), CatalogError> {
        let mut details = json!({
            "pipeline": {"id": edge.pipeline, "type": "pipeline"},
            "description": edge.description,
            "source": "PipelineLineage",
            "columnsLineage": edge.columns,
        });
        if let Some(sql) = edge.sql {
            details["sqlQuery"] = json!(sql);
        }
        let end = |(entity_type, id): End<'_>| json!({"id": id, "type": entity_type});
        let body = json!({"edge": {"fromEntity": end(edge.from), "toEntity": end(edge.to), "lineageDetails": details}});
        self.send(Method::PUT, "/lineage", Some(&body)).await.map(drop)
    }

    /// Removes an edge; gone already is success.
    pub async fn delete_edge(&self, from: End<'_>, to: End<'_>) -> Result<(), CatalogError> {
        let path = format!("/lineage/{}/{}/{}/{}", from.0, from.1, to.0, to.1);
        match self.send(Method::DELETE, &path, None).await {
            Err(CatalogError::NotFound { .. }) => Ok(()),
            other => other.map(drop),
        }
    }

    /// The edges that begin or end at an entity.
    pub async fn edges_at(&self, entity_type: &str, id: &str) -> Result<Vec<FoundEdge>, CatalogError> {
        let path = format!("/lineage/{entity_type}/{id}?upstreamDepth=1&downstreamDepth=1");
        match self.exchange(Method::GET, &path, None).await {
            Ok(answer) => Ok(edges_in(&answer)),
            Err(CatalogError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// The edges of a lineage answer. They name entities by id, and `nodes` and `entity` say what those are.
fn edges_in(answer: &Value) -> Vec<FoundEdge> {
    let nodes = answer.get("nodes").and_then(Value::as_array).into_iter().flatten();
    let ends: BTreeMap<&str, FoundEnd> = nodes
        .chain(answer.get("entity"))
        .filter_map(|node| {
            let text = |key| node.get(key).and_then(Value::as_str);
            let id = text("id")?;
            let end = FoundEnd {
                entity_type: text("type")?.to_owned(),
                id: id.to_owned(),
                fqn: text("fullyQualifiedName").unwrap_or_default().to_owned(),
            };
            Some((id, end))
        })
        .collect();
    let edges = ["upstreamEdges", "downstreamEdges"];
    edges
        .iter()
        .filter_map(|key| answer.get(key)?.as_array())
        .flatten()
        .filter_map(|edge| {
            let end = |key| ends.get(edge.get(key)?.as_str()?).cloned();
            let detail = |pointer| edge.pointer(pointer);
            Some(FoundEdge {
                from: end("fromEntity")?,
                to: end("toEntity")?,
                pipeline: detail("/lineageDetails/pipeline/fullyQualifiedName")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
                columns: detail("/lineageDetails/columnsLineage")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default(),
                sql: detail("/lineageDetails/sqlQuery").and_then(Value::as_str).map(str::to_owned),
            })
        })
        .collect()
}
