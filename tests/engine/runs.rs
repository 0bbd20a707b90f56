//! Runs: order, bounds, failures and interruptions.

use std::time::Duration;

use pipectl::engine::backend::BackendError;
use pipectl::engine::observed::Health;
use pipectl::engine::work::{Probed, StepError};
use pipectl::event::{Event, Outcome};
use pipectl::exit;
use tokio::time::{Instant, sleep};

use crate::fake_backend::Behaviour;
use crate::stack::{FakeStep, Stack};

fn refused() -> BackendError {
    BackendError::Refused { operation: "create container".into(), message: "disk is full".into() }
}

#[tokio::test(start_paused = true)]
async fn starts_follow_the_graph() {
    let mut stack =
        Stack::new(&["web: db healthy, seed after", "db: cache started | health", "cache:", "step seed: db"]);
    let report = stack.up().await;
    assert!(report.is_ok(), "{:?}", report.failure);
    assert_eq!(stack.calls(&["start"]), ["start shop-cache-1", "start shop-db-1", "start shop-web-1"]);
    assert_eq!(stack.ran_steps(), ["seed"]);
    assert_eq!(report.count(Outcome::Done), report.ops.len());
}

#[tokio::test(start_paused = true)]
async fn engine_calls_are_bounded_and_gates_are_not() {
    let lines: Vec<String> = (0..10).map(|n| format!("s{n}: | health")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut stack = Stack::new(&lines);
    for n in 0..10 {
        let health = Some((Duration::from_secs(5), Health::Healthy));
        stack.backend.script(&format!("s{n}"), Behaviour { health, ..Behaviour::default() });
    }
    stack.parallel = 3;
    let begin = Instant::now();
    assert!(stack.up().await.is_ok());
    assert_eq!(stack.backend.most_at_once(), 3);
    assert!(
        begin.elapsed() < Duration::from_secs(6),
        "ten gates of 5 s are waited for together: {:?}",
        begin.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_cancels_dependents_and_starts_nothing_new() {
    let mut stack = Stack::new(&["db:", "web: db started", "slow: | probe"]);
    stack.prober.0.lock().unwrap().insert("slow".into(), Probed::NotYet("no".into()));
    stack.backend.fail("start shop-db-1", refused());
    let begin = Instant::now();
    let report = stack.up().await;
    let failure = report.failure.as_ref().unwrap();
    assert_eq!(failure.message, "failed to start shop-db-1");
    assert_eq!(failure.causes[0], "disk is full");
    assert!(failure.hints.last().unwrap().contains("`pipectl up`"));
    assert!(!stack.calls(&["start"]).contains(&"start shop-web-1".to_owned()));
    assert!(begin.elapsed() < Duration::from_secs(1), "the gate of another service is not waited for");
    assert_eq!(report.count(Outcome::Failed), 1);
    assert!(report.count(Outcome::Cancelled) > 2);
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_is_repaired_up_goes_on_from_there() {
    let mut stack = Stack::new(&["db:", "web: db started"]);
    stack.backend.fail("start shop-db-1", refused());
    stack.up().await;
    stack.backend.heal();
    stack.backend.take_calls();
    assert!(stack.up().await.is_ok());
    assert_eq!(stack.calls(&[""]), ["start shop-db-1", "start shop-web-1"], "creation is not done again");
}

#[tokio::test(start_paused = true)]
async fn every_operation_ends_exactly_once() {
    let mut stack = Stack::new(&["db:", "web: db started", "other:"]);
    stack.backend.fail("create shop-db-1", refused());
    let report = stack.up().await;
    let mut finished: Vec<usize> = stack
        .events
        .iter()
        .filter_map(|event| if let Event::Finished { id, .. } = event { Some(*id) } else { None })
        .collect();
    finished.sort_unstable();
    assert_eq!(finished, (0..report.ops.len()).collect::<Vec<_>>());
    assert!(matches!(stack.events[0], Event::Planned { .. }));
}

#[tokio::test(start_paused = true)]
async fn an_optional_service_that_cannot_be_had_is_left_out() {
    let mut stack = Stack::without_images(&["web:", "ui: | optional", "addon: ui started", "step show: ui"]);
    stack.images.unavailable.lock().unwrap().insert("ui:1".into());
    let report = stack.up().await;
    assert!(report.is_ok(), "{:?}", report.failure);
    let warning = stack.events.iter().find_map(|event| match event {
        Event::Warning { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let expected = "ui is left out: failed to get image ui:1: failed to pull ui:1: no registry answers";
    assert_eq!(warning, Some(expected));
    assert_eq!(stack.calls(&["start"]), ["start shop-web-1"]);
    assert!(stack.ran_steps().is_empty(), "what needs it is skipped, steps too");
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_is_not_required_does_not_hold_back() {
    let mut stack = Stack::new(&["cache: | health", "web: cache healthy?"]);
    let exit = Some((Duration::ZERO, 1));
    stack.backend.script("cache", Behaviour { exit, ..Behaviour::default() });
    let report = stack.up().await;
    assert!(report.is_ok(), "{:?}", report.failure);
    assert!(stack.calls(&["start"]).contains(&"start shop-web-1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_taken_port_says_which_and_what_to_do() {
    let mut stack = Stack::new(&["web: | port 8080"]);
    let error = BackendError::PortTaken { port: 8080, message: "port is already allocated".into() };
    stack.backend.fail("start shop-web-1", error);
    let failure = stack.up().await.failure.unwrap();
    assert_eq!(failure.causes[0], "port 8080 of this machine is taken: port is already allocated");
    assert_eq!(failure.hints[0], "`ss -ltnp 'sport = :8080'` shows who listens there");
    assert_eq!(failure.hints[1], "end that program, or publish another port for service web");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_gone_has_its_own_exit_code() {
    let mut stack = Stack::new(&["web:"]);
    let error = BackendError::Unreachable { address: "unix:///x".into(), reason: "connection refused".into() };
    stack.backend.fail("create network shop_default", error);
    assert_eq!(stack.up().await.failure.unwrap().code, exit::ENGINE);
}

#[tokio::test(start_paused = true)]
async fn a_failing_step_shows_the_log_of_what_it_points_at() {
    let mut stack = Stack::new(&["db:", "step seed: db"]);
    stack.backend.script("db", Behaviour { logs: vec!["relation missing".into()], ..Behaviour::default() });
    let error = StepError {
        message: "cannot seed\nrelation \"orders\" does not exist".into(),
        hint: Some("create the table".into()),
        look_at: vec!["db".into()],
    };
    stack.stepper.script.lock().unwrap().insert("seed".into(), FakeStep::Fails(error));
    let failure = stack.up().await.failure.unwrap();
    assert_eq!(failure.message, "step seed failed");
    assert_eq!(failure.causes, ["cannot seed", "relation \"orders\" does not exist"]);
    assert_eq!(failure.evidence[0].lines, ["relation missing"]);
    assert_eq!(failure.hints[0], "create the table");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_hangs_is_ended() {
    let mut stack = Stack::new(&["db:", "step seed: db"]);
    stack.stepper.script.lock().unwrap().insert("seed".into(), FakeStep::Hangs);
    let failure = stack.up().await.failure.unwrap();
    assert_eq!((failure.code, failure.message.as_str()), (exit::TIMEOUT, "step seed did not end within 30 s"));
    assert_eq!(failure.causes, ["it said last: looking"]);
}

#[tokio::test(start_paused = true)]
async fn a_step_after_changes_only_runs_when_something_changed_before_it() {
    let mut stack = Stack::new(&["db:", "step seed: db", "step prove: seed"]);
    stack.options.steps_on_change.insert("prove".into());
    stack.up().await;
    assert_eq!(stack.ran_steps(), ["seed", "prove"], "everything was new");
    let report = stack.up().await;
    assert_eq!(stack.ran_steps(), ["seed"]);
    assert_eq!(report.ops.last().unwrap().detail, "not needed: nothing changed");
    stack.stepper.script.lock().unwrap().insert("seed".into(), FakeStep::Changes);
    stack.up().await;
    assert_eq!(stack.ran_steps(), ["seed", "prove"], "a step before it changed something");
}

#[tokio::test(start_paused = true)]
async fn an_interruption_abandons_waits_lets_calls_end_and_leaves_a_state_to_go_on_from() {
    let mut stack = Stack::new(&["db: | probe", "web: db healthy"]);
    stack.prober.0.lock().unwrap().insert("db".into(), Probed::NotYet("no".into()));
    let cancel = stack.cancel.clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        cancel.cancel();
    });
    let begin = Instant::now();
    let report = stack.up().await;
    assert!(report.interrupted && report.failure.is_none());
    assert!(begin.elapsed() < Duration::from_millis(1100));
    assert_eq!(report.ops.last().unwrap().detail, "interrupted");

    stack.cancel = tokio_util::sync::CancellationToken::new();
    stack.prober.0.lock().unwrap().clear();
    stack.backend.take_calls();
    assert!(stack.up().await.is_ok());
    assert_eq!(stack.calls(&[""]), ["start shop-web-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_in_flight_ends_before_an_interrupted_run_does() {
    let mut stack = Stack::new(&["web:"]);
    let cancel = stack.cancel.clone();
    tokio::spawn(async move {
        sleep(Duration::from_millis(15)).await;
        cancel.cancel();
    });
    let report = stack.up().await;
    assert!(report.interrupted);
    assert_eq!(report.count(Outcome::Done), 2, "network and container were being made");
    assert_eq!(stack.calls(&["start"]), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_critical_path_names_what_made_it_slow() {
    let mut stack = Stack::new(&["fast:", "db: | health", "web: db healthy"]);
    let health = Some((Duration::from_secs(8), Health::Healthy));
    stack.backend.script("db", Behaviour { health, ..Behaviour::default() });
    let plan = stack.plan().await;
    let report = stack.run(&plan).await;
    let path = plan.critical_path(&report.elapsed());
    let path: Vec<_> = path.iter().map(|id| plan.operations[*id].action.subject()).collect();
    assert_eq!(path, ["network shop_default", "shop-db-1", "shop-db-1", "shop-db-1", "shop-web-1", "shop-web-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_time_is_over_tells_what_it_waited_for() {
    let mut stack = Stack::new(&["db:", "step seed: db"]);
    stack.limit = Some(Duration::from_secs(2));
    stack.stepper.script.lock().unwrap().insert("seed".into(), FakeStep::Hangs);
    let report = stack.up().await;
    let failure = report.failure.expect("a failure");
    assert_eq!(failure.code, exit::TIMEOUT);
    assert_eq!(failure.message, "not done within 2 s, as --timeout says");
    assert_eq!(failure.causes, ["step seed was not done; last: looking"]);
    assert!(!report.interrupted, "nobody has interrupted it");

    // A run that is done in time is not late.
    stack.stepper.script.lock().unwrap().clear();
    assert!(stack.up().await.is_ok());
}
