//! `pipectl logs`: the lines of many containers in one stream.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Exit;
use super::context::{Context, unwritable};
use super::stack::Stack;
use crate::cli::LogsArgs;
use crate::engine::backend::{Backend, LogLine, LogOptions};
use crate::engine::graph::Graph;
use crate::engine::observed::ContainerSummary;
use crate::engine::reconcile::PlanError;
use crate::exit;
use crate::failure::Failure;
use crate::ui::Reader;
use crate::ui::logs::LogPrefix;

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

/// Lines as they are written, until Ctrl-C or until every container has ended.
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
    for (index, container) in containers.iter().enumerate() {
        let (engine, id, options, all) = (stack.engine.clone(), container.id.clone(), options.clone(), sender.clone());
        let (own, mut lines) = mpsc::channel(256);
        readers.spawn(async move { engine.follow_logs(&id, &options, own).await });
        readers.spawn(async move {
            while let Some(line) = lines.recv().await {
                if all.send((index, line)).await.is_err() {
                    break;
                }
            }
            Ok(())
        });
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

/// Writes one line as the arguments want it.
struct Show<'a> {
    context: &'a Context,
    json: bool,
    prefix: LogPrefix,
}

impl<'a> Show<'a> {
    fn new(context: &'a Context, arguments: &LogsArgs, containers: &[ContainerSummary]) -> Self {
        let names = containers.iter().map(|container| container.name.clone());
        Self { context, json: arguments.json, prefix: LogPrefix::new(names) }
    }

    fn line(&mut self, container: &ContainerSummary, line: &LogLine) -> Result<Reader, Failure> {
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
