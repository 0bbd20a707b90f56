//! Deleting softly and for good, with what stands below, and bringing back.

use serde_json::json;

use crate::site::{Site, encode, text};

#[tokio::test]
async fn what_is_deleted_softly_is_hidden_and_can_be_restored() {
    let site = Site::new().await;
    let schema = site.tables(&site.name("pg"), &["orders"]).await;
    let table = site.named("tables", &format!("{schema}.orders")).await;
    let path = format!("/tables/{}", text(&table, "id"));
    let deleted = site.delete(&path).await.expect(200);
    assert_eq!(deleted["deleted"], true);
    site.get(&path).await.refused(404);
    site.delete(&path).await.refused(404);
    for (include, total) in [("non-deleted", 0), ("deleted", 1), ("all", 1)] {
        let list = site.get(&format!("/tables?databaseSchema={}&include={include}", encode(&schema))).await.expect(200);
        assert_eq!(list["paging"]["total"], total, "{include}");
    }
    assert_eq!(site.get(&format!("{path}?include=deleted")).await.expect(200)["id"], table["id"]);
    let restored = site.put("/tables/restore", json!({"id": table["id"]})).await.expect(200);
    assert_eq!(restored["deleted"], false);
    site.get(&path).await.expect(200);
    site.delete(&format!("{path}?hardDelete=true")).await.expect(200);
    site.get(&format!("{path}?include=all")).await.refused(404);
}

#[tokio::test]
async fn a_put_brings_back_what_was_deleted_softly() {
    let site = Site::new().await;
    let schema = site.tables(&site.name("pg"), &["orders"]).await;
    let table = site.named("tables", &format!("{schema}.orders")).await;
    site.delete(&format!("/tables/{}", text(&table, "id"))).await.expect(200);
    let back = site.put("/tables", crate::site::table_body("orders", &schema)).await.expect(200);
    assert_eq!((&back["id"], &back["deleted"]), (&table["id"], &json!(false)));
}

#[tokio::test]
async fn what_holds_something_is_deleted_with_it_or_not_at_all() {
    let site = Site::new().await;
    let pg = site.name("pg");
    let schema = site.tables(&pg, &["orders"]).await;
    let service = site.named("services/databaseServices", &pg).await;
    let path = format!("/services/databaseServices/{}", text(&service, "id"));
    let message = site.delete(&path).await.refused(400);
    assert!(message.contains("not empty"), "{message}");
    site.delete(&format!("{path}?recursive=true")).await.expect(200);
    site.get(&crate::site::by_name("tables", &format!("{schema}.orders"))).await.refused(404);
    site.put("/services/databaseServices/restore", json!({"id": service["id"]})).await.expect(200);
    site.named("tables", &format!("{schema}.orders")).await;
    site.delete(&format!("{path}?recursive=true&hardDelete=true")).await.expect(200);
    for (collection, name) in [("databases", format!("{pg}.shop")), ("tables", format!("{schema}.orders"))] {
        site.get(&format!("{}?include=all", crate::site::by_name(collection, &name))).await.refused(404);
    }
}

#[tokio::test]
async fn what_belongs_to_the_catalog_stays() {
    let site = Site::local().await;
    for (collection, name) in [
        ("users", "admin"),
        ("users", "ingestion-bot"),
        ("bots", "ingestion-bot"),
        ("tags", "PII.Sensitive"),
        ("classifications", "Tier"),
    ] {
        let message = site
            .delete(&format!("{}?hardDelete=true&recursive=true", crate::site::by_name(collection, name)))
            .await
            .refused(400);
        assert!(message.contains("belongs to the catalog"), "{message}");
    }
}
