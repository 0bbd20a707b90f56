//! Which events are due: what the job server remembers of a run, next to what the catalog holds of it.

use insta::assert_snapshot;
use pipectl::governance::names;
use pipectl::governance::openlineage::{Dataset, Runs, due};
use pipectl::pipeline::clients::jobserver::Run;
use serde_json::{Value, json};

const NOW: i64 = 1_795_370_500_000;

fn run(state: &str, ended_ms: Option<i64>) -> Run {
    let id = "7d9f0a52-0d0b-4f0e-9a51-0c5a3f1d2e3b".to_owned();
    let state = state.to_owned();
    Run { id, started_ms: 1_795_370_400_500, ended_ms, state, detail: String::new(), batches: 3, rows: 7 }
}

fn of(runs: Vec<Run>) -> Runs {
    let topic = Dataset { namespace: "kafka://kafka:9092".into(), name: "shop.public.orders".into() };
    Runs { job: names::INGEST, tasks: ["append", "merge"], runs, inputs: vec![topic], outputs: Vec::new() }
}

fn kinds(runs: Vec<Run>, held: &[Value]) -> Vec<String> {
    let events = due(&of(runs), held, NOW);
    events.iter().map(|event| event["eventType"].as_str().expect("a type").to_owned()).collect()
}

#[test]
fn a_run_is_told_from_its_start_to_its_end_and_each_thing_once() {
    let held = |state: &str, batches: u64, end: Value| {
        let run = run("running", None);
        json!({"executionId": run.id, "timestamp": run.started_ms, "executionStatus": state, "endTime": end,
            "parameters": {"batches": batches}})
    };
    let going = || vec![run("running", None)];
    assert_eq!(kinds(going(), &[]), ["START", "RUNNING"]);
    assert_eq!(kinds(going(), &[held("Pending", 2, Value::Null)]), ["RUNNING"]);
    assert_eq!(kinds(going(), &[held("Pending", 3, Value::Null)]), [""; 0], "nothing new");
    let ended = |state| vec![run(state, Some(1_795_370_450_000))];
    assert_eq!(kinds(ended("stopped"), &[held("Pending", 3, Value::Null)]), ["COMPLETE"]);
    assert_eq!(kinds(ended("failed"), &[]), ["START", "FAIL"]);
    assert_eq!(kinds(ended("failed"), &[held("Failed", 3, json!(1))]), [""; 0]);
}

#[test]
fn a_run_that_is_forgotten_is_ended() {
    let lost = json!({"executionId": "other", "timestamp": 5, "executionStatus": "Pending"});
    assert_eq!(kinds(vec![run("running", None)], std::slice::from_ref(&lost)), ["ABORT", "START", "RUNNING"]);
    assert_eq!(kinds(Vec::new(), &[lost]), [""; 0], "the driver has not begun");
    // A state without the id of a run is somebody's.
    let state = json!({"timestamp": 5, "executionStatus": "Pending"});
    assert_eq!(kinds(vec![run("starting", None)], &[state]), ["START", "RUNNING"]);
}

#[test]
fn events_have_what_the_specification_wants() {
    let mut failed = run("failed", Some(1_795_370_450_000));
    failed.detail = "out of memory".into();
    let events = due(&of(vec![failed]), &[], NOW);
    let told = format!("{:#}\n{:#}", events[0], events[1]);
    assert_snapshot!(told.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}
