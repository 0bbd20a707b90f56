//! Logs of several services at once.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::stack::{Stack, eventually, run};

/// What a database writes when it is told to.
const MARK: &str = "checkpoint starting: immediate force wait";

pub fn several_are_followed_filtered_since_a_moment_as_json(stack: &Stack) {
    const SINCE: Duration = Duration::from_secs(1);
    stack.up();
    let databases = ["postgres-source", "postgres-dest"];
    let checkpoint = |service: &str| drop(stack.sql_as("postgres", service, "CHECKPOINT"));

    // A line of before, which is in the whole log and not in its last second.
    checkpoint(databases[1]);
    let written = Instant::now();
    let text = stack.pipectl(&["logs", "--json", "--grep", MARK, databases[1]]).succeeded().stdout;
    let old = rows(&text).pop().expect("its line")["time"].as_str().expect("a time").to_owned();
    // The engine counts whole seconds.
    eventually("that line is older than what is asked for", || written.elapsed() > 2 * SINCE);

    let arguments = ["logs", "--follow", "--json", "--since", "1s", "--grep", "checkpoint starting"];
    let mut child =
        stack.command(&[&arguments[..], &databases].concat()).stdout(Stdio::piped()).spawn().expect("pipectl runs");
    databases.into_iter().for_each(checkpoint);
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines().map_while(Result::ok);
    let mut seen: Vec<Value> = Vec::new();
    while !databases.iter().all(|service| seen.iter().any(|row| row["service"] == *service)) {
        let line = lines.next().unwrap_or_else(|| panic!("the log ended after {seen:?}"));
        seen.extend(rows(&line));
    }
    run(Command::new("kill").args(["-INT", &child.id().to_string()])).succeeded();
    assert_eq!(child.wait().expect("pipectl ends").code(), Some(0));
    for row in &seen {
        assert!(row["text"].as_str().expect("text").contains("checkpoint starting"), "{row}");
        assert!(row["time"].as_str().expect("a time") > old.as_str(), "{row} is not from after {old}");
        assert_eq!(row["container"], format!("pipectl-live-{}-1", row["service"].as_str().expect("a service")));
    }
}

/// JSON objects, one a line.
fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}
