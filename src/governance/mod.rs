//! Governance: a catalog of every asset of the pipeline, and the lineage between them, column by column.
//!
//! `assets` and `lineage` decide what the catalog should hold, from pipeline.yml, the transformations and what `collect`
//! read from the servers. `reconcile` makes it so and reads it back. `client` speaks to the catalog, whichever it is, and
//! `session` finds it and opens it with a token. `openlineage` tells it of the jobs' runs.

pub mod assets;
pub mod client;
pub mod collect;
pub mod fqn;
pub mod kind;
pub mod lineage;
pub mod names;
pub mod official;
pub mod openlineage;
pub mod reconcile;
pub mod session;
pub mod token;

use std::collections::BTreeSet;

use crate::engine::work::SayFn;
use crate::pipeline::Pipeline;
use crate::pipeline::verify::Check;
use client::{CatalogError, FoundEdge};
use lineage::{Lineage, Statements};
use reconcile::{Ingested, Reconciler, read_edges};
pub use session::GovernanceError;

/// The lineage that the pipeline's files describe.
pub fn wanted_lineage(pipeline: &Pipeline) -> Result<Lineage, GovernanceError> {
    Ok(Lineage::of(&pipeline.spec, &Statements::load(pipeline)?))
}

/// Collects the assets of the chosen services and brings the catalog up to date; with all services, the lineage too.
/// `at` is the service of the catalog; without it, the best one that runs.
pub async fn ingest(
    pipeline: &Pipeline,
    at: Option<&str>,
    services: &BTreeSet<&'static str>,
    say: &SayFn,
) -> Result<Ingested, GovernanceError> {
    say("opening the catalog");
    let session::Found { endpoint, catalog } = session::open(pipeline, at).await?;
    let lineage = wanted_lineage(pipeline)?;
    say("reading the servers");
    let facts = collect::collect(pipeline, services).await;
    let (spec, version) = (&pipeline.spec, catalog.version());
    let holdings = assets::wanted(spec, &facts, &lineage, version);
    let user = pipeline.variable("POSTGRES_USER").unwrap_or_else(|| "admin".to_owned());
    let reconciler = Reconciler::new(&catalog, &session::state_directory(pipeline, endpoint))?;
    let pipelines = names::pipelines(spec);
    let whole = (services.len() == names::SERVICES.len()).then_some((&lineage, pipelines.as_slice()));
    let mut report = reconciler.run(&assets::services::services(spec, &user, version), &holdings, whole, say).await?;
    report.notes.extend(facts.notes);
    report.problems.extend(facts.failures.iter().map(|(service, error)| format!("{service} was not read: {error}")));
    Ok(report)
}

/// The lineage as the catalog holds it, next to the wanted one.
pub struct Held {
    /// What the pipeline has.
    pub wanted: Lineage,
    /// Edges of ours that the catalog holds and nobody wants.
    pub orphans: Vec<FoundEdge>,
    /// What differs, one line each.
    pub differences: Vec<String>,
    /// By place in `wanted.edges`: what is wrong with an edge.
    pub wrong: Vec<Option<String>>,
}

/// Reads the lineage from the catalog and compares it.
pub async fn held_lineage(pipeline: &Pipeline) -> Result<Held, GovernanceError> {
    use lineage::check::Difference;
    let catalog = session::open(pipeline, None).await?.catalog;
    let wanted = wanted_lineage(pipeline)?;
    let pipelines = names::pipelines(&pipeline.spec);
    let graph = read_edges(&catalog).await?;
    let found = graph.differences(&catalog, &wanted, &pipelines);
    let (mut wrong, mut orphans) = (vec![None; wanted.edges.len()], Vec::new());
    for difference in &found {
        match difference {
            Difference::Missing { edge } => wrong[*edge] = Some("not in the catalog".to_owned()),
            Difference::Other { edge, what } => wrong[*edge] = Some(what.clone()),
            Difference::Orphaned { found } => orphans.push(graph.edges[*found].clone()),
        }
    }
    let differences = found.iter().map(|difference| difference.told(&wanted, &graph.edges)).collect();
    Ok(Held { wanted, orphans, differences, wrong })
}

/// The check that `verify` adds: nothing when the project has no catalog, or only optional ones that were left out. One that
/// has stopped since fails it.
pub async fn check(pipeline: &Pipeline) -> Option<Check> {
    if session::catalogs(pipeline).is_empty() {
        return None;
    }
    let began = tokio::time::Instant::now();
    let held = held_lineage(pipeline).await;
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let name = "lineage in the catalog".to_owned();
    let complete =
        |held: &Held| format!("{} edges with {} column mappings", held.wanted.edges.len(), held.wanted.mappings());
    let (expected, seen, ok) = match held {
        Ok(held) if held.differences.is_empty() => (complete(&held), complete(&held), true),
        Ok(held) => (complete(&held), held.differences.join("; "), false),
        // Without a container it was left out when the stack came up, and `up` has said so.
        Err(GovernanceError::Catalog(CatalogError::Absent(_))) if all_optional(pipeline) => return None,
        Err(error) => {
            let seen = std::iter::once(error.to_string()).chain(error.hint()).collect::<Vec<_>>().join("; ");
            ("the lineage, read from the catalog".to_owned(), seen, false)
        }
    };
    Some(Check { name, ok, expected, seen, ms })
}

fn all_optional(pipeline: &Pipeline) -> bool {
    let services = &pipeline.project().services;
    let is_optional = |service: &str| services.get(service).is_some_and(|service| service.ext.optional);
    session::catalogs(pipeline).iter().all(|endpoint| is_optional(endpoint.service))
}
