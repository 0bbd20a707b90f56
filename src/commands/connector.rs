//! `pipectl connector`: look at the connector, restart, pause or resume it.

use std::time::Duration;

use tokio::time::Instant;

use super::Exit;
use super::context::Context;
use super::stack::Stack;
use crate::cli::{ConnectorAction, ConnectorArgs};
use crate::exit;
use crate::failure::Failure;
use crate::pipeline::clients::connect::{Connect, ConnectorStatus, TaskState};
use crate::ui::Mark;
use crate::ui::table::Table;

/// How long a connector that was started again is watched until it runs or has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time in which what is said of it may still be that of before.
const SETTLE: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(200);

pub async fn run(context: &Context, arguments: &ConnectorArgs) -> Exit {
    let stack = Stack::open(context).await?;
    let pipeline = stack.pipeline()?;
    let name = &pipeline.spec.connector;
    let connect = pipeline.connect().await?;
    match arguments.action.unwrap_or(ConnectorAction::Status) {
        ConnectorAction::Status => {}
        ConnectorAction::Restart => connect.restart(name).await?,
        ConnectorAction::Pause => connect.pause(name).await?,
        ConnectorAction::Resume => connect.resume(name).await?,
    }
    let begun = Instant::now();
    let started = matches!(arguments.action, Some(ConnectorAction::Restart | ConnectorAction::Resume));
    let mut status = registered(&connect, name).await?;
    let mut has_left = false;
    while started && begun.elapsed() < PATIENCE {
        has_left |= !status.is_running();
        // At first it may still be said to be what it was.
        if status.failed().is_some() || status.is_running() && (has_left || begun.elapsed() > SETTLE) {
            break;
        }
        tokio::time::sleep(LOOK).await;
        status = registered(&connect, name).await?;
    }
    if arguments.json {
        context.json(&status)?;
    } else {
        let mut table = Table::new(["PART", "STATE"]);
        let mark = |state: &str| if state == "RUNNING" { Mark::Good } else { Mark::Bad };
        table.marked(mark(&status.connector.state), [name.clone(), status.connector.state.clone()]);
        for task in &status.tasks {
            let part = format!("task {}", task.id.unwrap_or_default());
            table.marked(mark(&task.state), [part, task.state.clone()]);
        }
        context.out(&table.render(context.ui.width()))?;
        if let Some(restarts) = &status.restarts {
            context.out(&format!("by the worker: {restarts}"))?;
        }
        for reason in status.failed().map(TaskState::reasons).unwrap_or_default() {
            context.out(&reason)?;
        }
    }
    let asked_to_pause = arguments.action == Some(ConnectorAction::Pause);
    Ok(if status.is_running() || asked_to_pause { exit::OK } else { exit::FAILED })
}

async fn registered(connect: &Connect, name: &str) -> Result<ConnectorStatus, Failure> {
    connect
        .status_with_restarts(name)
        .await?
        .ok_or_else(|| Failure::stack(format!("connector {name} is not registered")).hint("`pipectl up` registers it"))
}
