//! Run events as Spark's listener sends them.

use serde_json::{Value, json};

use crate::site::{Site, text};

/// A lake with a table at a path, a destination, a topic and a pipeline.
async fn lake(site: &Site) {
    site.topic("kafka", "shop.public.orders").await;
    site.tables("dest", &["orders"]).await;
    site.tables("lake", &[]).await;
    let mut table = crate::site::table_body("orders", "lake.shop.public");
    table["locationPath"] = json!("hdfs://namenode:9000/data/delta/orders");
    site.put("/tables", table).await.expect(201);
    site.pipeline("spark", "job1-ingest").await;
    site.pipeline("spark", "job2_process").await;
}

fn event(kind: &str, job: &str, run: &str, inputs: &[Value], outputs: &[Value]) -> Value {
    json!({
        "eventTime": "2026-11-22T18:00:00.500Z", "eventType": kind, "producer": "https://example.org", "schemaURL": "https://example.org",
        "run": {"runId": run, "facets": {"spark_version": {"_producer": "x"}}},
        "job": {"namespace": "pipectl", "name": job, "facets": {"sql": {"query": "select 1"}}},
        "inputs": inputs, "outputs": outputs,
    })
}

const RUN: &str = "0190a4b2-0000-7000-8000-000000000001";

fn topic() -> Value {
    json!({"namespace": "kafka://kafka:9092", "name": "shop.public.orders"})
}

fn delta() -> Value {
    json!({"namespace": "hdfs://namenode:9000", "name": "/data/delta/orders"})
}

fn destination() -> Value {
    json!({"namespace": "postgres://dest:5432", "name": "shop.public.orders"})
}

#[tokio::test]
async fn a_run_makes_edges_and_is_recorded() {
    let site = Site::local().await;
    lake(&site).await;
    let bot = site.as_bot().await;
    let start = bot
        .post("/openlineage/lineage", event("START", "job1_ingest.append_data", RUN, &[topic()], &[delta()]))
        .await
        .expect(200);
    assert_eq!((&start["status"], &start["lineageEdgesCreated"]), (&json!("success"), &json!(0)));
    let pipeline = site.named("pipelines", "spark.job1-ingest").await;
    assert_eq!(pipeline["pipelineStatus"]["executionStatus"], "Pending");
    let mut output = delta();
    output["facets"] = json!({"columnLineage": {"fields": {"id": {"inputFields": [{"namespace": "kafka://kafka:9092", "name": "shop.public.orders", "field": "id"}]}}}});
    let end = bot
        .post("/openlineage/lineage", event("COMPLETE", "job1_ingest.append_data", RUN, &[topic()], &[output]))
        .await
        .expect(200);
    assert_eq!(end["lineageEdgesCreated"], 1);
    let runs = site.get("/pipelines/spark.job1-ingest/status").await.expect(200);
    assert_eq!(
        (&runs["paging"]["total"], &runs["data"][0]["executionStatus"]),
        (&json!(1), &json!("Successful")),
        "one entry a run"
    );
    assert_eq!(runs["data"][0]["executionId"], RUN);
    let table = site.named("tables", "lake.shop.public.orders").await;
    let graph = site.get(&format!("/lineage/table/{}", text(&table, "id"))).await.expect(200);
    let details = &graph["upstreamEdges"][0]["lineageDetails"];
    assert_eq!(
        (&details["source"], &details["pipeline"]["name"], &details["sqlQuery"]),
        (&json!("OpenLineage"), &json!("job1-ingest"), &json!("select 1"))
    );
    assert_eq!(
        details["columnsLineage"],
        json!([{"fromColumns": ["kafka.\"shop.public.orders\".id"], "toColumn": "lake.shop.public.orders.id"}])
    );
    let again = bot
        .post("/openlineage/lineage", event("COMPLETE", "job1_ingest.append_data", RUN, &[topic()], &[delta()]))
        .await
        .expect(200);
    assert_eq!(again["lineageEdgesCreated"], 0, "it is there already");
}

#[tokio::test]
async fn jdbc_targets_are_told_apart_by_their_address() {
    let site = Site::local().await;
    lake(&site).await;
    let end = site
        .post("/openlineage/lineage", event("COMPLETE", "job2_process", RUN, &[delta()], &[destination()]))
        .await
        .expect(200);
    assert_eq!(end["lineageEdgesCreated"], 1, "{end}");
    let table = site.named("tables", "dest.shop.public.orders").await;
    let graph = site.get(&format!("/lineage/table/{}", text(&table, "id"))).await.expect(200);
    assert_eq!(graph["nodes"][0]["fullyQualifiedName"], "lake.shop.public.orders");
    // The same name on a host that no service has: either could be meant, so neither is.
    let unknown = json!({"namespace": "postgres://elsewhere:5432", "name": "shop.public.orders"});
    let end = site
        .post("/openlineage/lineage", event("COMPLETE", "job2_process", RUN, &[delta()], &[unknown]))
        .await
        .expect(200);
    assert_eq!(end["lineageEdgesCreated"], 0);
    assert!(text(&end, "message").contains("postgres://elsewhere:5432 shop.public.orders"), "{end}");
}

#[tokio::test]
async fn an_edge_that_was_declared_stays_as_it_is() {
    let site = Site::local().await;
    lake(&site).await;
    let (from, to) = (
        site.named("topics", "kafka.\"shop.public.orders\"").await,
        site.named("tables", "lake.shop.public.orders").await,
    );
    let edge = json!({"edge": {"fromEntity": {"id": from["id"], "type": "topic"}, "toEntity": {"id": to["id"], "type": "table"}, "lineageDetails": {"source": "PipelineLineage", "description": "declared"}}});
    site.put("/lineage", edge).await.expect(200);
    let end = site
        .post("/openlineage/lineage", event("COMPLETE", "job1_ingest", RUN, &[topic()], &[delta()]))
        .await
        .expect(200);
    assert_eq!(end["lineageEdgesCreated"], 0);
    let edge =
        site.get(&format!("/lineage/getLineageEdge/{}/{}", text(&from, "id"), text(&to, "id"))).await.expect(200);
    assert_eq!(edge["edge"]["source"], "PipelineLineage");
}

#[tokio::test]
async fn a_batch_names_the_events_that_are_wrong() {
    let site = Site::local().await;
    lake(&site).await;
    let events = json!({"events": [
        event("COMPLETE", "job1_ingest", RUN, &[topic()], &[delta()]),
        event("COMPLETE", "job1_ingest", RUN, &[], &[delta()]),
        event("RUNNING", "nobody", RUN, &[topic()], &[delta()]),
        {"eventTime": "2026-11-22T18:00:00Z", "dataset": {"namespace": "x", "name": "y"}},
    ]});
    let answer = site.post("/openlineage/lineage/batch", events).await.expect(200);
    assert_eq!(answer["summary"], json!({"received": 4, "successful": 1, "failed": 1, "skipped": 2}));
    assert_eq!((&answer["status"], &answer["lineageEdgesCreated"]), (&json!("partial_success"), &json!(1)));
    assert_eq!(answer["failedEvents"][0]["index"], 3);
    for wrong in [json!({}), json!({"eventTime": "x", "run": {"runId": "r"}, "job": {"namespace": "n", "name": "j"}})] {
        site.post("/openlineage/lineage", wrong).await.refused(400);
    }
    site.post("/openlineage/lineage/batch", json!([])).await.refused(400);
}

#[tokio::test]
async fn a_run_is_kept_with_what_it_has_done_and_why_it_failed() {
    let site = Site::local().await;
    lake(&site).await;
    let mut running = event("RUNNING", "job1_ingest", RUN, &[], &[]);
    running["run"]["facets"]["pipectl_progress"] = json!({"batches": 12, "rows": 345});
    site.post("/openlineage/lineage", running).await.expect(200);
    let mut failed = event("FAIL", "job1_ingest", RUN, &[], &[]);
    failed["run"]["facets"]["errorMessage"] = json!({"message": "out of memory", "programmingLanguage": "Python"});
    site.post("/openlineage/lineage", failed).await.expect(200);
    let run = &site.get("/pipelines/spark.job1-ingest/status").await.expect(200)["data"][0];
    assert_eq!((&run["parameters"]["batches"], &run["metrics"]["totalRowsProcessed"]), (&json!(12), &json!(345)));
    assert_eq!((&run["executionStatus"], &run["error"]["errorMessage"]), (&json!("Failed"), &json!("out of memory")));
    // Other producers tell what each output got.
    let mut output = delta();
    output["outputFacets"] = json!({"outputStatistics": {"rowCount": 5, "size": 100}});
    let other = "0190a4b2-0000-7000-8000-000000000002";
    let written = event("COMPLETE", "job2_process", other, &[topic()], &[output.clone(), destination()]);
    site.post("/openlineage/lineage", written).await.expect(200);
    let run = &site.get("/pipelines/spark.job2_process/status").await.expect(200)["data"][0];
    assert_eq!(run["metrics"]["totalRowsProcessed"], 5, "{run}");
}

#[tokio::test]
async fn a_failed_run_shows_and_a_late_start_does_not_hide_it() {
    let site = Site::local().await;
    lake(&site).await;
    for kind in ["FAIL", "START"] {
        site.post("/openlineage/lineage", event(kind, "job2_process", RUN, &[], &[])).await.expect(200);
    }
    let pipeline = site.named("pipelines", "spark.job2_process").await;
    assert_eq!(pipeline["pipelineStatus"]["executionStatus"], "Failed");
}
