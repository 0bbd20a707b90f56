//! `pipectl down`: containers and networks go, data stays.

use super::Exit;
use super::context::Context;
use super::run::{Running, run as run_plan};
use super::stack::Stack;
use crate::cli::DownArgs;
use crate::engine::reconcile;
use crate::exit;
use crate::failure::Failure;

pub async fn run(context: &Context, arguments: &DownArgs) -> Exit {
    if arguments.volumes {
        return Err(Failure::usage("`pipectl down` never deletes data: there is no --volumes; nothing was touched")
            .hint("`pipectl reset all` shows what goes, asks, and removes the data too; with `--backup FILE` it keeps a copy"));
    }
    let stack = Stack::open(context).await?;
    let observed = stack.observe().await?;
    let plan = reconcile::down(&stack.project, &observed)?;
    let summary = match plan.changes() {
        0 => "nothing to do: nothing of this project is here",
        _ => "down; the data is kept, `pipectl up` goes on with it",
    };
    run_plan(context, &stack, &plan, &Running::plain("down", &|_| summary.to_owned())).await?;
    Ok(exit::OK)
}
