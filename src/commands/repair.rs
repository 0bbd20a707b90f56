//! `pipectl repair`: mends what `status` found, and ends like `up`, with the flow proved.

use super::Exit;
use super::context::Context;
use super::reset::{confirmed, planned, stop_jobs};
use super::stack::Stack;
use super::up;
use crate::cli::{RepairArgs, RepairKind, UpArgs};
use crate::exit;
use crate::failure::Failure;
use crate::pipeline::problems::Repair;
use crate::pipeline::status::{self, JOBS};
use crate::pipeline::{Pipeline, publication, reset};

/// Time to connect to the source.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

pub async fn run(context: &Context, arguments: &RepairArgs) -> Exit {
    let stack = Stack::open(context).await?;
    let pipeline = stack.pipeline()?;
    let chosen = match arguments.repair {
        Some(RepairKind::Connector) => Some(Repair::Connector),
        Some(RepairKind::Destination) => Some(Repair::Destination),
        Some(RepairKind::Resnapshot) => Some(Repair::Resnapshot),
        None => named_by_status(context, pipeline).await?,
    };
    let Some(repair) = chosen else { return Ok(exit::OK) };
    let done = match repair {
        Repair::Connector => connector(context, pipeline).await?,
        Repair::Destination => destination(context, &stack, pipeline, arguments.yes).await?,
        Repair::Resnapshot => resnapshot(context, &stack, pipeline, arguments.yes).await?,
    };
    if !done {
        return Ok(exit::FAILED);
    }
    up::run(context, &UpArgs::plain()).await
}

/// The repair that includes all others which status names; nothing when all is well.
async fn named_by_status(context: &Context, pipeline: &Pipeline) -> Result<Option<Repair>, Failure> {
    let status = Box::pin(status::gather(pipeline)).await;
    if status.healthy {
        context.ui.note("nothing to repair: the data flows");
        return Ok(None);
    }
    for problem in &status.problems {
        context.ui.note(problem);
    }
    let needed = status.repairs.last().copied();
    needed.map(Some).ok_or_else(|| {
        Failure::stack("no repair helps against that")
            .hint("`pipectl up` starts what does not run and applies edited files; `pipectl status` shows every part")
    })
}

async fn connector(context: &Context, pipeline: &Pipeline) -> Result<bool, Failure> {
    let name = &pipeline.spec.connector;
    context.ui.note(&format!("restarting the failed parts of connector {name}"));
    pipeline.connect().await?.restart_failed(name).await?;
    Ok(true)
}

async fn destination(context: &Context, stack: &Stack, pipeline: &Pipeline, yes: bool) -> Result<bool, Failure> {
    context.ui.note(
        "The destination's tables are emptied and filled anew from the lake's change log; the source is not asked.",
    );
    if !confirmed(context, yes, "repair destination", "empty the destination's tables?")? {
        return Ok(false);
    }
    stop_jobs(stack, &["process"]).await?;
    let ui = context.ui.clone();
    reset::destination(pipeline, &move |what| ui.note(what)).await?;
    Ok(true)
}

async fn resnapshot(context: &Context, stack: &Stack, pipeline: &Pipeline, yes: bool) -> Result<bool, Failure> {
    planned(context, pipeline).await?;
    context.ui.note("The source database keeps its rows; they are all copied afresh.");
    if !confirmed(context, yes, "repair resnapshot", "remove all of these and read the source anew?")? {
        return Ok(false);
    }
    stop_jobs(stack, &JOBS).await?;
    let ui = context.ui.clone();
    reset::apply(pipeline, &move |what| ui.note(what)).await?;
    // Before the connector is there again: its snapshot has what changed until now.
    let added = publication::complete(pipeline, &pipeline.source(PATIENCE).await?).await?;
    if !added.is_empty() {
        context.ui.note(&format!("added to publication {}: {}", pipeline.spec.source.publication, added.join(", ")));
    }
    Ok(true)
}
