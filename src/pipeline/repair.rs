//! What mends a flow, and how a server's message names it.

use serde::Serialize;

/// What `pipectl repair` can do, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repair {
    /// Read tables anew that the publication lacked for a time; `up` does it, and so every other repair does.
    Tables,
    /// Restart the failed parts of the connector.
    Connector,
    /// Stop the Spark jobs and submit them again.
    Jobs,
    /// Fill the destination anew from the lake's change log.
    Destination,
    /// Start the whole flow anew from the source's rows.
    Resnapshot,
}

/// What Debezium and Postgres say when changes were lost with a slot. The worker restarts nothing that fails with one of these
/// (debezium/worker/pipectl/BackOff.java has the same words).
const LOST: [&str; 4] =
    ["no longer available", "can no longer get changes", "can no longer access replication slot", "invalidated"];

impl Repair {
    /// Every repair.
    pub const ALL: [Self; 5] = [Self::Tables, Self::Connector, Self::Jobs, Self::Destination, Self::Resnapshot];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tables => "tables",
            Self::Connector => "connector",
            Self::Jobs => "jobs",
            Self::Destination => "destination",
            Self::Resnapshot => "resnapshot",
        }
    }

    /// The command to type.
    pub fn command(self) -> String {
        format!("pipectl repair {}", self.name())
    }

    /// The repair that a server's own message is about.
    ///
    /// The jobs name the command themselves. Of Debezium these are the ends of a slot or of the write-ahead log behind it.
    pub fn named_in(message: &str) -> Option<Self> {
        let named = Self::ALL.into_iter().rev().find(|repair| message.contains(&repair.command()));
        named.or_else(|| LOST.iter().any(|words| message.contains(words)).then_some(Self::Resnapshot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worker_restarts_nothing_that_lost_changes() {
        let worker = include_str!("../../debezium/worker/pipectl/BackOff.java");
        for words in LOST {
            assert!(worker.contains(&format!("\"{words}\"")), "the worker would restart after `{words}`");
        }
    }
}
