//! A reading of one table by a snapshot, followed in its topic.

use std::time::Duration;

use serde_json::Value;

use super::Pipeline;
use super::clients::ClientError;
use super::clients::connect::ConnectorConfig;
use super::clients::kafka::Kafka;
use super::clients::postgres::{Database, quote_qualified};

/// How long a look waits for messages that are not there yet.
const FETCH_WAIT: Duration = Duration::from_millis(50);

/// The setting with Debezium's channels for what it tells of snapshots, and the one of ours (debezium/snapshots): it sends a truncate when
/// a snapshot begins with a table.
const CHANNELS: (&str, &str) = ("notification.enabled.channels", "truncate");

/// How that truncate is told from one at the source. (Debezium says `true` of everything after a restart in the middle of a reading.)
const BEGIN: &str = "begin";

/// A table that is being read.
#[derive(Debug, Default)]
pub struct Reading {
    /// Table with its schema.
    pub table: String,
    topic: String,
    /// The first message that has not been looked at; at first the end of the topic before the signal.
    next: i64,
    /// Rows it had before the signal.
    pub rows: i64,
    /// Messages of the snapshot so far.
    pub read: i64,
    /// Whether a message of the snapshot is there.
    pub has_begun: bool,
    /// Whether the message of the last row is there, or of an empty table the truncate.
    pub is_read: bool,
}

/// What a message says of a snapshot.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// It begins with the table.
    Begin,
    /// A row of it.
    Row,
    /// The last one.
    LastRow,
}

impl Reading {
    /// A reading that no signal was sent for yet.
    pub async fn of(
        pipeline: &Pipeline,
        config: &ConnectorConfig,
        source: &Database,
        kafka: &Kafka,
        table: &str,
    ) -> Result<Self, ClientError> {
        let topic = pipeline.spec.topic(table);
        let (schema, relation) = table.split_once('.').unwrap_or(("public", table));
        let next = kafka.end_offset(&topic).await?;
        let counted = source.query(&format!("SELECT count(*) FROM {}", quote_qualified(schema, relation)), &[]).await?;
        let rows = counted.first().map_or(0, |row| row.get(0));
        // Without the channel nothing is told of an empty table.
        let is_read = rows == 0 && !tells_begins(config);
        Ok(Self { table: table.to_owned(), topic, next, rows, is_read, ..Self::default() })
    }

    /// Reads on in the topic, in which changes of a table that was captured before stand among the rows of the snapshot.
    pub async fn look(&mut self, kafka: &Kafka) -> Result<(), ClientError> {
        while !self.is_read {
            let messages = kafka.fetch(&self.topic, self.next, FETCH_WAIT).await?;
            let Some(last) = messages.last() else { break };
            self.next = last.offset + 1;
            messages.iter().filter_map(|message| said(message.value.as_deref()?)).for_each(|said| self.take(&said));
        }
        Ok(())
    }

    fn take(&mut self, said: &Said) {
        self.has_begun = true;
        match said {
            Said::Begin => {
                self.read = 0;
                self.is_read = self.rows == 0;
            }
            Said::Row => self.read += 1,
            Said::LastRow => {
                self.read += 1;
                self.is_read = true;
            }
        }
    }
}

fn tells_begins(config: &ConnectorConfig) -> bool {
    let channels = config.get(CHANNELS.0).map_or("", String::as_str);
    channels.split(',').any(|channel| channel.trim() == CHANNELS.1)
}

/// Source: <https://debezium.io/documentation/reference/connectors/postgresql.html#postgresql-create-events> (`source.snapshot`)
fn said(message: &[u8]) -> Option<Said> {
    let message: Value = serde_json::from_slice(message).ok()?;
    match (message["op"].as_str()?, message["source"]["snapshot"].as_str()?) {
        ("t", BEGIN) => Some(Said::Begin),
        ("r", "last" | "last_in_data_collection") => Some(Said::LastRow),
        ("r", _) => Some(Said::Row),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(rows: i64, messages: &[(&str, &str)]) -> Reading {
        let mut reading = Reading { rows, ..Reading::default() };
        for (op, snapshot) in messages {
            let message = format!(r#"{{"op":"{op}","source":{{"snapshot":"{snapshot}"}}}}"#);
            if let Some(said) = said(message.as_bytes()) {
                reading.take(&said);
            }
        }
        reading
    }

    #[test]
    fn a_table_is_read_with_its_last_row() {
        let reading = after(3, &[("t", BEGIN), ("r", "first"), ("u", "false"), ("r", "true")]);
        assert_eq!((reading.read, reading.has_begun, reading.is_read), (2, true, false));
        let rows = [("t", BEGIN), ("r", "first_in_data_collection"), ("r", "last_in_data_collection")];
        assert!(after(2, &rows).is_read);
        assert!(after(1, &[("t", BEGIN), ("r", "last")]).is_read);
    }

    #[test]
    fn a_reading_that_is_begun_again_counts_from_its_begin() {
        let reading = after(2, &[("t", BEGIN), ("r", "first"), ("r", "true"), ("t", BEGIN), ("r", "first")]);
        assert_eq!((reading.read, reading.is_read), (1, false));
    }

    #[test]
    fn an_empty_table_is_read_when_it_is_begun_and_not_before() {
        assert!(!after(0, &[]).is_read);
        assert!(!after(0, &[("t", "true"), ("t", "false")]).is_read, "a TRUNCATE at the source");
        assert!(after(0, &[("t", BEGIN)]).is_read);
    }

    #[test]
    fn the_channel_says_what_is_looked_for() {
        let channel = include_str!("../../debezium/snapshots/pipectl/SnapshotBegin.java");
        assert!(channel.contains(&format!(".put(\"snapshot\", \"{BEGIN}\")")));
        assert!(channel.contains(&format!("return \"{}\"", CHANNELS.1)));
    }

    #[test]
    fn the_registered_connector_tells_begins() {
        let registered: Value =
            serde_json::from_str(include_str!("../../debezium/register-postgres.json")).expect("it is JSON");
        let channels = registered["config"][CHANNELS.0].as_str().expect("a setting").to_owned();
        assert!(tells_begins(&ConnectorConfig::from([(CHANNELS.0.to_owned(), channels)])));
        assert!(!tells_begins(&ConnectorConfig::new()));
    }
}
