//! Where output goes and in which form.

use std::collections::BTreeSet;

use crate::harness::{Run, SHOP, Stage, UP};

/// Every event with its fields, as docs and programs rely on them.
const EVENTS: [(&str, &[&str]); 9] = [
    ("run-started", &["command", "project"]),
    ("planned", &["operations"]),
    ("started", &["id"]),
    ("progress", &["id", "detail", "done", "total"]),
    ("output", &["id", "line"]),
    ("finished", &["id", "outcome", "elapsed_ms", "detail"]),
    ("notice", &["text"]),
    ("warning", &["text", "hint"]),
    ("run-finished", &["ok", "elapsed_ms", "summary"]),
];

/// Checks that every line is an event that is known, and returns their names in order.
fn events(run: &Run) -> Vec<String> {
    let mut names = Vec::new();
    for event in run.json_lines() {
        let name = event["event"].as_str().expect("a name").to_owned();
        let fields: BTreeSet<&str> = event.as_object().expect("an object").keys().map(String::as_str).collect();
        let (_, known) = EVENTS.iter().find(|(known, _)| *known == name).expect("a known event");
        assert_eq!(fields, known.iter().copied().chain(["event", "at_ms"]).collect(), "{name}");
        names.push(name);
    }
    names
}

#[test]
fn events_are_json_lines_with_documented_fields() {
    let stage = Stage::new(
        "name: shop\nservices:\n  web:\n    build: {context: ../web}\n  ui: {image: 'x.test/ui:1', x-pipectl: {optional: true}}\n",
    );
    stage.write("web/Dockerfile", "FROM debian\n");
    let run = stage.run(&["up", "--events", "json"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run}");
    let names = events(&run);
    assert_eq!((names[0].as_str(), names[1].as_str()), ("run-started", "planned"));
    assert_eq!(names.last().map(String::as_str), Some("run-finished"));
    for name in ["started", "progress", "output", "finished", "warning"] {
        assert!(names.iter().any(|known| known == name), "no {name} in {names:?}");
    }
}

#[test]
fn a_failure_is_the_last_event_and_a_report_for_people() {
    let stage = Stage::new(SHOP);
    stage.world().refusals.insert("POST /containers/create".into(), (500, "no space left on device".into()));
    let run = stage.run(&["up", "--parallel", "1", "--events", "json"]);
    let last = run.json_lines().pop().expect("an event");
    assert_eq!((run.code, &last["event"], &last["code"]), (1, &"failed".into(), &1.into()));
    assert_eq!(last["message"], "failed to create shop-db-1");
    let fields: Vec<&str> = last.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, ["event", "code", "message", "excerpt", "causes", "evidence", "hints"]);
    assert!(run.stderr.starts_with("error: failed to create shop-db-1\n"), "{run}");
}

#[test]
fn quiet_says_nothing_on_success() {
    let stage = Stage::new(SHOP);
    for command in [&["up", "-q"][..], &["up", "-q"], &["stop", "-q"], &["start", "-q"], &["down", "-q"]] {
        let run = stage.run(command);
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""), "{command:?}");
    }
    stage.run(&UP);
    let reset = stage.run(&["reset", "all", "--yes", "--quiet"]);
    assert_eq!((reset.code, reset.stdout.as_str(), reset.stderr.as_str()), (0, "", ""));
}

#[test]
fn pipes_and_no_color_have_no_escape_codes_and_color_can_be_forced() {
    let stage = Stage::new(SHOP);
    for command in [&["up"][..], &["status"], &["logs"], &["graph"], &["up", "nothing"], &["--help"]] {
        let run = stage.run(command);
        assert!(!run.to_string().contains('\x1b'), "{command:?}: {run:?}");
    }
    let forced = stage.run(&["--color", "always", "status"]);
    assert!(forced.stdout.contains('\x1b'), "{forced:?}");
    let mut command = stage.command(&["status"]);
    command.env("NO_COLOR", "1").env("CLICOLOR_FORCE", "0");
    assert!(!stage.finish(command).to_string().contains('\x1b'));
}

#[test]
fn passwords_are_not_in_plans_and_events() {
    let stage = Stage::new("name: shop\nservices:\n  db: {image: 'db:1', environment: {POSTGRES_PASSWORD: hunter2}}\n");
    for command in [&["up", "--plan"][..], &["up", "--plan", "--json"], &["up", "-vv", "--events", "json"]] {
        let run = stage.run(command);
        assert!(!run.to_string().contains("hunter2"), "{command:?}: {run}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let stage = Stage::new(SHOP);
    let mut child = stage.spawn(&["up", "--events", "json"]);
    drop(child.stdout.take());
    let run = stage.ended(child);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run}");
}

#[test]
fn a_verification_that_cannot_be_carried_out_still_writes_its_junit_report() {
    let stage = Stage::bare();
    assert_eq!(stage.run(&["init"]).code, 0);
    let run = stage.run(&["verify", "--junit", "report.xml", "--timeout", "5s"]);
    assert_eq!(run.code, 1, "{run}");
    let report = std::fs::read_to_string(stage.dir().join("report.xml")).expect("written");
    // Without the times, which differ.
    let mut parts = report.split(" time=\"");
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.split_once('"').map_or("", |(_, rest)| rest));
    insta::assert_snapshot!(std::iter::once(first).chain(rest).collect::<String>(), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuite name="pipectl verify" tests="1" failures="0" errors="1">
      <testcase classname="pipectl.verify" name="verify">
        <error message="postgres-source has no container"/>
      </testcase>
    </testsuite>
    "#);
}
