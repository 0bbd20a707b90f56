//! Reading requests: parameters by name, bodies as JSON, entities by id or name.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde_json::Value;
use uuid::Uuid;

use super::super::entity::list::Include;
use super::super::error::{CatalogError, Result};
use super::super::kinds::Kind;
use super::super::store::{Entity, View};

/// Parameters behind the `?`.
#[derive(Debug, Default)]
pub struct Parameters(HashMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = CatalogError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(map)| Self(map))
            .map_err(|error| CatalogError::bad(format!("the query cannot be read: {error}")))
    }
}

impl Parameters {
    /// A parameter that is there and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A parameter that must be there.
    pub fn required(&self, name: &str) -> Result<&str> {
        self.get(name).ok_or_else(|| CatalogError::bad(format!("query param {name} is missing")))
    }

    /// True or false; absent is false.
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name) {
            None => Ok(false),
            Some(text) => text
                .to_ascii_lowercase()
                .parse()
                .map_err(|_| CatalogError::bad(format!("query param {name}: `{text}` is neither true nor false"))),
        }
    }

    /// A number from 0 to `most`.
    pub fn number(&self, name: &str, default: usize, most: usize) -> Result<usize> {
        let Some(text) = self.get(name) else { return Ok(default) };
        let number: i64 = text
            .parse()
            .map_err(|_| CatalogError::bad(format!("query param {name}: `{text}` is not a whole number")))?;
        let range = |bound: &str, limit: usize| {
            CatalogError::bad(format!("[query param {name} must be {bound} than or equal to {limit}]"))
        };
        match usize::try_from(number) {
            Err(_) => Err(range("greater", 0)),
            Ok(number) if number > most => Err(range("less", most)),
            Ok(number) => Ok(number),
        }
    }

    /// A time in milliseconds.
    pub fn time(&self, name: &str, default: i64) -> Result<i64> {
        let Some(text) = self.get(name) else { return Ok(default) };
        text.parse().map_err(|_| CatalogError::bad(format!("query param {name}: `{text}` is no time in milliseconds")))
    }

    /// Whether deleted entities are meant.
    pub fn include(&self) -> Result<Include> {
        self.get("include").map_or(Ok(Include::default()), Include::parse)
    }
}

/// A body as JSON.
pub fn json(body: &Bytes) -> Result<Value> {
    serde_json::from_slice(body).map_err(|error| CatalogError::bad(format!("the body is no JSON: {error}")))
}

/// A body as what a route takes.
pub fn typed<T: serde::de::DeserializeOwned>(body: &Bytes) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| CatalogError::bad(format!("the body cannot be read: {error}")))
}

/// The operations of a PATCH, which has its own type of content.
pub fn operations(headers: &HeaderMap, body: &Bytes) -> Result<Value> {
    let content = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content = content.split(';').next().unwrap_or_default().trim();
    if content.eq_ignore_ascii_case("application/json-patch+json") {
        return json(body);
    }
    Err(CatalogError::new(415, format!("a PATCH is application/json-patch+json, not `{content}`")))
}

/// An id in a path.
pub fn id(text: &str) -> Result<Uuid> {
    Uuid::try_parse(text)
        .map_err(|_| CatalogError::new(404, format!("`{text}` is no id; by name it is `/name/{{fqn}}`")))
}

/// How a path names an entity. Twin routes share a handler and differ by this, which a layer gives.
#[derive(Debug, Clone, Copy)]
pub enum By {
    /// `/tables/{id}`.
    Id,
    /// `/tables/name/{name}`, fully qualified.
    Name,
}

impl By {
    /// The entity of this kind that `text` names.
    pub fn find(self, view: &impl View, kind: &Kind, text: &str, include: Include) -> Result<Entity> {
        let found = match self {
            Self::Id => view.entity(id(text)?)?.filter(|entity| entity.kind.name == kind.name),
            Self::Name => view.named(kind, text)?,
        };
        found.filter(|entity| include.takes(entity.is_deleted())).ok_or_else(|| CatalogError::missing(kind.name, text))
    }
}
