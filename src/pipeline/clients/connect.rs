//! Kafka Connect's REST interface.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ClientError, Http};

/// A connector's configuration: flat, every value a string.
pub type ConnectorConfig = BTreeMap<String, String>;

/// Kafka Connect.
#[derive(Debug, Clone)]
pub struct Connect(Http);

/// State of a connector and its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorStatus {
    /// Name.
    #[serde(default)]
    pub name: String,
    /// The connector itself.
    pub connector: TaskState,
    /// Its tasks: the part that moves data, and the part that fails while the connector stays RUNNING.
    #[serde(default)]
    pub tasks: Vec<TaskState>,
    /// What the worker has done about failures of late; nothing where there was none, or nobody has asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<Restarts>,
}

/// What the worker does about failed parts of a connector by itself (`GET /restarts`, debezium/worker).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restarts {
    /// Restarts since everything last ran for a while.
    pub restarts: i64,
    /// Milliseconds since the last one.
    pub last_ms_ago: Option<i64>,
    /// Milliseconds until the next one; nothing while nothing has failed, or where none is going to come.
    pub next_in_ms: Option<i64>,
    /// True for a failure that a restart would meet again: somebody has to decide.
    pub lasting: bool,
    /// Innermost cause of the last failure.
    pub reason: Option<String>,
}

/// State of one task, or of the connector itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskState {
    /// Task number; absent for the connector itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// RUNNING, FAILED, PAUSED, UNASSIGNED, RESTARTING, STOPPED.
    pub state: String,
    /// Java stack trace of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// One refused field of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Name of the setting.
    pub field: String,
    /// What Connect says about it.
    pub errors: Vec<String>,
}

#[derive(Deserialize)]
struct Validation {
    configs: Vec<ValidatedField>,
}

#[derive(Deserialize)]
struct ValidatedField {
    value: FieldValue,
}

#[derive(Deserialize)]
struct FieldValue {
    name: String,
    #[serde(default)]
    errors: Vec<String>,
}

impl Connect {
    /// Connect at `host:port`.
    pub fn new(http: Http) -> Self {
        Self(http)
    }

    /// Names of all connectors.
    pub async fn names(&self) -> Result<Vec<String>, ClientError> {
        settled(|| self.0.get("/connectors")).await
    }

    /// Status of a connector; `None` when there is none of that name, or not yet.
    pub async fn status(&self, name: &str) -> Result<Option<ConnectorStatus>, ClientError> {
        self.find(&path(name, "/status")).await
    }

    /// The same with what the worker has done about its failures.
    pub async fn status_with_restarts(&self, name: &str) -> Result<Option<ConnectorStatus>, ClientError> {
        let Some(status) = self.status(name).await? else { return Ok(None) };
        // A worker of an earlier version does nothing, and has no such page.
        let all: Option<BTreeMap<String, Restarts>> = self.find("/restarts").await?;
        Ok(Some(ConnectorStatus { restarts: all.and_then(|mut all| all.remove(name)), ..status }))
    }

    /// Configuration of a connector, its name left out; `None` when there is none.
    pub async fn config(&self, name: &str) -> Result<Option<ConnectorConfig>, ClientError> {
        let found: Option<ConnectorConfig> = self.find(&path(name, "/config")).await?;
        Ok(found.map(|mut config| {
            config.remove("name");
            config
        }))
    }

    /// Creates a connector or replaces its configuration.
    pub async fn put_config(&self, name: &str, config: &ConnectorConfig) -> Result<(), ClientError> {
        self.send(Method::PUT, &path(name, "/config"), Some(&json!(config))).await
    }

    /// The fields that the connector's plugin refuses.
    pub async fn validate(&self, config: &ConnectorConfig) -> Result<Vec<FieldError>, ClientError> {
        let class = config.get("connector.class").map_or("", String::as_str);
        let plugin = utf8_percent_encode(class, NON_ALPHANUMERIC);
        let path = format!("/connector-plugins/{plugin}/config/validate");
        let body = json!(config);
        let validation: Validation = settled(|| self.0.exchange(Method::PUT, &path, Some(&body))).await?;
        let fields = validation.configs.into_iter().map(|field| field.value);
        let refused = fields.filter(|field| !field.errors.is_empty());
        Ok(refused.map(|field| FieldError { field: field.name, errors: field.errors }).collect())
    }

    /// Restarts the failed parts of a connector.
    pub async fn restart_failed(&self, name: &str) -> Result<(), ClientError> {
        let path = path(name, "/restart?includeTasks=true&onlyFailed=true");
        self.send(Method::POST, &path, None).await
    }

    /// Restarts a connector and its tasks.
    pub async fn restart(&self, name: &str) -> Result<(), ClientError> {
        self.send(Method::POST, &path(name, "/restart?includeTasks=true&onlyFailed=false"), None).await
    }

    /// Pauses a connector.
    pub async fn pause(&self, name: &str) -> Result<(), ClientError> {
        self.send(Method::PUT, &path(name, "/pause"), None).await
    }

    /// Resumes a paused or stopped connector.
    pub async fn resume(&self, name: &str) -> Result<(), ClientError> {
        self.send(Method::PUT, &path(name, "/resume"), None).await
    }

    /// Stops a connector and releases its tasks; its offsets can be deleted then.
    pub async fn stop(&self, name: &str) -> Result<(), ClientError> {
        self.send(Method::PUT, &path(name, "/stop"), None).await
    }

    /// Number of source partitions that Connect keeps an offset for.
    pub async fn offsets(&self, name: &str) -> Result<usize, ClientError> {
        let found: Option<Value> = self.find(&path(name, "/offsets")).await?;
        Ok(found.as_ref().and_then(|answer| answer.get("offsets")?.as_array()).map_or(0, Vec::len))
    }

    /// Forgets the offsets of a stopped connector.
    pub async fn delete_offsets(&self, name: &str) -> Result<(), ClientError> {
        self.send(Method::DELETE, &path(name, "/offsets"), None).await
    }

    /// Removes a connector; absent is success.
    pub async fn delete(&self, name: &str) -> Result<(), ClientError> {
        match self.send(Method::DELETE, &path(name, ""), None).await {
            Err(error) if error.status() == Some(404) => Ok(()),
            other => other,
        }
    }

    async fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ClientError> {
        settled(|| self.0.find(path)).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(), ClientError> {
        settled(|| self.0.send(method.clone(), path, body)).await
    }
}

/// Asks again while Connect's group rebalances, as it does for a moment after each change of a configuration. Nothing has been done then.
async fn settled<T, F: Future<Output = Result<T, ClientError>>>(ask: impl FnMut() -> F) -> Result<T, ClientError> {
    let patience = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(1))
        .with_max_times(15);
    ask.retry(patience).when(is_rebalancing).await
}

/// What `DistributedHerder` and `HerderRequestHandler` of Kafka say, with 409 to requests that change something and with 500 to those that
/// read.
fn is_rebalancing(error: &ClientError) -> bool {
    const SAYS: [&str; 3] = ["a rebalance is expected", "conflicting operation (e.g. worker rebalance)", "momentarily"];
    match error {
        ClientError::Refused { code, message, .. } => {
            ["409", "500"].contains(&code.as_str()) && SAYS.iter().any(|words| message.contains(words))
        }
        _ => false,
    }
}

impl ConnectorStatus {
    /// True when the connector and at least one task run, and no task does anything else.
    pub fn is_running(&self) -> bool {
        self.connector.state == "RUNNING"
            && !self.tasks.is_empty()
            && self.tasks.iter().all(|task| task.state == "RUNNING")
    }

    /// The part that failed, with its trace.
    pub fn failed(&self) -> Option<&TaskState> {
        std::iter::once(&self.connector).chain(&self.tasks).find(|part| part.state == "FAILED")
    }

    /// "connector RUNNING, task 0 FAILED".
    pub fn summary(&self) -> String {
        let tasks: Vec<String> =
            self.tasks.iter().map(|task| format!("task {} {}", task.id.unwrap_or_default(), task.state)).collect();
        let tasks = if tasks.is_empty() { "no task yet".to_owned() } else { tasks.join(", ") };
        format!("connector {}, {tasks}", self.connector.state)
    }
}

impl fmt::Display for Restarts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = |count: i64| if count == 1 { "once".to_owned() } else { format!("{count} times") };
        let seconds = |ms: i64| ms / 1000;
        match (self.next_in_ms, self.last_ms_ago) {
            _ if self.lasting => formatter.write_str("not restarted, because it would fail again"),
            (Some(next), None) => write!(formatter, "restarted in {} s", seconds(next)),
            (Some(next), Some(_)) => {
                write!(formatter, "restarted {}, again in {} s", times(self.restarts), seconds(next))
            }
            (None, Some(last)) => {
                write!(formatter, "restarted {}, last {} s ago", times(self.restarts), seconds(last))
            }
            (None, None) => write!(formatter, "restarted {}", times(self.restarts)),
        }
    }
}

impl TaskState {
    /// The lines of the trace that tell what happened: exception messages, without stack frames.
    pub fn reasons(&self) -> Vec<String> {
        let lines = self.trace.iter().flat_map(|trace| trace.lines()).map(str::trim);
        let told = lines.filter(|line| !line.is_empty() && !line.starts_with("at ") && !line.starts_with("..."));
        told.take(6).map(without_states).collect()
    }
}

/// A line of a trace without the inner states that Java's classes print in brackets, where those are long: Debezium's tell a whole
/// offset in the middle of a sentence.
fn without_states(line: &str) -> String {
    const LONG: usize = 40;
    let mut told = String::with_capacity(line.len().min(256));
    let mut rest = line;
    while let Some(open) = rest.find('[') {
        let mut depth = 0_usize;
        let close = rest[open..].char_indices().find_map(|(at, character)| {
            match character {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            (depth == 0).then_some(open + at + 1)
        });
        let Some(close) = close else { break };
        let kept = if close - open > LONG { rest[..open].trim_end() } else { &rest[..close] };
        told.push_str(kept);
        rest = &rest[close..];
    }
    told + rest
}

fn path(name: &str, rest: &str) -> String {
    format!("/connectors/{}{rest}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(tasks: &[&str]) -> ConnectorStatus {
        let part = |id, state: &str| TaskState { id, state: state.into(), trace: None };
        let tasks = tasks.iter().map(|state| part(Some(0), state)).collect();
        ConnectorStatus { name: "orders".into(), connector: part(None, "RUNNING"), tasks, restarts: None }
    }

    #[test]
    fn a_running_connector_without_a_running_task_is_not_running() {
        assert!(status(&["RUNNING"]).is_running());
        assert!(!status(&[]).is_running());
        assert!(!status(&["FAILED"]).is_running());
        assert_eq!(status(&["FAILED"]).summary(), "connector RUNNING, task 0 FAILED");
        assert_eq!(status(&[]).summary(), "connector RUNNING, no task yet");
    }

    #[test]
    fn restarts_tell_how_often_and_when_next() {
        let told = |restarts, last_ms_ago, next_in_ms, lasting| {
            Restarts { restarts, last_ms_ago, next_in_ms, lasting, reason: None }.to_string()
        };
        assert_eq!(told(0, None, Some(2900), false), "restarted in 2 s");
        assert_eq!(told(1, Some(9000), Some(3000), false), "restarted once, again in 3 s");
        assert_eq!(told(4, Some(9000), None, false), "restarted 4 times, last 9 s ago");
        assert_eq!(told(2, Some(9000), None, true), "not restarted, because it would fail again");
    }

    #[test]
    fn the_worker_tells_of_restarts_as_they_are_read_here() {
        let said = r#"{"restarts":3,"last_ms_ago":1200,"next_in_ms":null,"lasting":false,"reason":"disk full"}"#;
        let read: Restarts = serde_json::from_str(said).expect("as debezium/worker/pipectl/BackOff.java writes it");
        assert_eq!((read.restarts, read.next_in_ms, read.reason.as_deref()), (3, None, Some("disk full")));
        let source = include_str!("../../../debezium/worker/pipectl/BackOff.java");
        for field in ["restarts", "last_ms_ago", "next_in_ms", "lasting", "reason"] {
            assert!(source.contains(&format!("told.put(\"{field}\"")), "{field}");
        }
    }

    #[test]
    fn long_states_in_brackets_are_left_out_of_reasons() {
        let line = "reads from Offset [schema=Schema{x}, source=[lsn=1, tx=2], streaming=null], but [T] is gone";
        assert_eq!(without_states(line), "reads from Offset, but [T] is gone");
        assert_eq!(without_states("no end [of it"), "no end [of it");
    }

    #[test]
    fn reasons_are_the_trace_without_its_frames() {
        let trace = "org.apache.kafka.connect.errors.ConnectException: lost slot\n\tat io.debezium.X.run(X.java:1)\n\
                     \t... 8 more\nCaused by: org.postgresql.util.PSQLException: no such slot\n";
        let task = TaskState { id: Some(0), state: "FAILED".into(), trace: Some(trace.into()) };
        let expected = [
            "org.apache.kafka.connect.errors.ConnectException: lost slot",
            "Caused by: org.postgresql.util.PSQLException: no such slot",
        ];
        assert_eq!(task.reasons(), expected);
    }
}
