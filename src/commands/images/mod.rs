//! `pipectl images`: what the project needs, what of it is here.

mod push;
pub mod remove;
mod transport;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::Exit;
use super::context::Context;
use super::run::{Running, run as run_plan};
use super::stack::Stack;
use super::up::State;
use crate::cli::{ImagesAction, ImagesArgs};
use crate::engine::backend::Backend;
use crate::engine::graph::Graph;
use crate::engine::plan::{Action, Operation, Plan};
use crate::engine::reconcile::PlanError;
use crate::exit;
use crate::failure::Failure;
use crate::images::{Again, Options, Provider};
use crate::ui::table::Table;
use crate::ui::{Mark, bytes};

/// One row of `images list --json`.
#[derive(Serialize)]
struct Row {
    reference: String,
    services: Vec<String>,
    present: bool,
    size: Option<u64>,
}

pub async fn run(context: &Context, arguments: &ImagesArgs) -> Exit {
    let stack = Stack::open(context).await?;
    let state = State::read(&stack).await?;
    match arguments.action.clone().unwrap_or(ImagesAction::List) {
        ImagesAction::List => list(context, &state, arguments.json),
        ImagesAction::Build { services, force, fresh, registry } => {
            let again = match (force, fresh) {
                (_, true) => Again::Everything,
                (true, false) => Again::Asked,
                (false, false) => Again::Nothing,
            };
            let options = Options { registry, again, ..Options::default() };
            get(context, &stack, state, &services, options).await
        }
        ImagesAction::Pull { services, registry } => {
            let options = Options { registry: Some(registry), only_prebuilt: true, ..Options::default() };
            get(context, &stack, state, &services, options).await
        }
        ImagesAction::Push { services, registry } => push::run(context, &stack, &state, &services, &registry).await,
        ImagesAction::Save { file } => transport::save(context, &stack, &state, &file, arguments.json).await,
        ImagesAction::Load { file } => transport::load(context, &stack, &state, &file, arguments.json).await,
        ImagesAction::Prune { all } => {
            let here = stack.engine.images().await?;
            let going = if all { state.catalogue.own(&here) } else { state.catalogue.stale(&here) };
            remove::remove(context, &stack, &going).await?;
            Ok(exit::OK)
        }
    }
}

fn list(context: &Context, state: &State, json: bool) -> Exit {
    let references = state.catalogue.references();
    let distinct: BTreeSet<&String> = references.values().collect();
    let missing: BTreeSet<String> = state.catalogue.missing(&state.local).into_iter().collect();
    let rows: Vec<Row> = distinct
        .into_iter()
        .map(|reference| Row {
            reference: reference.clone(),
            services: references
                .iter()
                .filter(|(_, image)| *image == reference)
                .map(|(name, _)| name.clone())
                .collect(),
            present: !missing.contains(reference),
            size: state.local.iter().find(|image| image.references.contains(reference)).map(|image| image.size),
        })
        .collect();
    if json {
        context.json(&rows)?;
        return Ok(exit::OK);
    }
    let mut table = Table::new(["IMAGE", "STATE", "SIZE", "SERVICES"]);
    for row in &rows {
        let (mark, state) =
            if row.present { (Mark::Good, "present") } else { (Mark::Skipped, "to be built or pulled") };
        let size = row.size.map(bytes).unwrap_or_default();
        table.marked(mark, [row.reference.clone(), state.to_owned(), size, row.services.join(" ")]);
    }
    context.out(&table.render(context.ui.width()))?;
    Ok(exit::OK)
}

/// References of the images of some services, of all of them where none is named.
fn chosen(stack: &Stack, state: &State, services: &[String]) -> Result<BTreeSet<String>, Failure> {
    let graph = Graph::new(&stack.project).map_err(PlanError::from)?;
    for service in services {
        graph.check_service(&stack.project, service).map_err(PlanError::from)?;
    }
    let references = state.catalogue.references().into_iter();
    let chosen = references.filter(|(name, _)| services.is_empty() || services.contains(name));
    Ok(chosen.map(|(_, reference)| reference).collect())
}

/// Builds or pulls what is missing.
async fn get(context: &Context, stack: &Stack, state: State, services: &[String], options: Options) -> Exit {
    let references = state.catalogue.references();
    let wanted = chosen(stack, &state, services)?;
    let (force, command) =
        (options.again != Again::Nothing, if options.only_prebuilt { "images pull" } else { "images build" });
    let present = if force { BTreeSet::new() } else { state.present() };
    let operations = wanted.into_iter().filter(|reference| !present.contains(reference)).map(|reference| Operation {
        instead: None,
        in_place_of: Vec::new(),
        optional: stack
            .project
            .services
            .values()
            .any(|service| service.ext.optional && references.get(&service.name) == Some(&reference)),
        action: Action::EnsureImage { reference },
        cause: if force { "asked for" } else { "not there" }.to_owned(),
        service: None,
        after: Vec::new(),
        after_ended: Vec::new(),
        on_change: false,
    });
    let plan = Plan { operations: operations.collect(), ..Plan::default() };
    let summary = match plan.operations.len() {
        0 => "nothing to do: every image is present".to_owned(),
        count if options.only_prebuilt => format!("{count} image(s) pulled"),
        count => format!("{count} image(s) made"),
    };
    let images = Arc::new(Provider::new(stack.backend(), state.catalogue, options));
    let told = |_: &_| summary.clone();
    let running = Running { images, ..Running::plain(command, &told) };
    run_plan(context, stack, &plan, &running).await?;
    Ok(exit::OK)
}
