//! Steps that wait for HDFS and for the Spark jobs.

use std::time::Duration;

use pipectl::pipeline::{JOB_SERVER, NAMENODE};
use serde_json::json;

use crate::fake_http::FakeHttp;
use crate::scene::{Scene, nothing};

const JMX: &str = "GET /jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState";
const LIMIT: Duration = Duration::from_secs(5);

fn state(word: &str, nodes: u32) -> String {
    json!({"beans": [{"name": "Hadoop:service=NameNode,name=FSNamesystemState", "FSState": word,
                      "NumLiveDataNodes": nodes, "CapacityUsed": 1, "CapacityRemaining": 2}]})
    .to_string()
}

fn exists(path: &str) -> String {
    format!("GET /webhdfs/v1{path}?op=GETFILESTATUS&user.name=hdfs")
}

fn makes(path: &str) -> String {
    format!("PUT /webhdfs/v1{path}?op=MKDIRS&user.name=hdfs")
}

#[tokio::test]
async fn hdfs_is_waited_for_and_the_directories_are_made() {
    let server = FakeHttp::default()
        .on(JMX, 200, &state("safeMode", 0))
        .on(JMX, 200, &state("Operational", 0))
        .on(JMX, 200, &state("Operational", 1))
        .on(&exists("/checkpoints"), 200, "{}")
        .on(&makes("/delta"), 200, r#"{"boolean":true}"#)
        .start()
        .await;
    let scene = Scene::new(&[(NAMENODE, server.port)]).await;
    let done = scene.step("hdfs-writable", LIMIT, nothing()).await.expect("writable at last");
    assert!(done.changed);
    assert_eq!(done.detail, "Operational, 1 live data node(s)");
    assert_eq!(server.count("PUT"), 1);
}

#[tokio::test]
async fn hdfs_that_stays_in_safe_mode_is_told() {
    let server = FakeHttp::default().on(JMX, 200, &state("safeMode", 1)).start().await;
    let scene = Scene::new(&[(NAMENODE, server.port)]).await;
    let error = scene.step("hdfs-writable", Duration::from_millis(500), nothing()).await.expect_err("never writable");
    assert_eq!(error.message, "step hdfs-writable did not finish within 500 ms; last: safeMode, 1 live data nodes");
}

const INGEST: &str = "GET /jobs/ingest/ready";
const PROCESS: &str = "GET /jobs/process/ready";

#[tokio::test]
async fn both_jobs_are_waited_for() {
    let server = FakeHttp::default()
        .on(INGEST, 503, r#"{"state":"starting","detail":"waiting for topics"}"#)
        .on(INGEST, 200, r#"{"state":"running","detail":""}"#)
        .on(PROCESS, 200, r#"{"state":"running","detail":""}"#)
        .start()
        .await;
    let scene = Scene::new(&[(JOB_SERVER, server.port)]).await;
    let done = scene.step("jobs-running", LIMIT, nothing()).await.expect("both run");
    assert_eq!((done.changed, done.detail.as_str()), (true, "ingest and process run"));
}

#[tokio::test]
async fn a_transformation_that_does_not_parse_fails_at_once() {
    let detail = "spark/transforms/orders.sql:3: syntax error near 'FORM'";
    let server = FakeHttp::default()
        .on(INGEST, 200, r#"{"state":"running","detail":""}"#)
        .on(PROCESS, 503, &json!({"state": "failed", "detail": detail}).to_string())
        .start()
        .await;
    let scene = Scene::new(&[(JOB_SERVER, server.port)]).await;
    let error = scene.step("jobs-running", LIMIT, nothing()).await.expect_err("it cannot run");
    assert_eq!(error.message, format!("job process failed: {detail}"));
    assert!(error.hint.expect("a hint").starts_with("correct the file"));
}

#[tokio::test]
async fn a_job_that_fails_again_and_again_is_a_loop() {
    let failed = |since: i64| {
        json!({"jobs": [{"name": "ingest", "state": "failed", "since_ms": since, "detail": "out of memory",
                         "batches": {"count": 0, "last": null, "recent": []}, "merge": {}}]})
        .to_string()
    };
    let server = FakeHttp::default()
        .on(INGEST, 503, r#"{"state":"failed","detail":"out of memory"}"#)
        .on(PROCESS, 200, "{}")
        .on("GET /jobs", 200, &failed(1))
        .on("GET /jobs", 200, &failed(1))
        .on("GET /jobs", 200, &failed(2))
        .on("GET /jobs", 200, &failed(3))
        .start()
        .await;
    let scene = Scene::new(&[(JOB_SERVER, server.port)]).await;
    let error = scene.step("jobs-running", LIMIT, nothing()).await.expect_err("a loop");
    assert_eq!(error.message, "job ingest failed: out of memory");
    assert_eq!(server.count("GET /jobs/ingest/ready"), 4);
}
