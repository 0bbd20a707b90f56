//! `pipectl catalog` as a user meets it.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::process::Process;
use crate::site::{Site, table_body};

fn run(arguments: &[&str], directory: &std::path::Path) -> (Option<i32>, String) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("pipectl"));
    command.args(arguments).current_dir(directory).env_remove("PIPECTL_CATALOG_PASSWORD");
    let output = command.output().expect("the binary runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn it_stops_on_sigterm_and_keeps_what_it_has() {
    let data = tempfile::tempdir().expect("a directory");
    let token = {
        let mut server = Process::start(data.path(), None);
        let site = Site::at_address(&server.base).await;
        site.tables("pg", &["orders"]).await;
        let token = site.bot_token().await;
        server.signal("TERM");
        assert_eq!(server.child.wait().expect("ended").code(), Some(0));
        token
    };
    let (code, said) = run(&["catalog", "check", "--data", "."], data.path());
    assert_eq!((code, said.trim()), (Some(0), "catalog: nothing wrong with the store in ."));
    let mut server = Process::start(data.path(), None);
    let site = Site::at_address(&server.base).await;
    site.with_token(&token).get("/tables/name/pg.shop.public.orders").await.expect(200);
    server.signal("INT");
    assert_eq!(server.child.wait().expect("ended").code(), Some(0));
}

#[tokio::test]
async fn the_log_has_what_was_not_understood_and_no_secret() {
    let data = tempfile::tempdir().expect("a directory");
    let mut server = Process::start(data.path(), None);
    let site = Site::at_address(&server.base).await;
    let token = site.bot_token().await;
    let connection = json!({"config": {"type": "Postgres", "username": "u", "hostPort": "db:5432", "database": "d", "authType": {"password": "hunter2"}}});
    let body = json!({"name": "pg", "serviceType": "Postgres", "connection": connection});
    site.with_token(&token).put("/services/databaseServices", body).await.expect(201);
    let message = site.get("/nosuch/route").await.refused(404);
    assert!(message.contains("GET /api/v1/nosuch/route"), "{message}");
    site.delete("/system/version").await.refused(405);
    server.signal("TERM");
    server.child.wait().expect("ended");
    let said = server.said.lock().expect("not poisoned").clone();
    assert!(said.lines().any(|line| line.contains("WARN") && line.contains("/api/v1/nosuch/route")), "{said}");
    for secret in ["hunter2", token.as_str(), "YWRtaW4="] {
        assert!(!said.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn what_hinders_the_start_is_named() {
    let data = tempfile::tempdir().expect("a directory");
    let server = Process::start(data.path(), None);
    let (code, said) = run(&["catalog", "serve", "--listen", "127.0.0.1:0", "--data", "."], data.path());
    assert_eq!(code, Some(1));
    assert!(said.contains("another catalog uses it"), "{said}");
    let other = tempfile::tempdir().expect("a directory");
    let address = server.base.trim_start_matches("http://");
    let (code, said) = run(&["catalog", "serve", "--listen", address, "--data", "."], other.path());
    assert_eq!(code, Some(1));
    assert!(said.contains(&format!("cannot listen on {address}")) && said.contains("--listen"), "{said}");
    std::fs::write(other.path().join("password"), "\n").expect("written");
    for (arguments, code, part) in [
        (&["catalog", "serve", "--admin-password-file", "nosuch"][..], 2, "nosuch cannot be read"),
        (&["catalog", "serve", "--admin-password-file", "password"], 2, "is empty"),
        (&["catalog", "serve", "--data", "password/x"], 2, "cannot be made"),
        (&["catalog", "check", "--data", "nosuch"], 2, "there is no catalog in nosuch"),
        (&["catalog", "serve", "--listen", "here"], 2, "--listen"),
    ] {
        let (ended, said) = run(arguments, other.path());
        assert_eq!(ended, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
    std::fs::write(other.path().join("catalog.redb"), "this is no store").expect("written");
    let (code, said) = run(&["catalog", "check", "--data", "."], other.path());
    assert_eq!(code, Some(1));
    assert!(said.contains("cannot be opened"), "{said}");
}

// Memory is read from /proc.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_thousand_tables_stay_small() {
    let data = tempfile::tempdir().expect("a directory");
    let begin = Instant::now();
    let server = Process::start(data.path(), None);
    let ready = begin.elapsed();
    let site = Site::at_address(&server.base).await;
    let empty = server.memory("VmRSS");
    let schema = site.tables("pg", &[]).await;
    for hundred in 0..10 {
        let mut bodies = Vec::new();
        for one in 0..100 {
            let mut body = table_body(&format!("t{hundred}_{one}"), &schema);
            let columns = body["columns"].as_array_mut().expect("columns");
            columns
                .extend((0..18).map(
                    |number| json!({"name": format!("c{number}"), "dataType": "TEXT", "dataTypeDisplay": "text"}),
                ));
            bodies.push(body);
        }
        let result = site.put("/tables/bulk", json!(bodies)).await.expect(200);
        assert_eq!(result["numberOfRowsFailed"], 0);
    }
    let list = site.get("/tables?limit=1000").await.expect(200);
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1000));
    let drawn = Instant::now();
    let graph = reqwest::get(format!("{}/page/graph.json", server.base))
        .await
        .expect("an answer")
        .bytes()
        .await
        .expect("a body");
    let drawn = drawn.elapsed();
    let (resident, own) = (server.memory("VmRSS"), server.memory("RssAnon"));
    measured(&format!(
        "ready after {} ms; {empty} KiB resident empty, {resident} KiB (own {own}) with 1000 tables of 20 columns; \
         graph of {} KiB in {} ms",
        ready.as_millis(),
        graph.len() / 1024,
        drawn.as_millis()
    ));
    // Timing decides nothing on a busy machine; a minute is a hang.
    assert!(ready < Duration::from_secs(60));
    // What a debug build maps of its own file (20 MiB and more) is not what is promised.
    assert!(own < 30 << 10, "{own} KiB of its own memory");
}

#[cfg(target_os = "linux")]
#[expect(clippy::print_stdout, reason = "figures are for whoever runs the test with --nocapture")]
fn measured(text: &str) {
    println!("{text}");
}
