//! Workflows for `OpenMetadata`'s own client (`openmetadata-ingestion` 2.0): one file a service that it can read. Pure.
//!
//! Services have the names under which pipectl's collectors keep them, addresses are those inside of the containers'
//! network. Tokens and passwords stand in the files, so the files are secrets.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::client::Version;
use super::names;
use crate::pipeline::spec::PipelineSpec;
use crate::pipeline::tls::Tls;

/// Services that the client can read, in the order in which it has to: the connector's lineage needs tables and topics.
pub const SERVICES: [&str; 4] = [names::SOURCE, names::DESTINATION, names::KAFKA, names::CONNECT];

/// Version of the client that the image holds. It refuses to work with a server of another major or minor version.
pub const VERSION: Version = Version { major: 2, minor: 0 };

/// What the client logs in with.
pub struct Access<'a> {
    /// Address of the catalog's interface, for a container: `http://catalog:8585/api`.
    pub server: &'a str,
    /// Token of the ingestion bot.
    pub token: &'a str,
    /// User and password of the source.
    pub source: (&'a str, &'a str),
    /// User and password of the destination.
    pub destination: (&'a str, &'a str),
}

/// One run of the client.
pub struct Workflow {
    /// The service that it reads.
    pub service: &'static str,
    /// The client's name for what the service is.
    pub connector: &'static str,
    /// Its configuration; holds secrets.
    pub configuration: Value,
}

/// The workflows of the chosen services.
pub fn workflows(spec: &PipelineSpec, services: &BTreeSet<&'static str>, access: &Access<'_>) -> Vec<Workflow> {
    let source = (spec.source.host(), spec.source.port(), spec.source.database.as_str());
    let tls = spec.source.external.as_ref().map(|external| &external.tls);
    let destination = (spec.destination.service.as_str(), 5432, spec.destination.database.as_str());
    let all = [
        (names::SOURCE, "postgres", postgres(source, access.source, tls)),
        (names::DESTINATION, "postgres", postgres(destination, access.destination, None)),
        (names::KAFKA, "kafka", kafka(spec)),
        (names::CONNECT, "kafkaconnect", connect(spec)),
    ];
    let chosen = all.into_iter().filter(|(service, ..)| services.contains(service));
    chosen
        .map(|(service, connector, [connection, configuration])| Workflow {
            service,
            connector,
            configuration: json!({
                "source": {
                    "type": connector,
                    "serviceName": service,
                    "serviceConnection": {"config": connection},
                    "sourceConfig": {"config": configuration},
                },
                "sink": {"type": "metadata-rest", "config": {}},
                "workflowConfig": {
                    "loggerLevel": "INFO",
                    // Nine records of ten would do by default.
                    "successThreshold": 100,
                    "openMetadataServerConfig": {
                        "hostPort": access.server,
                        "authProvider": "openmetadata",
                        "securityConfig": {"jwtToken": access.token},
                    },
                },
            }),
        })
        .collect()
}

fn postgres(
    (host, port, database): (&str, u16, &str),
    (user, password): (&str, &str),
    tls: Option<&Tls>,
) -> [Value; 2] {
    let mut connection = json!({
        "type": "Postgres",
        "username": user,
        "authType": {"password": password},
        "hostPort": format!("{host}:{port}"),
        "database": database,
    });
    if let Some(tls) = tls {
        connection["sslMode"] = json!(tls.name());
        if let Some(authorities) = tls.authorities() {
            connection["sslConfig"] = json!({"caCertificate": authorities.pem});
        }
    }
    // Tables that are gone are marked deleted by default; without that the client loses foreign keys.
    let schemas = json!({"excludes": ["^information_schema$", "^pg_catalog$"]});
    [connection, json!({"type": "DatabaseMetadata", "schemaFilterPattern": schemas})]
}

fn kafka(spec: &PipelineSpec) -> [Value; 2] {
    let topics: Vec<String> = spec.topics().into_iter().map(|topic| exactly(&topic)).collect();
    [
        json!({"type": "Kafka", "bootstrapServers": "kafka:9092"}),
        json!({"type": "MessagingMetadata", "generateSampleData": false, "topicFilterPattern": {"includes": topics}}),
    ]
}

fn connect(spec: &PipelineSpec) -> [Value; 2] {
    [
        json!({"type": "KafkaConnect", "hostPort": "http://debezium:8083", "messagingServiceName": names::KAFKA}),
        json!({
            "type": "PipelineMetadata",
            "pipelineFilterPattern": {"includes": [exactly(&spec.connector)]},
            "lineageInformation": {"dbServiceNames": [names::SOURCE]},
        }),
    ]
}

/// A regular expression that fits this name alone.
fn exactly(name: &str) -> String {
    let mut pattern = String::from("^");
    for character in name.chars() {
        if !character.is_alphanumeric() && !"_-".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('$');
    pattern
}
