//! The catalog's REST interface, as `OpenMetadata` 1.2 up to 2.x and pipectl's own lite catalog speak it.
//!
//! Every call is repeated for a while where a repetition can help (nobody answers, the server failed); all calls are
//! idempotent, so that does no harm. What cannot be cured by waiting is a [`CatalogError`] of its own kind.

mod error;
mod lineage;
mod version;

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

pub use error::CatalogError;
pub use lineage::{FoundEdge, FoundEnd, NewEdge};
pub use version::Version;

use super::fqn::path_segment;
use super::token::Token;
use crate::pipeline::clients::{ClientError, Http, first_words, reason_in};

/// The bot whose token collectors use: the one that a server has from its first start on.
const BOT: &str = "ingestion-bot";
/// Media type of a JSON Patch.
const PATCH: &str = "application/json-patch+json";
/// Entities asked for in one list request. Old servers fail to go to a second page of entities with the same name, so
/// a page is as large as they allow.
const PAGE: usize = 1000;

/// A catalog of a known version.
#[derive(Debug, Clone)]
pub struct Catalog {
    http: Http,
    version: Version,
    retries: usize,
}

/// An answer that came: status and text.
struct Answer {
    status: u16,
    text: String,
}

impl Catalog {
    /// Asks the server at `http` for its version; nobody has to be logged in for this.
    pub async fn connect(http: Http, retries: usize) -> Result<Self, CatalogError> {
        let unknown = Version { major: 0, minor: 0 };
        let catalog = Self { http, version: unknown, retries };
        let answer = catalog.exchange(Method::GET, "/system/version", None).await?;
        let found = answer.get("version").and_then(Value::as_str).unwrap_or_default();
        match Version::parse(found) {
            Some(version) if version.is_supported() => Ok(Self { version, ..catalog }),
            Some(_) => Err(CatalogError::VersionApart { found: found.to_owned() }),
            None => Err(CatalogError::Incomplete { request: "GET /system/version".to_owned(), missing: "version" }),
        }
    }

    /// The server's version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// `host:port` of the server.
    pub fn address(&self) -> &str {
        self.http.address()
    }

    /// The same server, asked by the owner of a token.
    #[must_use]
    pub fn with_token(&self, token: &Token) -> Self {
        Self { http: self.http.clone().bearer(token.reveal()), ..self.clone() }
    }

    /// Logs a user in.
    pub async fn login(&self, email: &str, password: &str) -> Result<Token, CatalogError> {
        // The server wants the password in base64, without a line break.
        let body = json!({"email": email, "password": STANDARD.encode(password)});
        let refused = || CatalogError::WrongPassword { address: self.address().to_owned(), email: email.to_owned() };
        let answer = match self.exchange(Method::POST, "/users/login", Some(&body)).await {
            Err(CatalogError::Refused { status: 400 | 403, .. } | CatalogError::TokenRefused { .. }) => {
                return Err(refused());
            }
            other => other?,
        };
        token_in(&answer, "/accessToken", "POST /users/login")
    }

    /// The token of the ingestion bot; `self` must be an administrator's. The bot has one from the start: another is
    /// only made where it has none, because old servers refuse a new token until their cache expires.
    pub async fn bot_token(&self) -> Result<Token, CatalogError> {
        let path = format!("/users/name/{BOT}");
        let user = self.exchange(Method::GET, &path, None).await?;
        let id = user
            .get("id")
            .and_then(Value::as_str)
            .ok_or(CatalogError::Incomplete { request: format!("GET {path}"), missing: "id" })?;
        let path = format!("/users/auth-mechanism/{id}");
        // After a revocation there is none, which servers say in two ways.
        match self.exchange(Method::GET, &path, None).await {
            Ok(mechanism) => {
                if let Ok(token) = token_in(&mechanism, "/config/JWTToken", &path) {
                    return Ok(token);
                }
            }
            Err(CatalogError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let path = format!("/users/generateToken/{id}");
        let made = self.exchange(Method::PUT, &path, Some(&json!({"JWTTokenExpiry": "Unlimited"}))).await?;
        token_in(&made, "/JWTToken", &path)
    }

    /// Asks for something that only a good token gets.
    pub async fn check_token(&self) -> Result<(), CatalogError> {
        self.exchange(Method::GET, "/services/databaseServices?limit=1", None).await.map(drop)
    }

    /// All entities of a collection that a query selects (`service=kafka_messaging`), with extra `fields`. Deleted ones
    /// are not among them.
    pub async fn list(&self, collection: &str, query: &str, fields: &str) -> Result<Vec<Value>, CatalogError> {
        let fields = if fields.is_empty() { String::new() } else { format!("&fields={fields}") };
        let base = format!("/{collection}?{query}&limit={PAGE}{fields}");
        let mut found = Vec::new();
        let mut path = base.clone();
        loop {
            let mut page = match self.exchange(Method::GET, &path, None).await {
                // The parent is not there yet, so it has no children.
                Err(CatalogError::NotFound { .. }) => return Ok(found),
                other => other?,
            };
            let after = page.pointer("/paging/after").and_then(Value::as_str).map(path_segment);
            match page.get_mut("data").map(Value::take) {
                Some(Value::Array(data)) => found.extend(data),
                _ => return Err(CatalogError::Incomplete { request: format!("GET {base}"), missing: "data" }),
            }
            match after {
                // A page that is followed by itself would be asked for until the memory is full.
                Some(after) if path.ends_with(&format!("&after={after}")) => {
                    return Err(CatalogError::Incomplete {
                        request: format!("GET {base}"),
                        missing: "end of its pages: one is followed by itself",
                    });
                }
                Some(after) => path = format!("{base}&after={after}"),
                None => return Ok(found),
            }
        }
    }

    /// An entity by its fully qualified name; nothing when there is none.
    pub async fn find(&self, collection: &str, fqn: &str, fields: &str) -> Result<Option<Value>, CatalogError> {
        let fields = if fields.is_empty() { String::new() } else { format!("?fields={fields}") };
        match self.exchange(Method::GET, &format!("/{collection}/name/{}{fields}", path_segment(fqn)), None).await {
            Ok(found) => Ok(Some(found)),
            Err(CatalogError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an entity or replaces what a create request can say of it.
    pub async fn put(&self, collection: &str, body: &Value) -> Result<Value, CatalogError> {
        self.exchange(Method::PUT, &format!("/{collection}"), Some(body)).await
    }

    /// Changes single fields by a JSON Patch.
    pub async fn patch(&self, collection: &str, id: &str, operations: &Value) -> Result<Value, CatalogError> {
        self.exchange(Method::PATCH, &format!("/{collection}/{id}"), Some(operations)).await
    }

    /// Marks an entity and what lies in it as deleted; gone already is success.
    pub async fn delete(&self, collection: &str, id: &str) -> Result<(), CatalogError> {
        let path = format!("/{collection}/{id}?recursive=true&hardDelete=false");
        match self.send(Method::DELETE, &path, None).await {
            Err(CatalogError::NotFound { .. }) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Adds the state of a pipeline's newest run.
    pub async fn put_status(&self, pipeline: &str, status: &Value) -> Result<(), CatalogError> {
        let path = format!("/pipelines/{}/status", path_segment(pipeline));
        self.send(Method::PUT, &path, Some(status)).await.map(drop)
    }

    /// The runs of a pipeline that a catalog remembers, up to a time (milliseconds since 1970).
    pub async fn statuses(&self, pipeline: &str, until_ms: i64) -> Result<Vec<Value>, CatalogError> {
        let path = format!("/pipelines/{}/status?startTs=0&endTs={until_ms}&limit={PAGE}", path_segment(pipeline));
        let mut answer = self.exchange(Method::GET, &path, None).await?;
        match answer.get_mut("data").map(Value::take) {
            Some(Value::Array(data)) => Ok(data),
            _ => Err(CatalogError::Incomplete { request: format!("GET {path}"), missing: "data" }),
        }
    }

    /// Tells of a run, in an event of `OpenLineage`.
    pub async fn post_event(&self, event: &Value) -> Result<(), CatalogError> {
        self.send(Method::POST, "/openlineage/lineage", Some(event)).await.map(drop)
    }

    /// Adds a measurement of a table.
    pub async fn put_profile(&self, table: &str, profile: &Value) -> Result<(), CatalogError> {
        self.send(Method::PUT, &format!("/tables/{table}/tableProfile"), Some(profile)).await.map(drop)
    }

    /// A request whose answer is a JSON document.
    async fn exchange(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, CatalogError> {
        let request = format!("{method} {path}");
        let text = self.send(method, path, body).await?;
        serde_json::from_str(&text).map_err(|_| CatalogError::NotACatalog {
            address: self.address().to_owned(),
            request,
            begins: first_words(&text, 60),
        })
    }

    /// A request whose answer does not matter once it was a good one.
    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<String, CatalogError> {
        let patience = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(2))
            .with_max_times(self.retries);
        let once = || self.once(method.clone(), path, body);
        once.retry(patience).when(CatalogError::is_transient).await
    }

    async fn once(&self, method: Method, path: &str, body: Option<&Value>) -> Result<String, CatalogError> {
        let request = format!("{method} {path}");
        let media_type = if method == Method::PATCH { PATCH } else { "application/json" };
        let answer = self.http.raw_as(method, &format!("/api/v1{path}"), body, media_type).await;
        match answer {
            Ok((status, text)) => self.judge(&request, Answer { status, text }),
            Err(ClientError::Unreachable { reason, .. }) if reason == "timed out" => Err(CatalogError::Slow {
                address: self.address().to_owned(),
                request,
                seconds: self.http.patience().as_secs().max(1),
            }),
            Err(ClientError::Unreachable { address, reason, .. }) => Err(CatalogError::Unreachable { address, reason }),
            Err(error) => {
                Err(CatalogError::Unreachable { address: self.address().to_owned(), reason: error.to_string() })
            }
        }
    }

    fn judge(&self, request: &str, answer: Answer) -> Result<String, CatalogError> {
        let Answer { status, text } = answer;
        // A page is never an answer of this interface, whatever its status.
        if text.trim_start().starts_with('<') {
            let begins = reason_in(&text);
            return Err(CatalogError::NotACatalog {
                address: self.address().to_owned(),
                request: request.to_owned(),
                begins,
            });
        }
        if (200..300).contains(&status) {
            return Ok(text);
        }
        let message = reason_in(&text);
        let request = request.to_owned();
        Err(match status {
            401 => CatalogError::TokenRefused { address: self.address().to_owned(), reason: message },
            403 => CatalogError::Forbidden { request, message },
            _ if is_unknown_route(status, &message) => {
                CatalogError::UnknownRoute { request, version: self.version.to_string() }
            }
            404 => CatalogError::NotFound { request, message },
            _ => CatalogError::Refused { request, status, message },
        })
    }
}

fn token_in(answer: &Value, pointer: &str, request: &str) -> Result<Token, CatalogError> {
    let text = answer.pointer(pointer).and_then(Value::as_str);
    text.and_then(Token::new).ok_or_else(|| CatalogError::Incomplete { request: request.to_owned(), missing: "token" })
}

/// `OpenMetadata` answers 500 to an unknown route, with the real status in the text.
fn is_unknown_route(status: u16, message: &str) -> bool {
    let wrapped = |text| status == 500 && message.contains(text);
    wrapped("HTTP 404 Not Found")
        || wrapped("HTTP 405 Method Not Allowed")
        || status == 405
        || (status == 404 && message.starts_with("HTTP 404"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_route_is_told_from_a_failure() {
        assert!(is_unknown_route(500, "An exception with message [HTTP 404 Not Found] was thrown"));
        assert!(is_unknown_route(404, "HTTP 404 Not Found"));
        assert!(!is_unknown_route(404, "table instance for x not found"));
        assert!(!is_unknown_route(500, "An exception with message [Connection refused] was thrown"));
    }
}
