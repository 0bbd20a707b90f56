//! Run events of OpenLineage (spec 2-0-2), as far as they are used here. What producers add to them is ignored.

use serde::Deserialize;
use serde_json::Value;

use super::super::error::{CatalogError, Result};

/// State of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EventType {
    /// It has begun.
    Start,
    /// It goes on.
    Running,
    /// It has ended well.
    Complete,
    /// It was ended.
    Abort,
    /// It has failed.
    Fail,
    /// Tells something about it.
    Other,
}

/// One event of a run.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunEvent {
    /// When, RFC 3339.
    pub event_time: String,
    /// State; events without one tell something about the run.
    pub event_type: Option<EventType>,
    /// The run.
    pub run: Run,
    /// What ran.
    pub job: Job,
    /// What it read.
    #[serde(default)]
    pub inputs: Vec<Dataset>,
    /// What it wrote.
    #[serde(default)]
    pub outputs: Vec<Dataset>,
}

/// A run.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Its id.
    pub run_id: String,
    #[serde(default)]
    facets: Value,
}

/// A job.
#[derive(Debug, Deserialize)]
pub struct Job {
    /// Where names of jobs are unique.
    pub namespace: String,
    /// Its name.
    pub name: String,
    #[serde(default)]
    facets: Value,
}

/// What a run reads or writes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dataset {
    /// The system: `kafka://kafka:9092`, `hdfs://namenode:9000`, `postgres://host:5432`.
    pub namespace: String,
    /// Its name there: a topic, a path, `database.schema.table`.
    pub name: String,
    #[serde(default)]
    facets: Value,
    /// What only an output has: statistics of what was written.
    #[serde(default)]
    output_facets: Value,
}

impl RunEvent {
    /// Reads an event; events of datasets and of jobs are refused, as a real server does.
    pub fn parse(value: Value) -> Result<Self> {
        let event: Self = serde_json::from_value(value)
            .map_err(|error| CatalogError::bad(format!("this is no run event of OpenLineage: {error}")))?;
        if event.time().is_none() {
            return Err(CatalogError::bad(format!("eventTime `{}` is no time in RFC 3339", event.event_time)));
        }
        Ok(event)
    }

    /// When, in milliseconds since 1970.
    pub fn time(&self) -> Option<i64> {
        let time = humantime::parse_rfc3339_weak(&utc(&self.event_time)?).ok()?;
        i64::try_from(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis()).ok()
    }

    /// Names of the job, most specific first: its own, then that of the run it belongs to.
    pub fn job_names(&self) -> Vec<&str> {
        let parent = &self.run.facets["parent"];
        let names =
            [Some(self.job.name.as_str()), parent["job"]["name"].as_str(), parent["root"]["job"]["name"].as_str()];
        names.into_iter().flatten().collect()
    }

    /// Rows that the run has handled since its start: as pipectl tells it, else what it has written in all.
    pub fn rows(&self) -> Option<u64> {
        let told = self.run.facets["pipectl_progress"]["rows"].as_u64();
        let written =
            self.outputs.iter().filter_map(|output| output.output_facets["outputStatistics"]["rowCount"].as_u64());
        told.or_else(|| written.reduce(u64::saturating_add))
    }

    /// Micro-batches that the run has committed since its start.
    pub fn batches(&self) -> Option<u64> {
        self.run.facets["pipectl_progress"]["batches"].as_u64()
    }

    /// Why it has failed.
    pub fn error(&self) -> Option<&str> {
        self.run.facets["errorMessage"]["message"].as_str()
    }

    /// The statement that ran.
    pub fn sql(&self) -> Option<&str> {
        self.job.facets["sql"]["query"].as_str()
    }
}

impl Dataset {
    /// The dataset by its own name and by the other names that it tells of (tables of a metastore).
    pub fn names(&self) -> Vec<(&str, &str)> {
        let mut names = vec![(self.namespace.as_str(), self.name.as_str())];
        let others = self.facets["symlinks"]["identifiers"].as_array().map(Vec::as_slice).unwrap_or_default();
        names.extend(others.iter().filter_map(|other| Some((other["namespace"].as_str()?, other["name"].as_str()?))));
        names
    }

    /// What each column of this dataset is made from.
    pub fn columns(&self) -> Vec<Column<'_>> {
        let Some(fields) = self.facets["columnLineage"]["fields"].as_object() else { return Vec::new() };
        fields.iter().map(|(name, value)| Column { name, sources: sources(value) }).collect()
    }
}

/// A column and what it is made from.
#[derive(Debug)]
pub struct Column<'a> {
    /// Its name.
    pub name: &'a str,
    /// Columns of inputs.
    pub sources: Vec<Source<'a>>,
}

/// A column of an input.
#[derive(Debug)]
pub struct Source<'a> {
    /// Namespace of the input.
    pub namespace: &'a str,
    /// Name of the input.
    pub dataset: &'a str,
    /// Name of the column.
    pub column: &'a str,
}

fn sources(column: &Value) -> Vec<Source<'_>> {
    let list = column["inputFields"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |input: &'_ Value, key: &str| input[key].as_str().is_some();
    let whole = list.iter().filter(|input| ["namespace", "name", "field"].iter().all(|key| text(input, key)));
    whole
        .map(|input| Source {
            namespace: input["namespace"].as_str().unwrap_or_default(),
            dataset: input["name"].as_str().unwrap_or_default(),
            column: input["field"].as_str().unwrap_or_default(),
        })
        .collect()
}

/// A time of RFC 3339 in UTC: producers write `Z` or an offset.
fn utc(text: &str) -> Option<String> {
    match text.strip_suffix("+00:00").or_else(|| text.strip_suffix("-00:00")) {
        Some(local) => Some(format!("{local}Z")),
        None if text.ends_with('Z') => Some(text.to_owned()),
        None => {
            let at = text.len().checked_sub(6)?;
            let (local, offset) = text.split_at_checked(at)?;
            let (hours, minutes) = offset.get(1..)?.split_once(':')?;
            let seconds = hours.parse::<u64>().ok()? * 3600 + minutes.parse::<u64>().ok()? * 60;
            let time = humantime::parse_rfc3339_weak(&format!("{local}Z")).ok()?;
            let offset_by = std::time::Duration::from_secs(seconds);
            let time = match offset.as_bytes().first()? {
                b'+' => time.checked_sub(offset_by)?,
                b'-' => time.checked_add(offset_by)?,
                _ => return None,
            };
            Some(humantime::format_rfc3339_millis(time).to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(time: &str) -> Result<RunEvent> {
        RunEvent::parse(
            json!({"eventTime": time, "run": {"runId": "r"}, "job": {"namespace": "n", "name": "j"}, "x": 1}),
        )
    }

    #[test]
    fn times_are_read_with_any_offset() {
        for time in [
            "2026-11-22T18:00:00.500Z",
            "2026-11-22T18:00:00.5+00:00",
            "2026-11-22T20:00:00.500+02:00",
            "2026-11-22T12:30:00.500-05:30",
        ] {
            assert_eq!(event(time).expect(time).time(), Some(1_795_370_400_500), "{time}");
        }
        for time in ["yesterday", "", "2026-11-22", "2026-11-22T18:00:00*02:00"] {
            assert_eq!(event(time).expect_err(time).status, 400);
        }
    }

    #[test]
    fn an_event_of_a_dataset_is_refused() {
        let error = RunEvent::parse(json!({"eventTime": "2026-11-22T18:00:00Z", "dataset": {}})).expect_err("no run");
        assert_eq!(error.status, 400);
        assert!(error.message.contains("missing field `run`"), "{error}");
    }
}
