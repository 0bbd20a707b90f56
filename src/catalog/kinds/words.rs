//! Words of the OpenMetadata 2.0 interface: the values that its enumerations accept.

/// Database services that OpenMetadata 2.0 knows.
pub static DATABASE_SERVICES: &[&str] = &[
    "BigQuery", "BigTable", "Mysql", "Redshift", "Snowflake", "Postgres", "Timescale", "Mssql", "MicrosoftAccess",
    "Oracle", "Athena", "Hive", "Impala", "Presto", "Trino", "Vertica", "Glue", "MariaDB", "Druid", "Db2",
    "Clickhouse", "Databricks", "AzureSQL", "DynamoDB", "SingleStore", "SQLite", "DeltaLake", "Salesforce",
    "PinotDB", "Datalake", "DomoDatabase", "QueryLog", "CustomDatabase", "Dbt", "SapHana", "MongoDB", "Cassandra",
    "Couchbase", "Greenplum", "Doris", "StarRocks", "UnityCatalog", "SAS", "Teradata", "SapErp", "Synapse",
    "Exasol", "Cockroach", "SSAS", "Epic", "ServiceNow", "Dremio", "MicrosoftFabric", "BurstIQ", "Informix",
    "Iomete",
];

/// Messaging services.
pub static MESSAGING_SERVICES: &[&str] = &[
    "Kafka", "Redpanda", "Kinesis", "PubSub", "CustomMessaging",
];

/// Pipeline services.
pub static PIPELINE_SERVICES: &[&str] = &[
    "Airflow", "GluePipeline", "KinesisFirehose", "Airbyte", "Fivetran", "Flink", "Dagster", "Nifi",
    "DomoPipeline", "CustomPipeline", "DatabricksPipeline", "Spline", "Spark", "OpenLineage", "KafkaConnect",
    "DBTCloud", "Matillion", "Stitch", "DataFactory", "Wherescape", "SSIS", "Snowplow", "Mulesoft",
    "MicrosoftFabricPipeline",
];

/// Storage services; there is none for HDFS.
pub static STORAGE_SERVICES: &[&str] = &[
    "S3", "ADLS", "GCS", "CustomStorage",
];

/// Types of a table's or container's column.
pub static COLUMN_TYPES: &[&str] = &[
    "NUMBER", "TINYINT", "SMALLINT", "INT", "BIGINT", "BYTEINT", "BYTES", "FLOAT", "DOUBLE", "DECIMAL", "NUMERIC",
    "TIMESTAMP", "TIMESTAMPZ", "TIME", "DATE", "DATETIME", "INTERVAL", "STRING", "MEDIUMTEXT", "TEXT", "CHAR",
    "LONG", "VARCHAR", "BOOLEAN", "BINARY", "VARBINARY", "ARRAY", "BLOB", "LONGBLOB", "MEDIUMBLOB", "MAP",
    "STRUCT", "UNION", "SET", "GEOGRAPHY", "ENUM", "JSON", "UUID", "VARIANT", "GEOMETRY", "BYTEA",
    "AGGREGATEFUNCTION", "ERROR", "FIXED", "RECORD", "NULL", "SUPER", "HLLSKETCH", "PG_LSN", "PG_SNAPSHOT",
    "TSQUERY", "TXID_SNAPSHOT", "XML", "MACADDR", "TSVECTOR", "UNKNOWN", "CIDR", "INET", "CLOB", "ROWID",
    "LOWCARDINALITY", "YEAR", "POINT", "POLYGON", "TUPLE", "SPATIAL", "TABLE", "NTEXT", "IMAGE", "IPV4", "IPV6",
    "DATETIMERANGE", "HLL", "LARGEINT", "QUANTILE_STATE", "AGG_STATE", "BITMAP", "UINT", "BIT", "MONEY",
    "MEASURE HIDDEN", "MEASURE VISIBLE", "MEASURE", "KPI", "HEIRARCHY", "HIERARCHYID",
];

/// Types of a field of a message.
pub static FIELD_TYPES: &[&str] = &[
    "RECORD", "NULL", "BOOLEAN", "INT", "LONG", "BYTES", "FLOAT", "DOUBLE", "TIMESTAMP", "TIMESTAMPZ", "TIME",
    "DATE", "STRING", "ARRAY", "MAP", "ENUM", "UNION", "FIXED", "ERROR", "UNKNOWN",
];

/// Kinds of tables.
pub static TABLE_TYPES: &[&str] = &[
    "Regular", "External", "Dynamic", "View", "SecureView", "MaterializedView", "Iceberg", "Local", "Partitioned",
    "Foreign", "Transient", "Stream", "Stage",
];

/// File formats of a table.
pub static TABLE_FILES: &[&str] = &[
    "csv", "csv.gz", "tsv", "avro", "parquet", "pq", "pqt", "parq", "parquet.snappy", "json", "json.gz",
    "json.zip", "jsonl", "jsonl.gz", "jsonl.zip", "MF4",
];

/// File formats of a container.
pub static CONTAINER_FILES: &[&str] = &[
    "zip", "gz", "zstd", "csv", "tsv", "json", "parquet", "avro", "MF4",
];

/// Who found out about a lineage edge.
pub static LINEAGE_SOURCES: &[&str] = &[
    "Manual", "ViewLineage", "QueryLineage", "PipelineLineage", "DashboardLineage", "DbtLineage", "SparkLineage",
    "OpenLineage", "ExternalTableLineage", "CrossDatabaseLineage", "ChildAssets",
];
