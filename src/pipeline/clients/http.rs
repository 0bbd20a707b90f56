//! The HTTP part that all REST clients share: deadlines, short reasons, and error bodies reduced to one line.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ClientError;

/// Longest time one request may take unless the caller says otherwise.
const DEADLINE: Duration = Duration::from_secs(10);

/// Largest answer that is read, in MiB. The largest there is, a page of the catalog's tables, has a few.
const LARGEST: usize = 64;
/// Characters of a server's own words that a message shows.
const SHOWN: usize = 400;

/// A REST server.
#[derive(Debug, Clone)]
pub struct Http {
    server: &'static str,
    address: String,
    client: reqwest::Client,
    deadline: Duration,
    /// Marked as a secret, so that no debug output shows it.
    authorization: Option<HeaderValue>,
}

impl Http {
    /// The server called `server` in messages, at `host:port`.
    pub fn new(server: &'static str, address: impl Into<String>) -> Self {
        Self { server, address: address.into(), client: no_proxy_client(), deadline: DEADLINE, authorization: None }
    }

    /// Replaces the deadline of each request.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sends `Authorization: Bearer TOKEN` with each request. A token that no header can carry is left out, and the
    /// server's refusal tells.
    #[must_use]
    pub fn bearer(mut self, token: &str) -> Self {
        self.authorization = HeaderValue::try_from(format!("Bearer {token}")).ok().map(|mut value| {
            value.set_sensitive(true);
            value
        });
        self
    }

    /// How long one request may take.
    pub fn patience(&self) -> Duration {
        self.deadline
    }

    /// `host:port` of the server.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// GET of a JSON document.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.decode(&self.request(Method::GET, path, None).await?)
    }

    /// GET of a JSON document that may be absent (404).
    pub async fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ClientError> {
        match self.get(path).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A request with an optional JSON body whose answer's body does not matter.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(), ClientError> {
        self.request(method, path, body).await.map(drop)
    }

    /// A request with a JSON body and a JSON answer.
    pub async fn exchange<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, ClientError> {
        self.decode(&self.request(method, path, body).await?)
    }

    /// Status and body, whatever the status is.
    pub async fn raw(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, String), ClientError> {
        self.raw_as(method, path, body, "application/json").await
    }

    /// As [`Self::raw`], with a body of another media type of the JSON family.
    pub async fn raw_as(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        media_type: &'static str,
    ) -> Result<(u16, String), ClientError> {
        let mut request = self.client.request(method, format!("http://{}{path}", self.address)).timeout(self.deadline);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, media_type).body(body.to_string());
        }
        let mut response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(more) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if bytes.len() + more.len() > LARGEST << 20 {
                let reason = format!("it is larger than {LARGEST} MiB");
                return Err(ClientError::Malformed { server: self.server, reason });
            }
            bytes.extend_from_slice(&more);
        }
        // JSON is UTF-8; of anything else the words of an error are all that is wanted.
        Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    }

    async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<String, ClientError> {
        let (status, text) = self.raw(method, path, body).await?;
        if StatusCode::from_u16(status).is_ok_and(|status| status.is_success()) {
            return Ok(text);
        }
        Err(ClientError::Refused { server: self.server, code: status.to_string(), message: reason_in(&text) })
    }

    fn decode<T: DeserializeOwned>(&self, text: &str) -> Result<T, ClientError> {
        serde_json::from_str(text).map_err(|error| ClientError::Malformed {
            server: self.server,
            reason: format!("{error} in `{}`", first_words(text, 80)),
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        ClientError::Unreachable { server: self.server, address: self.address.clone(), reason: transport_reason(error) }
    }
}

/// A client that goes straight to the address: a proxy of the environment cannot reach a loopback port.
///
/// All callers share one, so that connections are reused between polls.
pub(crate) fn no_proxy_client() -> reqwest::Client {
    static CLIENT: std::sync::OnceLock<reqwest::Client> = std::sync::OnceLock::new();
    CLIENT
        .get_or_init(|| {
            reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(Duration::from_secs(2))
                .build()
                .expect("a client without TLS needs nothing that could be missing")
        })
        .clone()
}

/// The innermost cause in a few words: "connection refused" rather than the address and four layers around it.
pub(crate) fn transport_reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.to_lowercase()
}

/// What an error body says, in one line: the message of a JSON body, the title of an HTML page, else its first words.
pub(crate) fn reason_in(body: &str) -> String {
    if let Ok(json) = serde_json::from_str::<Value>(body) {
        let said = ["/message", "/responseMessage", "/RemoteException/message", "/detail", "/error"];
        if let Some(text) = said.iter().find_map(|pointer| json.pointer(pointer).and_then(Value::as_str)) {
            return first_words(text, SHOWN);
        }
    }
    let title = body.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    first_words(title.map_or(body, |(title, _)| title), 200)
}

/// The beginning of a text on one line.
pub(crate) fn first_words(text: &str, limit: usize) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.is_empty() {
        return "(empty)".to_owned();
    }
    match flat.char_indices().nth(limit) {
        Some((end, _)) => format!("{}..", &flat[..end]),
        None => flat,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_body_becomes_one_line() {
        assert_eq!(reason_in(r#"{"error_code":400,"message":"bad config\n"}"#), "bad config");
        assert_eq!(reason_in(r#"{"RemoteException":{"message":"No such file"}}"#), "No such file");
        assert_eq!(reason_in(r#"{"status":"starting","detail":"no executor"}"#), "no executor");
        assert_eq!(reason_in("<html><head><title>Error 404 Not Found</title></head>"), "Error 404 Not Found");
        assert_eq!(reason_in("plain\n  text"), "plain text");
        assert_eq!(reason_in(""), "(empty)");
    }

    #[test]
    fn words_are_cut_at_characters() {
        assert_eq!(first_words("äöü", 2), "äö..");
        assert_eq!(first_words("äöü", 3), "äöü");
    }
}
