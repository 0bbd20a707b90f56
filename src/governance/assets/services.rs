//! The services, with the types that a server's version knows. Their connections name addresses inside of the
//! containers' network and hold no password: the catalog has no use for one, because pipectl collects by itself.

use serde_json::{Value, json};

use crate::governance::client::Version;
use crate::governance::kind::Kind;
use crate::governance::names;
use crate::pipeline::spec::PipelineSpec;

/// A service as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceAsset {
    /// Kind.
    pub kind: Kind,
    /// Name.
    pub name: &'static str,
    /// For people.
    pub description: String,
    /// Types with their connections, the best first; what the server refuses falls back to the next.
    pub candidates: Vec<(&'static str, Value)>,
}

impl ServiceAsset {
    /// The create request with one of the candidates.
    pub fn request(&self, (word, config): &(&'static str, Value)) -> Value {
        json!({"name": self.name, "serviceType": word, "connection": {"config": config}})
    }
}

/// Every service, the lake's two under one name.
pub fn services(spec: &PipelineSpec, user: &str, version: Version) -> Vec<ServiceAsset> {
    let database = |name, (host, port): (&str, u16), database: &str, what: &str| ServiceAsset {
        kind: Kind::DatabaseService,
        name,
        description: format!("{what} `{host}`."),
        candidates: vec![(
            "Postgres",
            json!({
                "type": "Postgres",
                "username": user,
                "hostPort": format!("{host}:{port}"),
                "database": database,
            }),
        )],
    };
    let custom = |word: &'static str, options: Value| (word, json!({"type": word, "connectionOptions": options}));
    let newer = |candidate: (&'static str, Value)| version.knows_stream_services().then_some(candidate);
    let lake = json!({"location": spec.lake.path, "format": "delta"});
    let connect = "http://debezium:8083";
    let source = (spec.source.host(), spec.source.port());
    let source_is = if spec.source.external.is_some() { "server" } else { "service" };
    let destination = (spec.destination.service.as_str(), 5432);
    vec![
        database(names::SOURCE, source, &spec.source.database, &format!("Source of the pipeline: {source_is}")),
        ServiceAsset {
            kind: Kind::MessagingService,
            name: names::KAFKA,
            description: "Change events, one topic per table.".to_owned(),
            candidates: vec![("Kafka", json!({"type": "Kafka", "bootstrapServers": "kafka:9092"}))],
        },
        ServiceAsset {
            kind: Kind::PipelineService,
            name: names::CONNECT,
            description: "Kafka Connect with Debezium.".to_owned(),
            candidates: newer((
                "KafkaConnect",
                json!({"type": "KafkaConnect", "hostPort": connect, "verifySSL": false}),
            ))
            .into_iter()
            .chain([custom("CustomPipeline", json!({"hostPort": connect}))])
            .collect(),
        },
        ServiceAsset {
            kind: Kind::DatabaseService,
            name: names::LAKE,
            description: format!("Delta tables on HDFS, in {}.", spec.lake.path),
            candidates: newer((
                "DeltaLake",
                json!({
                    "type": "DeltaLake",
                    "configSource": {"connection": {"metastoreHostPort": "hive-metastore:9083"}, "appName": "pipectl"},
                }),
            ))
            .into_iter()
            .chain([custom("CustomDatabase", lake.clone())])
            .collect(),
        },
        ServiceAsset {
            kind: Kind::StorageService,
            name: names::LAKE,
            description: "HDFS: what the Delta tables lie in.".to_owned(),
            // No version has a type for HDFS.
            candidates: vec![custom("CustomStorage", lake)],
        },
        database(names::DESTINATION, destination, &spec.destination.database, "Destination of the pipeline: service"),
        ServiceAsset {
            kind: Kind::PipelineService,
            name: names::SPARK,
            description: "Structured Streaming jobs.".to_owned(),
            candidates: newer(("Spark", json!({"type": "Spark"})))
                .into_iter()
                .chain([custom("CustomPipeline", json!({"master": "spark://spark-master:7077"}))])
                .collect(),
        },
    ]
}
