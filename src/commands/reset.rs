//! `pipectl reset`: shows what goes, asks, and then leaves a state from which `up` starts anew.

mod governance;

use std::path::PathBuf;

use super::Exit;
use super::backup::{self, After, Order};
use super::context::Context;
use super::images::remove;
use super::run::{Running, run as run_plan};
use super::stack::Stack;
use super::unfinished::Unfinished;
use crate::cli::{ResetArgs, ResetLevel};
use crate::engine::backend::Backend;
use crate::engine::observed::RunState;
use crate::engine::plan::{Action, Plan};
use crate::engine::reconcile;
use crate::exit;
use crate::failure::Failure;
use crate::pipeline::Pipeline;
use crate::pipeline::reset::{self, ResetPlan};
use crate::pipeline::status::JOBS;
use crate::ui::table::Table;

pub async fn run(context: &Context, arguments: &ResetArgs) -> Exit {
    let stack = Stack::open(context).await?;
    if arguments.images && arguments.level != ResetLevel::All {
        return Err(Failure::usage("images are removed by `reset all` only").hint("pipectl reset all --images"));
    }
    match arguments.level {
        ResetLevel::All => all(context, &stack, arguments).await,
        ResetLevel::Governance => governance::run(context, &stack, arguments).await,
        ResetLevel::Pipeline => pipeline(context, &stack, arguments).await,
    }
}

/// The backup that comes before, checked before anything is asked.
fn order(arguments: &ResetArgs, after: After) -> Result<Option<Order<'_>>, Failure> {
    let Some(file) = &arguments.backup else { return Ok(None) };
    let order = Order { file, secrets: false, after };
    order.check()?;
    Ok(Some(order))
}

async fn all(context: &Context, stack: &Stack, arguments: &ResetArgs) -> Exit {
    let order = order(arguments, After::Stopped)?;
    let observed = stack.observe().await?;
    let plan = reconcile::reset_all(&stack.project, &observed)?;
    let state = stack.state_dir();
    let own_notes: Vec<PathBuf> = state.exists().then(|| state.clone()).into_iter().collect();
    let images = if arguments.images { remove::all(stack).await? } else { Vec::new() };
    if plan.changes() == 0 && !state.exists() && images.is_empty() {
        context.ui.note("nothing to do: nothing of this project is here");
        return Ok(exit::OK);
    }
    context.ui.note(&going(&plan, &own_notes, &images));
    if !confirmed(
        context,
        arguments.yes,
        "reset all",
        &format!("remove all of project {}, its data included?", stack.project.name),
    )? {
        return Ok(exit::FAILED);
    }
    let (plan, observed) = match &order {
        Some(order) => {
            backup::before(context, stack, order).await?;
            // What ran has been stopped for it.
            let observed = stack.observe().await?;
            (reconcile::reset_all(&stack.project, &observed)?, observed)
        }
        None => (plan, observed),
    };
    // Gone with the directory.
    Unfinished::of(stack).removing("reset all", &observed)?;
    run_plan(context, stack, &plan, &Running::plain("reset", &|_| "everything of this project is gone".to_owned()))
        .await?;
    leave_source(context, stack).await;
    if state.exists() {
        std::fs::remove_dir_all(&state)
            .map_err(|error| Failure::stack(format!("cannot remove {}", state.display())).because(error.to_string()))?;
    }
    if arguments.images {
        remove::remove(context, stack, &images).await?;
    }
    Ok(exit::OK)
}

/// A slot that is left at a server elsewhere keeps that server's log for good.
async fn leave_source(context: &Context, stack: &Stack) {
    let Some(pipeline) = &stack.pipeline else { return };
    let Some(external) = &pipeline.spec.source.external else { return };
    if let Err(error) = reset::leave_source(pipeline).await {
        let slot = &pipeline.spec.source.slot;
        let what =
            format!("replication slot {slot} may still be at {}, which then keeps all its log: {error}", external.host);
        context.ui.warning(&what, Some(&format!("drop it there: SELECT pg_drop_replication_slot('{slot}');")));
    }
}

/// Containers, networks and volumes that a plan removes, pipectl's own notes about the project, and images.
pub fn going(plan: &Plan, notes: &[PathBuf], images: &[String]) -> String {
    let mut table = Table::new(["REMOVES", "NAME"]);
    for operation in &plan.operations {
        match &operation.action {
            Action::RemoveContainer { name } => table.row(["container", name]),
            Action::RemoveNetwork { name } => table.row(["network", name]),
            Action::RemoveVolume { name } => table.row(["volume with its data", name]),
            _ => &mut table,
        };
    }
    for path in notes {
        table.row([if path.is_dir() { "directory" } else { "file" }, &path.display().to_string()]);
    }
    for image in images {
        table.row(["image", image]);
    }
    table.render(None)
}

async fn pipeline(context: &Context, stack: &Stack, arguments: &ResetArgs) -> Exit {
    let order = order(arguments, After::AsBefore)?;
    let pipeline = stack.pipeline()?;
    let plan = planned(context, pipeline).await?;
    if plan.items.is_empty() {
        context.ui.note("nothing to do: the pipeline has no state");
        return Ok(exit::OK);
    }
    context.ui.note("The source database keeps its rows; `pipectl up` copies them afresh.");
    if !confirmed(context, arguments.yes, "reset pipeline", "remove all of these?")? {
        return Ok(exit::FAILED);
    }
    if let Some(order) = &order {
        backup::before(context, stack, order).await?;
    }
    stop_jobs(stack, &JOBS).await?;
    let ui = context.ui.clone();
    reset::apply(pipeline, &move |what| ui.note(what)).await?;
    context.ui.note("the pipeline's state is gone; `pipectl up` starts the flow anew");
    Ok(exit::OK)
}

/// What a reset of the pipeline removes, shown.
pub async fn planned(context: &Context, pipeline: &Pipeline) -> Result<ResetPlan, Failure> {
    let plan = reset::plan(pipeline).await.map_err(|error| {
        Failure::from(error)
            .hint("the servers that hold the data must run for this: `pipectl up --no-verify`")
            .hint("`pipectl reset all` needs none of them: it removes containers, networks and volumes, the source's rows too")
    })?;
    if !plan.items.is_empty() {
        let mut table = Table::new(["REMOVES", "NAME", "HOLDS"]);
        for item in &plan.items {
            table.row([item.kind.verb(), &item.name, &item.detail]);
        }
        context.ui.note(&table.render(context.ui.width()));
    }
    Ok(plan)
}

/// The jobs must not write what is being removed.
pub async fn stop_jobs(stack: &Stack, jobs: &[&str]) -> Result<(), Failure> {
    let services: Vec<String> = jobs.iter().map(|job| format!("spark-job-{job}")).collect();
    for container in stack.engine.containers(&stack.project.name).await? {
        if services.contains(&container.service) && container.state != RunState::Exited {
            stack.engine.stop(&container.id, stack.grace(&container.service)).await?;
        }
    }
    Ok(())
}

/// Whether to go on; `command` is what was typed, without `--yes`.
pub fn confirmed(context: &Context, yes: bool, command: &str, question: &str) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    let answer = context.ui.confirm(question).map_err(|error| {
        Failure::usage(error.to_string()).hint(format!("to do it without a question: `pipectl {command} --yes`"))
    })?;
    if !answer {
        context.ui.note("nothing was changed");
    }
    Ok(answer)
}
