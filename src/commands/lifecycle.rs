//! `pipectl stop`, `start`, `restart`: the state of what exists, nothing is made or removed.

use super::Exit;
use super::context::Context;
use super::run::{Running, run};
use super::stack::Stack;
use crate::engine::plan::Plan;
use crate::engine::reconcile;
use crate::exit;
use crate::failure::Failure;

pub async fn stop(context: &Context, services: &[String]) -> Exit {
    let stack = Stack::open(context).await?;
    let plan = reconcile::stop(&stack.project, &stack.observe().await?, services)?;
    change(context, &stack, "stop", &plan, "stopped").await
}

pub async fn start(context: &Context, services: &[String]) -> Exit {
    let stack = Stack::open(context).await?;
    let observed = stack.observe().await?;
    let plan = reconcile::start(&stack.project, &observed, services)?;
    if observed.containers.is_empty() {
        return Err(
            Failure::stack("there is nothing to start").hint("`pipectl up` makes the containers and starts them")
        );
    }
    change(context, &stack, "start", &plan, "ready").await
}

pub async fn restart(context: &Context, services: &[String]) -> Exit {
    let stack = Stack::open(context).await?;
    let plan = reconcile::restart(&stack.project, &stack.observe().await?, services)?;
    change(context, &stack, "restart", &plan, "restarted").await
}

async fn change(context: &Context, stack: &Stack, command: &'static str, plan: &Plan, done: &str) -> Exit {
    let summary = match plan.changes() {
        0 => "nothing to do".to_owned(),
        _ => done.to_owned(),
    };
    run(context, stack, plan, &Running::plain(command, &|_| summary.clone())).await?;
    Ok(exit::OK)
}
