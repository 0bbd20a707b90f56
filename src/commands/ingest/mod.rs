//! `pipectl ingest`: bring the catalog up to date with what is there.

mod official;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::Exit;
use super::context::{Context, unwritable};
use super::stack::Stack;
use crate::cli::{IngestArgs, IngestWith};
use crate::exit;
use crate::failure::Failure;
use crate::governance::reconcile::{Ingested, chosen};
use crate::governance::{self, names};
use crate::pipeline::spec::SHORTEST;
use crate::ui::Mark;
use crate::ui::table::Table;

pub async fn run(context: &Context, arguments: &IngestArgs) -> Exit {
    let services = chosen(arguments.service.as_deref()).map_err(|name| {
        Failure::usage(format!("the catalog has no service `{name}` of this pipeline"))
            .hint(format!("there are {}", names::SERVICES.join(", ")))
    })?;
    if arguments.with == Some(IngestWith::Official) {
        return official::run(context, arguments, &services).await;
    }
    // Now, so that a mistake in the files ends the command, with or without a schedule.
    let stack = Stack::open(context).await?;
    let Some(every) = arguments.every else {
        return once(context, arguments, &stack, &services).await;
    };
    let every = match every.or(stack.pipeline()?.spec.governance.every) {
        Some(every) if every >= SHORTEST => every,
        Some(_) => return Err(Failure::usage(format!("`--every` must be at least {} s", SHORTEST.as_secs()))),
        None => {
            return Err(Failure::usage("`--every` needs to know how often")
                .hint("`pipectl ingest --every 10m`, or `every: 10m` in the `governance` section of pipeline.yml"));
        }
    };
    repeat(context, arguments, &services, every).await
}

/// The same again at an interval. What goes wrong in one round may be over in the next, so it is told and no end; the files
/// are read anew each time.
async fn repeat(context: &Context, arguments: &IngestArgs, services: &BTreeSet<&'static str>, every: Duration) -> Exit {
    let stop = context.ui.interrupts(None).map_err(|error| unwritable(&error))?;
    let mut rounds = tokio::time::interval(every);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(exit::OK),
            _ = rounds.tick() => {}
        }
        // A round is finished even when the stop is asked for meanwhile; a second Ctrl-C ends it at once.
        let round = async { once(context, arguments, &Stack::open(context).await?, services).await };
        if let Err(failure) = round.await {
            let told = std::iter::once(failure.message.as_str()).chain(failure.causes.iter().map(String::as_str));
            context.ui.warning(&told.collect::<Vec<_>>().join(": "), failure.hints.first().map(String::as_str));
        }
    }
}

async fn once(context: &Context, arguments: &IngestArgs, stack: &Stack, services: &BTreeSet<&'static str>) -> Exit {
    let report = governance::ingest(stack.pipeline()?, None, services, &|_| ()).await?;
    if arguments.json && arguments.every.is_some() {
        context.json_line(&report)?;
    } else if arguments.json {
        context.json(&report)?;
    } else {
        context.out(&table(context, &report))?;
        for note in &report.notes {
            context.ui.note(&format!("note: {note}"));
        }
        context.ui.note(&report.summary());
    }
    if report.problems.is_empty() {
        return Ok(exit::OK);
    }
    let failure = Failure::stack("the catalog is not complete");
    let failure = report.problems.iter().fold(failure, Failure::because);
    Err(failure.hint("`pipectl status` shows what runs; `pipectl ingest` tries again"))
}

fn table(context: &Context, report: &Ingested) -> String {
    let mut table = Table::new(["SERVICE", "CREATED", "CHANGED", "DELETED", "UNCHANGED"]);
    for counts in &report.services {
        let numbers =
            [counts.created, counts.changed, counts.deleted, counts.unchanged].map(|number| number.to_string());
        table.marked(Mark::Good, std::iter::once(counts.service.clone()).chain(numbers));
    }
    table.render(context.ui.width())
}
