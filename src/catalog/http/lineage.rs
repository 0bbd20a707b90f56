//! Routes of the graph.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, patch, post, put};
use axum::{Extension, Router};
use serde_json::{Value, json};

use super::super::access::Principal;
use super::super::entity::list::Include;
use super::super::error::Result;
use super::super::kinds;
use super::super::lineage::answers::{self, Reach};
use super::super::lineage::{self, openlineage};
use super::super::store::{Entity, View};
use super::answer;
use super::request::{self, Parameters, by_id, by_name, id};
use super::{Base, Shared};

/// Most edges that are followed one after another. A server of version 1 allows 3.
const DEEPEST: usize = 10;

type Who = Extension<Principal>;
type Ends = Path<(String, String, String, String)>;

/// Routes below `/lineage` and `/openlineage`.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/lineage", put(write))
        .route("/lineage/getLineage", get(by_query))
        .route("/lineage/getLineageEdge/{from}/{to}", get(edge_by_id))
        .route("/lineage/getLineageEdge/{from_kind}/name/{from}/{to_kind}/name/{to}", get(edge_by_name))
        .route("/lineage/{from_kind}/{from}", get(graph_by_id))
        .route("/lineage/{from_kind}/name/{from}", get(graph_by_name))
        .route("/lineage/{from_kind}/{from}/{to_kind}/{to}", patch(change).delete(remove))
        .route("/lineage/{from_kind}/name/{from}/{to_kind}/name/{to}", put(write_by_name).delete(remove_by_name))
        .route("/openlineage/lineage", post(event))
        .route("/openlineage/lineage/batch", post(events))
}

async fn write(State(app): State<Shared>, Extension(who): Who, body: Bytes) -> Result<Response> {
    let body = request::json(&body)?;
    app.write(move |_, writing| lineage::put(writing, body, &who)).await?;
    Ok(answer::done())
}

async fn write_by_name(
    State(app): State<Shared>,
    Extension(who): Who,
    Path(ends): Ends,
    body: Bytes,
) -> Result<Response> {
    let details = request::json(&body)?;
    app.write(move |_, writing| {
        let (from, to) = named_ends(writing, &ends)?;
        lineage::put_details(writing, (&from, &to), details, &who)
    })
    .await?;
    Ok(answer::done())
}

async fn change(
    State(app): State<Shared>,
    Extension(who): Who,
    Path((from_kind, from, to_kind, to)): Ends,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let operations = request::operations(&headers, &body)?;
    let details = app
        .write(move |_, writing| {
            let from = by_id(writing, kinds::named(&from_kind)?, &from, Include::NonDeleted)?;
            let to = by_id(writing, kinds::named(&to_kind)?, &to, Include::NonDeleted)?;
            lineage::patch_details(writing, (&from, &to), &operations, &who)
        })
        .await?;
    Ok(answer::ok(&Value::Object(details)))
}

async fn remove(State(app): State<Shared>, Path((_, from, _, to)): Ends) -> Result<Response> {
    let (from, to) = (id(&from)?, id(&to)?);
    app.write(move |_, writing| lineage::remove(writing, from, to)).await?;
    Ok(answer::done())
}

async fn remove_by_name(State(app): State<Shared>, Path(ends): Ends) -> Result<Response> {
    app.write(move |_, writing| {
        let (from, to) = named_ends(writing, &ends)?;
        lineage::remove(writing, from.id(), to.id())
    })
    .await?;
    Ok(answer::done())
}

async fn edge_by_id(State(app): State<Shared>, Path((from, to)): Path<(String, String)>) -> Result<Response> {
    let (from, to) = (id(&from)?, id(&to)?);
    let details = app.read(move |_, view| answers::details(view, &lineage::existing(view, from, to)?)).await?;
    Ok(answer::ok(&json!({"edge": details})))
}

async fn edge_by_name(State(app): State<Shared>, Path(ends): Ends) -> Result<Response> {
    let details = app
        .read(move |_, view| {
            let (from, to) = named_ends(view, &ends)?;
            answers::details(view, &lineage::existing(view, from.id(), to.id())?)
        })
        .await?;
    Ok(answer::ok(&json!({"edge": details})))
}

async fn graph_by_id(
    State(app): State<Shared>,
    Extension(base): Extension<Base>,
    Path((kind, id)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Response> {
    let reach = reach(&parameters)?;
    let graph = app
        .read(move |_, view| {
            let root = by_id(view, kinds::named(&kind)?, &id, include(reach))?;
            answers::by_reference(view, &root, reach, &base.0)
        })
        .await?;
    Ok(answer::ok(&graph))
}

async fn graph_by_name(
    State(app): State<Shared>,
    Extension(base): Extension<Base>,
    Path((kind, name)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Response> {
    let reach = reach(&parameters)?;
    let graph = app
        .read(move |_, view| {
            let root = by_name(view, kinds::named(&kind)?, &name, include(reach))?;
            answers::by_reference(view, &root, reach, &base.0)
        })
        .await?;
    Ok(answer::ok(&graph))
}

async fn by_query(
    State(app): State<Shared>,
    Extension(base): Extension<Base>,
    parameters: Parameters,
) -> Result<Response> {
    let reach = reach(&parameters)?;
    let name = parameters.required("fqn")?.to_owned();
    let kind = kinds::named(parameters.get("type").unwrap_or("table"))?;
    let graph = app
        .read(move |_, view| answers::by_name(view, &by_name(view, kind, &name, include(reach))?, reach, &base.0))
        .await?;
    Ok(answer::ok(&graph))
}

async fn event(State(app): State<Shared>, Extension(who): Who, body: Bytes) -> Result<Response> {
    let body = request::json(&body)?;
    let result = app.write(move |_, writing| openlineage::single(writing, body, &who)).await?;
    Ok(answer::ok(&result))
}

async fn events(State(app): State<Shared>, Extension(who): Who, body: Bytes) -> Result<Response> {
    let body = request::json(&body)?;
    let result = app.write(move |_, writing| openlineage::batch(writing, &body, &who)).await?;
    Ok(answer::ok(&result))
}

fn named_ends(
    view: &impl View,
    (from_kind, from, to_kind, to): &(String, String, String, String),
) -> Result<(Entity, Entity)> {
    Ok((
        by_name(view, kinds::named(from_kind)?, from, Include::NonDeleted)?,
        by_name(view, kinds::named(to_kind)?, to, Include::NonDeleted)?,
    ))
}

fn reach(parameters: &Parameters) -> Result<Reach> {
    Ok(Reach {
        upstream: parameters.number("upstreamDepth", 1, DEEPEST)?,
        downstream: parameters.number("downstreamDepth", 1, DEEPEST)?,
        deleted: parameters.flag("includeDeleted")?,
    })
}

fn include(reach: Reach) -> Include {
    if reach.deleted { Include::All } else { Include::NonDeleted }
}
