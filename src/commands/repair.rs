//! `pipectl repair`: mends what `status` found, and ends like `up`, with the flow proved.

use super::Exit;
use super::context::Context;
use super::reset::{confirmed, planned, stop_jobs};
use super::stack::Stack;
use super::status;
use super::up;
use crate::cli::{RepairArgs, RepairKind, UpArgs};
use crate::exit;
use crate::failure::Failure;
use crate::pipeline::repair::Repair;
use crate::pipeline::status::JOBS;
use crate::pipeline::{Pipeline, publication, reset};

/// Time to connect to the source.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

pub async fn run(context: &Context, arguments: &RepairArgs) -> Exit {
    let stack = Stack::open(context).await?;
    let pipeline = stack.pipeline()?;
    let chosen = match arguments.repair {
        Some(RepairKind::Services) => None,
        Some(RepairKind::Tables) => Some(Repair::Tables),
        Some(RepairKind::Connector) => Some(Repair::Connector),
        Some(RepairKind::Jobs) => Some(Repair::Jobs),
        Some(RepairKind::Destination) => Some(Repair::Destination),
        Some(RepairKind::Resnapshot) => Some(Repair::Resnapshot),
        None => match named_by_status(context, &stack).await? {
            Needed::Nothing => return Ok(exit::OK),
            Needed::Services => None,
            Needed::Data(repair) => Some(repair),
        },
    };
    let done = match chosen {
        // All that follows.
        None => true,
        Some(repair) => mend(context, &stack, pipeline, repair, arguments.yes).await?,
    };
    if !done {
        return Ok(exit::FAILED);
    }
    up::run(context, &UpArgs::plain()).await
}

async fn mend(
    context: &Context,
    stack: &Stack,
    pipeline: &Pipeline,
    repair: Repair,
    yes: bool,
) -> Result<bool, Failure> {
    match repair {
        Repair::Tables => {
            context.ui.note("tables whose changes were not captured are added to the publication and read anew");
            Ok(true)
        }
        Repair::Connector => connector(context, pipeline).await,
        Repair::Jobs => {
            context.ui.note("restarting the Spark jobs");
            stop_jobs(stack, &JOBS).await?;
            Ok(true)
        }
        Repair::Destination => destination(context, stack, pipeline, yes).await,
        Repair::Resnapshot => resnapshot(context, stack, pipeline, yes).await,
    }
}

/// What `status` asks for.
enum Needed {
    /// All is well.
    Nothing,
    /// Whatever does not run is started.
    Services,
    /// A repair of the flow itself, and then the same.
    Data(Repair),
}

/// The repair that includes all others which status names.
async fn named_by_status(context: &Context, stack: &Stack) -> Result<Needed, Failure> {
    let status = status::gather(stack).await?;
    if status.is_healthy() {
        context.ui.note("nothing to repair: the data flows");
        return Ok(Needed::Nothing);
    }
    for reason in status.reasons() {
        context.ui.note(reason);
    }
    let repairs = status.pipeline.iter().flat_map(|pipeline| &pipeline.repairs);
    Ok(repairs.max().map_or(Needed::Services, |repair| Needed::Data(*repair)))
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
