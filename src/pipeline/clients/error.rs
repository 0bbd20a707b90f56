//! What can go wrong when a server is asked, in words that fit one line of a screen.

use crate::pipeline::address::AddressError;

/// A request that did not give an answer to work with.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// No address is known: the container is absent or not running.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Nothing answers at the address.
    #[error("{server} at {address} is unreachable: {reason}")]
    Unreachable {
        /// Server, for people.
        server: &'static str,
        /// Where it was tried.
        address: String,
        /// "connection refused", "timed out" ..
        reason: String,
    },
    /// There is no encrypted connection where one is asked for, or none to be trusted.
    #[error("{server} at {address}: {problem}; {advice}")]
    Insecure {
        /// Server, for people.
        server: &'static str,
        /// Where it was tried.
        address: String,
        /// What is wrong.
        problem: String,
        /// The setting to change.
        advice: String,
    },
    /// The server understood and refused.
    #[error("{server} answered {code}: {message}")]
    Refused {
        /// Server, for people.
        server: &'static str,
        /// HTTP status, SQLSTATE or Kafka error name.
        code: String,
        /// What it said.
        message: String,
    },
    /// The answer is not what the server is documented to send.
    #[error("{server} sent an unexpected answer: {reason}")]
    Malformed {
        /// Server, for people.
        server: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl ClientError {
    /// True when the same request may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Address(_) | Self::Unreachable { .. } => true,
            // Connect answers 409 while its group rebalances; the 5xx below come from servers that still start.
            Self::Refused { code, .. } => matches!(code.as_str(), "409" | "500" | "502" | "503" | "504"),
            Self::Insecure { .. } | Self::Malformed { .. } => false,
        }
    }

    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => code.parse().ok(),
            _ => None,
        }
    }
}
