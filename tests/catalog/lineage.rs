//! The graph: edges with columns and pipelines, read both ways.

use serde_json::{Value, json};

use crate::site::{Site, encode, text};

/// Source table -> topic -> destination table, with a pipeline.
struct Flow {
    source: Value,
    topic: Value,
    target: Value,
    pipeline: Value,
}

async fn flow(site: &Site) -> Flow {
    let (pg, kafka) = (site.name("pg"), site.name("kafka"));
    let schema = site.tables(&pg, &["orders", "target"]).await;
    let topic = site.topic(&kafka, "shop.orders").await;
    let flow = Flow {
        source: site.named("tables", &format!("{schema}.orders")).await,
        topic: site.named("topics", &topic).await,
        target: site.named("tables", &format!("{schema}.target")).await,
        pipeline: site.pipeline(&site.name("jobs"), "ingest").await,
    };
    let columns = json!([
        {"fromColumns": [format!("{schema}.orders.id")], "toColumn": format!("{topic}.id")},
        {"fromColumns": [format!("{schema}.orders.id"), format!("{schema}.orders.amount"), "no.such"], "toColumn": format!("{topic}.amount"), "function": "sum"},
        {"fromColumns": [format!("{schema}.orders.nosuch")], "toColumn": format!("{topic}.id")},
        {"fromColumns": [format!("{schema}.orders.id")], "toColumn": format!("{topic}.nosuch")},
    ]);
    put(site, (&flow.source, "table"), (&flow.topic, "topic"), Some(&flow.pipeline), columns).await.expect(200);
    put(site, (&flow.topic, "topic"), (&flow.target, "table"), Some(&flow.pipeline), json!([])).await.expect(200);
    flow
}

async fn put(
    site: &Site,
    from: (&Value, &str),
    to: (&Value, &str),
    pipeline: Option<&Value>,
    columns: Value,
) -> crate::site::Answer {
    let mut details = json!({"columnsLineage": columns, "sqlQuery": "select 1", "source": "PipelineLineage"});
    if let Some(pipeline) = pipeline {
        details["pipeline"] = json!({"id": pipeline["id"], "type": "pipeline"});
    }
    let end = |(entity, kind): (&Value, &str)| json!({"id": entity["id"], "type": kind});
    site.put("/lineage", json!({"edge": {"fromEntity": end(from), "toEntity": end(to), "lineageDetails": details}}))
        .await
}

fn ids(list: &Value, key: &str) -> Vec<Value> {
    list.as_array().expect("a list").iter().map(|one| one[key].clone()).collect()
}

#[tokio::test]
async fn the_graph_is_read_from_both_ends_and_from_the_middle() {
    let site = Site::new().await;
    let Flow { source, topic, target, pipeline } = flow(&site).await;
    let up = site
        .get(&format!("/lineage/table/{}?upstreamDepth=3&downstreamDepth=0", text(&target, "id")))
        .await
        .expect(200);
    assert_eq!(up["entity"]["id"], target["id"]);
    assert_eq!(ids(&up["nodes"], "id"), [topic["id"].clone(), source["id"].clone()], "nearest first");
    assert_eq!(
        (up["upstreamEdges"].as_array().map(Vec::len), up["downstreamEdges"].as_array().map(Vec::len)),
        (Some(2), Some(0))
    );
    let name = encode(text(&source, "fullyQualifiedName"));
    let down = site.get(&format!("/lineage/table/name/{name}?upstreamDepth=0&downstreamDepth=3")).await.expect(200);
    let edge = &down["downstreamEdges"][0];
    assert_eq!((&edge["fromEntity"], &edge["toEntity"]), (&source["id"], &topic["id"]));
    assert_eq!(edge["lineageDetails"]["pipeline"]["id"], pipeline["id"]);
    assert_eq!(edge["lineageDetails"]["pipeline"]["fullyQualifiedName"], pipeline["fullyQualifiedName"]);
    assert_eq!(edge["lineageDetails"]["source"], "PipelineLineage");
    assert_eq!(edge["lineageDetails"]["sqlQuery"], "select 1");
    let near = site.get(&format!("/lineage/topic/{}", text(&topic, "id"))).await.expect(200);
    assert_eq!(near["nodes"].as_array().map(Vec::len), Some(2), "one edge each way where nothing is said");
    let none = site
        .get(&format!("/lineage/table/{}?upstreamDepth=0&downstreamDepth=0", text(&target, "id")))
        .await
        .expect(200);
    assert_eq!(none["nodes"], json!([]));
}

#[tokio::test]
async fn mappings_of_columns_that_do_not_exist_are_dropped() {
    let site = Site::local().await;
    let Flow { source, topic, .. } = flow(&site).await;
    let path = format!("/lineage/getLineageEdge/{}/{}", text(&source, "id"), text(&topic, "id"));
    let (from, to) = (text(&source, "fullyQualifiedName"), text(&topic, "fullyQualifiedName"));
    let columns = site.get(&path).await.expect(200)["edge"]["columnsLineage"].clone();
    assert_eq!(
        columns,
        json!([
            {"fromColumns": [format!("{from}.id")], "toColumn": format!("{to}.id")},
            {"fromColumns": [format!("{from}.id"), format!("{from}.amount")], "toColumn": format!("{to}.amount"), "function": "sum"},
        ])
    );
}

#[tokio::test]
async fn an_edge_to_what_is_gone_is_refused() {
    let site = Site::new().await;
    let Flow { source, topic, .. } = flow(&site).await;
    let nowhere = json!({"id": "00000000-0000-0000-0000-000000000001"});
    let message = put(&site, (&nowhere, "table"), (&topic, "topic"), None, json!([])).await.refused(404);
    assert_eq!(message, "table instance for 00000000-0000-0000-0000-000000000001 not found");
    put(&site, (&source, "table"), (&nowhere, "topic"), None, json!([])).await.refused(404);
    put(&site, (&source, "table"), (&topic, "topic"), Some(&nowhere), json!([])).await.refused(404);
    site.get(&format!("/lineage/table/{}", text(&nowhere, "id"))).await.refused(404);
    site.get(&format!("/lineage/getLineageEdge/{}/{}", text(&topic, "id"), text(&source, "id"))).await.refused(404);
    site.delete(&format!("/lineage/topic/{}/table/{}", text(&topic, "id"), text(&source, "id"))).await.refused(404);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let site = Site::local().await;
    let Flow { source, topic, .. } = flow(&site).await;
    let message = put(&site, (&source, "table"), (&source, "table"), None, json!([])).await.refused(400);
    assert!(message.contains("cannot come from itself"), "{message}");
    put(&site, (&source, "topic"), (&topic, "topic"), None, json!([])).await.refused(404);
    put(&site, (&source, "nosuch"), (&topic, "topic"), None, json!([])).await.refused(400);
    let path = format!("/lineage/table/{}", text(&source, "id"));
    for (query, part) in [
        ("upstreamDepth=11", "upstreamDepth must be less than or equal to 10"),
        ("downstreamDepth=-1", "downstreamDepth must be greater"),
        ("downstreamDepth=x", "not a whole number"),
    ] {
        let message = site.get(&format!("{path}?{query}")).await.refused(400);
        assert!(message.contains(part), "{message}");
    }
    site.get(&format!("{path}?upstreamDepth=10&downstreamDepth=10")).await.expect(200);
    site.put("/lineage", json!({"edge": {"from": {}}})).await.refused(400);
    site.put("/lineage", json!({})).await.refused(400);
}

#[tokio::test]
async fn an_edge_is_patched_relative_to_its_details() {
    let site = Site::local().await;
    let Flow { topic, target, .. } = flow(&site).await;
    let path = format!("/lineage/topic/{}/table/{}", text(&topic, "id"), text(&target, "id"));
    let (from, to) = (text(&topic, "fullyQualifiedName"), text(&target, "fullyQualifiedName"));
    let mapping =
        |column: &str| json!({"fromColumns": [format!("{from}.{column}")], "toColumn": format!("{to}.{column}")});
    let operations = json!([{"op": "add", "path": "/columnsLineage/0", "value": mapping("id")}, {"op": "add", "path": "/columnsLineage/1", "value": mapping("amount")}]);
    site.patch(&path, operations).await.expect(200);
    let edge =
        site.get(&format!("/lineage/getLineageEdge/{}/{}", text(&topic, "id"), text(&target, "id"))).await.expect(200);
    assert_eq!(edge["edge"]["columnsLineage"], json!([mapping("id"), mapping("amount")]));
    assert_eq!(edge["edge"]["sqlQuery"], "select 1");
    assert_eq!(edge["edge"]["pipeline"]["name"], "ingest");
}

#[tokio::test]
async fn an_edge_is_written_read_and_deleted_by_names() {
    let site = Site::local().await;
    let Flow { source, target, .. } = flow(&site).await;
    let ends = format!(
        "table/name/{}/table/name/{}",
        encode(text(&source, "fullyQualifiedName")),
        encode(text(&target, "fullyQualifiedName"))
    );
    site.get(&format!("/lineage/getLineageEdge/{ends}")).await.refused(404);
    site.put(&format!("/lineage/{ends}"), json!({"sqlQuery": "create view", "source": "ViewLineage"}))
        .await
        .expect(200);
    let edge = site.get(&format!("/lineage/getLineageEdge/{ends}")).await.expect(200);
    assert_eq!(edge["edge"]["source"], "ViewLineage");
    site.delete(&format!("/lineage/{ends}")).await.expect(200);
    site.get(&format!("/lineage/getLineageEdge/{ends}")).await.refused(404);
}

#[tokio::test]
async fn edges_follow_the_fate_of_their_ends() {
    let site = Site::local().await;
    let Flow { source, topic, target, .. } = flow(&site).await;
    let graph = format!("/lineage/table/{}?upstreamDepth=3&downstreamDepth=3", text(&target, "id"));
    site.delete(&format!("/topics/{}", text(&topic, "id"))).await.expect(200);
    assert_eq!(site.get(&graph).await.expect(200)["upstreamEdges"], json!([]), "hidden with what is deleted softly");
    let all = site.get(&format!("{graph}&includeDeleted=true")).await.expect(200);
    assert_eq!(ids(&all["nodes"], "id"), [topic["id"].clone(), source["id"].clone()]);
    assert_eq!(all["nodes"][0]["deleted"], true);
    site.put("/topics/restore", json!({"id": topic["id"]})).await.expect(200);
    assert_eq!(site.get(&graph).await.expect(200)["upstreamEdges"].as_array().map(Vec::len), Some(2));
    site.delete(&format!("/topics/{}?hardDelete=true", text(&topic, "id"))).await.expect(200);
    let rest = site.get(&format!("{graph}&includeDeleted=true")).await.expect(200);
    assert_eq!((&rest["nodes"], &rest["upstreamEdges"]), (&json!([]), &json!([])), "gone with what is gone for good");
}

#[tokio::test]
async fn a_pipeline_that_is_gone_is_on_no_edge() {
    let site = Site::local().await;
    let Flow { topic, target, pipeline, .. } = flow(&site).await;
    site.delete(&format!("/pipelines/{}?hardDelete=true", text(&pipeline, "id"))).await.expect(200);
    let edge =
        site.get(&format!("/lineage/getLineageEdge/{}/{}", text(&topic, "id"), text(&target, "id"))).await.expect(200);
    assert_eq!(edge["edge"].get("pipeline"), None);
}

#[tokio::test]
async fn the_graph_by_query_names_nodes_and_edges() {
    let site = Site::local().await;
    let Flow { source, topic, target, .. } = flow(&site).await;
    let name = encode(text(&source, "fullyQualifiedName"));
    let graph = site
        .get(&format!(
            "/lineage/getLineage?fqn={name}&type=table&upstreamDepth=3&downstreamDepth=3&includeDeleted=false&size=50"
        ))
        .await
        .expect(200);
    for (entity, depth) in [(&source, 0), (&topic, 1), (&target, 2)] {
        let node = &graph["nodes"][text(entity, "fullyQualifiedName")];
        assert_eq!((&node["entity"]["id"], &node["nodeDepth"]), (&entity["id"], &json!(depth)));
    }
    let key = format!("{}--->{}", text(&source, "id"), text(&topic, "id"));
    let edge = &graph["downstreamEdges"][&key];
    assert_eq!(edge["fromEntity"]["fullyQualifiedName"], source["fullyQualifiedName"]);
    assert_eq!(edge["columns"].as_array().map(Vec::len), Some(2));
    site.get("/lineage/getLineage?type=table").await.refused(400);
    site.get("/lineage/getLineage?fqn=no.such&type=table").await.refused(404);
}

#[tokio::test]
async fn a_circle_is_walked_once() {
    let site = Site::local().await;
    let Flow { source, target, .. } = flow(&site).await;
    put(&site, (&target, "table"), (&source, "table"), None, json!([])).await.expect(200);
    let graph = site
        .get(&format!("/lineage/table/{}?upstreamDepth=10&downstreamDepth=10", text(&source, "id")))
        .await
        .expect(200);
    assert_eq!(graph["downstreamEdges"].as_array().map(Vec::len), Some(3));
    assert_eq!(graph["nodes"].as_array().map(Vec::len), Some(2));
}
