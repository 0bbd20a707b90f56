//! The history of the jobs' runs in the catalog, told in events of `OpenLineage`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use pipectl::governance::client::Catalog;
use pipectl::governance::collect::Facts;
use pipectl::governance::names;
use pipectl::governance::openlineage::{Dataset, delta_tables, destination_tables, topics};
use pipectl::pipeline::clients::Http;
use pipectl::pipeline::clients::jobserver::Run;
use serde_json::{Value, json};

use crate::lineage::{own_lineage, own_spec};
use crate::shop::facts;
use crate::stage::{Stage, lite};

const FIRST: &str = "7d9f0a52-0d0b-4f0e-9a51-0c5a3f1d2e3b";
const SECOND: &str = "c1a7c9a8-3f55-4b7e-8f38-6a2a1e5b9d10";
const START: i64 = 1_795_370_400_500;

fn run(id: &str, started_ms: i64, state: &str, batches: u64) -> Run {
    let ended_ms = (state != "running").then_some(started_ms + 60_000);
    Run { id: id.into(), started_ms, ended_ms, state: state.into(), batches, rows: batches * 10, ..Run::default() }
}

/// What the collectors read, with these runs of job 1.
fn with_runs(facts: &Facts, runs: Vec<Run>) -> Facts {
    let mut facts = facts.clone();
    facts.jobs.as_mut().expect("jobs")[0].runs = runs;
    facts
}

async fn history(stage: &Stage) -> Vec<Value> {
    stage.bot.statuses("spark_jobs.job1_ingest", i64::MAX).await.expect("readable")
}

#[tokio::test]
async fn a_finished_run_and_the_one_after_it_stand_in_the_history_each_once() {
    let (stage, spec, lineage) = (Stage::alone().await, own_spec(), own_lineage());
    let known = facts(&spec);
    let going = with_runs(&known, vec![run(FIRST, START, "running", 4)]);
    stage.ingest(&spec, &going, &lineage).await.expect("a catalog that works");
    let held = history(&stage).await;
    assert_eq!(held.len(), 1, "{held:#?}");
    assert_eq!((&held[0]["executionStatus"], &held[0]["timestamp"]), (&json!("Pending"), &json!(START)));
    assert_eq!((&held[0]["parameters"]["batches"], &held[0]["metrics"]["totalRowsProcessed"]), (&json!(4), &json!(40)));
    let again = stage.ingest(&spec, &going, &lineage).await.expect("a catalog that works");
    let jobs = again.services.iter().find(|counts| counts.service == names::SPARK).expect("counts");
    assert_eq!(jobs.measured, 0, "what was told is not told again");

    let next = vec![run(FIRST, START, "stopped", 5), run(SECOND, START + 70_000, "running", 1)];
    stage.ingest(&spec, &with_runs(&known, next), &lineage).await.expect("a catalog that works");
    let held = history(&stage).await;
    let told =
        |entry: &Value| (entry["executionId"].clone(), entry["executionStatus"].clone(), entry["endTime"].clone());
    assert_eq!(told(&held[0]), (json!(SECOND), json!("Pending"), Value::Null));
    assert_eq!(told(&held[1]), (json!(FIRST), json!("Successful"), json!(START + 60_000)));
    assert_eq!((held.len(), &held[1]["parameters"]["batches"]), (2, &json!(5)));
    assert_eq!(stage.differences(&spec, &lineage).await, [""; 0], "events make no edge beside those of the pipeline");
}

#[tokio::test]
async fn a_failed_run_tells_why_and_a_forgotten_one_has_an_end() {
    let (stage, spec, lineage) = (Stage::alone().await, own_spec(), own_lineage());
    let known = facts(&spec);
    let mut failed = run(FIRST, START, "failed", 4);
    failed.detail = "out of memory".into();
    let lost = run(SECOND, START + 70_000, "running", 1);
    stage.ingest(&spec, &with_runs(&known, vec![failed, lost]), &lineage).await.expect("a catalog that works");
    // The driver starts anew, and with it its memory.
    let third = "e3b0c442-98fc-4c14-9afb-f4c8996fb924";
    let anew = with_runs(&known, vec![run(third, START + 90_000, "running", 0)]);
    stage.ingest(&spec, &anew, &lineage).await.expect("a catalog that works");
    let held = history(&stage).await;
    let told: Vec<_> = held.iter().map(|entry| (&entry["executionId"], &entry["executionStatus"])).collect();
    let (first, second, third) = (json!(FIRST), json!(SECOND), json!(third));
    let (bad, going) = (json!("Failed"), json!("Pending"));
    assert_eq!(told, [(&third, &going), (&second, &bad), (&first, &bad)]);
    assert_eq!(held[2]["error"]["errorMessage"], "out of memory");
    assert!(held[1]["error"]["errorMessage"].as_str().is_some_and(|why| why.contains("started anew")), "{held:#?}");
}

/// Every name that events use is found in the catalog: a run from each input to each output makes an edge.
#[tokio::test]
async fn the_datasets_of_the_jobs_are_found_in_the_catalog() {
    let (stage, spec, lineage) = (Stage::alone().await, own_spec(), own_lineage());
    stage.ingest(&spec, &facts(&spec), &lineage).await.expect("a catalog that works");
    let json = |sets: &[Dataset]| -> Vec<Value> {
        sets.iter().map(|set| json!({"namespace": set.namespace, "name": set.name})).collect()
    };
    let ways = [
        (names::INGEST, topics(&spec), delta_tables(&spec)),
        (names::PROCESS, delta_tables(&spec), destination_tables(&spec)),
    ];
    for (job, inputs, outputs) in ways {
        let event = json!({
            "eventTime": "2026-11-22T18:00:00Z", "eventType": "COMPLETE", "run": {"runId": FIRST},
            "job": {"namespace": names::SPARK, "name": job}, "inputs": json(&inputs), "outputs": json(&outputs),
        });
        stage.bot.post_event(&event).await.expect("an event");
    }
    for (collection, kind, fqn, edges) in [
        ("topics", "topic", "kafka_messaging.\"jadc2.public.orders\"", 4),
        ("tables", "table", "hdfs_datalake.default.lake.orders", 3 + 4),
        ("tables", "table", "postgres_dest.jadc2_db.public.revenue_by_region_day", 3 + 2),
    ] {
        let entity = stage.bot.find(collection, fqn, "").await.expect("readable").expect(fqn);
        let found = stage.bot.edges_at(kind, entity["id"].as_str().expect("an id")).await.expect("readable");
        assert_eq!(found.len(), edges, "{fqn}: {found:#?}");
    }
}

/// Servers before 1.12 have no endpoint for events: the state of each run is written as a status.
#[tokio::test]
async fn a_server_without_events_gets_the_states_of_the_runs() {
    let address = lite().await.to_string();
    let mut stage = Stage::at(&address).await;
    let (spec, lineage) = (own_spec(), own_lineage());
    let refused = Arc::new(AtomicUsize::new(0));
    let old = without_events(address, refused.clone()).await;
    let token = stage.admin.bot_token().await.expect("the bot's token");
    let through = Catalog::connect(Http::new("the catalog", old.to_string()), 2).await;
    stage.bot = through.expect("a version").with_token(&token);
    let runs = vec![run(FIRST, START, "stopped", 5), run(SECOND, START + 70_000, "running", 1)];
    let known = with_runs(&facts(&spec), runs);
    stage.ingest(&spec, &known, &lineage).await.expect("a catalog that works");
    assert!(refused.load(Ordering::Relaxed) > 0, "it was tried");
    let held = history(&stage).await;
    let told: Vec<_> = held.iter().map(|entry| (&entry["timestamp"], &entry["executionStatus"])).collect();
    assert_eq!(told, [(&json!(START + 70_000), &json!("Pending")), (&json!(START), &json!("Successful"))]);
    assert_eq!(held[0]["taskStatus"][0]["name"], "append");
    let again = stage.ingest(&spec, &known, &lineage).await.expect("a catalog that works");
    let jobs = again.services.iter().find(|counts| counts.service == names::SPARK).expect("counts");
    assert_eq!(jobs.measured, 0, "what is held is not written again");
}

/// The catalog at `server`, as if it had no route for events; counts the refusals.
async fn without_events(server: String, refused: Arc<AtomicUsize>) -> SocketAddr {
    let client = reqwest::Client::new();
    let pass_on = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        let (client, server, refused) = (client.clone(), server.clone(), refused.clone());
        async move {
            if uri.path().starts_with("/api/v1/openlineage/") {
                refused.fetch_add(1, Ordering::Relaxed);
                return (StatusCode::NOT_FOUND, r#"{"code":404,"message":"HTTP 404 Not Found"}"#.to_owned());
            }
            let mut request = client.request(method, format!("http://{server}{uri}")).body(body);
            for name in ["authorization", "content-type"] {
                request = headers.get(name).into_iter().fold(request, |request, value| request.header(name, value));
            }
            let answer = request.send().await.expect("the catalog");
            (answer.status(), answer.text().await.expect("a body"))
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener");
    let router = axum::Router::new().fallback(pass_on);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
