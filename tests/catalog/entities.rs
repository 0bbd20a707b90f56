//! Creating, replacing, patching: the same for every kind, shown with services, tables, topics, containers and pipelines.

use serde_json::json;

use crate::site::{Site, table_body, text};

#[tokio::test]
async fn a_put_creates_once_and_then_finds_the_same() {
    let site = Site::new().await;
    let (service, schema) = (site.name("pg"), site.name("pg") + ".shop.public");
    site.tables(&service, &[]).await;
    let first = site.put("/tables", table_body("orders", &schema)).await.expect(201);
    let second = site.put("/tables", table_body("orders", &schema)).await.expect(200);
    for field in ["id", "version", "updatedAt", "fullyQualifiedName"] {
        assert_eq!(first[field], second[field], "{field}: the same body changes nothing");
    }
    assert_eq!(first["version"], 0.1);
    assert_eq!(first["service"]["name"], service);
    assert_eq!(first["serviceType"], "Postgres");
    assert_eq!(text(&first["columns"][0], "fullyQualifiedName"), format!("{schema}.orders.id"));
    let by_id = site.get(&format!("/tables/{}", text(&first, "id"))).await.expect(200);
    let by_name = site.named("tables", &format!("{schema}.orders")).await;
    assert_eq!(by_id, by_name);
    assert!(text(&by_id, "href").ends_with(&format!("/api/v1/tables/{}", text(&first, "id"))));
    site.post("/tables", table_body("orders", &schema)).await.refused(409);
}

#[tokio::test]
async fn every_kind_is_written_and_read_back() {
    let site = Site::new().await;
    let (pg, kafka, jobs, hdfs) = (site.name("pg"), site.name("kafka"), site.name("jobs"), site.name("hdfs"));
    let schema = site.tables(&pg, &[]).await;
    let topic = site.topic(&kafka, "shop.public.orders").await;
    assert_eq!(topic, format!("{kafka}.\"shop.public.orders\""));
    let topic = site.named("topics", &topic).await;
    assert_eq!(
        text(&topic["messageSchema"]["schemaFields"][0], "fullyQualifiedName"),
        format!("{kafka}.\"shop.public.orders\".id")
    );
    let pipeline = site.pipeline(&jobs, "ingest").await;
    assert_eq!(text(&pipeline["tasks"][0], "fullyQualifiedName"), format!("{jobs}.ingest.0"));
    let storage = json!({"name": hdfs, "serviceType": "CustomStorage",
        "connection": {"config": {"type": "CustomStorage", "sourcePythonClass": "none", "connectionOptions": {"a": "b"}}}});
    site.put("/services/storageServices", storage).await.expect(201);
    let container = json!({"name": "/data/delta/orders", "service": hdfs, "prefix": "/data/delta/orders",
        "fullPath": "hdfs://namenode:9000/data/delta/orders", "fileFormats": ["parquet"], "size": 1024, "numberOfObjects": 3,
        "dataModel": {"isPartitioned": false, "columns": [{"name": "id", "dataType": "BIGINT"}]}});
    let container = site.put("/containers", container).await.expect(201);
    assert_eq!(
        text(&container["dataModel"]["columns"][0], "fullyQualifiedName"),
        format!("{hdfs}./data/delta/orders.id")
    );
    let below = json!({"name": "part", "service": hdfs, "parent": {"id": container["id"], "type": "container"}});
    let below = site.put("/containers", below).await.expect(201);
    assert_eq!(text(&below, "fullyQualifiedName"), format!("{hdfs}./data/delta/orders.part"));
    let procedure = json!({"name": "refresh", "databaseSchema": schema, "storedProcedureType": "Function",
        "storedProcedureCode": {"code": "select 1", "language": "SQL"}});
    let procedure = site.put("/storedProcedures", procedure).await.expect(201);
    assert_eq!(text(&procedure, "fullyQualifiedName"), format!("{schema}.refresh"));
    for (collection, name) in [("databases", format!("{pg}.shop")), ("databaseSchemas", schema)] {
        assert_eq!(text(&site.named(collection, &name).await, "fullyQualifiedName"), name);
    }
}

#[tokio::test]
async fn numbers_in_strings_become_numbers() {
    let site = Site::new().await;
    let kafka = site.name("kafka");
    site.topic(&kafka, "t").await;
    let body = json!({"name": "t", "service": kafka, "partitions": "3", "replicationFactor": "1", "retentionTime": "604800000",
        "maximumMessageSize": "1048588", "retentionSize": "-1", "cleanupPolicies": ["delete"], "topicConfig": {"x": "1"}});
    let topic = site.put("/topics", body).await.expect(200);
    assert_eq!((topic["partitions"].as_i64(), topic["retentionTime"].as_f64()), (Some(3), Some(604_800_000.0)));
}

#[tokio::test]
async fn what_people_wrote_survives_the_next_ingestion() {
    let site = Site::new().await;
    let schema = site.tables(&site.name("pg"), &["orders"]).await;
    let name = format!("{schema}.orders");
    let table = site.named("tables", &name).await;
    let path = format!("/tables/{}", text(&table, "id"));
    let admin = site.get("/users/name/admin").await.expect(200);
    let tag =
        json!({"tagFQN": "PII.Sensitive", "source": "Classification", "labelType": "Manual", "state": "Confirmed"});
    let patched = site
        .patch(
            &path,
            json!([
                {"op": "add", "path": "/description", "value": "Written by a person."},
                {"op": "add", "path": "/displayName", "value": "Orders"},
                {"op": "add", "path": "/owners", "value": [{"id": admin["id"], "type": "user"}]},
                {"op": "add", "path": "/columns/1/tags", "value": [tag]},
                {"op": "add", "path": "/columns/1/description", "value": "In euro."},
            ]),
        )
        .await
        .expect(200);
    assert_eq!(patched["version"], 0.2);
    assert_eq!(patched["updatedBy"], "admin");
    assert_eq!(patched["owners"][0]["name"], "admin");
    assert_eq!(patched["columns"][1]["tags"][0]["name"], "Sensitive");

    let mut body = table_body("orders", &schema);
    body["description"] = json!("From the database.");
    body["columns"][1]["description"] = json!("From the database.");
    body["columns"].as_array_mut().expect("columns").push(json!({"name": "note", "dataType": "TEXT"}));
    let bot = site.as_bot().await;
    let again = bot.put("/tables", body.clone()).await.expect(200);
    assert_eq!(again["updatedBy"], "ingestion-bot");
    assert_eq!(again["columns"].as_array().map(Vec::len), Some(3));
    let now = site.named("tables", &name).await;
    assert_eq!(now["description"], "Written by a person.");
    assert_eq!(now["displayName"], "Orders");
    assert_eq!(now["columns"][1]["description"], "In euro.");
    assert_eq!(now["columns"][1]["tags"][0]["tagFQN"], "PII.Sensitive");
    assert_eq!(now["owners"][0]["name"], "admin");

    let forced = bot.put("/tables/bulk?overrideMetadata=true", json!([body])).await.expect(200);
    assert_eq!(forced["numberOfRowsFailed"], 0);
    assert_eq!(site.named("tables", &name).await["description"], "From the database.");
}

#[tokio::test]
async fn a_put_by_a_person_replaces() {
    let site = Site::new().await;
    let schema = site.tables(&site.name("pg"), &["orders"]).await;
    let mut body = table_body("orders", &schema);
    body["description"] = json!("x");
    site.put("/tables", body).await.expect(200);
    let mut body = table_body("orders", &schema);
    body["columns"].as_array_mut().expect("columns").pop();
    let replaced = site.put("/tables", body).await.expect(200);
    assert_eq!(replaced.get("description"), None);
    assert_eq!(replaced["version"], 1.2, "what is gone makes a major version");
}

#[tokio::test]
async fn a_patch_can_do_what_rfc_6902_has_and_no_more() {
    let site = Site::new().await;
    let schema = site.tables(&site.name("pg"), &["orders", "customers"]).await;
    let table = site.named("tables", &format!("{schema}.orders")).await;
    let path = format!("/tables/{}", text(&table, "id"));
    // The foreign key as the official client adds it: as a list where there is none, with all columns anew.
    let key = json!({"constraintType": "FOREIGN_KEY", "columns": ["id"], "relationshipType": "MANY_TO_ONE",
        "referredColumns": [format!("{schema}.customers.id")]});
    let columns = json!([{"name": "id", "dataType": "BIGINT", "ordinalPosition": 1}]);
    let patched = site
        .patch(
            &path,
            json!([
                {"op": "add", "path": "/tableConstraints", "value": [key]},
                {"op": "replace", "path": "/columns", "value": columns},
                {"op": "test", "path": "/name", "value": "orders"},
            ]),
        )
        .await
        .expect(200);
    assert_eq!(patched["tableConstraints"][0]["constraintType"], "FOREIGN_KEY");
    assert_eq!(text(&patched["columns"][0], "fullyQualifiedName"), format!("{schema}.orders.id"));
    for (operations, status, part) in [
        (json!([{"op": "replace", "path": "/name", "value": "x"}]), 400, "name of a table cannot be changed"),
        (json!([{"op": "add", "path": "/nosuch", "value": 1}]), 400, "Unrecognized field \"nosuch\""),
        (
            json!([{"op": "add", "path": "/columns/0/nosuch", "value": 1}]),
            400,
            "Unrecognized field \"nosuch\" in columns[0]",
        ),
        (json!([{"op": "test", "path": "/name", "value": "x"}]), 400, "does not apply"),
        (json!([{"op": "remove", "path": "/columns"}]), 400, "columns must not be null"),
        (json!([{"op": "fly", "path": "/x"}]), 400, "no JSON Patch"),
        (json!({"description": "x"}), 400, "no JSON Patch"),
        (
            json!([{"op": "add", "path": "/tags", "value": [{"tagFQN": "No.Such"}]}]),
            404,
            "tag instance for No.Such not found",
        ),
    ] {
        let message = site.patch(&path, operations.clone()).await.refused(status);
        assert!(message.contains(part), "{operations}: {message}");
    }
    let unchanged = site.get(&path).await.expect(200);
    assert_eq!(unchanged["version"], patched["version"], "a refused patch changes nothing");
    let silent = json!([{"op": "replace", "path": "/version", "value": 9.9}]);
    assert_eq!(site.patch(&path, silent).await.expect(200)["version"], patched["version"]);
}

#[tokio::test]
async fn a_wrong_body_is_refused_with_the_reason() {
    let site = Site::local().await;
    let schema = site.tables("pg", &[]).await;
    let column = |extra: serde_json::Value| {
        let mut body = table_body("t", &schema);
        body["columns"][0].as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        body
    };
    for (path, body, status, part) in [
        ("/databases", json!({"nam": "x"}), 400, "Unrecognized field \"nam\""),
        ("/databases", json!({"name": "x"}), 400, "service must not be null"),
        ("/databases", json!({"name": "x", "service": "nosuch"}), 404, "databaseService instance for nosuch not found"),
        ("/databases", json!({"name": "", "service": "pg"}), 400, "empty"),
        ("/databases", json!({"name": "a::b", "service": "pg"}), 400, "__reserved__colon__"),
        ("/databases", json!([]), 400, "JSON object"),
        ("/services/pipelineServices", json!({"name": "x", "serviceType": "Sparks"}), 400, "is none of Airflow"),
        ("/services/storageServices", json!({"name": "x", "serviceType": "HDFS"}), 400, "CustomStorage"),
        ("/tables", column(json!({"dataType": "BIGGINT"})), 400, "columns[0].dataType"),
        ("/tables", column(json!({"nosuch": 1})), 400, "Unrecognized field \"nosuch\" in columns[0]"),
        ("/tables", column(json!({"name": "amount"})), 400, "`amount` stands there twice"),
        ("/tables", column(json!({"name": "a\"b"})), 400, "__reserved__quote__"),
        ("/tables", column(json!({"precision": "many"})), 400, "not a whole number"),
    ] {
        let message = site.put(path, body.clone()).await.refused(status);
        assert!(message.contains(part), "{path} {body}: {message}");
    }
    for body in ["", "{", "nil", "\u{0}"] {
        let message = site.raw("PUT", "/tables", Some(body.into())).await.refused(400);
        assert!(message.contains("no JSON"), "{body:?}: {message}");
    }
    let message = site.raw("PUT", "/tables", Some(vec![b' '; 17 << 20])).await.refused(413);
    assert!(message.contains("length limit"), "{message}");
}

#[tokio::test]
async fn a_service_keeps_its_type() {
    let site = Site::new().await;
    let kafka = site.name("kafka");
    site.topic(&kafka, "t").await;
    let body = json!({"name": kafka, "serviceType": "Redpanda",
        "connection": {"config": {"type": "Redpanda", "bootstrapServers": "kafka:9092"}}});
    let message = site.put("/services/messagingServices", body).await.refused(400);
    assert!(message.contains("Redpanda"), "{message}");
}

#[tokio::test]
async fn a_password_is_neither_stored_nor_answered() {
    let site = Site::local().await;
    let body = json!({"name": "pg", "serviceType": "Postgres", "connection": {"config": {
        "type": "Postgres", "username": "u", "authType": {"password": "hunter2-secret"}, "hostPort": "db:5432", "database": "shop"}}});
    let service = site.put("/services/databaseServices", body).await.expect(201);
    assert_eq!(service["connection"]["config"]["authType"]["password"], "*********");
    assert_eq!(service["connection"]["config"]["hostPort"], "db:5432");
    for file in std::fs::read_dir(site.data()).expect("the data directory") {
        let bytes = std::fs::read(file.expect("an entry").path()).expect("readable");
        assert!(!bytes.windows(14).any(|window| window == b"hunter2-secret"), "the password is on the disk");
    }
}

#[tokio::test]
async fn an_empty_message_schema_does_not_wipe_a_known_one() {
    let site = Site::local().await;
    let name = site.topic("kafka", "orders").await;
    let empty = json!({"schemaText": "", "schemaType": "Other", "schemaFields": []});
    let body = json!({"name": "orders", "service": "kafka", "partitions": 1, "messageSchema": empty});
    site.as_bot().await.put("/topics", body).await.expect(200);
    let fields = site.named("topics", &name).await["messageSchema"]["schemaFields"].clone();
    assert_eq!(fields.as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn runs_of_a_pipeline_are_kept_by_time() {
    let site = Site::new().await;
    let (jobs, time) = (site.name("jobs"), 1_795_352_119_566_i64);
    site.pipeline(&jobs, "a.b").await;
    let path = format!("/pipelines/{}/status", crate::site::encode(&format!("{jobs}.\"a.b\"")));
    let run = |at: i64, state: &str| json!({"timestamp": at, "executionStatus": state, "taskStatus": [{"name": "0", "executionStatus": state}]});
    site.put(&path, run(time, "Successful")).await.expect(200);
    // A run that is reported late does not become the newest.
    let pipeline = site.put(&path, run(time - 1000, "Failed")).await.expect(200);
    assert_eq!(pipeline["pipelineStatus"]["executionStatus"], "Successful");
    assert_eq!(pipeline["version"], 0.1, "a run is no change of the pipeline");
    let list = site.get(&format!("{path}?startTs={}&endTs={time}", time - 1000)).await.expect(200);
    assert_eq!(list["paging"]["total"], 2);
    assert_eq!((&list["data"][0]["timestamp"], &list["data"][1]["executionStatus"]), (&json!(time), &json!("Failed")));
    let again = json!({"name": "a.b", "service": jobs, "tasks": [{"name": "0"}]});
    let kept = site.put("/pipelines", again).await.expect(200);
    assert_eq!(kept["pipelineStatus"]["timestamp"], time, "the next ingestion keeps the runs");
    let message = site.put(&path, run(time, "Running")).await.refused(400);
    assert!(message.contains("Running"), "{message}");
}

#[tokio::test]
async fn an_owner_or_tag_that_is_gone_does_not_hinder_the_next_ingestion() {
    let site = Site::local().await;
    let schema = site.tables("pg", &["orders"]).await;
    let user = site.put("/users", json!({"name": "ann", "email": "ann@open-metadata.org"})).await.expect(201);
    let tag = json!({"name": "Own", "classification": "PersonalData", "description": "x"});
    let tag = site.post("/tags", tag).await.expect(201);
    let table = site.named("tables", &format!("{schema}.orders")).await;
    let path = format!("/tables/{}", text(&table, "id"));
    let label = json!([{"tagFQN": "PersonalData.Own"}]);
    let operations = json!([
        {"op": "add", "path": "/owners", "value": [{"id": user["id"], "type": "user"}]},
        {"op": "add", "path": "/tags", "value": label},
        {"op": "add", "path": "/columns/0/tags", "value": label},
    ]);
    site.patch(&path, operations).await.expect(200);
    site.delete(&format!("/users/{}?hardDelete=true", text(&user, "id"))).await.expect(200);
    site.delete(&format!("/tags/{}?hardDelete=true", text(&tag, "id"))).await.expect(200);
    let again = site.as_bot().await.put("/tables", table_body("orders", &schema)).await.expect(200);
    assert_eq!((&again["owners"], &again["tags"], &again["columns"][0]["tags"]), (&json!([]), &json!([]), &json!([])));
    site.patch(&path, json!([{"op": "add", "path": "/displayName", "value": "x"}])).await.expect(200);
}

#[tokio::test]
async fn the_newest_measurement_stands_in_the_table() {
    let site = Site::new().await;
    let schema = site.tables(&site.name("pg"), &["orders"]).await;
    let name = format!("{schema}.orders");
    let path = format!("/tables/{}/tableProfile", text(&site.named("tables", &name).await, "id"));
    let profile = |at: i64, rows: i64| json!({"tableProfile": {"timestamp": at, "rowCount": rows, "sizeInByte": 8192, "columnCount": 2}});
    site.put(&path, profile(1_795_352_119_566, 10)).await.expect(200);
    site.put(&path, profile(1_795_352_000_000, 5)).await.expect(200);
    site.as_bot().await.put("/tables", table_body("orders", &schema)).await.expect(200);
    let table = site.get(&format!("/tables/{}/tableProfile/latest", crate::site::encode(&name))).await.expect(200);
    assert_eq!(table["profile"]["rowCount"].as_f64(), Some(10.0));
    assert_eq!(table["version"], 0.1, "a measurement is no change of the table");
    site.put(&path, json!({"tableProfile": {"rowCount": 1}})).await.refused(400);
}

#[tokio::test]
async fn usage_is_counted_by_day() {
    let site = Site::new().await;
    let pipeline = site.pipeline(&site.name("jobs"), "ingest").await;
    let path = format!("/usage/pipeline/{}", text(&pipeline, "id"));
    for _ in 0..2 {
        let answer = site.put(&path, json!({"date": "2026-11-22", "count": 2})).await;
        assert!(answer.status < 300, "{answer:?}");
    }
    let ranked = site.raw("POST", "/usage/compute.percentile/pipeline/2026-11-22", None).await;
    assert!(ranked.status < 300, "{ranked:?}");
    let pipeline = site.get(&format!("/pipelines/{}?fields=usageSummary", text(&pipeline, "id"))).await.expect(200);
    assert_eq!(pipeline["usageSummary"]["dailyStats"]["count"], 4);
    assert_eq!(pipeline["usageSummary"]["date"], "2026-11-22");
    site.put(&path, json!({"date": "today", "count": 1})).await.refused(400);
}

#[tokio::test]
async fn usage_reported_by_name_is_read_by_id() {
    let site = Site::local().await;
    let pipeline = site.pipeline(&site.name("jobs"), "ingest").await;
    let by_id = format!("/usage/pipeline/{}", text(&pipeline, "id"));
    let by_name = format!("/usage/pipeline/name/{}", crate::site::encode(text(&pipeline, "fullyQualifiedName")));
    site.put(&by_name, json!({"date": "2026-11-22", "count": 3})).await.expect(201);
    let read = site.get(&by_id).await.expect(200);
    assert_eq!(read["usage"][0]["dailyStats"]["count"], 3);
    assert_eq!(read, site.get(&by_name).await.expect(200));
    site.get("/usage/pipeline/name/nobody.knows").await.refused(404);
    site.get("/usage/pipeline/ingest").await.refused(404);
}
