//! Who is here, and is it well: routes without a token.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::json;

use super::super::error::Result;
use super::super::store::{Space, View};
use super::super::{INTERFACE, clock};
use super::{Shared, answer};

/// Routes below `/api/v1`.
pub fn routes() -> Router<Shared> {
    Router::new().route("/system/version", get(version))
}

/// A real server has this on a port of its own.
pub fn health() -> Router<Shared> {
    Router::new().route("/healthcheck", get(healthcheck))
}

async fn version() -> Response {
    let revision = concat!("pipectl-", env!("CARGO_PKG_VERSION"));
    answer::ok(&json!({"version": INTERFACE, "revision": revision, "timestamp": clock::now()}))
}

/// Well is a catalog whose store answers.
async fn healthcheck(State(app): State<Shared>) -> Result<Response> {
    app.read(|_, view| view.get(Space::Meta, b"seeded")).await?;
    Ok(answer::ok(&json!({"store": {"healthy": true}})))
}
