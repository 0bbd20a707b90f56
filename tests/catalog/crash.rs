//! Killed in the middle of writes, and out of disk: nothing torn, nothing lost that was answered.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pipectl::catalog;
use serde_json::{Value, json};

use crate::process::Process;
use crate::site::{Site, table_body, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_under_load_loses_nothing_that_was_answered() {
    let data = tempfile::tempdir().expect("a directory");
    let mut acknowledged: Vec<(String, usize)> = Vec::new();
    for round in 0..3 {
        let mut server = Process::start(data.path(), None);
        let site = Arc::new(Site::at_address(&server.base).await);
        let schema = site.tables("pg", &["hub"]).await;
        let hub = site.named("tables", &format!("{schema}.hub")).await["id"].clone();
        let written = Arc::new(AtomicUsize::new(0));
        let mut writers = Vec::new();
        for writer in 0..4 {
            let (site, schema, hub, written) = (site.clone(), schema.clone(), hub.clone(), written.clone());
            writers.push(tokio::spawn(async move {
                let mut done = Vec::new();
                for number in 0.. {
                    let name = format!("r{round}w{writer}n{number}");
                    // A bulk of two and an edge: three records that must come together or one after the other.
                    let bodies = json!([table_body(&name, &schema), table_body(&format!("{name}_twin"), &schema)]);
                    let Ok(answer) = site.try_raw("PUT", "/tables/bulk", Some(bodies.to_string().into_bytes())).await else { break };
                    answer.expect(200);
                    written.fetch_add(1, Ordering::Relaxed);
                    done.push((name.clone(), 1));
                    let Ok(table) = site.try_raw("GET", &format!("/tables/name/{schema}.{name}"), None).await else { break };
                    let table = table.expect(200);
                    let edge = json!({"edge": {"fromEntity": {"id": hub, "type": "table"}, "toEntity": {"id": table["id"], "type": "table"}}});
                    let Ok(answer) = site.try_raw("PUT", "/lineage", Some(edge.to_string().into_bytes())).await else { break };
                    answer.expect(200);
                    done.last_mut().expect("just added").1 = 2;
                }
                done
            }));
        }
        while written.load(Ordering::Relaxed) < 25 {
            tokio::task::yield_now().await;
        }
        server.child.kill().expect("killed");
        server.child.wait().expect("ended");
        for writer in writers {
            acknowledged.extend(writer.await.expect("no panic"));
        }
        assert_eq!(catalog::check(data.path()).expect("opens"), Vec::<String>::new(), "nothing is torn");
    }
    let server = Process::start(data.path(), None);
    let site = Site::at_address(&server.base).await;
    let hub = site.named("tables", "pg.shop.public.hub").await;
    let graph = site.get(&format!("/lineage/table/{}?downstreamDepth=1", text(&hub, "id"))).await.expect(200);
    let linked: Vec<&str> = graph["nodes"].as_array().expect("nodes").iter().map(|node| text(node, "name")).collect();
    let list = site.get("/tables?limit=100000").await.expect(200);
    let names: Vec<&str> = list["data"].as_array().expect("tables").iter().map(|table| text(table, "name")).collect();
    for (name, steps) in &acknowledged {
        assert!(names.contains(&name.as_str()), "{name} was answered and is lost");
        assert!(names.contains(&format!("{name}_twin").as_str()), "{name}: half of one request");
        assert!(*steps < 2 || linked.contains(&name.as_str()), "the edge to {name} was answered and is lost");
    }
    assert!(acknowledged.len() >= 75, "only {} writes", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_answered_and_leaves_a_sound_store() {
    let data = tempfile::tempdir().expect("a directory");
    let limit = 3 << 10;
    let mut kept: Vec<String> = Vec::new();
    {
        let server = Process::start(data.path(), Some(limit));
        let site = Site::at_address(&server.base).await;
        let schema = site.tables("pg", &[]).await;
        let mut refused = None;
        for number in 0..2000 {
            let mut body = table_body(&format!("t{number}"), &schema);
            body["description"] = Value::String("x".repeat(20_000));
            let answer = site.put("/tables", body).await;
            if answer.status != 201 {
                refused = Some(answer.refused(507));
                break;
            }
            kept.push(format!("t{number}"));
        }
        let message = refused.expect("3 MiB were enough for 40 MB");
        assert!(message.contains("nothing was changed"), "{message}");
        // It goes on reading what it has.
        site.named("tables", &format!("{schema}.t0")).await;
        server.signal("TERM");
        let mut server = server;
        assert!(server.child.wait().expect("ended").success(), "a full disk does not hinder the stop");
    }
    assert!(!kept.is_empty());
    assert_eq!(catalog::check(data.path()).expect("opens"), Vec::<String>::new());
    let server = Process::start(data.path(), None);
    let site = Site::at_address(&server.base).await;
    for name in &kept {
        site.named("tables", &format!("pg.shop.public.{name}")).await;
    }
    site.put("/tables", table_body("more", "pg.shop.public")).await.expect(201);
}

#[tokio::test]
async fn a_disk_without_room_for_a_new_store_is_named_and_forgotten_once_there_is_some() {
    let data = tempfile::tempdir().expect("a directory");
    for _ in 0..2 {
        let mut limited = Command::new("sh");
        limited.args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$@\"", "sh"]);
        limited.arg(assert_cmd::cargo::cargo_bin!("pipectl"));
        limited.args(["catalog", "serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.path());
        let output = limited.output().expect("a shell");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("cannot be opened") && said.contains("its disk is not full (`df -h`)"), "{said}");
    }
    let server = Process::start(data.path(), None);
    Site::at_address(&server.base).await.tables("pg", &["orders"]).await;
}
