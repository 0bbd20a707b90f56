//! Search by pattern, as the official client looks names up, and by words.

use serde_json::Value;

use crate::site::{Site, encode};

fn names(answer: &Value) -> Vec<&str> {
    let hits = answer["hits"]["hits"].as_array().expect("hits");
    hits.iter().map(|hit| hit["_source"]["fullyQualifiedName"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn a_name_is_found_by_pattern() {
    let site = Site::local().await;
    site.tables("pg", &["orders", "customers"]).await;
    site.tables("other", &["orders"]).await;
    site.topic("kafka", "shop.public.orders").await;
    for (index, pattern, expected) in [
        ("table_search_index", "*.shop.public.orders", vec!["other.shop.public.orders", "pg.shop.public.orders"]),
        ("table_search_index", "pg.*.public.orders", vec!["pg.shop.public.orders"]),
        ("table_search_index", "pg.shop.public.order", vec![]),
        ("topic_search_index", "*.\"shop.public.orders\"", vec!["kafka.\"shop.public.orders\""]),
        ("database_service_search_index", "pg", vec!["pg"]),
    ] {
        let query = format!(
            "fieldName=fullyQualifiedName&fieldValue={}&from=0&size=10&index={index}&deleted=false",
            encode(pattern)
        );
        let answer = site.get(&format!("/search/fieldQuery?{query}")).await.expect(200);
        assert_eq!(names(&answer), expected, "{pattern}");
        assert_eq!(answer["hits"]["total"]["value"], expected.len());
        assert_eq!(answer["hits"]["total"]["relation"], "eq");
    }
    site.get("/search/fieldQuery?fieldName=secret&fieldValue=x").await.refused(400);
    site.get("/search/fieldQuery?fieldName=name&fieldValue=x&index=user_search_index").await.refused(404);
}

#[tokio::test]
async fn words_are_found_in_names_and_columns() {
    let site = Site::local().await;
    site.tables("pg", &["orders", "customers"]).await;
    let answer = site.get("/search/query?q=ORDERS%20amount&index=table_search_index").await.expect(200);
    assert_eq!(names(&answer), ["pg.shop.public.orders"]);
    let first =
        site.get("/search/query?q=*&size=1&index=table_search_index&sort_field=fullyQualifiedName").await.expect(200);
    assert_eq!(
        (names(&first), &first["hits"]["total"]["value"]),
        (vec!["pg.shop.public.customers"], &serde_json::json!(2))
    );
    let after = first["hits"]["hits"][0]["sort"][0].as_str().expect("a cursor");
    let second = site
        .get(&format!("/search/query?q=&size=1&index=table_search_index&search_after={}", encode(after)))
        .await
        .expect(200);
    assert_eq!(names(&second), ["pg.shop.public.orders"]);
}
