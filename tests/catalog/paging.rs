//! Lists: pages in both directions, totals, filters.

use serde_json::{Value, json};

use crate::site::{Site, encode, text};

fn names(list: &Value) -> Vec<&str> {
    list["data"].as_array().expect("a list").iter().map(|entity| text(entity, "name")).collect()
}

#[tokio::test]
async fn pages_lead_forth_and_back() {
    let site = Site::local().await;
    let schema = site.tables("pg", &["a", "b", "c", "d", "e"]).await;
    site.tables("other", &["x"]).await;
    let path = format!("/tables?databaseSchema={}&limit=2", encode(&schema));
    let first = site.get(&path).await.expect(200);
    assert_eq!((names(&first), &first["paging"]["total"]), (vec!["a", "b"], &json!(5)));
    assert_eq!(first["paging"].get("before"), None);
    let second = site.get(&format!("{path}&after={}", text(&first["paging"], "after"))).await.expect(200);
    assert_eq!(names(&second), ["c", "d"]);
    let third = site.get(&format!("{path}&after={}", text(&second["paging"], "after"))).await.expect(200);
    assert_eq!((names(&third), third["paging"].get("after")), (vec!["e"], None));
    let back = site.get(&format!("{path}&before={}", text(&third["paging"], "before"))).await.expect(200);
    assert_eq!((names(&back), &back["paging"]["after"]), (vec!["c", "d"], &second["paging"]["after"]));
    // What is added between two pages is on the next one or not, but nothing is twice or lost.
    site.put("/tables", json!({"name": "bb", "databaseSchema": schema, "columns": []})).await.expect(201);
    let moved = site.get(&format!("{path}&after={}", text(&first["paging"], "after"))).await.expect(200);
    assert_eq!(names(&moved), ["bb", "c"]);
}

#[tokio::test]
async fn a_filter_holds_for_whole_names() {
    let site = Site::local().await;
    site.tables("pg", &["a"]).await;
    site.tables("pg2", &["b"]).await;
    for (filter, expected) in [
        ("service=pg", vec!["a"]),
        ("database=pg2.shop", vec!["b"]),
        ("databaseSchema=pg.shop.public", vec!["a"]),
        ("service=nosuch", vec![]),
        ("service=pg&databaseSchema=pg2.shop.public", vec![]),
        ("", vec!["a", "b"]),
    ] {
        let list = site.get(&format!("/tables?{filter}")).await.expect(200);
        assert_eq!(names(&list), expected, "{filter}");
    }
    let list = site.get("/tags?parent=PII&limit=100").await.expect(200);
    assert_eq!(names(&list), ["NonSensitive", "None", "Sensitive"]);
    for tag in ["PersonalData.Personal", "PII.Sensitive", "Tier.Tier1", "Tier.Tier5"] {
        assert_eq!(site.named("tags", tag).await["fullyQualifiedName"], tag);
    }
}

#[tokio::test]
async fn a_page_without_sense_is_refused() {
    let site = Site::local().await;
    for (query, part) in [
        ("limit=-1", "limit must be greater"),
        ("limit=1000001", "limit must be less"),
        ("limit=ten", "limit"),
        ("after=b3Jk&before=b3Jk", "Only one of before or after"),
        ("after=%2A%2A", "no cursor"),
        ("include=some", "include"),
    ] {
        let message = site.get(&format!("/tables?{query}")).await.refused(400);
        assert!(message.contains(part), "{query}: {message}");
    }
    let none = site.get("/tables?limit=0").await.expect(200);
    assert_eq!(none, json!({"data": [], "paging": {"total": 0}}));
}
