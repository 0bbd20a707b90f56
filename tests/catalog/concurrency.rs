//! Many clients at once: nothing is made twice, nothing is lost.

use std::sync::Arc;

use serde_json::json;

use crate::site::{Site, table_body, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_at_the_same_time_make_one_table_and_lose_no_edge() {
    let site = Arc::new(Site::new().await);
    let schema = site.tables(&site.name("pg"), &["hub"]).await;
    let hub = site.named("tables", &format!("{schema}.hub")).await;
    let mut clients = Vec::new();
    for client in 0..8 {
        let (site, schema, hub) = (site.clone(), schema.clone(), hub["id"].clone());
        clients.push(tokio::spawn(async move {
            let mut created = 0;
            for table in 0..5 {
                let name = format!("t{table}");
                let answer = site.put("/tables", table_body(&name, &schema)).await;
                created += usize::from(answer.status == 201);
                let own = site.put("/tables", table_body(&format!("own{client}_{table}"), &schema)).await.expect(201);
                let edge = json!({"edge": {"fromEntity": {"id": hub, "type": "table"}, "toEntity": {"id": own["id"], "type": "table"}}});
                site.put("/lineage", edge).await.expect(200);
            }
            created
        }));
    }
    let mut created = 0;
    for client in clients {
        created += client.await.expect("no panic");
    }
    assert_eq!(created, 5, "each of the five shared tables was made once");
    let graph = site.get(&format!("/lineage/table/{}?downstreamDepth=1", text(&hub, "id"))).await.expect(200);
    assert_eq!(graph["downstreamEdges"].as_array().map(Vec::len), Some(40));
}
