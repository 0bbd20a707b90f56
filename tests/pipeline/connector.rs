//! Registering the connector and waiting for its task, against a scripted Kafka Connect.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use pipectl::pipeline::connector::{SOURCE_CERTIFICATE, load};
use pipectl::pipeline::spec::{self, External};
use pipectl::pipeline::tls::{Authorities, Tls};
use pipectl::pipeline::{CONNECT, Endpoint, Pipeline};
use serde_json::json;

use crate::fake_http::{FakeHttp, Running};
use crate::fake_postgres::{self, Lets};
use crate::scene::{Scene, nothing};

/// What tests/cases/pipeline/good.yml names as its source.
const SOURCE: Endpoint = Endpoint { service: "pg", port: 5432 };
const CONFIG: &str = "/connectors/shop%2Dpg/config";
const STATUS: &str = "GET /connectors/shop%2Dpg/status";
const RESTART: &str = "POST /connectors/shop%2Dpg/restart?includeTasks=true&onlyFailed=true";
const VALIDATE: &str =
    "PUT /connector-plugins/io%2Edebezium%2Econnector%2Epostgresql%2EPostgresConnector/config/validate";
const LIMIT: Duration = Duration::from_secs(20);

async fn connect(server: FakeHttp) -> (Running, Scene) {
    connect_with(server, &[]).await
}

/// With columns that the source generates.
async fn connect_with(server: FakeHttp, generated: &'static [&'static str]) -> (Running, Scene) {
    let running = server.start().await;
    let source = fake_postgres::start_with(None, Lets::All, generated).await;
    let scene = Scene::new(&[(CONNECT, running.port), (SOURCE, source.port)]).await;
    (running, scene)
}

fn wanted() -> serde_json::Value {
    json!({
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.hostname": "pg",
        "database.password": "s3cret",
        "pipectl.tables.published": "{}",
        "pipectl.tables.read": r#"{"crm.customers":["id","name"],"public.orders":["customer","id","tags","total"]}"#,
        "table.include.list": "public.orders,crm.customers"
    })
}

fn status(task: &str, trace: &str) -> String {
    json!({
        "name": "shop-pg",
        "connector": {"state": "RUNNING", "worker_id": "connect:8083"},
        "tasks": [{"id": 0, "state": task, "worker_id": "connect:8083", "trace": trace}]
    })
    .to_string()
}

#[tokio::test]
async fn a_connector_is_registered_with_the_variables_filled_in() {
    let server = FakeHttp::default().on(&format!("PUT {CONFIG}"), 201, "{}");
    let (running, scene) = connect(server).await;
    let done = scene.step("register-connector", LIMIT, nothing()).await.expect("registered");
    assert!(done.changed);
    assert_eq!(done.detail, "registered connector shop-pg");
    assert_eq!(running.requests()[1], format!("PUT {CONFIG} {}", wanted()));
}

#[tokio::test]
async fn the_snapshot_leaves_out_what_the_change_stream_does_not_have() {
    let server = FakeHttp::default().on(&format!("PUT {CONFIG}"), 201, "{}");
    let (running, scene) = connect_with(server, &["public.orders.total_tax"]).await;
    scene.step("register-connector", LIMIT, nothing()).await.expect("registered");
    let request = running.requests().remove(1);
    let sent: serde_json::Value =
        request.split_once("config ").and_then(|(_, body)| serde_json::from_str(body).ok()).expect("JSON");
    assert_eq!(sent["column.exclude.list"], json!(r"public\.orders\.total_tax"));
}

#[tokio::test]
async fn a_source_elsewhere_is_reached_with_its_own_role_and_no_table_of_it_is_written_to() {
    let (_running, scene) = connect(FakeHttp::default()).await;
    let mut spec = spec::load(Path::new("pipeline.yml"), &|_| None).expect("the repository's pipeline");
    spec.source.external = Some(External { host: "db.example.com".to_owned(), port: 6432, tls: Tls::Prefer });
    let role = [("SOURCE_USER", "cdc"), ("SOURCE_PASSWORD", "s3cret"), ("POSTGRES_USER", "admin")];
    let environment = role.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let pipeline = Pipeline::new(spec.into(), ".", scene.project.clone(), scene.addresses.clone(), environment);
    let config = load(&pipeline, Path::new("debezium/register-postgres.json")).expect("the repository's file").config;
    let of = |key: &str| config.get(key).map(String::as_str);
    assert_eq!((of("database.hostname"), of("database.port")), (Some("db.example.com"), Some("6432")));
    assert_eq!((of("database.user"), of("database.password")), (Some("cdc"), Some("s3cret")));
    let beat = "SELECT pg_logical_emit_message(false, 'pipectl_heartbeat', '')";
    assert_eq!((of("heartbeat.action.query"), of("message.prefix.exclude.list")), (Some(beat), Some(".*")));
    assert_eq!((of("database.sslmode"), of("database.sslrootcert")), (Some("prefer"), None));
}

#[tokio::test]
async fn the_connector_is_given_the_mode_of_tls_and_where_its_certificate_is() {
    let (_running, scene) = connect(FakeHttp::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let registered = |tls: Tls, own: serde_json::Value| {
        let mut spec = spec::load(Path::new("pipeline.yml"), &|_| None).expect("the repository's pipeline");
        spec.source.external = Some(External { host: "db.example.com".to_owned(), port: 5432, tls });
        let file = folder.path().join("register.json");
        let document = json!({"name": spec.connector, "config": own});
        std::fs::write(&file, document.to_string()).expect("written");
        let (project, addresses) = (scene.project.clone(), scene.addresses.clone());
        let pipeline = Pipeline::new(spec.into(), folder.path(), project, addresses, BTreeMap::new());
        load(&pipeline, Path::new("register.json"))
            .map(|registration| {
                let config = registration.config;
                ["database.sslmode", "database.sslrootcert"].map(|key| config.get(key).cloned().unwrap_or_default())
            })
            .map_err(|error| error.to_string().replace(&file.display().to_string(), "register.json"))
    };
    let pem = std::fs::read_to_string("tests/cases/tls/ca.pem").expect("a certificate");
    let authorities = || Authorities::read("ca.pem", pem.clone()).expect("usable");
    let both = |mode: &str, file: &str| Ok([mode.to_owned(), file.to_owned()]);
    assert_eq!(registered(Tls::Disable, json!({})), both("disable", ""));
    assert_eq!(registered(Tls::Require, json!({})), both("require", ""));
    assert_eq!(registered(Tls::VerifyCa(authorities()), json!({})), both("verify-ca", SOURCE_CERTIFICATE));
    let full = Tls::VerifyFull(authorities());
    assert_eq!(
        registered(full.clone(), json!({"database.sslmode": "verify-full"})),
        both("verify-full", SOURCE_CERTIFICATE)
    );
    assert_eq!(
        registered(full, json!({"database.sslmode": "require"})).expect_err("one of the two would be believed in vain"),
        "register.json: `database.sslmode` is require; say it as `sslmode` beside `host` in pipeline.yml, and leave it out here"
    );
    let error = registered(Tls::Prefer, json!({"database.sslrootcert": "/ca.pem"})).expect_err("of no use");
    assert!(error.contains("say it as `sslrootcert` beside `host`"), "{error}");
}

#[tokio::test]
async fn masked_columns_are_not_registered_without_a_key() {
    let (_running, scene) = connect(FakeHttp::default()).await;
    let mut spec = spec::load(Path::new("pipeline.yml"), &|_| None).expect("the repository's pipeline");
    spec.tables["public.customers"].masked.insert("email".to_owned());
    let registered = |key: Option<&str>| {
        let environment = key.map(|key| ("PIPECTL_MASK_KEY".to_owned(), key.to_owned())).into_iter().collect();
        let (project, addresses) = (scene.project.clone(), scene.addresses.clone());
        let pipeline = Pipeline::new(spec.clone().into(), ".", project, addresses, environment);
        load(&pipeline, Path::new("debezium/register-postgres.json"))
    };
    let error = registered(None).expect_err("the values would leave the source").to_string();
    assert!(error.ends_with("columns of public.customers are masked, and PIPECTL_MASK_KEY is not set"), "{error}");
    let config = registered(Some("correct horse")).expect("a key").config;
    let mask = config.iter().find(|(name, _)| name.starts_with("column.mask.hash.v2.SHA-256.with.salt."));
    let (name, columns) = mask.expect("the setting");
    assert_eq!(columns, r"public\.customers\.email");
    assert!(!name.contains("correct horse"));
}

#[tokio::test]
async fn a_connector_with_this_configuration_is_left_alone() {
    let mut there = wanted();
    there["name"] = json!("shop-pg");
    let (running, scene) = connect(FakeHttp::default().on(&format!("GET {CONFIG}"), 200, &there.to_string())).await;
    let done = scene.step("register-connector", LIMIT, nothing()).await.expect("in place");
    assert!(!done.changed);
    assert_eq!(running.count("PUT"), 0);
}

#[tokio::test]
async fn a_table_that_is_captured_no_more_is_told() {
    let mut before = wanted();
    before["pipectl.tables.read"] = json!(r#"{"crm.customers":["id","name"],"public.left":["id"]}"#);
    let server = FakeHttp::default().on(&format!("GET {CONFIG}"), 200, &before.to_string()).on(
        &format!("PUT {CONFIG}"),
        200,
        "{}",
    );
    let (_running, scene) = connect(server).await;
    let done = scene.step("register-connector", LIMIT, nothing()).await.expect("registered");
    assert_eq!(
        done.detail,
        "registered connector shop-pg without public.left, which pipeline.yml declares no more; what it has brought is \
         kept, see `pipectl status`"
    );
}

#[tokio::test]
async fn another_mask_on_what_was_captured_is_refused() {
    let mut before = wanted();
    before["column.mask.hash.v2.SHA-256.with.salt.5a17"] = json!(r"crm\.customers\.name");
    let server = FakeHttp::default().on(&format!("GET {CONFIG}"), 200, &before.to_string());
    let (running, scene) = connect(server).await;
    let error = scene.step("register-connector", LIMIT, nothing()).await.expect_err("refused");
    assert!(error.message.contains("\ncrm.customers.name was masked, and is not to be\n"), "{}", error.message);
    assert!(error.hint.expect("a hint").contains("pipectl repair resnapshot"));
    assert!(!running.requests().iter().any(|request| request.starts_with("PUT")), "nothing was registered");
}

#[tokio::test]
async fn a_rebalance_is_waited_for() {
    let (get, put) = (format!("GET {CONFIG}"), format!("PUT {CONFIG}"));
    let expected = r#"{"error_code":500,"message":"Request cannot be completed because a rebalance is expected"}"#;
    let under_way = r#"{"error_code":409,"message":"Cannot complete request because of a conflicting operation (e.g. worker rebalance)"}"#;
    let server =
        FakeHttp::default().on(&get, 500, expected).on(&get, 404, "{}").on(&put, 409, under_way).on(&put, 201, "{}");
    let (running, scene) = connect(server).await;
    assert!(scene.step("register-connector", LIMIT, nothing()).await.expect("registered").changed);
    assert_eq!((running.count("GET"), running.count("PUT")), (2, 2));
}

#[tokio::test]
async fn a_500_that_is_no_rebalance_is_an_answer() {
    let broken = r#"{"error_code":500,"message":"IO Error trying to forward REST request"}"#;
    let (running, scene) = connect(FakeHttp::default().on(&format!("GET {CONFIG}"), 500, broken)).await;
    let error = scene.step("register-connector", LIMIT, nothing()).await.expect_err("refused");
    assert!(error.message.contains("IO Error trying to forward"), "{}", error.message);
    assert_eq!(running.count("GET"), 1);
}

#[tokio::test]
async fn a_refused_configuration_is_told_field_by_field() {
    let validation = json!({"error_count": 1, "configs": [
        {"value": {"name": "slot.name", "errors": []}},
        {"value": {"name": "database.hostname", "errors": ["Unable to connect: no such host"]}}
    ]});
    let server = FakeHttp::default()
        .on(&format!("PUT {CONFIG}"), 400, r#"{"error_code":400,"message":"Connector configuration is invalid"}"#)
        .on(VALIDATE, 200, &validation.to_string());
    let (_running, scene) = connect(server).await;
    let error = scene.step("register-connector", LIMIT, nothing()).await.expect_err("refused");
    assert_eq!(
        error.message,
        "Kafka Connect refuses the configuration of connector shop-pg\n\
         database.hostname: Unable to connect: no such host"
    );
    assert_eq!(error.look_at, ["shop-debezium-1"]);
    assert!(error.hint.expect("a hint").contains("register-postgres.json"));
}

#[tokio::test]
async fn a_refusal_without_fields_is_told_as_it_is() {
    let server = FakeHttp::default()
        .on(&format!("PUT {CONFIG}"), 400, "<html><title>Error 400 Bad Request</title></html>")
        .on(VALIDATE, 404, "<html><title>Error 404</title></html>");
    let (_running, scene) = connect(server).await;
    let error = scene.step("register-connector", LIMIT, nothing()).await.expect_err("refused");
    assert!(error.message.ends_with("Kafka Connect answered 400: Error 400 Bad Request"), "{}", error.message);
}

#[tokio::test]
async fn a_registration_file_that_is_not_there_is_named() {
    let (_running, scene) = connect(FakeHttp::default()).await;
    let error = scene.step("register-connector", LIMIT, json!({"file": "none.json"})).await.expect_err("no file");
    assert!(error.message.starts_with("cannot read tests/cases/pipeline/none.json"), "{}", error.message);
}

#[tokio::test]
async fn running_means_that_the_task_runs() {
    let none = r#"{"name":"shop-pg","connector":{"state":"RUNNING","worker_id":"w"},"tasks":[]}"#;
    let server =
        FakeHttp::default().on(STATUS, 404, "{}").on(STATUS, 200, none).on(STATUS, 200, &status("RUNNING", ""));
    let (_running, scene) = connect(server).await;
    let done = scene.step("connector-running", LIMIT, nothing()).await.expect("runs at last");
    assert!(done.changed);
    assert_eq!(done.detail, "connector RUNNING, task 0 RUNNING");
}

#[tokio::test]
async fn a_failed_task_is_restarted() {
    let server = FakeHttp::default()
        .on(STATUS, 200, &status("FAILED", "Exception: connection refused"))
        .on(STATUS, 200, &status("RUNNING", ""))
        .on(RESTART, 202, "{}");
    let (running, scene) = connect(server).await;
    let done = scene.step("connector-running", LIMIT, nothing()).await.expect("runs after a restart");
    assert_eq!(done.detail, "connector RUNNING, task 0 RUNNING, after a restart");
    assert_eq!(running.count(RESTART), 1);
}

#[tokio::test]
async fn a_task_that_fails_again_ends_the_step_with_its_trace() {
    let trace = "org.apache.kafka.connect.errors.ConnectException: An exception occurred\n\tat io.debezium.X(X.java:1)\n\
                 Caused by: org.postgresql.util.PSQLException: ERROR: publication \"pub\" does not exist\n\tat y\n";
    let server = FakeHttp::default().on(STATUS, 200, &status("FAILED", trace)).on(RESTART, 204, "");
    let (running, scene) = connect(server).await;
    let error = scene.step("connector-running", LIMIT, nothing()).await.expect_err("fails for good");
    assert_eq!(
        error.message,
        "task 0 of connector shop-pg failed again after 2 restarts\n\
         org.apache.kafka.connect.errors.ConnectException: An exception occurred\n\
         Caused by: org.postgresql.util.PSQLException: ERROR: publication \"pub\" does not exist"
    );
    assert!(error.hint.expect("a hint").contains("create_publication.sql"));
    assert_eq!(running.count(RESTART), 2);
}

#[tokio::test]
async fn a_server_that_hangs_ends_with_what_was_waited_for() {
    let (_running, scene) = connect(FakeHttp::hanging()).await;
    let error = scene.step("connector-running", Duration::from_millis(300), nothing()).await.expect_err("too late");
    assert_eq!(error.message, "step connector-running did not finish within 300 ms; it had not heard from any server");
}

#[tokio::test]
async fn a_step_that_does_not_exist_lists_those_that_do() {
    let (_running, scene) = connect(FakeHttp::default()).await;
    let error = scene.step("fetch-token", LIMIT, nothing()).await.expect_err("unknown");
    assert_eq!(error.message, "step `fetch-token` uses `fetch-token`, which does not exist");
    assert!(error.hint.expect("a hint").contains("check-databases, create-topics, register-connector"));
}
