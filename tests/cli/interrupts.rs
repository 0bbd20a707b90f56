//! Ctrl-C: the first leaves a state from which `up` goes on, the second ends the program at once.

use std::process::{Child, Command};
use std::time::Duration;

use insta::assert_snapshot;

use crate::fake_daemon::Fate;
use crate::harness::{Run, SHOP, Stage, UP, wait_until};

const START_DB: &str = "POST /containers/shop-db-1/start";

pub fn signal(child: &Child, name: &str) {
    let kill = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().expect("sh runs");
    assert!(kill.success(), "the signal was sent");
}

#[test]
fn the_first_ctrl_c_stops_where_the_next_up_resumes() {
    let (stage, run) = interrupted_with("INT");
    assert_snapshot!(run, @r"
    exit code 130
    --- stderr
    stopping: no new operations are started, press Ctrl-C again to end at once
    [time] not finished: db, web
    [time] failed
    error: interrupted

    hint: `pipectl up` goes on from here
    ");
    stage.calls();
    stage.world().fates.clear();
    let up = stage.run(&UP);
    assert_eq!(up.code, 0, "{up}");
    assert_eq!(stage.calls(), ["POST /containers/shop-web-1/start"], "what was done is not done again");
}

#[test]
fn sigterm_does_the_same() {
    let (_, run) = interrupted_with("TERM");
    assert_eq!(run.code, 130);
}

/// `up` that is sent a signal while it waits for `db`.
fn interrupted_with(name: &str) -> (Stage, Run) {
    let stage = Stage::new(SHOP);
    stage.world().fates.insert("db".into(), Fate::HealthyAfter(Duration::from_secs(3600)));
    let mut child = stage.spawn(&["up", "--parallel", "1", "--verbose"]);
    Stage::first_line(&mut child, "db: waiting");
    signal(&child, name);
    let run = stage.ended(child);
    (stage, run)
}

#[test]
fn the_second_ctrl_c_ends_at_once() {
    let stage = Stage::new(SHOP);
    stage.world().held.insert(START_DB.into());
    let mut child = stage.spawn(&UP);
    stage.wait_for_call(START_DB);
    signal(&child, "INT");
    // The call that is under way is waited for: the first signal does not end it.
    let said = Stage::first_line(&mut child, "stopping");
    assert_eq!(said, "stopping: no new operations are started, press Ctrl-C again to end at once");
    assert!(child.try_wait().expect("asked").is_none(), "it waits for the engine");
    signal(&child, "INT");
    wait_until("the end", || child.try_wait().expect("asked").is_some());
    assert_eq!(child.wait().expect("ended").code(), Some(130));
    stage.world().held.clear();
}

#[test]
fn following_logs_ends_well_with_ctrl_c() {
    let stage = Stage::up();
    stage.world().logs.insert("web".into(), vec!["hello".into()]);
    let mut child = stage.spawn(&["logs", "-f", "web"]);
    Stage::first_stdout_line(&mut child, "hello");
    signal(&child, "INT");
    assert_eq!(stage.ended(child).code, 0);
}
