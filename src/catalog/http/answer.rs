//! Answers: JSON always, an error with the integer `code` that clients look for.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::entity::render::Rendering;
use super::super::error::{CatalogError, Result};
use super::super::store::{Entity, View};
use super::Base;

/// Longest text of a refusal by the framework that is passed on, in bytes.
const LONGEST: usize = 4096;

/// A JSON document with a status.
pub fn document(status: StatusCode, value: &Value) -> Response {
    text(status, value.to_string())
}

/// JSON that is text already.
pub fn text(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// 200 with a document.
pub fn ok(value: &Value) -> Response {
    document(StatusCode::OK, value)
}

/// 200 with nothing.
pub fn done() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], Body::empty()).into_response()
}

/// An entity as its client sees it.
pub fn shown(view: &impl View, entity: &Entity, base: &Base) -> Result<Value> {
    Rendering::new(view, &base.0).entity(entity).map(Value::Object)
}

impl IntoResponse for CatalogError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        document(status, &json!({"code": status.as_u16(), "message": self.message}))
    }
}

/// Turns refusals by the framework (a body too large, a query that is none) into the form of all others.
pub async fn in_json(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_json = response.headers().get(header::CONTENT_TYPE) == Some(&HeaderValue::from_static("application/json"));
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let said = match axum::body::to_bytes(response.into_body(), LONGEST).await {
        Ok(bytes) if !bytes.is_empty() => String::from_utf8_lossy(&bytes).into_owned(),
        _ => status.canonical_reason().unwrap_or("refused").to_owned(),
    };
    CatalogError::new(status.as_u16(), said).into_response()
}
