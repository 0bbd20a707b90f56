//! `pipectl down`: containers and networks go, data stays unless asked otherwise.

use super::Exit;
use super::context::Context;
use super::run::{Running, run as run_plan};
use super::stack::Stack;
use super::unfinished::Unfinished;
use crate::cli::DownArgs;
use crate::engine::reconcile::{self, DownOptions};
use crate::exit;

pub async fn run(context: &Context, arguments: &DownArgs) -> Exit {
    let stack = Stack::open(context).await?;
    let observed = stack.observe().await?;
    let plan = reconcile::down(&stack.project, &observed, DownOptions { volumes: arguments.volumes })?;
    let summary = match (plan.changes(), arguments.volumes) {
        (0, _) => "nothing to do: nothing of this project is here",
        (_, true) => "down; containers, networks and volumes are gone",
        (_, false) => "down; the data is kept, `pipectl up` goes on with it",
    };
    let unfinished = Unfinished::of(&stack);
    if arguments.volumes {
        unfinished.removing("down --volumes", &observed)?;
    }
    run_plan(context, &stack, &plan, &Running::plain("down", &|_| summary.to_owned())).await?;
    if arguments.volumes {
        unfinished.clear()?;
    }
    Ok(exit::OK)
}
