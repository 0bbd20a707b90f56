//! Names that need quoting, encoding, or a refusal.

use serde_json::json;

use crate::site::{Site, encode, text};

#[tokio::test]
async fn names_with_dots_are_quoted_and_found() {
    let site = Site::new().await;
    let pg = site.name("pg");
    site.tables(&pg, &[]).await;
    let schema = json!({"name": "odd.schema", "database": format!("{pg}.shop")});
    let schema = site.put("/databaseSchemas", schema).await.expect(201);
    assert_eq!(text(&schema, "fullyQualifiedName"), format!("{pg}.shop.\"odd.schema\""));
    let body = json!({"name": "odd.table", "databaseSchema": schema["fullyQualifiedName"], "columns": [
        {"name": "odd.column", "dataType": "STRUCT", "children": [{"name": "in ner", "dataType": "INT"}]}]});
    let table = site.put("/tables", body).await.expect(201);
    let name = format!("{pg}.shop.\"odd.schema\".\"odd.table\"");
    assert_eq!(text(&table, "fullyQualifiedName"), name);
    let inner = &table["columns"][0]["children"][0];
    assert_eq!(text(inner, "fullyQualifiedName"), format!("{name}.\"odd.column\".in ner"));
    assert_eq!(site.named("tables", &name).await["id"], table["id"]);
}

#[tokio::test]
async fn names_of_every_alphabet_and_every_character_are_kept() {
    let site = Site::new().await;
    let schema = site.tables(&site.name("pg"), &[]).await;
    for name in
        ["Mixed Case", "größe", "表", "100%", "a/b", "a?b#c", "a&b=c", "we__reserved__quote__ird", "x'y", "a\\b", "🦀"]
    {
        let body = json!({"name": name, "databaseSchema": schema, "columns": [{"name": name, "dataType": "INT"}]});
        site.put("/tables", body).await.expect(201);
        let table = site.named("tables", &format!("{schema}.{name}")).await;
        assert_eq!(table["name"], name);
        assert_eq!(text(&table["columns"][0], "fullyQualifiedName"), format!("{schema}.{name}.{name}"));
    }
}

#[tokio::test]
async fn a_service_with_a_dot_is_named_bare_or_quoted() {
    let site = Site::local().await;
    for (index, service) in ["my.pg", "\"my.pg\""].iter().enumerate() {
        if index == 0 {
            site.put("/services/databaseServices", json!({"name": "my.pg", "serviceType": "Postgres"}))
                .await
                .expect(201);
        }
        let name = format!("db{index}");
        let database = site.put("/databases", json!({"name": name, "service": service})).await.expect(201);
        assert_eq!(text(&database, "fullyQualifiedName"), format!("\"my.pg\".{name}"));
        let list = site.get(&format!("/databases?service={}", encode(service))).await.expect(200);
        assert_eq!(list["paging"]["total"], index + 1);
    }
}

#[tokio::test]
async fn a_name_may_be_as_long_as_the_interface_says() {
    let site = Site::local().await;
    let schema = site.tables("pg", &[]).await;
    let body = |length: usize| json!({"name": "n".repeat(length), "databaseSchema": schema, "columns": []});
    site.put("/tables", body(256)).await.expect(201);
    let message = site.put("/tables", body(257)).await.refused(400);
    assert!(message.contains("256"), "{message}");
}
