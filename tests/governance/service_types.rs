//! Types of services by the server's version, and what is done where a server refuses one.

use pipectl::governance::assets::Holding;
use pipectl::governance::assets::services::{ServiceAsset, services};
use pipectl::governance::client::{Catalog, Version};
use pipectl::governance::names;
use pipectl::governance::reconcile::{Ingested, Reconciler};
use pipectl::pipeline::clients::Http;

use crate::fake_http::{FakeHttp, Running};
use crate::lineage::own_spec;

const FIND: &str = "GET /api/v1/services/pipelineServices/name/debezium_cdc";
const PUT: &str = "PUT /api/v1/services/pipelineServices";

fn at(minor: u32) -> Vec<ServiceAsset> {
    services(&own_spec(), "admin", Version { major: 1, minor })
}

fn types(services: &[ServiceAsset]) -> Vec<(&'static str, Vec<&'static str>)> {
    let words = |service: &ServiceAsset| service.candidates.iter().map(|(word, _)| *word).collect();
    services.iter().map(|service| (service.name, words(service))).collect()
}

#[test]
fn types_follow_the_version_of_the_server() {
    assert_eq!(
        types(&at(4)),
        [
            (names::SOURCE, vec!["Postgres"]),
            (names::KAFKA, vec!["Kafka"]),
            (names::CONNECT, vec!["CustomPipeline"]),
            (names::LAKE, vec!["CustomDatabase"]),
            (names::LAKE, vec!["CustomStorage"]),
            (names::DESTINATION, vec!["Postgres"]),
            (names::SPARK, vec!["CustomPipeline"]),
        ]
    );
    assert_eq!(
        types(&at(5)),
        [
            (names::SOURCE, vec!["Postgres"]),
            (names::KAFKA, vec!["Kafka"]),
            (names::CONNECT, vec!["KafkaConnect", "CustomPipeline"]),
            (names::LAKE, vec!["DeltaLake", "CustomDatabase"]),
            (names::LAKE, vec!["CustomStorage"]),
            (names::DESTINATION, vec!["Postgres"]),
            (names::SPARK, vec!["Spark", "CustomPipeline"]),
        ]
    );
}

/// Puts the connector's service, and nothing else, to a server.
async fn put(fake: FakeHttp) -> (Result<Ingested, String>, Running) {
    let missing = r#"{"code":404,"message":"pipelineService instance for debezium_cdc not found"}"#;
    let fake = fake.on("GET /api/v1/system/version", 200, r#"{"version":"1.5.0"}"#).on(FIND, 404, missing);
    let server = fake.start().await;
    let http = Http::new("the catalog", format!("127.0.0.1:{}", server.port));
    let catalog = Catalog::connect(http, 0).await.expect("a version");
    let state = tempfile::tempdir().expect("a directory");
    let reconciler = Reconciler::new(&catalog, state.path()).expect("a memory");
    let holdings = [Holding { service: names::CONNECT, assets: None }];
    let report = reconciler.run(&at(5), &holdings, None, &|_| ()).await;
    (report.map_err(|error| error.to_string()), server)
}

const REFUSAL: &str = r#"{"code":400,"message":"KafkaConnect is not one of the Enum class"}"#;

#[tokio::test]
async fn a_type_that_is_refused_falls_back_to_the_next_and_it_is_told() {
    let (report, server) = put(FakeHttp::default().on(PUT, 400, REFUSAL).on(PUT, 200, "{}")).await;
    let report = report.expect("the second type is taken");
    assert_eq!(report.changes, ["created service debezium_cdc (CustomPipeline)"]);
    assert_eq!(
        report.notes,
        [
            "service debezium_cdc has type CustomPipeline: the catalog refuses KafkaConnect (KafkaConnect is not one of the Enum class)"
        ]
    );
    let sent: Vec<String> = server.requests().into_iter().filter(|request| request.starts_with(PUT)).collect();
    let has = |place: usize, word: &str| sent[place].contains(&format!("\"serviceType\":\"{word}\""));
    assert!(sent.len() == 2 && has(0, "KafkaConnect") && has(1, "CustomPipeline"), "{sent:#?}");
}

#[tokio::test]
async fn a_service_whose_types_are_all_refused_ends_the_run() {
    let (report, server) = put(FakeHttp::default().on(PUT, 400, REFUSAL)).await;
    assert_eq!(
        report.expect_err("refused"),
        "the catalog answered 400 to PUT /services/pipelineServices debezium_cdc as CustomPipeline: \
         KafkaConnect is not one of the Enum class"
    );
    assert_eq!(server.count(PUT), 2);
    // What has nothing to do with the type is no reason to try another.
    let (report, server) = put(FakeHttp::default().on(PUT, 403, r#"{"code":403,"message":"not allowed"}"#)).await;
    assert!(report.expect_err("refused").contains("not allowed"));
    assert_eq!(server.count(PUT), 1);
}
