//! The interface of the Spark driver that changes nothing: jobs, their batches, and the Delta tables as Spark reads them.

use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ClientError, Http, first_words};

/// The job server.
#[derive(Debug, Clone)]
pub struct JobServer(Http);

/// One streaming job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Name: `ingest` or `process`.
    pub name: String,
    /// `starting`, `running`, `failed` or `stopped`.
    #[serde(default)]
    pub state: String,
    /// Since when it is in that state, milliseconds since 1970.
    #[serde(default)]
    pub since_ms: i64,
    /// What it says about its state.
    #[serde(default, deserialize_with = "null_is_default")]
    pub detail: String,
    /// What it fails at and tries again, beside its queries: the first merge, registering tables in the metastore.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub warning: String,
    /// What it is at before it is ready, where that takes long: a table of the destination is built anew.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub notice: String,
    /// Its micro-batches.
    #[serde(default, deserialize_with = "null_is_default")]
    pub batches: Batches,
    /// Merges by table, for the job that has them.
    #[serde(default, deserialize_with = "null_is_default")]
    pub merge: BTreeMap<String, Merge>,
    /// Its runs as far as the job server remembers them, the present one last.
    #[serde(default, skip_serializing)]
    pub runs: Vec<Run>,
}

/// One run of a job, from its submission to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Run {
    /// Id: a UUID, of this run for ever.
    pub id: String,
    /// Submitted, milliseconds since 1970.
    pub started_ms: i64,
    /// Ended, milliseconds since 1970.
    #[serde(default)]
    pub ended_ms: Option<i64>,
    /// As a job's.
    pub state: String,
    /// What it says about its state.
    #[serde(default)]
    pub detail: String,
    /// Micro-batches that it has committed.
    #[serde(default)]
    pub batches: u64,
    /// Rows in them.
    #[serde(default)]
    pub rows: u64,
}

/// Micro-batches of a job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Batches {
    /// How many since it started.
    #[serde(default)]
    pub count: u64,
    /// The newest.
    #[serde(default)]
    pub last: Option<Batch>,
    /// The newest hundred, oldest first.
    #[serde(default, skip_serializing)]
    pub recent: Vec<Batch>,
}

/// One committed micro-batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Number.
    #[serde(default)]
    pub batch: i64,
    /// Rows in it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub rows: u64,
    /// Duration.
    #[serde(default, deserialize_with = "null_is_default")]
    pub duration_ms: f64,
    /// Commit time, milliseconds since 1970.
    #[serde(default, deserialize_with = "null_is_default")]
    pub committed_ms: i64,
    /// By topic, the offset after the last one that it covers.
    #[serde(default, deserialize_with = "null_is_default")]
    pub offsets: BTreeMap<String, i64>,
    /// Delta version it made, if any.
    #[serde(default)]
    pub version: Option<i64>,
}

/// State of a merged table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Merge {
    /// Delta version.
    #[serde(default)]
    pub version: Option<i64>,
    /// Rows of the last merge.
    #[serde(default, deserialize_with = "null_is_default")]
    pub rows_merged: u64,
    /// Commit time, milliseconds since 1970.
    #[serde(default, deserialize_with = "null_is_default")]
    pub committed_ms: i64,
    /// By topic, the offset after the last one that it covers.
    #[serde(default, deserialize_with = "null_is_default")]
    pub offsets: BTreeMap<String, i64>,
}

/// A Delta table as its log tells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TableInfo {
    /// Current version.
    #[serde(default)]
    pub version: Option<i64>,
    /// Rows, where the statistics tell.
    #[serde(default)]
    pub rows: Option<i64>,
    /// Where it lies.
    #[serde(default, deserialize_with = "null_is_default")]
    pub path: String,
    /// Data files of the current version.
    #[serde(default)]
    pub files: Option<i64>,
}

/// Schema of a table's current version.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct TableSchema {
    /// The version that was read.
    pub version: i64,
    /// The schema as Delta's log holds it.
    pub schema: DeltaSchema,
}

/// Spark's JSON form of a schema.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct DeltaSchema {
    /// Columns in order.
    pub fields: Vec<DeltaField>,
}

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct DeltaField {
    /// Name.
    pub name: String,
    /// A word, or an object for a type with parts.
    #[serde(rename = "type")]
    pub kind: Value,
}

/// Rows of a table's current version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rows {
    /// The version that was read.
    pub version: i64,
    /// The rows; each column as text.
    pub rows: Vec<Map<String, Value>>,
}

/// Count and checksum of a whole table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFingerprint {
    /// The version that was read.
    pub version: i64,
    /// Rows.
    pub rows: i64,
    /// Sum over the rows of the first 8 hexadecimal digits of the MD5 of their canonical text.
    pub checksum: String,
}

#[derive(Deserialize)]
struct Jobs {
    jobs: Vec<Job>,
}

#[derive(Deserialize)]
struct Tables {
    tables: BTreeMap<String, TableInfo>,
}

/// Whether a job is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobReadiness {
    /// Its queries run and have completed their first trigger.
    Ready,
    /// Not yet; what it says.
    NotYet(String),
    /// It failed; what it says.
    Failed(String),
}

impl JobServer {
    /// The job server at `host:port`.
    pub fn new(http: Http) -> Self {
        Self(http)
    }

    /// All jobs that were submitted.
    pub async fn jobs(&self) -> Result<Vec<Job>, ClientError> {
        self.0.get::<Jobs>("/jobs").await.map(|answer| answer.jobs)
    }

    /// One job; `None` when it was not submitted.
    pub async fn job(&self, name: &str) -> Result<Option<Job>, ClientError> {
        Ok(self.jobs().await?.into_iter().find(|job| job.name == name))
    }

    /// Whether a job is ready.
    pub async fn readiness(&self, name: &str) -> Result<JobReadiness, ClientError> {
        let (status, body) = self.0.raw(Method::GET, &format!("/jobs/{}/ready", escape(name)), None).await?;
        let answer: Value = serde_json::from_str(&body).unwrap_or_default();
        let word = |key: &str| answer.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let detail = word("detail").map_or_else(|| format!("{status}: {}", first_words(&body, 120)), str::to_owned);
        Ok(match (status, word("state").or_else(|| word("status"))) {
            (200, _) => JobReadiness::Ready,
            (_, Some("failed")) => JobReadiness::Failed(detail),
            (404, _) => JobReadiness::NotYet("not submitted yet".to_owned()),
            _ => JobReadiness::NotYet(detail),
        })
    }

    /// Has what the change log holds merged into the tables now instead of at the next interval. A driver that starts has nobody to ask,
    /// so whoever waits for a merge asks as long as it waits.
    pub async fn ask_for_merge(&self) -> Result<(), ClientError> {
        let _: Value = self.0.exchange(Method::POST, "/jobs/ingest/merge", None).await?;
        Ok(())
    }

    /// The Delta tables.
    pub async fn tables(&self) -> Result<BTreeMap<String, TableInfo>, ClientError> {
        self.0.get::<Tables>("/tables").await.map(|answer| answer.tables)
    }

    /// The rows of a table with this key.
    pub async fn rows(&self, table: &str, key: &Value) -> Result<Rows, ClientError> {
        self.0.get(&format!("/tables/{}/rows?key={}", escape(table), escape(&key.to_string()))).await
    }

    /// Schema of a table.
    pub async fn schema(&self, table: &str) -> Result<TableSchema, ClientError> {
        self.0.get(&format!("/tables/{}/schema", escape(table))).await
    }

    /// Count and checksum of a table.
    pub async fn fingerprint(&self, table: &str) -> Result<TableFingerprint, ClientError> {
        self.0.get(&format!("/tables/{}/fingerprint", escape(table))).await
    }
}

impl Job {
    /// True once a committed batch covers the message at `offset` of `topic`.
    pub fn covers(&self, topic: &str, offset: i64) -> bool {
        let batches = self.batches.recent.iter().chain(&self.batches.last);
        batches.filter_map(|batch| batch.offsets.get(topic)).any(|end| *end > offset)
    }

    /// The offset after the last one of `topic` that a committed batch covers.
    pub fn position(&self, topic: &str) -> Option<i64> {
        let batches = self.batches.recent.iter().chain(&self.batches.last);
        batches.filter_map(|batch| batch.offsets.get(topic)).max().copied()
    }

    /// How many runs in a row have failed before the present one, and what the last of them said.
    pub fn failed_before(&self) -> Option<(usize, &str)> {
        let (_, ended) = self.runs.split_last()?;
        let failed = ended.iter().rev().take_while(|run| run.state == "failed").count();
        ended.last().filter(|_| failed > 0).map(|last| (failed, last.detail.as_str()))
    }
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The server writes `null` where it knows nothing yet.
fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_covers_what_its_batches_committed() {
        let job: Job = serde_json::from_value(serde_json::json!({
            "name": "ingest", "state": "running", "since_ms": 1, "detail": null,
            "batches": {"count": 2, "last": null, "recent": [
                {"batch": 0, "rows": 3, "duration_ms": 12.5, "committed_ms": 5, "offsets": {"t": 3}, "version": 1},
                {"batch": 1, "rows": 1, "duration_ms": 9, "committed_ms": 7, "offsets": {"t": 4}, "version": null}]},
            "merge": null
        }))
        .expect("the job server's documented answer");
        assert!(job.covers("t", 3));
        assert!(!job.covers("t", 4));
        assert!(!job.covers("other", 0));
        assert_eq!(job.position("t"), Some(4));
    }
}
