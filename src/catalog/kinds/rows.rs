//! The table of kinds. Field names and defaults are those of the published OpenMetadata 2.0 interface.

use super::super::shape::Shape::{Absent, Any, Boolean, Integer, List, Number, Object, OneOf, Text};
use super::super::shape::{Field, Shape, fields};
use super::Kind;
use super::shapes::{
    CODE, COLUMN, CONSTRAINT, DATA_MODEL, INGESTION_RUN, MESSAGE_SCHEMA, PARTITION, PROFILE, PROFILER, REFERENCE,
    REFERENCE_FIELDS, RUN, SAMPLES, SCHEDULE, STYLE, TAG, TASK,
};
use super::words::{
    CONTAINER_FILES, DATABASE_SERVICES, INGESTION_TYPES, MESSAGING_SERVICES, PIPELINE_SERVICES, STORAGE_SERVICES,
    TABLE_FILES, TABLE_TYPES,
};

/// How to reach a service. Its `config` differs with every product, so its keys are the client's business.
static CONNECTION: &[Field] = fields!["config" => Any];

static CLEANUP: Shape = OneOf(&["delete", "compact"]);

static CONTAINER_FILE: Shape = OneOf(CONTAINER_FILES);

/// Who made it.
const PROVIDERS: &[&str] = &["system", "user", "automation"];

/// Begins the fields of a body with those that services and assets share.
macro_rules! described {
    ($($own:tt)*) => {
        fields![
            "name" required => Text,
            "displayName" => Text,
            "description" => Text,
            "tags" => List(&TAG),
            "owners" => List(&REFERENCE),
            "domains" => Absent,
            "dataProducts" => Absent,
            $($own)*
        ]
    };
}

/// The body of an asset: what all of them have stands around its own fields, in the order that errors list them.
macro_rules! asset {
    ($($own:tt)*) => {
        described![
            $($own)*
            "extension" => Any,
            "sourceUrl" => Text,
            "lifeCycle" => Any,
            "sourceHash" => Text,
        ]
    };
}

/// A kind of service: name, collection, and the types of service that there are.
macro_rules! service {
    ($name:literal, $collection:literal, $types:expr) => {
        Kind {
            name: $name,
            collection: $collection,
            above: &[],
            also_below: &[],
            body: described![
                "serviceType" required => OneOf($types),
                "connection" => Object(CONNECTION),
                "ingestionRunner" => Object(REFERENCE_FIELDS),
            ],
            own: &[],
            defaults: &[("tags", "[]"), ("owners", "[]")],
            parts: None,
            locations: &[],
            guarded: false,
        }
    };
}

/// Every kind, parents before children.
pub static KINDS: &[Kind] = &[
    service!("databaseService", "services/databaseServices", DATABASE_SERVICES),
    service!("messagingService", "services/messagingServices", MESSAGING_SERVICES),
    service!("pipelineService", "services/pipelineServices", PIPELINE_SERVICES),
    service!("storageService", "services/storageServices", STORAGE_SERVICES),
    Kind {
        name: "database",
        collection: "databases",
        above: &[("service", "databaseService")],
        also_below: &[],
        body: asset![
            "service" required => Text,
            "default" => Boolean,
            "retentionPeriod" => Text,
        ],
        own: fields![
            "serviceType" => Text,
            "usageSummary" => Any,
        ],
        defaults: &[("tags", "[]"), ("owners", "[]"), ("default", "false")],
        parts: None,
        locations: &[],
        guarded: false,
    },
    Kind {
        name: "databaseSchema",
        collection: "databaseSchemas",
        above: &[("database", "database"), ("service", "databaseService")],
        also_below: &[],
        body: asset![
            "database" required => Text,
            "retentionPeriod" => Text,
        ],
        own: fields![
            "serviceType" => Text,
            "service" => Object(REFERENCE_FIELDS),
            "usageSummary" => Any,
        ],
        defaults: &[("tags", "[]"), ("owners", "[]")],
        parts: None,
        locations: &[],
        guarded: false,
    },
    Kind {
        name: "table",
        collection: "tables",
        above: &[("databaseSchema", "databaseSchema"), ("database", "database"), ("service", "databaseService")],
        also_below: &[],
        body: asset![
            "databaseSchema" required => Text,
            "columns" required => List(&COLUMN),
            "tableType" => OneOf(TABLE_TYPES),
            "tableConstraints" => List(&CONSTRAINT),
            "tablePartition" => Object(PARTITION),
            "tableProfilerConfig" => Object(PROFILER),
            "dataModel" => Any,
            "locationPath" => Text,
            "schemaDefinition" => Text,
            "fileFormat" => OneOf(TABLE_FILES),
            "retentionPeriod" => Text,
        ],
        own: fields![
            "serviceType" => Text,
            "database" => Object(REFERENCE_FIELDS),
            "service" => Object(REFERENCE_FIELDS),
            "usageSummary" => Any, "profile" => Object(PROFILE),
        ],
        defaults: &[("tags", "[]"), ("owners", "[]")],
        parts: Some("/columns"),
        locations: &["locationPath"],
        guarded: false,
    },
    Kind {
        name: "storedProcedure",
        collection: "storedProcedures",
        above: &[("databaseSchema", "databaseSchema"), ("database", "database"), ("service", "databaseService")],
        also_below: &[],
        body: asset![
            "databaseSchema" required => Text,
            "storedProcedureCode" required => Object(CODE),
            "storedProcedureType" => OneOf(&["StoredProcedure", "UDF", "StoredPackage", "Function"]),
        ],
        own: fields![
            "serviceType" => Text,
            "database" => Object(REFERENCE_FIELDS),
            "service" => Object(REFERENCE_FIELDS),
        ],
        defaults: &[("tags", "[]"), ("owners", "[]"), ("storedProcedureType", r#""StoredProcedure""#)],
        parts: None,
        locations: &[],
        guarded: false,
    },
    Kind {
        name: "topic",
        collection: "topics",
        above: &[("service", "messagingService")],
        also_below: &[],
        body: asset![
            "service" required => Text,
            "partitions" required => Integer,
            "messageSchema" => Object(MESSAGE_SCHEMA),
            "cleanupPolicies" => List(&CLEANUP),
            "replicationFactor" => Integer,
            "retentionTime" => Number,
            "maximumMessageSize" => Integer,
            "minimumInSyncReplicas" => Integer,
            "retentionSize" => Number,
            "topicConfig" => Any,
        ],
        own: fields![
            "serviceType" => Text,
            "sampleData" => Object(SAMPLES),
        ],
        defaults: &[("tags", "[]"), ("owners", "[]"), ("cleanupPolicies", "[]"), ("retentionSize", "-1.0")],
        parts: Some("/messageSchema/schemaFields"),
        locations: &[],
        guarded: false,
    },
    Kind {
        name: "container",
        collection: "containers",
        above: &[("service", "storageService")],
        also_below: &[],
        body: asset![
            "service" required => Text,
            "parent" => Object(REFERENCE_FIELDS),
            "dataModel" => Object(DATA_MODEL),
            "prefix" => Text,
            "numberOfObjects" => Number,
            "size" => Number,
            "fileFormats" => List(&CONTAINER_FILE),
            "fullPath" => Text,
        ],
        own: fields![
            "serviceType" => Text,
            "retentionPeriod" => Text,
        ],
        defaults: &[("tags", "[]"), ("owners", "[]")],
        parts: Some("/dataModel/columns"),
        locations: &["fullPath", "prefix", "name"],
        guarded: false,
    },
    Kind {
        name: "pipeline",
        collection: "pipelines",
        above: &[("service", "pipelineService")],
        also_below: &[],
        body: asset![
            "service" required => Text,
            "concurrency" => Integer,
            "pipelineLocation" => Text,
            "startDate" => Text,
            "tasks" => List(&TASK),
            "state" => OneOf(&["Active", "Inactive"]),
            "scheduleInterval" => Text,
        ],
        own: fields![
            "serviceType" => Text,
            "endDate" => Text,
            "pipelineStatus" => Object(RUN),
            "usageSummary" => Any,
        ],
        defaults: &[("tags", "[]"), ("owners", "[]")],
        parts: Some("/tasks"),
        locations: &[],
        guarded: false,
    },
    // A run of a client that fills the catalog, of a service of any kind.
    Kind {
        name: "ingestionPipeline",
        collection: "services/ingestionPipelines",
        above: &[("service", "pipelineService")],
        also_below: &["databaseService", "messagingService", "storageService"],
        body: fields![
            "name" required => Text,
            "displayName" => Text,
            "description" => Text,
            "pipelineType" required => OneOf(INGESTION_TYPES),
            "sourceConfig" required => Object(CONNECTION),
            "airflowConfig" required => Object(SCHEDULE),
            "loggerLevel" => OneOf(&["DEBUG", "INFO", "WARN", "ERROR"]),
            "raiseOnError" => Boolean,
            "service" required => Object(REFERENCE_FIELDS),
            "owners" => List(&REFERENCE),
            "provider" => OneOf(PROVIDERS),
            "domains" => Absent,
            "processingEngine" => Absent,
            "enableStreamableLogs" => Boolean,
        ],
        own: fields![
            "pipelineStatuses" => Object(INGESTION_RUN),
            "deployed" => Boolean,
            "enabled" => Boolean,
        ],
        // Nothing here runs one: the client does, from outside.
        defaults: &[
            ("owners", "[]"),
            ("loggerLevel", r#""INFO""#),
            ("raiseOnError", "true"),
            ("deployed", "false"),
            ("enabled", "true"),
            ("provider", r#""user""#),
            ("enableStreamableLogs", "false"),
        ],
        parts: None,
        locations: &[],
        guarded: false,
    },
    Kind {
        name: "classification",
        collection: "classifications",
        above: &[],
        also_below: &[],
        body: fields![
            "name" required => Text,
            "displayName" => Text,
            "description" required => Text,
            "mutuallyExclusive" => Boolean,
            "provider" => OneOf(PROVIDERS),
            "domains" => Absent,
            "owners" => List(&REFERENCE),
        ],
        own: fields![
            "disabled" => Boolean,
        ],
        defaults: &[("mutuallyExclusive", "false"), ("provider", r#""user""#), ("owners", "[]")],
        parts: None,
        locations: &[],
        guarded: true,
    },
    Kind {
        name: "tag",
        collection: "tags",
        above: &[("classification", "classification")],
        also_below: &[],
        body: fields![
            "name" required => Text,
            "displayName" => Text,
            "description" required => Text,
            "classification" required => Text,
            "mutuallyExclusive" => Boolean,
            "provider" => OneOf(PROVIDERS),
            "style" => Object(STYLE),
            "domains" => Absent,
            "owners" => List(&REFERENCE),
        ],
        own: fields![
            "deprecated" => Boolean,
            "disabled" => Boolean,
        ],
        defaults: &[
            ("mutuallyExclusive", "false"),
            ("provider", r#""user""#),
            ("deprecated", "false"),
            ("owners", "[]"),
        ],
        parts: None,
        locations: &[],
        guarded: true,
    },
    Kind {
        name: "user",
        collection: "users",
        above: &[],
        also_below: &[],
        body: fields![
            "name" required => Text,
            "displayName" => Text,
            "description" => Text,
            "email" required => Text,
            "timezone" => Text,
            "isBot" => Boolean,
            "isAdmin" => Boolean,
            "profile" => Any,
            "domains" => Absent,
        ],
        own: fields![
            "isEmailVerified" => Boolean,
        ],
        defaults: &[("isBot", "false"), ("isAdmin", "false")],
        parts: None,
        locations: &[],
        guarded: true,
    },
    Kind {
        name: "team",
        collection: "teams",
        above: &[],
        also_below: &[],
        body: fields![
            "name" required => Text,
            "displayName" => Text,
            "description" => Text,
            "teamType" required => OneOf(&["Group", "Department", "Division", "BusinessUnit", "Organization"]),
            "email" => Text,
            "isJoinable" => Boolean,
            "domains" => Absent,
        ],
        own: &[],
        defaults: &[("isJoinable", "true")],
        parts: None,
        locations: &[],
        guarded: true,
    },
    Kind {
        name: "bot",
        collection: "bots",
        above: &[],
        also_below: &[],
        body: fields![
            "name" required => Text,
            "displayName" => Text,
            "description" => Text,
            "botUser" required => Object(REFERENCE_FIELDS),
            "provider" => OneOf(PROVIDERS),
            "domains" => Absent,
        ],
        own: &[],
        defaults: &[("provider", r#""user""#)],
        parts: None,
        locations: &[],
        guarded: true,
    },
];
