//! What the connector goes on failing at. Debezium begins anew by itself after most errors, and Connect calls it RUNNING all the while:
//! only its log tells.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;

use super::containers::ContainerStatus;
use crate::commands::stack::Stack;
use crate::engine::backend::{Backend as _, LogLine, LogOptions};
use crate::pipeline::CONNECT;
use crate::pipeline::clients::first_words;
use crate::pipeline::hop::Hop;
use crate::pipeline::known;
use crate::pipeline::problems::Problem;
use crate::pipeline::status::PipelineStatus;

/// How far back the log is read: Debezium tries again after at most 10 s, and what is older may be mended.
const RECENT: Duration = Duration::from_secs(45);
/// Lines of it.
const LINES: usize = 1000;
/// Characters of a line that are shown.
const SHOWN: usize = 300;

/// Adds to a connector that runs and reads nothing what it said last of a failure that is known.
pub async fn explain(stack: &Stack, containers: &[ContainerStatus], status: &mut PipelineStatus) {
    let runs = matches!(status.connector.known(), Some(Some(connector)) if connector.is_running());
    if !runs || !status.problems.iter().any(is_open) {
        return;
    }
    let connect = containers.iter().find(|container| container.service == CONNECT.service && container.ok);
    let Some(name) = connect.and_then(|container| container.name.as_deref()) else { return };
    let lines = recent(stack, name).await;
    if let Some(line) = known_in(&lines) {
        for problem in status.problems.iter_mut().filter(|problem| is_open(problem)) {
            problem.what = format!("{}; {} says: {}", problem.what, CONNECT.service, first_words(line, SHOWN));
        }
    }
}

/// One that nothing explains and nothing mends yet.
fn is_open(problem: &Problem) -> bool {
    problem.hop == Hop::Connector && problem.repair.is_none() && problem.known().is_none()
}

/// The newest line with the failure that explains the most.
fn known_in(lines: &[String]) -> Option<&str> {
    let known = known::explain(lines.iter().map(String::as_str))?;
    lines.iter().rev().map(|line| line.trim()).find(|line| known.is_told_by(line))
}

/// What a container has written of late; nothing where its log cannot be read, which is no reason to tell less of the rest.
async fn recent(stack: &Stack, container: &str) -> Vec<String> {
    let since = SystemTime::now().checked_sub(RECENT).and_then(|since| since.duration_since(UNIX_EPOCH).ok());
    let since = since.and_then(|since| i64::try_from(since.as_secs()).ok());
    let options = LogOptions { follow: false, tail: Some(LINES), since };
    let (sender, mut receiver) = mpsc::channel::<LogLine>(LINES);
    let collect = async {
        let mut lines = Vec::new();
        while let Some(line) = receiver.recv().await {
            lines.push(line.text);
        }
        lines
    };
    let (ended, lines) = tokio::join!(stack.engine.follow_logs(container, &options, sender), collect);
    if let Err(error) = ended {
        tracing::debug!("the log of {container} cannot be read: {error}");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_line_of_the_known_failure_is_told() {
        let lines = [
            "ERROR: publication \"p\" does not exist (1)",
            "Caused by: FATAL: permission denied to start WAL sender",
            "ERROR: publication \"p\" does not exist (2)",
            "\t... 13 more",
        ];
        assert_eq!(known_in(&lines.map(str::to_owned)), Some(lines[2]));
        assert_eq!(known_in(&["INFO all is well".to_owned()]), None);
    }
}
