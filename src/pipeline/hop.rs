//! The parts of the way that a change takes, and who has to run for each.

use serde::Serialize;

use super::spec::PipelineSpec;
use super::{CONNECT, JOB_SERVER, KAFKA};

/// A part of the way that a change takes, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hop {
    /// The source's write-ahead log and the connector's slot in it.
    Source,
    /// The connector and its task.
    Connector,
    /// One topic a table.
    Topics,
    /// What job 1 has appended to the change log.
    ChangeLog,
    /// The Delta tables that are merged from it.
    Tables,
    /// What job 2 has applied.
    Destination,
}

impl Hop {
    /// Every hop, in the order in which a change passes them.
    pub const ALL: [Self; 6] =
        [Self::Source, Self::Connector, Self::Topics, Self::ChangeLog, Self::Tables, Self::Destination];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Connector => "connector",
            Self::Topics => "topics",
            Self::ChangeLog => "change-log",
            Self::Tables => "tables",
            Self::Destination => "destination",
        }
    }

    /// The services that a change needs to pass it.
    pub fn services(self, spec: &PipelineSpec) -> Vec<&str> {
        let lake = ["namenode", "datanode", "spark-worker", "spark-master", JOB_SERVER.service];
        match self {
            Self::Source => vec![spec.source.service.as_str()],
            Self::Connector => vec![CONNECT.service, KAFKA.service],
            Self::Topics => vec![KAFKA.service],
            Self::ChangeLog => ["spark-job-ingest"].into_iter().chain(lake).collect(),
            Self::Tables => ["spark-job-ingest", "hive-metastore"].into_iter().chain(lake).collect(),
            Self::Destination => {
                ["spark-job-process", spec.destination.service.as_str()].into_iter().chain(lake).collect()
            }
        }
    }
}
