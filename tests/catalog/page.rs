//! The page and its data, as far as it goes without a browser.

use std::process::Command;

use serde_json::{Value, json};

use crate::site::{Site, skipped, text};

async fn fetch(site: &Site, path: &str, host: Option<&str>) -> (u16, String, String) {
    let mut request = reqwest::Client::new().get(format!("{}{path}", site.base));
    if let Some(host) = host {
        request = request.header("host", host);
    }
    let response = request.send().await.expect("an answer");
    let content = response.headers()["content-type"].to_str().expect("text").to_owned();
    (response.status().as_u16(), content, response.text().await.expect("a body"))
}

#[tokio::test]
async fn the_page_and_its_parts_are_served_without_a_token() {
    let site = Site::local().await;
    let (status, content, html) = fetch(&site, "/", None).await;
    assert_eq!((status, content.as_str()), (200, "text/html; charset=utf-8"));
    for part in ["/page/style.css", "/page/layout.js", "/page/page.js"] {
        assert!(html.contains(part), "{part} is not in the page");
        let (status, _, text) = fetch(&site, part, None).await;
        assert!(status == 200 && !text.is_empty(), "{part}");
    }
}

#[tokio::test]
async fn the_graph_has_assets_columns_edges_and_run_states() {
    let site = Site::local().await;
    let schema = site.tables("pg", &["a", "b"]).await;
    let pipeline = site.pipeline("jobs", "ingest").await;
    let (a, b) =
        (site.named("tables", &format!("{schema}.a")).await, site.named("tables", &format!("{schema}.b")).await);
    let columns = json!([{"fromColumns": [format!("{schema}.a.id")], "toColumn": format!("{schema}.b.id")}]);
    let details = json!({"pipeline": {"id": pipeline["id"], "type": "pipeline"}, "columnsLineage": columns});
    site.put("/lineage", json!({"edge": {"fromEntity": {"id": a["id"], "type": "table"}, "toEntity": {"id": b["id"], "type": "table"}, "lineageDetails": details}})).await.expect(200);
    site.put("/pipelines/jobs.ingest/status", json!({"timestamp": 1, "executionStatus": "Failed"})).await.expect(200);
    let (status, _, graph) = fetch(&site, "/page/graph.json", None).await;
    assert_eq!(status, 200);
    let graph: Value = serde_json::from_str(&graph).expect("JSON");
    assert_eq!(graph["assets"].as_array().map(Vec::len), Some(2));
    assert_eq!(text(&graph["assets"][0]["columns"][0], "fqn"), format!("{schema}.a.id"));
    assert_eq!(graph["edges"][0]["columns"], columns);
    let named = &graph["pipelines"][0];
    assert_eq!((&graph["edges"][0]["pipeline"], text(named, "name")), (&named["id"], "ingest"));
    assert_eq!(named["state"], "Failed");
    // A run that has begun is told from what waits, with what it has done.
    let event = json!({
        "eventTime": "2026-11-22T18:00:00Z", "eventType": "RUNNING", "job": {"namespace": "jobs", "name": "ingest"},
        "run": {"runId": "0190a4b2-0000-7000-8000-000000000001", "facets": {"pipectl_progress": {"batches": 3, "rows": 7}}},
    });
    site.post("/openlineage/lineage", event).await.expect(200);
    let (_, _, graph) = fetch(&site, "/page/graph.json", None).await;
    let graph: Value = serde_json::from_str(&graph).expect("JSON");
    let run = &graph["pipelines"][0];
    assert_eq!((&run["state"], &run["batches"], &run["rows"]), (&json!("Running"), &json!(3), &json!(7)), "{run}");
}

#[tokio::test]
async fn a_foreign_name_for_this_address_gets_no_data() {
    let site = Site::local().await;
    let (status, _, text) = fetch(&site, "/page/graph.json", Some("evil.example:8585")).await;
    assert_eq!(status, 403);
    assert!(text.contains("evil.example") && text.contains("403"), "{text}");
}

#[test]
fn the_layout_has_sources_on_the_left_and_nothing_overlaps() {
    let script = ["tests/catalog/layout.js", "src/catalog/page/layout.js"];
    match Command::new("node").args(script).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => skipped(&format!("node does not run: {error}")),
    }
}
