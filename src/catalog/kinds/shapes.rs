//! Shapes of what stands inside of entities: columns, tags, references, runs.

use super::super::shape::Shape::{self, Absent, Any, Boolean, Integer, List, Number, Object, OneOf, Text};
use super::super::shape::{Field, fields};
use super::words::{COLUMN_TYPES, FIELD_TYPES, LINEAGE_SOURCES};

/// A reference to another entity.
pub static REFERENCE: Shape = Object(REFERENCE_FIELDS);

/// Fields of a reference.
pub static REFERENCE_FIELDS: &[Field] = fields![
    "id" required => Text,
    "type" required => Text,
    "name" => Text,
    "fullyQualifiedName" => Text,
    "description" => Text,
    "displayName" => Text,
    "deleted" => Boolean,
    "inherited" => Boolean,
    "href" => Text,
];

/// How a tag looks.
pub static STYLE: &[Field] = fields!["color" => Text, "iconURL" => Text];

/// A tag on an entity or a column.
pub static TAG: Shape = Object(fields![
    "tagFQN" required => Text,
    "name" => Text,
    "displayName" => Text,
    "description" => Text,
    "style" => Object(STYLE),
    "source" => OneOf(&["Classification", "Glossary"]),
    "labelType" => OneOf(&["Manual", "Propagated", "Automated", "Derived", "Generated"]),
    "state" => OneOf(&["Suggested", "Confirmed"]),
    "href" => Text,
    "reason" => Text,
    "appliedAt" => Text,
    "appliedBy" => Text,
]);

/// A column of a table or container.
pub static COLUMN: Shape = Object(fields![
    "name" required => Text,
    "displayName" => Text,
    "dataType" required => OneOf(COLUMN_TYPES),
    "arrayDataType" => OneOf(COLUMN_TYPES),
    "dataLength" => Integer,
    "precision" => Integer,
    "scale" => Integer,
    "dataTypeDisplay" => Text,
    "description" => Text,
    "fullyQualifiedName" => Text,
    "tags" => List(&TAG),
    "constraint" => OneOf(&["NULL", "NOT_NULL", "UNIQUE", "PRIMARY_KEY"]),
    "ordinalPosition" => Integer,
    "jsonSchema" => Text,
    "children" => List(&COLUMN),
    "customMetrics" => Absent,
    "extension" => Any,
]);

/// A key over several columns, or to another table.
pub static CONSTRAINT: Shape = Object(fields![
    "constraintType" => OneOf(&["UNIQUE", "PRIMARY_KEY", "FOREIGN_KEY", "SORT_KEY", "DIST_KEY", "CLUSTER_KEY"]),
    "columns" => List(&Text),
    "referredColumns" => List(&Text),
    "relationshipType" => OneOf(&["ONE_TO_ONE", "ONE_TO_MANY", "MANY_TO_ONE", "MANY_TO_MANY"]),
]);

/// How a table is partitioned.
pub static PARTITION: &[Field] = fields!["columns" => List(&PARTITION_COLUMN)];

static PARTITION_COLUMN: Shape = Object(fields![
    "columnName" => Text,
    "intervalType" => OneOf(&[
        "TIME-UNIT", "INTEGER-RANGE", "INGESTION-TIME", "COLUMN-VALUE", "INJECTED", "ENUM", "OTHER",
    ]),
    "interval" => Text,
]);

/// What a container's files hold.
pub static DATA_MODEL: &[Field] = fields!["isPartitioned" => Boolean, "columns" required => List(&COLUMN)];

/// A field of a message.
static MESSAGE_FIELD: Shape = Object(fields![
    "name" required => Text,
    "displayName" => Text,
    "dataType" required => OneOf(FIELD_TYPES),
    "dataTypeDisplay" => Text,
    "description" => Text,
    "fullyQualifiedName" => Text,
    "tags" => List(&TAG),
    "children" => List(&MESSAGE_FIELD),
]);

/// The messages of a topic.
pub static MESSAGE_SCHEMA: &[Field] = fields![
    "schemaText" => Text,
    "schemaType" => OneOf(&["Avro", "Protobuf", "JSON", "Other", "None"]),
    "schemaFields" => List(&MESSAGE_FIELD),
];

/// A task of a pipeline.
pub static TASK: Shape = Object(fields![
    "name" required => Text,
    "displayName" => Text,
    "fullyQualifiedName" => Text,
    "description" => Text,
    "sourceUrl" => Text,
    "downstreamTasks" => List(&Text),
    "taskType" => Text,
    "taskSQL" => Text,
    "startDate" => Text,
    "endDate" => Text,
    "tags" => List(&TAG),
    "owners" => List(&REFERENCE),
]);

static TASK_RUN: Shape = Object(fields![
    "name" required => Text,
    "executionStatus" required => OneOf(&["Successful", "Failed", "Pending", "Skipped"]),
    "startTime" => Integer,
    "endTime" => Integer,
    "logLink" => Text,
    "taskId" => Text,
]);

/// One run of a pipeline.
pub static RUN: &[Field] = fields![
    "timestamp" required => Integer,
    "executionStatus" required => OneOf(&["Successful", "Failed", "Pending", "Skipped"]),
    "taskStatus" => List(&TASK_RUN),
    "executionId" => Text,
    "endTime" => Integer,
    "version" => Text,
    "parameters" => Any,
    "metrics" => Object(fields![
        "totalRowsProcessed" => Integer, "totalBytesProcessed" => Integer, "cpuTime" => Number, "memoryUsed" => Integer,
        "cost" => Number,
    ]),
    "error" => Object(fields![
        "errorType" => Text, "errorMessage" => Text, "stackTrace" => Text, "failedTask" => Text,
    ]),
];

/// A measurement of a table.
pub static PROFILE: &[Field] = fields![
    "timestamp" required => Integer,
    "profileSample" => Number,
    "profileSampleType" => OneOf(&["PERCENTAGE", "ROWS"]),
    "samplingMethodType" => OneOf(&["BERNOULLI", "SYSTEM"]),
    "columnCount" => Number,
    "rowCount" => Number,
    "sizeInByte" => Number,
    "createDateTime" => Text,
    "customMetrics" => List(&METRIC),
];

static METRIC: Shape = Object(fields!["name" => Text, "value" => Number]);

/// Stored code of a procedure.
pub static CODE: &[Field] = fields![
    "language" => OneOf(&["SQL", "Java", "JavaScript", "Python", "External"]),
    "code" => Text,
];

static COLUMN_EDGE: Shape = Object(fields!["fromColumns" => List(&Text), "toColumn" => Text, "function" => Text]);

static HOP: Shape = Object(fields!["fromEntity" => Text, "toEntity" => Text]);

/// What a lineage edge tells.
pub static LINEAGE_DETAILS: &[Field] = fields![
    "sqlQuery" => Text,
    "columnsLineage" => List(&COLUMN_EDGE),
    "pipeline" => Object(REFERENCE_FIELDS),
    "description" => Text,
    "source" => OneOf(LINEAGE_SOURCES),
    "createdAt" => Integer,
    "createdBy" => Text,
    "updatedAt" => Integer,
    "updatedBy" => Text,
    "assetEdges" => Integer,
    "tempLineageTables" => List(&HOP),
];

/// Which rows and columns a profiler looks at.
pub static PROFILER: &[Field] = fields![
    "profileSampleType" => OneOf(&["PERCENTAGE", "ROWS"]),
    "profileSample" => Number,
    "samplingMethodType" => OneOf(&["BERNOULLI", "SYSTEM"]),
    "sampleDataCount" => Integer,
    "randomizedSample" => Boolean,
    "profileQuery" => Text,
    "excludeColumns" => List(&Text),
    "includeColumns" => List(&PROFILED_COLUMN),
    "partitioning" => Object(PROFILED_PARTITION),
    "computeTableMetrics" => Boolean,
    "computeColumnMetrics" => Boolean,
    "sparkTableProfilerConfig" => Any,
];

static PROFILED_COLUMN: Shape = Object(fields!["columnName" => Text, "metrics" => List(&Text)]);

static PROFILED_PARTITION: &[Field] = fields![
    "enablePartitioning" => Boolean,
    "partitionColumnName" => Text,
    "partitionIntervalType" => OneOf(&[
        "TIME-UNIT", "INTEGER-RANGE", "INGESTION-TIME", "COLUMN-VALUE", "INJECTED", "ENUM", "OTHER",
    ]),
    "partitionInterval" => Integer,
    "partitionIntervalUnit" => OneOf(&["YEAR", "MONTH", "DAY", "HOUR"]),
    "partitionValues" => List(&Any),
    "partitionIntegerRangeStart" => Integer,
    "partitionIntegerRangeEnd" => Integer,
];

/// Messages of a topic, as text.
pub static SAMPLES: &[Field] = fields!["messages" => List(&Text)];

/// When an ingestion pipeline is due.
pub static SCHEDULE: &[Field] = fields![
    "pausePipeline" => Boolean,
    "concurrency" => Integer,
    "startDate" => Text,
    "endDate" => Text,
    "pipelineTimezone" => Text,
    "retries" => Integer,
    "retryDelay" => Integer,
    "pipelineCatchup" => Boolean,
    "scheduleInterval" => Text,
    "maxActiveRuns" => Integer,
    "workflowTimeout" => Integer,
    "workflowDefaultView" => Text,
    "workflowDefaultViewOrientation" => Text,
    "email" => Text,
];

/// One run of an ingestion pipeline.
pub static INGESTION_RUN: &[Field] = fields![
    "runId" required => Text,
    "pipelineState" required => OneOf(&["queued", "success", "failed", "running", "partialSuccess", "stopped"]),
    "startDate" => Integer,
    "timestamp" => Integer,
    "endDate" => Integer,
    "status" => List(&STEP),
    "config" => Any,
    "metadata" => Any,
];

/// What a step of it has done.
static STEP: Shape = Object(fields![
    "name" required => Text,
    "records" => Integer,
    "updated_records" => Integer,
    "warnings" => Integer,
    "errors" => Integer,
    "filtered" => Integer,
    "failures" => List(&STEP_FAILURE),
    "progress" => Any,
    "operationMetrics" => Any,
    "sourceTimeMs" => Number,
    "sinkTimeMs" => Number,
]);

static STEP_FAILURE: Shape = Object(fields!["name" required => Text, "error" required => Text, "stackTrace" => Text]);
