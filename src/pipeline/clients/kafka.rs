//! Kafka, as far as an operator needs it: topics, end offsets and single messages, read and written.
//!
//! The connection goes to the external listener, which advertises the address that this machine reaches it at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;
use rskafka::BackoffConfig;
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::Record;

use super::ClientError;

const SERVER: &str = "Kafka";
/// Time the broker may take for creating or deleting a topic, or messages of one.
const BROKER_TIMEOUT_MS: i32 = 10_000;
/// Most bytes of one fetch; a single larger message is delivered all the same.
const FETCH_BYTES: i32 = 4 << 20;

/// A Kafka cluster.
pub struct Kafka {
    address: String,
    client: Client,
    partitions: tokio::sync::Mutex<BTreeMap<String, Arc<PartitionClient>>>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Offset in its partition.
    pub offset: i64,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Time stamp, milliseconds since 1970.
    pub timestamp_ms: i64,
}

impl Kafka {
    /// Connects to a broker at `host:port`, retrying for at most `patience`.
    pub async fn connect(address: &str, patience: Duration) -> Result<Self, ClientError> {
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
            deadline: Some(patience),
        };
        let build = ClientBuilder::new(vec![address.to_owned()]).client_id("pipectl").backoff_config(backoff).build();
        // The library's own deadline is only looked at between tries: a connect that hangs needs ours.
        let client = match tokio::time::timeout(patience + Duration::from_millis(500), build).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(explain(address, &error)),
            Err(_) => return Err(unreachable(address, "timed out")),
        };
        Ok(Self { address: address.to_owned(), client, partitions: tokio::sync::Mutex::default() })
    }

    /// All topics with their number of partitions, internal ones left out.
    pub async fn topics(&self) -> Result<BTreeMap<String, usize>, ClientError> {
        let topics = self.client.list_topics().await.map_err(|error| self.explain(&error))?;
        Ok(topics.into_iter().map(|topic| (topic.name, topic.partitions.len())).collect())
    }

    /// Makes a topic with one partition; existing is success. True when it was made.
    pub async fn create_topic(&self, topic: &str) -> Result<bool, ClientError> {
        let controller = self.client.controller_client().map_err(|error| self.explain(&error))?;
        match controller.create_topic(topic, 1, 1, BROKER_TIMEOUT_MS).await {
            Ok(()) => Ok(true),
            Err(error) if protocol_error(&error) == Some(ProtocolError::TopicAlreadyExists) => Ok(false),
            Err(error) => Err(self.explain(&error)),
        }
    }

    /// Deletes a topic; absent is success.
    pub async fn delete_topic(&self, topic: &str) -> Result<(), ClientError> {
        self.partitions.lock().await.remove(topic);
        let controller = self.client.controller_client().map_err(|error| self.explain(&error))?;
        match controller.delete_topic(topic, BROKER_TIMEOUT_MS).await {
            Err(error) if protocol_error(&error) == Some(ProtocolError::UnknownTopicOrPartition) => Ok(()),
            other => other.map_err(|error| self.explain(&error)),
        }
    }

    /// The offset that the next message of a topic will get.
    pub async fn end_offset(&self, topic: &str) -> Result<i64, ClientError> {
        self.offset(topic, OffsetAt::Latest).await
    }

    /// The offset of the oldest message that is kept.
    pub async fn start_offset(&self, topic: &str) -> Result<i64, ClientError> {
        self.offset(topic, OffsetAt::Earliest).await
    }

    /// End offsets of several topics at once.
    pub async fn end_offsets(&self, topics: &[String]) -> Result<BTreeMap<String, i64>, ClientError> {
        let ends = topics.iter().map(|topic| async move {
            let end = self.end_offset(topic).await?;
            Ok::<_, ClientError>((topic.clone(), end))
        });
        Ok(try_join_all(ends).await?.into_iter().collect())
    }

    /// Messages from `offset` on; waits at most `wait` for the first one.
    pub async fn fetch(&self, topic: &str, offset: i64, wait: Duration) -> Result<Vec<Message>, ClientError> {
        let wait_ms = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        let partition = self.partition(topic).await?;
        let (records, _) =
            partition.fetch_records(offset, 1..FETCH_BYTES, wait_ms).await.map_err(|error| self.explain(&error))?;
        Ok(records
            .into_iter()
            .map(|record| Message {
                offset: record.offset,
                key: record.record.key,
                value: record.record.value,
                timestamp_ms: record.record.timestamp.timestamp_millis(),
            })
            .collect())
    }

    /// Appends a message to a topic, which must exist.
    pub async fn send(&self, topic: &str, key: &[u8], value: &[u8]) -> Result<(), ClientError> {
        let record = Record {
            key: Some(key.to_vec()),
            value: Some(value.to_vec()),
            headers: BTreeMap::new(),
            timestamp: DateTime::<Utc>::from(SystemTime::now()),
        };
        let partition = self.partition(topic).await?;
        partition.produce(vec![record], Compression::NoCompression).await.map_err(|error| self.explain(&error))?;
        Ok(())
    }

    /// Removes all messages that a topic has now; its offsets go on.
    pub async fn forget(&self, topic: &str) -> Result<(), ClientError> {
        let end = self.end_offset(topic).await?;
        let partition = self.partition(topic).await?;
        partition.delete_records(end, BROKER_TIMEOUT_MS).await.map_err(|error| self.explain(&error))
    }

    async fn offset(&self, topic: &str, at: OffsetAt) -> Result<i64, ClientError> {
        self.partition(topic).await?.get_offset(at).await.map_err(|error| self.explain(&error))
    }

    /// Topics of this pipeline have one partition: the total order per table rests on it.
    async fn partition(&self, topic: &str) -> Result<Arc<PartitionClient>, ClientError> {
        if let Some(known) = self.partitions.lock().await.get(topic) {
            return Ok(Arc::clone(known));
        }
        let partition = self.client.partition_client(topic, 0, UnknownTopicHandling::Error).await;
        let partition = Arc::new(partition.map_err(|error| self.explain(&error))?);
        self.partitions.lock().await.insert(topic.to_owned(), Arc::clone(&partition));
        Ok(partition)
    }

    fn explain(&self, error: &Error) -> ClientError {
        explain(&self.address, error)
    }
}

fn protocol_error(error: &Error) -> Option<ProtocolError> {
    match error {
        Error::ServerError { protocol_error, .. } => Some(*protocol_error),
        _ => None,
    }
}

fn explain(address: &str, error: &Error) -> ClientError {
    match error {
        Error::ServerError { protocol_error, error_message, request, .. } => ClientError::Refused {
            server: SERVER,
            code: format!("{protocol_error:?}"),
            message: error_message.clone().unwrap_or_else(|| format!("{request:?}")),
        },
        Error::InvalidResponse(reason) => ClientError::Malformed { server: SERVER, reason: reason.clone() },
        other => unreachable(address, &innermost(other)),
    }
}

fn unreachable(address: &str, reason: &str) -> ClientError {
    ClientError::Unreachable { server: SERVER, address: address.to_owned(), reason: reason.to_owned() }
}

/// The last part of the library's nested message: "Connection refused" of five layers around it.
fn innermost(error: &Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.rsplit(": ").next().unwrap_or(text).trim().to_lowercase()
}
