//! Lineage: reads the edges at every entity of the pipeline, writes those that are missing or different, removes ours that
//! are not wanted any more, and reads everything back.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::Reconciler;
use crate::governance::client::{Catalog, CatalogError, FoundEdge, NewEdge};
use crate::governance::kind::Kind;
use crate::governance::lineage::check::{Difference, differences};
use crate::governance::lineage::{Edge, Lineage};

/// Requests at the same time.
const PARALLEL: usize = 8;

/// What the catalog holds of a lineage.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// By type and fully qualified name: the id of each entity that exists.
    pub ids: BTreeMap<(String, String), String>,
    /// Every edge that begins or ends at one of them.
    pub edges: Vec<FoundEdge>,
}

/// Reads the edges at every entity of a lineage, and the ids of its pipelines.
pub async fn read_edges(catalog: &Catalog, lineage: &Lineage, pipelines: &[String]) -> Result<Graph, CatalogError> {
    // Owned, so that the requests borrow nothing but the catalog.
    let own = |entity_type: &str, fqn: &str| (entity_type.to_owned(), fqn.to_owned());
    let nodes = lineage.nodes().into_iter().map(|node| own(node.entity_type, &node.fqn));
    let wanted: Vec<(String, String)> = nodes.chain(pipelines.iter().map(|fqn| own("pipeline", fqn))).collect();
    let found: Vec<Seen> = stream::iter(wanted)
        .map(|(entity_type, fqn)| look(catalog, entity_type, fqn))
        .buffered(PARALLEL)
        .try_collect()
        .await?;
    let mut graph = Graph::default();
    for Seen { entity_type, fqn, id, edges } in found {
        graph.ids.extend(id.map(|id| ((entity_type, fqn), id)));
        for edge in edges {
            // An edge is seen from both of its ends.
            if !graph.edges.iter().any(|known| (&known.from.id, &known.to.id) == (&edge.from.id, &edge.to.id)) {
                graph.edges.push(edge);
            }
        }
    }
    Ok(graph)
}

/// An entity with the edges at it.
struct Seen {
    entity_type: String,
    fqn: String,
    id: Option<String>,
    edges: Vec<FoundEdge>,
}

async fn look(catalog: &Catalog, entity_type: String, fqn: String) -> Result<Seen, CatalogError> {
    let id = id_of(catalog, &entity_type, &fqn).await?;
    let edges = match &id {
        Some(id) if entity_type != "pipeline" => catalog.edges_at(&entity_type, id).await?,
        _ => Vec::new(),
    };
    Ok(Seen { entity_type, fqn, id, edges })
}

async fn id_of(catalog: &Catalog, entity_type: &str, fqn: &str) -> Result<Option<String>, CatalogError> {
    let kind = match entity_type {
        "topic" => Kind::Topic,
        "pipeline" => Kind::Pipeline,
        _ => Kind::Table,
    };
    let found = catalog.find(kind.collection(), fqn, "").await?;
    let found = found.filter(|entity| entity.get("deleted") != Some(&Value::Bool(true)));
    Ok(found.and_then(|entity| entity.get("id")?.as_str().map(str::to_owned)))
}

impl Graph {
    /// What differs from the wanted lineage.
    pub fn differences(&self, catalog: &Catalog, wanted: &Lineage, pipelines: &[String]) -> Vec<Difference> {
        differences(wanted, &self.edges, pipelines, &|edge| maps_columns(catalog, edge))
    }

    fn id(&self, entity_type: &str, fqn: &str) -> Result<&str, CatalogError> {
        let found = self.ids.get(&(entity_type.to_owned(), fqn.to_owned()));
        found.map(String::as_str).ok_or_else(|| CatalogError::NotFound {
            request: "PUT /lineage".to_owned(),
            message: format!("{entity_type} {fqn} is not in the catalog"),
        })
    }
}

/// Old servers keep column mappings between two tables only.
fn maps_columns(catalog: &Catalog, edge: &Edge) -> bool {
    catalog.version().knows_stream_services() || (edge.from.entity_type == "table" && edge.to.entity_type == "table")
}

impl Reconciler<'_> {
    /// Makes the edges what they should be and reads them back. What is still different then is a problem.
    pub(super) async fn lineage(&mut self, wanted: &Lineage, pipelines: &[String]) -> Result<(), CatalogError> {
        self.report.edges = wanted.edges.len();
        self.report.mappings = wanted.mappings();
        self.report.notes.extend(wanted.notes.iter().cloned());
        let before = read_edges(self.catalog, wanted, pipelines).await?;
        let todo = before.differences(self.catalog, wanted, pipelines);
        if todo.is_empty() {
            return Ok(());
        }
        for difference in &todo {
            let done = match difference {
                Difference::Missing { edge } | Difference::Other { edge, .. } => {
                    self.write(&before, &wanted.edges[*edge]).await
                }
                Difference::Orphaned { found } => {
                    let FoundEdge { from, to, .. } = &before.edges[*found];
                    self.catalog.delete_edge((&from.entity_type, &from.id), (&to.entity_type, &to.id)).await
                }
            };
            match done {
                Ok(()) => self.report.changes.push(format!("lineage {}", difference.told(wanted, &before.edges))),
                // One end is gone: the other edges are written all the same, and reading back tells of this one.
                Err(CatalogError::NotFound { message, .. }) => {
                    self.report.problems.push(format!("{}: {message}", difference.told(wanted, &before.edges)));
                }
                Err(error) => return Err(error),
            }
        }
        let after = read_edges(self.catalog, wanted, pipelines).await?;
        let left = after.differences(self.catalog, wanted, pipelines);
        let told =
            left.iter().map(|difference| format!("lineage read back: {}", difference.told(wanted, &after.edges)));
        self.report.problems.extend(told);
        Ok(())
    }

    async fn write(&self, graph: &Graph, edge: &Edge) -> Result<(), CatalogError> {
        let columns: Vec<Value> = if maps_columns(self.catalog, edge) {
            edge.columns.iter().map(|map| json!({"fromColumns": map.from, "toColumn": map.to})).collect()
        } else {
            Vec::new()
        };
        let new = NewEdge {
            from: (edge.from.entity_type, graph.id(edge.from.entity_type, &edge.from.fqn)?),
            to: (edge.to.entity_type, graph.id(edge.to.entity_type, &edge.to.fqn)?),
            pipeline: graph.id("pipeline", &edge.pipeline)?,
            sql: edge.sql.as_deref(),
            description: &edge.description,
            columns: &columns,
        };
        self.catalog.put_edge(&new).await
    }
}
