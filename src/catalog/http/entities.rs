//! Routes that every kind of entity has.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, put};
use axum::{Extension, Router};
use serde_json::{Value, json};

use super::super::access::Principal;
use super::super::entity::bulk::{self, Stale};
use super::super::entity::delete::{self as removal, Extent};
use super::super::entity::list::{self, Include, Query};
use super::super::entity::render::Rendering;
use super::super::entity::{self, Mode, Written, patch};
use super::super::error::Result;
use super::super::kinds::{self, Kind};
use super::super::store::View;
use super::answer;
use super::request::{self, By, Parameters};
use super::{Base, Shared};

/// Entities of a page where the request does not say.
const PAGE: usize = 10;

/// Most entities of a page, as the interface allows.
const MOST: usize = 1_000_000;

type TheKind = Extension<&'static Kind>;
/// The kind, and how the path names the entity.
type TheOne = (TheKind, Extension<By>);
type Who = Extension<Principal>;

/// Routes of one kind.
pub fn routes(kind: &'static Kind) -> Router<Shared> {
    let at = |rest: &str| format!("/{}{rest}", kind.collection);
    let mut routes = Router::new()
        .route(&at("/{id}"), single(By::Id))
        .route(&at("/name/{name}"), single(By::Name))
        .route(&at("/restore"), put(restore));
    // A bot is a user with a token; both are there from the start.
    routes = if kind.name == "bot" {
        routes.route(&at(""), get(many))
    } else {
        routes.route(&at(""), get(many).put(write).post(create))
    };
    if !kind.guarded {
        routes = routes.route(&at("/bulk"), put(write_all)).route(&at("/deleteStale"), delete(remove_stale));
    }
    routes
}

/// What can be done with one entity.
fn single(by: By) -> MethodRouter<Shared> {
    get(one).patch(change).delete(remove).layer(Extension(by))
}

async fn many(
    State(app): State<Shared>,
    Extension(kind): TheKind,
    Extension(base): Extension<Base>,
    parameters: Parameters,
) -> Result<Response> {
    let include = parameters.include()?;
    let limit = parameters.number("limit", PAGE, MOST)?;
    let text = app
        .read(move |_, view| {
            let mut query = Query { include, limit, ..Query::default() };
            for (field, above) in kind.above {
                // Tags are listed by `parent`, their classification.
                let given = parameters.get(field).or_else(|| parameters.get("parent").filter(|_| kind.name == "tag"));
                if let (Some(given), Some(above)) = (given, kinds::find(above)) {
                    query.below.push(list::filter_name(view, above, given)?);
                }
            }
            query.after = parameters.get("after").map(str::to_owned);
            query.before = parameters.get("before").map(str::to_owned);
            page(view, kind, &query, &base.0)
        })
        .await?;
    Ok(answer::text(StatusCode::OK, text))
}

/// A page as text, entity by entity: a long one never stands in memory as documents.
fn page(view: &impl View, kind: &Kind, query: &Query, base: &str) -> Result<String> {
    let page = list::page(view, kind, query)?;
    let rendering = Rendering::new(view, base);
    let mut text = String::from("{\"data\":[");
    let mut separate = "";
    for id in page.ids {
        let Some(entity) = view.entity(id)? else { continue };
        text.push_str(separate);
        text.push_str(&Value::Object(rendering.entity(&entity)?).to_string());
        separate = ",";
    }
    let mut paging = json!({"total": page.total});
    for (name, cursor) in [("before", page.before), ("after", page.after)] {
        if let Some(cursor) = cursor {
            paging[name] = json!(cursor);
        }
    }
    Ok(text + "],\"paging\":" + &paging.to_string() + "}")
}

async fn one(
    State(app): State<Shared>,
    (Extension(kind), Extension(by)): TheOne,
    Extension(base): Extension<Base>,
    Path(text): Path<String>,
    parameters: Parameters,
) -> Result<Response> {
    let include = parameters.include()?;
    let document = app.read(move |_, view| answer::shown(view, &by.find(view, kind, &text, include)?, &base)).await?;
    Ok(answer::ok(&document))
}

async fn write(
    State(app): State<Shared>,
    Extension(kind): TheKind,
    Extension(base): Extension<Base>,
    Extension(who): Who,
    body: Bytes,
) -> Result<Response> {
    written(&app, kind, base, who, &body, Mode::Put).await
}

async fn create(
    State(app): State<Shared>,
    Extension(kind): TheKind,
    Extension(base): Extension<Base>,
    Extension(who): Who,
    body: Bytes,
) -> Result<Response> {
    written(&app, kind, base, who, &body, Mode::Create).await
}

async fn written(
    app: &Shared,
    kind: &'static Kind,
    base: Base,
    who: Principal,
    body: &Bytes,
    mode: Mode,
) -> Result<Response> {
    who.may_write(kind)?;
    let body = request::json(body)?;
    let (document, created) = app
        .write(move |_, writing| {
            let Written { entity, created } = entity::put(writing, kind, body, &who, mode)?;
            Ok((answer::shown(writing, &entity, &base)?, created))
        })
        .await?;
    Ok(answer::document(if created { StatusCode::CREATED } else { StatusCode::OK }, &document))
}

async fn write_all(
    State(app): State<Shared>,
    Extension(kind): TheKind,
    Extension(who): Who,
    parameters: Parameters,
    body: Bytes,
) -> Result<Response> {
    let mode = if parameters.flag("overrideMetadata")? { Mode::Override } else { Mode::Put };
    let bodies = request::json(&body)?;
    let result = app.write(move |_, writing| bulk::put_all(writing, kind, bodies, &who, mode)).await?;
    Ok(answer::ok(&result))
}

async fn remove_stale(
    State(app): State<Shared>,
    Extension(kind): TheKind,
    Extension(who): Who,
    body: Bytes,
) -> Result<Response> {
    let stale: Stale = request::typed(&body)?;
    let result = app.write(move |_, writing| bulk::delete_stale(writing, kind, &stale, &who)).await?;
    Ok(answer::ok(&result))
}

async fn change(
    State(app): State<Shared>,
    (Extension(kind), Extension(by)): TheOne,
    Extension(base): Extension<Base>,
    Extension(who): Who,
    Path(text): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let operations = request::operations(&headers, &body)?;
    let document = app
        .write(move |_, writing| {
            let entity = by.find(writing, kind, &text, Include::All)?;
            answer::shown(writing, &patch::patch(writing, &entity, &operations, &who)?, &base)
        })
        .await?;
    Ok(answer::ok(&document))
}

async fn remove(
    State(app): State<Shared>,
    (Extension(kind), Extension(by)): TheOne,
    Extension(base): Extension<Base>,
    Extension(who): Who,
    Path(text): Path<String>,
    parameters: Parameters,
) -> Result<Response> {
    let extent = extent(&parameters)?;
    let document = app
        .write(move |_, writing| {
            let entity = by.find(writing, kind, &text, to_delete(extent))?;
            answer::shown(writing, &removal::delete(writing, &entity, extent, &who)?, &base)
        })
        .await?;
    Ok(answer::ok(&document))
}

async fn restore(
    State(app): State<Shared>,
    Extension(kind): TheKind,
    Extension(base): Extension<Base>,
    Extension(who): Who,
    body: Bytes,
) -> Result<Response> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Restore {
        id: String,
    }
    let Restore { id } = request::typed(&body)?;
    let document = app
        .write(move |_, writing| {
            let entity = By::Id.find(writing, kind, &id, Include::All)?;
            answer::shown(writing, &removal::restore(writing, &entity, &who)?, &base)
        })
        .await?;
    Ok(answer::ok(&document))
}

fn extent(parameters: &Parameters) -> Result<Extent> {
    Ok(Extent { hard: parameters.flag("hardDelete")?, recursive: parameters.flag("recursive")? })
}

/// What is deleted softly can be deleted for good, but not softly again.
fn to_delete(extent: Extent) -> Include {
    if extent.hard { Include::All } else { Include::NonDeleted }
}
