//! `pipectl ingest`: bring the catalog up to date with what is there.

use super::Exit;
use super::context::Context;
use super::stack::Stack;
use crate::cli::IngestArgs;
use crate::exit;
use crate::failure::Failure;
use crate::governance::reconcile::{Ingested, chosen};
use crate::governance::{self, names};
use crate::ui::Mark;
use crate::ui::table::Table;

pub async fn run(context: &Context, arguments: &IngestArgs) -> Exit {
    let services = chosen(arguments.service.as_deref()).map_err(|name| {
        Failure::usage(format!("the catalog has no service `{name}` of this pipeline"))
            .hint(format!("there are {}", names::SERVICES.join(", ")))
    })?;
    let stack = Stack::open(context).await?;
    let pipeline = stack.pipeline()?;
    let report = governance::ingest(pipeline, None, &services, &|_| ()).await?;
    if arguments.json {
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
