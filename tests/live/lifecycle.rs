//! Interrupting, stopping, resetting: what stays, and what is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::equal::equal;
use crate::stack::{Stack, docker, run};

/// The generator counts its rounds from each start.
const GENERATOR_STARTS: &str = "round 1:";

pub fn interrupted_up_resumes(stack: &Stack) {
    stack.pipectl(&["reset", "all", "--yes"]).succeeded();
    let mut child = stack
        .command(&["up", "--events", "plain"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("pipectl runs");
    // Ctrl-C in the middle: as soon as the first service is reported ready.
    let lines = BufReader::new(child.stderr.take().expect("stderr")).lines();
    let mut seen = Vec::new();
    for line in lines.map_while(Result::ok) {
        let ready = line.contains("ready");
        seen.push(line);
        if ready {
            let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
            assert!(interrupted.success());
            break;
        }
    }
    let status = child.wait().expect("pipectl ends");
    assert_eq!(status.code(), Some(130), "interrupted: {}", seen.join("\n"));
    // Ends with the flow proved.
    stack.up();
}

/// Every step and every wait of the plan is cut short once, without a warning, and the next `up` follows at once, while the engine still
/// does what the killed one has asked for. Each single call to the engine is cut by tests/cli/killed.rs.
pub fn killed_up_converges(stack: &Stack) {
    stack.pipectl(&["reset", "all", "--yes"]).succeeded();
    let mut killed = BTreeSet::new();
    while let Some(operation) = up_killed_at_something_new(stack, &killed) {
        killed.insert(operation);
    }
    for step in ["step topics", "step connector", "step new-tables", "step lake", "step catalogue", "step proof"] {
        assert!(killed.contains(step), "{step} was never cut short, only {killed:?}");
    }
    for service in ["kafka", "namenode", "spark-driver", "debezium", "hive-metastore"] {
        assert!(
            killed.contains(&format!("ready pipectl-live-{service}-1")),
            "{service} was always ready, only {killed:?}"
        );
    }
    stack.pipectl(&["up"]).succeeded().says("nothing changed");
    stack.pipectl(&["status"]).succeeded();
    stack.pipectl(&["verify", "--timeout", "300s"]).succeeded();
}

/// Kills an `up` as soon as it begins a step or a wait that none was killed at before; nothing where it ended well before one began.
fn up_killed_at_something_new(stack: &Stack, killed: &BTreeSet<String>) -> Option<String> {
    let mut command = stack.command(&["up", "--events", "json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("pipectl runs");
    let mut operations = BTreeMap::new();
    let mut said = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("stdout")).lines().map_while(Result::ok) {
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        said.push(line);
        match event["event"].as_str() {
            Some("planned") => {
                let planned = event["operations"].as_array().expect("operations").iter();
                operations = planned.map(|one| (one["id"].as_u64(), name_of(one))).collect();
            }
            Some("started") => {
                let Some(name) = &operations[&event["id"].as_u64()] else { continue };
                if !killed.contains(name) {
                    child.kill().expect("it runs");
                    child.wait().expect("it ends");
                    return Some(name.clone());
                }
            }
            _ => {}
        }
    }
    assert!(child.wait().expect("pipectl ends").success(), "after {killed:?}:\n{}", said.join("\n"));
    None
}

/// Of a planned operation that is a step or a wait.
fn name_of(operation: &Value) -> Option<String> {
    let verb = operation["verb"].as_str().expect("a verb");
    let subject = operation["subject"].as_str().expect("a subject");
    ["step", "ready"].contains(&verb).then(|| format!("{verb} {subject}"))
}

pub fn logs_go_on_over_a_restart(stack: &Stack) {
    stack.up();
    let mut child = stack
        .command(&["logs", "--follow", "--tail", "1", "data-generator"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("pipectl runs");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines().map_while(Result::ok);
    let mut seen = vec![lines.next().expect("its last line")];
    for _ in 0..2 {
        stack.pipectl(&["restart", "data-generator"]).succeeded();
        let first = lines.find(|line| {
            seen.push(line.clone());
            line.contains(GENERATOR_STARTS)
        });
        assert!(first.is_some(), "the log ended with the container: {}", seen.join("\n"));
    }
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(interrupted.success());
    assert_eq!(child.wait().expect("pipectl ends").code(), Some(0));
    let starts = seen[1..].iter().filter(|line| line.contains(GENERATOR_STARTS)).count();
    assert_eq!(starts, 2, "each line once: {}", seen.join("\n"));
}

pub fn another_project_beside_it(stack: &Stack) {
    const OTHER: &str = "pipectl-live-other";
    stack.up();
    let before = stack.fingerprint();
    // In a folder with nothing in it: the program has the files, and images of the same content are there.
    let folder = tempfile::tempdir().expect("a temporary directory");
    let other = |arguments: &[&str]| run(stack.command_of(OTHER, arguments).current_dir(folder.path()));
    other(&["up", "postgres-dest", "kafka", "--ports", "auto"]).succeeded();
    stack.pipectl(&["up"]).succeeded().says("nothing changed");
    other(&["up", "postgres-dest", "kafka"]).succeeded().says("nothing changed");
    // Each has a table of this name, and only its own rows.
    stack.await_region(1, &stack.sql("postgres-source", "SELECT name FROM regions WHERE region_id = 1"));
    let ask = "SELECT count(*) FROM regions";
    let own = format!("{OTHER}-postgres-dest-1");
    let rows = docker(&["exec", &own, "psql", "-U", "admin", "-d", "jadc2_db", "-Atc", ask]);
    assert_eq!(rows.trim(), "0");
    other(&["reset", "all", "--yes"]).succeeded();
    let label = format!("label=com.docker.compose.project={OTHER}");
    assert_eq!(docker(&["ps", "-aq", "--filter", &label]), "");
    assert_eq!(docker(&["volume", "ls", "-q", "--filter", &label]), "");
    assert_eq!(stack.fingerprint(), before, "nothing of this project was touched");
    stack.pipectl(&["status"]).succeeded();
}

pub fn down_keeps_data(stack: &Stack) {
    stack.up();
    stack.rename_region(1, "before down");
    stack.await_region(1, "before down");
    let rows = stack.sql("postgres-source", "SELECT count(*) FROM regions");
    stack.pipectl(&["down"]).succeeded();
    assert_eq!(docker(&["ps", "-aq", "--filter", &stack.label]), "");
    stack.up();
    assert_eq!(stack.sql("postgres-source", "SELECT count(*) FROM regions"), rows);
    assert_eq!(stack.region(1), "before down");
    // The flow goes on where it was.
    stack.rename_region(1, "after up");
    stack.await_region(1, "after up");
}

pub fn reset_pipeline(stack: &Stack) {
    stack.up();
    // A row that only the destination has: gone after the reset, because everything behind the source is made anew.
    stack.sql("postgres-dest", "INSERT INTO regions VALUES (999, 'by hand', now())");
    let ran = stack.pipectl(&["reset", "pipeline"]).exited(2);
    ran.says("--yes");
    stack.pipectl(&["reset", "pipeline", "--yes"]).succeeded();
    stack.up();
    equal(stack);
    assert_eq!(stack.sql("postgres-dest", "SELECT count(*) FROM regions WHERE region_id = 999"), "0");
}

pub fn reset_all(stack: &Stack) {
    stack.up();
    stack.pipectl(&["reset", "all", "--yes"]).succeeded();
    let label = stack.label.as_str();
    for list in [
        vec!["ps", "-aq", "--filter", label],
        vec!["volume", "ls", "-q", "--filter", label],
        vec!["network", "ls", "-q", "--filter", label],
    ] {
        assert_eq!(docker(&list), "", "{list:?}");
    }
    let status = stack.pipectl(&["status"]);
    assert_eq!(status.code, Some(1), "nothing runs, and status says so: {}", status.stdout);
}
