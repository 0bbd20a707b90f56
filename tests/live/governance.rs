//! The catalog: complete when `up` returns, read back, repaired, and left out where it cannot be had.

use reqwest::Method;
use serde_json::Value;

use crate::stack::{Stack, docker, eventually, run};

/// The lite catalog's token, from the project's directory.
pub const TOKEN: &str = ".pipectl/pipectl-live/catalog/ingestion-bot.jwt";

pub fn lineage_is_complete(stack: &Stack) {
    stack.up();
    let ran = stack.pipectl(&["lineage", "--json"]).succeeded();
    let edges: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let edges = edges.as_array().expect("a list");
    assert_eq!(edges.len(), 11, "three tables with three hops each, and two ways into the aggregate");
    assert!(edges.iter().all(|edge| edge["problem"].is_null()), "{edges:#?}");
    let unit_price = edges
        .iter()
        .flat_map(|edge| edge["columns"].as_array().expect("columns"))
        .find(|column| column["to"].as_str().is_some_and(|to| to.ends_with("orders.unit_price")));
    let unit_price = unit_price.expect("a computed column");
    assert_eq!(unit_price["from"].as_array().map(Vec::len), Some(2), "{unit_price}");
    let port = catalog_port(stack);
    let fqn = "postgres_dest.jadc2_db.public.revenue_by_region_day";
    let path = format!("lineage/table/name/{fqn}?upstreamDepth=3&downstreamDepth=0");
    let answer = ask(stack, &port, &path);
    assert_eq!(answer["upstreamEdges"].as_array().map(Vec::len), Some(6), "{answer:#}");
    stack.pipectl(&["verify", "--timeout", "300s"]).succeeded().says("lineage in the catalog");
}

pub fn ingest_twice_changes_nothing(stack: &Stack) {
    stack.up();
    // The first may bring what the jobs have made since the catalog was filled.
    stack.pipectl(&["ingest"]).succeeded();
    let ran = stack.pipectl(&["ingest", "--json"]).succeeded();
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(report["changes"].as_array().map(Vec::len), Some(0), "{report:#}");
    assert_eq!(report["problems"].as_array().map(Vec::len), Some(0), "{report:#}");
}

pub fn a_dropped_edge_fails_verify(stack: &Stack) {
    stack.up();
    let port = catalog_port(stack);
    let id = |fqn: &str| ask(stack, &port, &format!("tables/name/{fqn}"))["id"].as_str().expect("an id").to_owned();
    let (from, to) = (id("hdfs_datalake.default.lake.orders"), id("postgres_dest.jadc2_db.public.orders"));
    call(stack, &port, Method::DELETE, &format!("lineage/table/{from}/table/{to}"), None);
    stack.pipectl(&["verify", "--timeout", "300s"]).exited(1).says("missing: hdfs_datalake.default.lake.orders");
    let upstream = || {
        let path = "lineage/table/name/postgres_dest.jadc2_db.public.orders?upstreamDepth=1&downstreamDepth=0";
        ask(stack, &port, path)["upstreamEdges"].to_string()
    };
    assert!(!upstream().contains(&from), "the edge is gone: {}", upstream());
    stack.pipectl(&["ingest"]).succeeded();
    assert!(upstream().contains(&from), "the edge is back: {}", upstream());
}

pub fn a_new_column_appears_and_an_edited_description_stays(stack: &Stack) {
    stack.up();
    stack.sql("postgres-source", "ALTER TABLE regions ADD COLUMN IF NOT EXISTS note text");
    let port = catalog_port(stack);
    let fqn = "postgres_source.jadc2_db.public.regions";
    let id = ask(stack, &port, &format!("tables/name/{fqn}"))["id"].as_str().expect("an id").to_owned();
    let patch = r#"[{"op":"add","path":"/description","value":"Written by hand."}]"#;
    call(stack, &port, Method::PATCH, &format!("tables/{id}"), Some(patch));
    stack.pipectl(&["ingest", "postgres_source"]).succeeded();
    let table = ask(stack, &port, &format!("tables/name/{fqn}?fields=columns"));
    let columns: Vec<_> = table["columns"].as_array().expect("columns").iter().map(|column| &column["name"]).collect();
    assert!(columns.iter().any(|name| *name == "note"), "{columns:?}");
    assert_eq!(table["description"], "Written by hand.");
    stack.sql("postgres-source", "ALTER TABLE regions DROP COLUMN note");
    stack.pipectl(&["ingest", "postgres_source"]).succeeded();
}

pub fn stopped_and_started_is_two_runs(stack: &Stack) {
    stack.up();
    stack.pipectl(&["ingest", "spark_jobs"]).succeeded();
    let port = catalog_port(stack);
    let path = "pipelines/spark_jobs.job2_process/status";
    let history = || ask(stack, &port, path)["data"].as_array().expect("a list").clone();
    let before = history();
    let first = before.first().expect("a run that goes on");
    assert_eq!(first["executionStatus"], "Pending", "{first:#}");
    assert!(first["parameters"]["batches"].as_u64().is_some_and(|batches| batches > 0), "{first:#}");
    assert!(first["metrics"]["totalRowsProcessed"].as_u64().is_some_and(|rows| rows > 0), "{first:#}");

    stack.pipectl(&["stop", "spark-job-process"]).succeeded();
    stack.pipectl(&["start", "spark-job-process"]).succeeded();
    stack.rename_region(2, "in the second run");
    let rows = |run: &Value| run["metrics"]["totalRowsProcessed"].as_u64().unwrap_or_default();
    eventually("the second run has counted a row", || {
        stack.pipectl(&["ingest", "spark_jobs"]).succeeded();
        history().first().is_some_and(|run| run["executionId"] != first["executionId"] && rows(run) > 0)
    });
    let after = history();
    assert_eq!(after.len(), before.len() + 1, "{after:#?}");
    assert_eq!((&after[1]["executionId"], &after[1]["executionStatus"]), (&first["executionId"], &"Successful".into()));
    assert!(after[1]["endTime"].as_i64() > after[1]["timestamp"].as_i64(), "{:#}", after[1]);
    assert_eq!(after[0]["executionStatus"], "Pending");
}

pub fn without_governance_there_is_no_catalog(stack: &Stack) {
    stack.up();
    let ran = stack.pipectl(&["--governance", "none", "config", "--services"]).succeeded();
    assert!(!ran.stdout.lines().any(|service| service == "catalog"), "{}", ran.stdout);
    stack.pipectl(&["--governance", "none", "verify", "--timeout", "300s"]).succeeded();
}

pub fn openmetadata_without_its_images(stack: &Stack) {
    stack.up();
    // Where nobody listens, as on a machine without a way to the registry.
    let governed = |arguments: &[&str]| {
        run(stack
            .command(&[&["--governance", "openmetadata"], arguments].concat())
            .env("OM_REGISTRY", "127.0.0.1:9/openmetadata")
            .env("OM_SEARCH_IMAGE", "127.0.0.1:9/elasticsearch:9"))
    };
    let ran = governed(&["up"]).succeeded();
    ran.says("om-elasticsearch, om-migrate, om-mysql, om-server: left out, catalog takes over: failed to get image");
    assert_eq!(ran.stderr.matches("warning").count(), 1, "{}", ran.stderr);
    let unchanged = stack.containers("catalog");
    governed(&["lineage"]).succeeded().says("regions");
    governed(&["status"]).succeeded();
    // From nothing it is made only then, and once it is there nothing touches it.
    docker(&["rm", "--force", "--volumes", &unchanged[0]]);
    let ran = governed(&["up"]).succeeded();
    ran.says("catalog takes over").says("Catalog and lineage");
    governed(&["verify", "--timeout", "300s"]).succeeded().says("lineage in the catalog");
    let id = || docker(&["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", &stack.containers("catalog")[0]]);
    let before = id();
    governed(&["up"]).succeeded();
    assert_eq!(id(), before, "the next one tries again and leaves it alone");
    assert_eq!(stack.containers("om-server"), [""; 0]);
    stack.up();
}

/// The port of this machine that the catalog is published at.
fn catalog_port(stack: &Stack) -> String {
    let containers = stack.containers("catalog");
    let container = containers.first().expect("the catalog runs");
    let published = docker(&["port", container, "8585"]);
    published.lines().next().and_then(|line| line.rsplit(':').next()).expect("a published port").trim().to_owned()
}

fn ask(stack: &Stack, port: &str, path: &str) -> Value {
    serde_json::from_str(&call(stack, port, Method::GET, path, None)).expect("JSON")
}

/// Asks the server itself, through none of pipectl's client.
fn call(stack: &Stack, port: &str, method: Method, path: &str, body: Option<&'static str>) -> String {
    let token = std::fs::read_to_string(stack.path().join(TOKEN)).expect("a stored token");
    let request = reqwest::Client::new()
        .request(method, format!("http://127.0.0.1:{port}/api/v1/{path}"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json-patch+json")
        .body(body.unwrap_or_default());
    let answer = async { request.send().await?.error_for_status()?.text().await };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(answer).unwrap_or_else(|error| panic!("{path}: {error}"))
}
