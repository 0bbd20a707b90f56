//! Lineage: reads the edges at every entity of the pipeline's services, writes those that are missing or different, removes ours that
//! are not wanted any more, and reads everything back.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::Reconciler;
use crate::governance::client::{Catalog, CatalogError, FoundEdge, NewEdge};
use crate::governance::kind::Kind;
use crate::governance::lineage::check::{Difference, differences};
use crate::governance::lineage::{Edge, Lineage};
use crate::governance::{fqn, names};

/// Requests at the same time.
const PARALLEL: usize = 8;

/// What the catalog holds of the pipeline's services.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// By type and fully qualified name: the id of each entity that lineage may name.
    pub ids: BTreeMap<(String, String), String>,
    /// Every edge that begins or ends at a table or topic of them.
    pub edges: Vec<FoundEdge>,
}

/// Reads the edges at every table and topic of the pipeline's services, whether the wanted lineage names it or not: what is no
/// longer in pipeline.yml is where an edge is left over.
pub async fn read_edges(catalog: &Catalog) -> Result<Graph, CatalogError> {
    let mut graph = Graph::default();
    for service in [names::SOURCE, names::LAKE, names::DESTINATION] {
        for database in catalog.list(Kind::Database.collection(), &format!("service={service}"), "").await? {
            let database = database.get("fullyQualifiedName").and_then(Value::as_str).unwrap_or_default();
            graph.know(catalog, Kind::Table, &format!("database={}", fqn::path_segment(database))).await?;
        }
    }
    graph.know(catalog, Kind::Topic, &format!("service={}", names::KAFKA)).await?;
    let ends: Vec<(String, String)> =
        graph.ids.iter().map(|((entity_type, _), id)| (entity_type.clone(), id.clone())).collect();
    for service in [names::CONNECT, names::SPARK] {
        graph.know(catalog, Kind::Pipeline, &format!("service={service}")).await?;
    }
    let found: Vec<Vec<FoundEdge>> = stream::iter(ends)
        .map(async |(entity_type, id)| catalog.edges_at(&entity_type, &id).await)
        .buffered(PARALLEL)
        .try_collect()
        .await?;
    let mut known = BTreeSet::new();
    // An edge is seen from both of its ends.
    let once = |edge: &FoundEdge| known.insert((edge.from.id.clone(), edge.to.id.clone()));
    graph.edges = found.into_iter().flatten().filter(once).collect();
    Ok(graph)
}

impl Graph {
    /// Lists entities that are there and not marked deleted.
    async fn know(&mut self, catalog: &Catalog, kind: Kind, query: &str) -> Result<(), CatalogError> {
        for entity in catalog.list(kind.collection(), query, "").await? {
            let text = |key| entity.get(key).and_then(Value::as_str).map(str::to_owned);
            if let (Some(name), Some(id)) = (text("fullyQualifiedName"), text("id")) {
                self.ids.insert((kind.word().to_owned(), name), id);
            }
        }
        Ok(())
    }

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
        let before = read_edges(self.catalog).await?;
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
        let after = read_edges(self.catalog).await?;
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
