//! pipeline.yml as data: where rows come from, which tables they belong to and where they go.
//!
//! The jobs read the same file. Every mistake is refused here first, with its line, before anything is started.

mod column;
mod function;
mod governance;
mod places;
mod problems;
mod read;
mod statements;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;

use super::tls::Tls;

pub use column::{canonical_type, limit, type_name};
pub use function::{Made, Results};
pub use governance::{About, AboutColumn, Governance, SHORTEST};
pub use places::Places;
pub use problems::SpecErrors;

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PipelineSpec {
    /// Version of the format.
    pub version: u32,
    /// Where rows come from.
    pub source: Source,
    /// Prefix of every topic.
    pub topic_prefix: String,
    /// How long topics keep what nobody may have read yet: the longest outage that costs no snapshot; whole hours. Nothing: the
    /// topics are left as they are.
    pub topic_retention: Option<Duration>,
    /// Name of the connector.
    pub connector: String,
    /// Where change log and merged tables lie.
    pub lake: Lake,
    /// Where rows go.
    pub destination: Destination,
    /// What becomes of infinite dates and times.
    pub infinity: Infinity,
    /// Tables by `schema.table`, as declared.
    pub tables: IndexMap<String, Table>,
    /// Aggregates of the destination by name.
    pub aggregates: IndexMap<String, Aggregate>,
    /// What the catalog tells people about them.
    pub governance: Governance,
    /// Where each part stands in the file.
    pub places: Places,
}

/// The source database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// Service; empty where the database is none of the project's.
    pub service: String,
    /// Where the database is, when it is none of the project's.
    pub external: Option<External>,
    /// Database.
    pub database: String,
    /// Schema of the tables.
    pub schema: String,
    /// Replication slot.
    pub slot: String,
    /// Publication.
    pub publication: String,
}

/// A database that is there already. Its role comes from the environment: `SOURCE_USER` and `SOURCE_PASSWORD`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct External {
    /// Name or address, the same for this machine and for the containers.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How connections to it are protected.
    pub tls: Tls,
}

/// Postgres' own port, also inside of the project's containers.
const POSTGRES_PORT: u16 = 5432;

impl Source {
    /// Name under which the containers reach it.
    pub fn host(&self) -> &str {
        self.external.as_ref().map_or(&self.service, |external| &external.host)
    }

    /// Port at which the containers reach it.
    pub fn port(&self) -> u16 {
        self.external.as_ref().map_or(POSTGRES_PORT, |external| external.port)
    }
}

/// The lake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lake {
    /// Address under which the tables lie.
    pub path: String,
    /// Address under which the jobs keep their checkpoints.
    pub checkpoints: String,
    /// Database in the metastore.
    pub database: String,
    /// How long old versions of the merged tables can be read, and the destination's ledger is kept; whole hours.
    pub retention: Duration,
}

/// The destination database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destination {
    /// Service.
    pub service: String,
    /// Database.
    pub database: String,
    /// Schema of the tables.
    pub schema: String,
}

/// What becomes of `infinity` and `-infinity` in columns of dates and times, which Spark has no value for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Infinity {
    /// The jobs stop and name the row.
    #[default]
    Stop,
    /// It arrives as NULL.
    Null,
}

/// One table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Columns of the key.
    pub key: Vec<String>,
    /// Columns with their Postgres types under one name each (see [`canonical_type`]), in the table's order.
    pub columns: IndexMap<String, String>,
    /// Columns whose values are replaced by a keyed hash before they leave the source.
    pub masked: BTreeSet<String>,
    /// Where it goes.
    pub destination: TableDestination,
}

/// Where a table goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableDestination {
    /// Table of the destination schema.
    pub table: String,
    /// File with the SELECT or the Python function that makes destination rows of source rows, relative to the file's directory.
    pub transform: PathBuf,
    /// What is said of a function's result; of a SELECT's the statement itself tells.
    pub results: Results,
}

impl TableDestination {
    /// True for a Python function.
    pub fn is_function(&self) -> bool {
        function::is_function(&self.transform)
    }
}

/// A table of the destination that is computed from its other tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aggregate {
    /// Table of the destination schema.
    pub table: String,
    /// Columns that name a group.
    pub key: Vec<String>,
    /// File with the SELECT that computes the groups in `affected`.
    pub query: PathBuf,
    /// By destination table: file with the SELECT that finds the groups its changed rows belong to.
    pub affected: BTreeMap<String, PathBuf>,
}

/// The JSON schema of the file, for editors: docs/pipeline.schema.json.
pub const SCHEMA: &str = include_str!("../../docs/pipeline.schema.json");

/// Looks a variable up.
pub type Lookup<'l> = &'l dyn Fn(&str) -> Option<String>;

/// Reads and checks a specification. Files that it names are relative to its directory and must exist.
///
/// `lookup` fills in `${VARIABLE}` under `source` and in `connector`, which only pipectl reads. Everywhere else variables
/// are refused: the jobs read the file as it is, and the two would disagree without anybody noticing.
pub fn load(path: &Path, lookup: Lookup<'_>) -> Result<PipelineSpec, SpecErrors> {
    read::file(path, lookup, false)
}

/// The same with the SQL files that it names: what can be told of them without a database. For commands that start something; one
/// that looks at what runs, or ends it, works whatever is in those files.
pub fn load_with_statements(path: &Path, lookup: Lookup<'_>) -> Result<PipelineSpec, SpecErrors> {
    read::file(path, lookup, true)
}

/// True when the file names a source that is none of the project's services. Whatever else is wrong with it is told by [`load`].
pub fn is_external(path: &Path) -> bool {
    read::names_host(path)
}

/// The file that a source of this kind is checked against (`sslrootcert`), where there is such a file.
pub fn source_certificate(path: &Path, lookup: Lookup<'_>) -> Option<PathBuf> {
    read::names_certificate(path, lookup)
}

impl PipelineSpec {
    /// The topic of a table (`schema.table`).
    pub fn topic(&self, table: &str) -> String {
        format!("{}.{table}", self.topic_prefix)
    }

    /// The topics of all tables, as declared.
    pub fn topics(&self) -> Vec<String> {
        self.tables.keys().map(|table| self.topic(table)).collect()
    }

    /// The topic that Debezium takes signals from (`signal.kafka.topic` of the registration file).
    pub fn signal_topic(&self) -> String {
        format!("__debezium-signal.{}", self.topic_prefix)
    }

    /// Topics beside those of tables: Debezium's heartbeats and the signals to it.
    pub fn own_topics(&self) -> [String; 2] {
        [format!("__debezium-heartbeat.{}", self.topic_prefix), self.signal_topic()]
    }

    /// What the connector's `table.include.list` has to be.
    pub fn table_include_list(&self) -> String {
        self.tables.keys().map(String::as_str).collect::<Vec<_>>().join(",")
    }

    /// The table with this name in the lake, with its source name.
    pub fn lake_table(&self, name: &str) -> Option<(&str, &Table)> {
        self.tables.iter().find(|(source, _)| lake_name(source) == name).map(|(source, table)| (source.as_str(), table))
    }

    /// Every table of the destination schema that the jobs write: of tables, then of aggregates.
    pub fn destination_tables(&self) -> Vec<&str> {
        let tables = self.tables.values().map(|table| table.destination.table.as_str());
        tables.chain(self.aggregates.values().map(|aggregate| aggregate.table.as_str())).collect()
    }
}

/// The name of a source table (`schema.table`) in the lake: without its schema.
pub fn lake_name(source: &str) -> &str {
    source.split_once('.').map_or(source, |(_, name)| name)
}
