//! What a request can end with besides an answer: a status and one line that says what is wrong with what.

use std::fmt;

/// Result of everything that a request can cause.
pub type Result<T> = std::result::Result<T, CatalogError>;

/// A refusal or a failure. The answer's body is `{"code": status, "message": message}`, as clients of OpenMetadata expect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogError {
    /// HTTP status.
    pub status: u16,
    /// One line.
    pub message: String,
}

impl CatalogError {
    /// A status with a message.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// 400: the request itself is wrong.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// 404 in the words of OpenMetadata: `table instance for a.b.c not found`.
    pub fn missing(kind: &str, what: impl fmt::Display) -> Self {
        Self::new(404, format!("{kind} instance for {what} not found"))
    }

    /// 401: who asks is not known.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(401, message)
    }

    /// 403: who asks may not.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, message)
    }

    /// 500: the fault is here.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, message)
    }

    /// 507: there is no room for what should be stored.
    pub fn full(message: impl Into<String>) -> Self {
        Self::new(507, message)
    }
}

impl fmt::Display for CatalogError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for CatalogError {}
