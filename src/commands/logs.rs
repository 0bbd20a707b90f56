//! `pipectl logs`: the lines of many containers in one stream.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Exit;
use super::context::{Context, unwritable};
use super::stack::Stack;
use crate::cli::LogsArgs;
use crate::docker::DockerEngine;
use crate::engine::backend::{Backend, BackendError, LogLine, LogOptions};
use crate::engine::graph::Graph;
use crate::engine::observed::ContainerSummary;
use crate::engine::reconcile::PlanError;
use crate::exit;
use crate::failure::Failure;
use crate::ui::Reader;
use crate::ui::logs::LogPrefix;

/// Time between two looks for a container that has ended.
const LOOK: Duration = Duration::from_millis(250);

/// So long nothing of what is followed may run before that counts as the end: `pipectl restart` and `up` stop before they start.
const PATIENCE: Duration = Duration::from_secs(3);

/// One line of `--json`.
#[derive(Serialize)]
struct Row<'a> {
    time: &'a str,
    service: &'a str,
    container: &'a str,
    stream: &'static str,
    text: &'a str,
}

pub async fn run(context: &Context, arguments: &LogsArgs) -> Exit {
    let stack = Stack::open(context).await?;
    let graph = Graph::new(&stack.project).map_err(PlanError::from)?;
    for service in &arguments.services {
        graph.check_service(&stack.project, service).map_err(PlanError::from)?;
    }
    let chosen = |service: &String| arguments.services.is_empty() || arguments.services.contains(service);
    let containers: Vec<ContainerSummary> = stack
        .engine
        .containers(&stack.project.name)
        .await?
        .into_iter()
        .filter(|container| chosen(&container.service))
        .collect();
    if containers.is_empty() {
        return Err(Failure::stack("there is no container to show logs of").hint("`pipectl up` starts everything"));
    }
    let options = LogOptions {
        follow: arguments.follow,
        tail: arguments.tail.limit(),
        since: arguments.since.map(|since| now().saturating_sub(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))),
    };
    if arguments.follow {
        follow(context, &stack, arguments, containers, options).await
    } else {
        print(context, &stack, arguments, &containers, &options).await
    }
}

/// Everything there is, sorted by time over all containers.
async fn print(
    context: &Context,
    stack: &Stack,
    arguments: &LogsArgs,
    containers: &[ContainerSummary],
    options: &LogOptions,
) -> Exit {
    let mut lines = Vec::new();
    for container in containers {
        let (sender, mut receiver) = mpsc::channel(1_024);
        let collect = async {
            let mut own = Vec::new();
            while let Some(line) = receiver.recv().await {
                own.push(line);
            }
            own
        };
        let (ended, own) = tokio::join!(stack.engine.follow_logs(&container.id, options, sender), collect);
        ended?;
        lines.extend(own.into_iter().map(|line| (container, line)));
    }
    lines.sort_by(|(_, one), (_, other)| one.time.cmp(&other.time));
    let mut show = Show::new(context, arguments, containers);
    for (container, line) in &lines {
        if show.line(container, line)? == Reader::Gone {
            break;
        }
    }
    Ok(exit::OK)
}

/// Lines as they are written, until Ctrl-C or until none of the containers runs any more.
async fn follow(
    context: &Context,
    stack: &Stack,
    arguments: &LogsArgs,
    containers: Vec<ContainerSummary>,
    options: LogOptions,
) -> Exit {
    let cancel = context.ui.interrupts(None).map_err(|error| unwritable(&error))?;
    let (sender, mut receiver) = mpsc::channel(1_024);
    let mut readers = JoinSet::new();
    for index in 0..containers.len() {
        let (engine, project) = (stack.engine.clone(), stack.project.name.clone());
        let reader = Follower { engine, project, containers: containers.clone(), index };
        readers.spawn(reader.read(options.clone(), sender.clone()));
    }
    drop(sender);
    let mut show = Show::new(context, arguments, &containers);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return Ok(exit::OK),
            line = receiver.recv() => {
                let Some((index, line)) = line else { break };
                if show.line(&containers[index], &line)? == Reader::Gone {
                    return Ok(exit::OK);
                }
            }
        }
    }
    while let Some(ended) = readers.join_next().await {
        ended.map_err(|error| Failure::stack("reading a log failed").because(error.to_string()))??;
    }
    Ok(exit::OK)
}

/// Reads the log of one container among those that are followed.
struct Follower {
    engine: Arc<DockerEngine>,
    project: String,
    containers: Vec<ContainerSummary>,
    index: usize,
}

impl Follower {
    /// The engine's stream ends with the container; where that comes back, or another takes its name, its log goes on from there.
    async fn read(self, mut options: LogOptions, lines: mpsc::Sender<(usize, LogLine)>) -> Result<(), BackendError> {
        let mut id = self.containers[self.index].id.clone();
        let mut last = String::new();
        loop {
            let (own, mut read) = mpsc::channel::<LogLine>(256);
            let until = last.clone();
            let pass_on = async {
                while let Some(line) = read.recv().await {
                    // The engine counts whole seconds: it repeats what the second of the last line had.
                    if !until.is_empty() && line.time <= until {
                        continue;
                    }
                    // Two streams, which may overtake each other.
                    if line.time > last {
                        line.time.clone_into(&mut last);
                    }
                    if lines.send((self.index, line)).await.is_err() {
                        break;
                    }
                }
                // Without a reader the stream is closed.
                drop(read);
            };
            let (ended, ()) = tokio::join!(self.engine.follow_logs(&id, &options, own), pass_on);
            match ended {
                // Removed; another may come.
                Err(BackendError::NotFound { .. }) => {}
                ended => ended?,
            }
            if lines.is_closed() {
                return Ok(());
            }
            match self.comes_back().await? {
                Some(again) => id = again,
                None => return Ok(()),
            }
            options = LogOptions { tail: None, since: seconds(&last).or(options.since), ..options };
        }
    }

    /// Its id, once it runs again; nothing when none of those that are followed has run for a while.
    async fn comes_back(&self) -> Result<Option<String>, BackendError> {
        let name = &self.containers[self.index].name;
        let mut ran = Instant::now();
        loop {
            // Between two looks.
            tokio::time::sleep(LOOK).await;
            let now = self.engine.containers(&self.project).await?;
            let live = |container: &&ContainerSummary| container.state.is_live();
            if let Some(own) = now.iter().filter(live).find(|container| container.name == *name) {
                return Ok(Some(own.id.clone()));
            }
            let followed = |container: &ContainerSummary| self.containers.iter().any(|one| one.name == container.name);
            if now.iter().filter(live).any(followed) {
                ran = Instant::now();
            } else if ran.elapsed() > PATIENCE {
                return Ok(None);
            }
        }
    }
}

/// Seconds since 1970 of an RFC 3339 time; nothing where there is none, which means from the beginning.
fn seconds(time: &str) -> Option<i64> {
    let time = humantime::parse_rfc3339_weak(time).ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

/// Whether a line is asked for. As in many editors, a text in small letters stands for capitals too.
fn wanted(grep: Option<&str>, line: &str) -> bool {
    match grep {
        None => true,
        Some(text) if text.chars().any(char::is_uppercase) => line.contains(text),
        Some(text) => line.to_lowercase().contains(text),
    }
}

/// Writes one line as the arguments want it.
struct Show<'a> {
    context: &'a Context,
    json: bool,
    grep: Option<String>,
    prefix: LogPrefix,
}

impl<'a> Show<'a> {
    fn new(context: &'a Context, arguments: &LogsArgs, containers: &[ContainerSummary]) -> Self {
        let names = containers.iter().map(|container| container.name.clone());
        Self { context, json: arguments.json, grep: arguments.grep.clone(), prefix: LogPrefix::new(names) }
    }

    fn line(&mut self, container: &ContainerSummary, line: &LogLine) -> Result<Reader, Failure> {
        if !wanted(self.grep.as_deref(), &line.text) {
            return Ok(Reader::Listening);
        }
        let text = if self.json {
            let stream = if line.stderr { "stderr" } else { "stdout" };
            let row = Row {
                time: &line.time,
                service: &container.service,
                container: &container.name,
                stream,
                text: &line.text,
            };
            serde_json::to_string(&row)
                .map_err(|error| Failure::stack("a line cannot be written as JSON").because(error.to_string()))?
        } else {
            self.prefix.line(&container.name, &line.text)
        };
        self.context.ui.out(&text).map_err(|error| unwritable(&error))
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_letters_stand_for_capitals_and_not_the_other_way_round() {
        assert!(wanted(None, "anything") && wanted(Some("error"), "ERROR: x") && wanted(Some("Error"), "an Error"));
        assert!(!wanted(Some("Error"), "ERROR: x") && !wanted(Some("error"), "all well"));
    }

    #[test]
    fn a_log_goes_on_from_the_second_of_its_last_line() {
        assert_eq!(seconds("1970-01-01T00:01:40.900Z"), Some(100));
        assert_eq!(seconds(""), None);
    }
}
