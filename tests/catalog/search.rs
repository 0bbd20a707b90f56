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

#[tokio::test]
async fn a_filter_narrows_and_a_field_sorts() {
    let site = Site::local().await;
    site.tables("pg", &["orders", "customers"]).await;
    site.tables("other", &["orders"]).await;
    site.topic("kafka", "shop.public.orders").await;
    let orders = site.get("/tables/name/pg.shop.public.orders").await.expect(200);
    let patch = serde_json::json!([{"op": "add", "path": "/displayName", "value": "All orders"}]);
    site.patch(&format!("/tables/{}", orders["id"].as_str().expect("an id")), patch).await.expect(200);
    let asked = async |filter: &Value, rest: &str| {
        let query = format!("/search/query?q=*&size=100&query_filter={}{rest}", encode(&filter.to_string()));
        site.get(&query).await.expect(200)
    };
    let of_pg = serde_json::json!({"query": {"bool": {"must": [
        {"term": {"entityType": "table"}}, {"term": {"service.name.keyword": "pg"}},
    ]}}});
    let found = asked(&of_pg, "").await;
    assert_eq!(names(&found), ["pg.shop.public.customers", "pg.shop.public.orders"]);
    assert_eq!(found["hits"]["total"]["value"], 2);
    let down = asked(&of_pg, "&sort_field=fullyQualifiedName&sort_order=desc").await;
    assert_eq!(names(&down), ["pg.shop.public.orders", "pg.shop.public.customers"]);
    let named = serde_json::json!({"query": {"exists": {"field": "displayName"}}});
    assert_eq!(names(&asked(&named, "&index=table_search_index").await), ["pg.shop.public.orders"]);

    // In the order of a field that two share, names decide; what lacks it comes last.
    let tables = serde_json::json!({"query": {"term": {"entityType": "table"}}});
    let by_name = asked(&tables, "&sort_field=name.keyword&sort_order=asc").await;
    let sorted = ["pg.shop.public.customers", "other.shop.public.orders", "pg.shop.public.orders"];
    assert_eq!(names(&by_name), sorted);
    let by_title = asked(&tables, "&sort_field=displayName&sort_order=desc").await;
    assert_eq!(names(&by_title)[0], "pg.shop.public.orders");
    // Page by page, in that order.
    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let rest = format!("&sort_field=name.keyword&sort_order=asc&index=table_search_index{after}");
        let query = format!("/search/query?q=&size=1&query_filter={}{rest}", encode(&tables.to_string()));
        let page = site.get(&query).await.expect(200);
        assert_eq!(page["hits"]["total"]["value"], 3, "of all pages");
        let Some(hit) = page["hits"]["hits"].get(0) else { break };
        pages.push(hit["_source"]["fullyQualifiedName"].as_str().expect("a name").to_owned());
        after = format!("&search_after={}", encode(hit["sort"][0].as_str().expect("a cursor")));
    }
    assert_eq!(pages, sorted);

    let few = asked(&of_pg, "&include_source_fields=name,fullyQualifiedName").await;
    let keys: Vec<&String> = few["hits"]["hits"][0]["_source"].as_object().expect("a hit").keys().collect();
    assert_eq!(keys, ["name", "fullyQualifiedName"]);
    let wrong = encode(r#"{"query": {"script": {}}}"#);
    let message = site.get(&format!("/search/query?q=*&query_filter={wrong}")).await.refused(400);
    assert!(message.contains("`script` is none of bool"), "{message}");
    site.get("/search/query?q=*&sort_field=name&sort_order=up").await.refused(400);
}
