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
use super::super::store::{Entity, Id, Reading, View};
use super::answer;
use super::request::{self, By, Parameters, id};
use super::{Base, Shared};

/// Most edges that are followed one after another. A server of version 1 allows 3.
const DEEPEST: usize = 10;

type Who = Extension<Principal>;
/// Kind and id or name of both ends of an edge.
type Ends = (String, String, String, String);

/// Routes below `/lineage` and `/openlineage`.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/lineage", put(write))
        .route("/lineage/getLineage", get(by_query))
        .route("/lineage/getLineageEdge/{from}/{to}", get(edge_by_id))
        .route("/lineage/getLineageEdge/{from_kind}/name/{from}/{to_kind}/name/{to}", get(edge_by_name))
        .route("/lineage/{from_kind}/{from}", get(graph).layer(Extension(By::Id)))
        .route("/lineage/{from_kind}/name/{from}", get(graph).layer(Extension(By::Name)))
        .route("/lineage/{from_kind}/{from}/{to_kind}/{to}", patch(change).delete(remove).layer(Extension(By::Id)))
        .route(
            "/lineage/{from_kind}/name/{from}/{to_kind}/name/{to}",
            put(write_details).delete(remove).layer(Extension(By::Name)),
        )
        .route("/openlineage/lineage", post(event))
        .route("/openlineage/lineage/batch", post(events))
}

async fn write(State(app): State<Shared>, Extension(who): Who, body: Bytes) -> Result<Response> {
    let body = request::json(&body)?;
    app.write(move |_, writing| lineage::put(writing, body, &who)).await?;
    Ok(answer::done())
}

async fn write_details(
    State(app): State<Shared>,
    Extension(by): Extension<By>,
    Extension(who): Who,
    Path(ends): Path<Ends>,
    body: Bytes,
) -> Result<Response> {
    let details = request::json(&body)?;
    app.write(move |_, writing| {
        let (from, to) = entities(by, writing, &ends)?;
        lineage::put_details(writing, (&from, &to), details, &who)
    })
    .await?;
    Ok(answer::done())
}

async fn change(
    State(app): State<Shared>,
    Extension(by): Extension<By>,
    Extension(who): Who,
    Path(ends): Path<Ends>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let operations = request::operations(&headers, &body)?;
    let details = app
        .write(move |_, writing| {
            let (from, to) = entities(by, writing, &ends)?;
            lineage::patch_details(writing, (&from, &to), &operations, &who)
        })
        .await?;
    Ok(answer::ok(&Value::Object(details)))
}

async fn remove(State(app): State<Shared>, Extension(by): Extension<By>, Path(ends): Path<Ends>) -> Result<Response> {
    app.write(move |_, writing| {
        let (from, to) = ids(by, writing, &ends)?;
        lineage::remove(writing, from, to)
    })
    .await?;
    Ok(answer::done())
}

async fn edge_by_id(State(app): State<Shared>, Path((from, to)): Path<(String, String)>) -> Result<Response> {
    edge(&app, move |_| Ok((id(&from)?, id(&to)?))).await
}

async fn edge_by_name(State(app): State<Shared>, Path(ends): Path<Ends>) -> Result<Response> {
    edge(&app, move |view| ids(By::Name, view, &ends)).await
}

async fn edge(app: &Shared, ends: impl FnOnce(&Reading) -> Result<(Id, Id)> + Send + 'static) -> Result<Response> {
    let details = app
        .read(move |_, view| {
            let (from, to) = ends(view)?;
            answers::details(view, &lineage::existing(view, from, to)?)
        })
        .await?;
    Ok(answer::ok(&json!({"edge": details})))
}

async fn graph(
    State(app): State<Shared>,
    Extension(by): Extension<By>,
    Extension(base): Extension<Base>,
    Path((kind, text)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Response> {
    let reach = reach(&parameters)?;
    let graph = app
        .read(move |_, view| {
            let root = by.find(view, kinds::named(&kind)?, &text, include(reach))?;
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
        .read(move |_, view| answers::by_name(view, &By::Name.find(view, kind, &name, include(reach))?, reach, &base.0))
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

fn entities(by: By, view: &impl View, (from_kind, from, to_kind, to): &Ends) -> Result<(Entity, Entity)> {
    Ok((
        by.find(view, kinds::named(from_kind)?, from, Include::NonDeleted)?,
        by.find(view, kinds::named(to_kind)?, to, Include::NonDeleted)?,
    ))
}

/// An id is taken as it is: an edge can be removed whose ends are deleted.
fn ids(by: By, view: &impl View, ends: &Ends) -> Result<(Id, Id)> {
    match by {
        By::Id => Ok((id(&ends.1)?, id(&ends.3)?)),
        By::Name => entities(by, view, ends).map(|(from, to)| (from.id(), to.id())),
    }
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
