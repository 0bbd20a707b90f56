//! The routes. Handlers read the request, ask the catalog on a thread that may wait for the disk, and write the answer.

mod answer;
mod entities;
mod lineage;
mod page;
mod request;
mod rest;
mod system;
mod users;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Method, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router};
use tokio::sync::Semaphore;

use super::access::Tokens;
use super::error::{CatalogError, Result};
use super::kinds::KINDS;
use super::store::{Reading, Store, Writing};

/// Largest body of a request, in bytes. A bulk request of a hundred tables has about 230 kB.
const LARGEST_BODY: usize = 16 << 20;

/// Requests that are worked on at the same time; each has a thread and the documents it reads.
const AT_ONCE: usize = 16;

/// What every handler has.
pub struct App {
    pub store: Store,
    pub tokens: Tokens,
    /// Password of the admin.
    pub password: String,
    /// Address that answers refer to where a request names none: `127.0.0.1:8585`.
    pub address: String,
    turns: Semaphore,
}

/// Shared by the handlers.
pub type Shared = Arc<App>;

impl App {
    /// With the store open.
    pub fn new(store: Store, tokens: Tokens, password: String, address: String) -> Self {
        Self { store, tokens, password, address, turns: Semaphore::new(AT_ONCE) }
    }

    /// Asks the store.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&Self, &Reading) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let app = self.clone();
        self.waiting(move || app.store.read(|view| question(&app, view))).await
    }

    /// Changes the store.
    pub async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        change: impl FnOnce(&Self, &Writing) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let app = self.clone();
        self.waiting(move || app.store.write(|writing| change(&app, writing))).await
    }

    async fn waiting<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let ended =
            |what: &dyn std::fmt::Display| CatalogError::internal(format!("the request was not worked on: {what}"));
        let _turn = self.turns.acquire().await.map_err(|error| ended(&error))?;
        tokio::task::spawn_blocking(work).await.map_err(|error| ended(&error))?
    }
}

/// Every route.
pub fn router(app: App) -> Router {
    let app = Arc::new(app);
    let mut closed = Router::new().merge(lineage::routes()).merge(rest::routes()).merge(users::routes());
    for kind in KINDS {
        closed = closed.merge(entities::routes(kind).layer(Extension(kind)));
    }
    let closed = closed.route_layer(middleware::from_fn_with_state(app.clone(), users::authenticate));
    Router::new()
        .nest("/api/v1", closed.merge(system::routes()).merge(users::open_routes()))
        .merge(system::health())
        .merge(page::routes())
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn(answer::in_json))
        .layer(middleware::from_fn_with_state(app.clone(), base))
        .with_state(app)
}

/// Address that the answers' links begin with: the one that the client used.
#[derive(Debug, Clone)]
pub struct Base(pub String);

async fn base(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let host = request.headers().get("host").and_then(|host| host.to_str().ok());
    let is_host = |host: &&str| {
        !host.is_empty()
            && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']'))
    };
    let host = host.filter(is_host).unwrap_or(&app.address).to_owned();
    request.extensions_mut().insert(Base(format!("http://{host}")));
    next.run(request).await
}

async fn unknown(method: Method, uri: Uri) -> Response {
    tracing::warn!(%method, path = uri.path(), "no such route; a client wants something that this catalog does not have");
    CatalogError::new(404, format!("HTTP 404 Not Found: {method} {} is no route of this catalog", uri.path()))
        .into_response()
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    tracing::warn!(%method, path = uri.path(), "the route does not take this method");
    CatalogError::new(405, format!("HTTP 405 Method Not Allowed: {method} {}", uri.path())).into_response()
}
