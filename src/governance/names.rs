//! What the pipeline's parts are called in the catalog.

use super::fqn;
use crate::pipeline::spec::{PipelineSpec, Table, lake_name};

/// The source database.
pub const SOURCE: &str = "postgres_source";
/// The destination database.
pub const DESTINATION: &str = "postgres_dest";
/// Kafka.
pub const KAFKA: &str = "kafka_messaging";
/// Kafka Connect.
pub const CONNECT: &str = "debezium_cdc";
/// The lake: a database service with its tables, and a storage service with what they lie in.
pub const LAKE: &str = "hdfs_datalake";
/// The Spark jobs.
pub const SPARK: &str = "spark_jobs";
/// Every service.
pub const SERVICES: [&str; 6] = [SOURCE, KAFKA, CONNECT, LAKE, DESTINATION, SPARK];

/// Job 1.
pub const INGEST: &str = "job1_ingest";
/// Job 2.
pub const PROCESS: &str = "job2_process";

/// The catalog's name for the level between a lake and its schemas, which a metastore does not have.
pub const LAKE_DATABASE: &str = "default";
/// The record that a change event is, and the row after the change inside of it.
pub const ENVELOPE: &str = "Envelope";
/// The row after the change.
pub const AFTER: &str = "after";

/// A source table (`schema.table`).
pub fn source_table(spec: &PipelineSpec, table: &str) -> String {
    let (schema, name) = table.split_once('.').unwrap_or((&spec.source.schema, table));
    fqn::join([SOURCE, &spec.source.database, schema, name])
}

/// The topic of a source table.
pub fn topic(spec: &PipelineSpec, table: &str) -> String {
    fqn::join([KAFKA, &spec.topic(table)])
}

/// A column of the row in a topic's messages.
pub fn topic_column(spec: &PipelineSpec, table: &str, column: &str) -> String {
    fqn::below(&format!("{}.{ENVELOPE}.{AFTER}", topic(spec, table)), column)
}

/// The Delta table of a source table.
pub fn lake_table(spec: &PipelineSpec, table: &str) -> String {
    fqn::join([LAKE, LAKE_DATABASE, &spec.lake.database, lake_name(table)])
}

/// A table of the destination.
pub fn destination_table(spec: &PipelineSpec, table: &str) -> String {
    fqn::join([DESTINATION, &spec.destination.database, &spec.destination.schema, table])
}

/// The destination of a source table.
pub fn destination_of(spec: &PipelineSpec, table: &Table) -> String {
    destination_table(spec, &table.destination.table)
}

/// The connector.
pub fn connector(spec: &PipelineSpec) -> String {
    fqn::join([CONNECT, &spec.connector])
}

/// A Spark job.
pub fn job(name: &str) -> String {
    fqn::join([SPARK, name])
}

/// The pipelines whose edges are ours.
pub fn pipelines(spec: &PipelineSpec) -> [String; 3] {
    [connector(spec), job(INGEST), job(PROCESS)]
}
