//! Interrupting, stopping, resetting: what stays, and what is gone.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

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
