//! What the official client asks for with further settings: its own runs, what a profiler looks at, sample messages.

use serde_json::json;

use crate::site::{Site, encode, text};

#[tokio::test]
async fn an_ingestion_pipeline_belongs_to_a_service_of_any_kind_and_keeps_its_runs() {
    let site = Site::local().await;
    site.tables("pg", &["orders"]).await;
    let service = site.get("/services/databaseServices/name/pg").await.expect(200);
    site.get("/services/ingestionPipelines/name/pg.nightly").await.refused(404);
    let body = json!({
        "name": "nightly", "pipelineType": "metadata", "airflowConfig": {}, "enableStreamableLogs": false,
        "sourceConfig": {"config": {"type": "DatabaseMetadata"}},
        "service": {"id": service["id"], "type": "databaseService"},
    });
    let bot = site.as_bot().await;
    let made = bot.put("/services/ingestionPipelines", body.clone()).await.expect(201);
    assert_eq!((text(&made, "fullyQualifiedName"), text(&made["service"], "name")), ("pg.nightly", "pg"));
    assert_eq!(bot.put("/services/ingestionPipelines", body.clone()).await.expect(200)["version"], made["version"]);
    let listed = site.get("/services/ingestionPipelines?service=pg&limit=100").await.expect(200);
    assert_eq!((&listed["paging"]["total"], &listed["data"][0]["id"]), (&json!(1), &made["id"]));

    let at = "/services/ingestionPipelines/pg.nightly/pipelineStatus";
    site.get(&format!("{at}/run-1")).await.refused(404);
    bot.put(at, json!({"runId": "run-1", "pipelineState": "running", "startDate": 10, "timestamp": 10}))
        .await
        .expect(200);
    let progress =
        json!({"runId": "run-1", "timestamp": 11, "updateType": "PROCESSING", "progress": {"Table": {"total": 3}}});
    bot.put("/services/ingestionPipelines/progress/pg.nightly/run-1", progress).await.expect(200);
    let steps = json!([{"name": "Postgres", "records": 3, "errors": 0}]);
    let end = json!({"runId": "run-1", "pipelineState": "success", "timestamp": 20, "endDate": 20, "status": steps});
    bot.put(at, end).await.expect(200);
    bot.put(at, json!({"runId": "run-2", "pipelineState": "failed", "timestamp": 30})).await.expect(200);
    let run = site.get(&format!("{at}/run-1")).await.expect(200);
    assert_eq!(
        (&run["pipelineState"], &run["timestamp"], &run["startDate"]),
        (&json!("success"), &json!(10), &json!(10))
    );
    assert_eq!((&run["status"], &run["metadata"]["progress"]["progress"]["Table"]["total"]), (&steps, &json!(3)));
    let runs = site.get(&format!("{at}?startTs=5&endTs=40")).await.expect(200);
    let ids: Vec<_> = runs["data"].as_array().expect("a list").iter().map(|run| text(run, "runId")).collect();
    assert_eq!(ids, ["run-2", "run-1"], "each run once, newest first");
    // A PUT of the pipeline keeps them, and so does a patch.
    bot.put("/services/ingestionPipelines", body).await.expect(200);
    let patch = json!([{"op": "add", "path": "/description", "value": "Every night."}]);
    let id = text(&made, "id");
    site.patch(&format!("/services/ingestionPipelines/{id}"), patch).await.expect(200);
    let read = site.get("/services/ingestionPipelines/name/pg.nightly").await.expect(200);
    assert_eq!((&read["pipelineStatuses"]["runId"], text(&read, "description")), (&json!("run-2"), "Every night."));

    for (wrong, why) in [
        (json!({"runId": "x", "pipelineState": "done"}), "done"),
        (json!({"pipelineState": "success"}), "runId"),
        (json!({"runId": "x", "pipelineState": "success", "status": [{"name": "s", "secret": 1}]}), "secret"),
    ] {
        let message = bot.put(at, wrong).await.refused(400);
        assert!(message.contains(why), "{message}");
    }
    let missing = "/services/ingestionPipelines/progress/pg.nightly/run-9";
    bot.put(missing, json!({"timestamp": 1, "updateType": "ERROR"})).await.refused(404);
    // It goes with its service.
    let id = text(&service, "id");
    site.delete(&format!("/services/databaseServices/{id}?hardDelete=true&recursive=true")).await.expect(200);
    site.get("/services/ingestionPipelines/name/pg.nightly?include=all").await.refused(404);
}

#[tokio::test]
async fn an_ingestion_pipeline_names_a_service_that_is_there() {
    let site = Site::local().await;
    site.tables("pg", &["orders"]).await;
    let table = site.get("/tables/name/pg.shop.public.orders").await.expect(200);
    let nobody = uuid::Uuid::new_v4();
    for (service, status) in [
        (json!({"id": nobody, "type": "databaseService"}), 404),
        (json!({"id": table["id"], "type": "table"}), 400),
        (json!("pg"), 400),
    ] {
        let body = json!({
            "name": "x", "pipelineType": "metadata", "airflowConfig": {}, "sourceConfig": {}, "service": service,
        });
        site.put("/services/ingestionPipelines", body).await.refused(status);
    }
}

#[tokio::test]
async fn what_a_profiler_looks_at_is_kept_and_taken_away() {
    let site = Site::local().await;
    site.tables("pg", &["orders"]).await;
    let table = site.get("/tables/name/pg.shop.public.orders").await.expect(200);
    let at = format!("/tables/{}/tableProfilerConfig", text(&table, "id"));
    let config = json!({"profileSample": 10.0, "profileSampleType": "PERCENTAGE", "excludeColumns": ["note"],
        "includeColumns": [{"columnName": "id", "metrics": ["nullCount"]}]});
    let set = site.put(&at, config.clone()).await.expect(200);
    assert_eq!(set["tableProfilerConfig"], config);
    assert!(set["version"].as_f64() > table["version"].as_f64(), "a setting is a change: {set:#}");
    // The next run of a collector knows nothing of it.
    site.tables("pg", &["orders"]).await;
    assert_eq!(site.get(&at).await.expect(200)["tableProfilerConfig"], config);
    site.put(&at, json!({"profileSampleType": "SOME"})).await.refused(400);
    site.put(&at, json!({"profile": 1})).await.refused(400);
    assert_eq!(site.delete(&at).await.expect(200).get("tableProfilerConfig"), None);
    assert_eq!(site.get(&at).await.expect(200).get("tableProfilerConfig"), None);
    site.get(&format!("/tables/{}/tableProfilerConfig", uuid::Uuid::new_v4())).await.refused(404);
    let settings = site.get("/system/settings/profilerConfiguration").await.expect(200);
    assert_eq!(settings, json!({"config_type": "profilerConfiguration", "config_value": {"metricConfiguration": []}}));
}

#[tokio::test]
async fn sample_messages_of_a_topic_are_kept() {
    let site = Site::local().await;
    site.topic("kafka", "shop.orders").await;
    let name = encode("kafka.\"shop.orders\"");
    let topic = site.get(&format!("/topics/name/{name}")).await.expect(200);
    let at = format!("/topics/{}/sampleData", text(&topic, "id"));
    let messages = json!({"messages": ["{\"id\": 1}", "{\"id\": 2}"]});
    let bot = site.as_bot().await;
    let set = bot.put(&at, messages.clone()).await.expect(200);
    assert_eq!((&set["sampleData"], &set["version"]), (&messages, &topic["version"]), "a sample is no change");
    site.topic("kafka", "shop.orders").await;
    assert_eq!(bot.get(&at).await.expect(200)["sampleData"], messages);
    bot.put(&at, json!({"messages": [1]})).await.refused(400);
    let other = json!({"messages": ["{}"]});
    bot.put(&at, other.clone()).await.expect(200);
    assert_eq!(bot.get(&at).await.expect(200)["sampleData"], other, "the newest alone");
}
