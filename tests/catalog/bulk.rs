//! Many at once, as the official client sends them.

use serde_json::json;

use crate::site::{Site, table_body, text};

#[tokio::test]
async fn a_bulk_request_names_what_is_wrong_and_keeps_the_rest() {
    let site = Site::new().await;
    let schema = site.tables(&site.name("pg"), &["old"]).await;
    let mut wrong = table_body("wrong", &schema);
    wrong["columns"][0]["dataType"] = json!("NOSUCH");
    let bodies = json!([table_body("old", &schema), wrong, table_body("new", &schema), {"name": "lost", "databaseSchema": "no.such.schema", "columns": []}]);
    let result = site.put("/tables/bulk?async=false&overrideMetadata=false", bodies).await.expect(200);
    assert_eq!(
        (&result["numberOfRowsProcessed"], &result["numberOfRowsPassed"], &result["numberOfRowsFailed"]),
        (&json!(4), &json!(2), &json!(2))
    );
    let done: Vec<_> = result["successRequest"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (text(one, "request"), one["status"].as_i64()))
        .collect();
    assert_eq!(done, [(format!("{schema}.old").as_str(), Some(200)), (format!("{schema}.new").as_str(), Some(201))]);
    let failed: Vec<_> = result["failedRequest"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (text(one, "request"), one["status"].as_i64()))
        .collect();
    assert_eq!(failed, [("wrong", Some(400)), ("lost", Some(404))]);
    site.named("tables", &format!("{schema}.new")).await;
}

#[tokio::test]
async fn every_collection_of_the_client_takes_a_list() {
    let site = Site::local().await;
    site.put("/services/databaseServices", json!({"name": "pg", "serviceType": "Postgres"})).await.expect(201);
    site.topic("kafka", "t").await;
    for (collection, body) in [
        ("databases", json!([{"name": "d", "service": "pg", "sourceHash": "x"}])),
        ("databaseSchemas", json!([{"name": "s", "database": "pg.d", "description": "text", "sourceHash": "x"}])),
        (
            "tables",
            json!([{"name": "v", "databaseSchema": "pg.d.s", "tableType": "View", "schemaDefinition": "create view", "columns": [], "sourceHash": "x"}]),
        ),
        (
            "storedProcedures",
            json!([{"name": "p", "databaseSchema": "pg.d.s", "storedProcedureCode": {"code": "x"}, "storedProcedureType": "Function"}]),
        ),
        (
            "topics",
            json!([{"name": "a.b", "service": "kafka", "partitions": 1, "cleanupPolicies": ["delete"], "topicConfig": {"retention.ms": "1"}}]),
        ),
    ] {
        let result = site.put(&format!("/{collection}/bulk"), body).await.expect(200);
        assert_eq!(
            (&result["numberOfRowsPassed"], &result["status"]),
            (&json!(1), &json!("success")),
            "{collection}: {result}"
        );
    }
    let empty = site.put("/tables/bulk", json!([])).await.expect(200);
    assert_eq!(empty["numberOfRowsProcessed"], 0);
    site.put("/tables/bulk", json!({})).await.refused(400);
}

#[tokio::test]
async fn what_was_not_seen_is_deleted_softly() {
    let site = Site::new().await;
    let (pg, kafka) = (site.name("pg"), site.name("kafka"));
    let schema = site.tables(&pg, &["kept", "gone"]).await;
    let body = json!({"scopeFqn": schema, "scopeEntityType": "databaseSchema", "seenFqns": [format!("{schema}.kept")], "recursive": true});
    let result = site.send("DELETE", "/tables/deleteStale", Some(&body)).await.expect(200);
    assert_eq!(result["successRequest"][0]["request"], format!("{schema}.gone"));
    site.named("tables", &format!("{schema}.kept")).await;
    let gone = crate::site::by_name("tables", &format!("{schema}.gone"));
    site.get(&gone).await.refused(404);
    site.get(&format!("{gone}?include=deleted")).await.expect(200);
    // Topics stand right below their service, which the client calls `service`.
    let topic = site.topic(&kafka, "x.y").await;
    let scope = |seen: serde_json::Value| json!({"scopeFqn": kafka, "scopeEntityType": "service", "seenFqns": seen, "recursive": true});
    site.send("DELETE", "/topics/deleteStale", Some(&scope(json!([topic])))).await.expect(200);
    site.named("topics", &topic).await;
    site.send("DELETE", "/topics/deleteStale", Some(&scope(json!([])))).await.expect(200);
    site.get(&crate::site::by_name("topics", &topic)).await.refused(404);
    let lost = json!({"scopeFqn": "nosuch", "scopeEntityType": "service", "seenFqns": [], "recursive": true});
    site.send("DELETE", "/topics/deleteStale", Some(&lost)).await.refused(404);
}
