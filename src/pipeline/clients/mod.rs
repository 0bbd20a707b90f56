//! Thin typed clients of the servers that the data flows through. Each call is one request with a deadline; retrying
//! is the caller's business, because only the caller knows what it waits for.

pub mod connect;
mod error;
pub mod hdfs;
mod http;
pub mod jobserver;
pub mod kafka;
pub(crate) mod kafka_wire;
pub mod postgres;
pub mod topic_settings;

pub use error::ClientError;
pub use http::Http;
pub(crate) use http::{first_words, no_proxy_client, reason_in, transport_reason};
