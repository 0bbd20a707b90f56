//! `pipectl reset governance`: the catalog goes with its data and what pipectl remembers of it; the data plane is not touched.

use std::path::PathBuf;

use super::{confirmed, going, order};
use crate::cli::ResetArgs;
use crate::commands::Exit;
use crate::commands::backup::{self, After};
use crate::commands::context::Context;
use crate::commands::run::{Running, run as run_plan};
use crate::commands::stack::Stack;
use crate::engine::observed::Observed;
use crate::engine::plan::Plan;
use crate::engine::reconcile;
use crate::exit;
use crate::failure::Failure;
use crate::governance::reconcile::MEMORY;
use crate::governance::session::CATALOGS;
use crate::governance::token::Store;

/// What the names of services and volumes of OpenMetadata begin with; one catalog is cleared out whatever the profiles enable now.
const OPENMETADATA: &str = "om-";
/// The other services: the lite catalog, and OpenMetadata's client.
const SERVICES: [&str; 2] = ["catalog", "openmetadata-client"];
/// The volume of the lite catalog.
const LITE_VOLUME: &str = "catalog-data";

pub(super) async fn run(context: &Context, stack: &Stack, arguments: &ResetArgs) -> Exit {
    let order = order(arguments, After::AsBefore)?;
    let plan = planned(stack, &stack.observe().await?)?;
    let remembered = remembered(stack);
    if plan.changes() == 0 && remembered.is_empty() {
        context.ui.note("nothing to do: nothing of a catalog is here");
        return Ok(exit::OK);
    }
    context.ui.note(&going(&plan, &remembered, &[]));
    context.ui.note("The pipeline and its data are not touched; what people wrote in the catalog is lost.");
    if !confirmed(context, arguments.yes, "reset governance", "remove the catalog with all that it holds?")? {
        return Ok(exit::FAILED);
    }
    let plan = match &order {
        Some(order) => {
            backup::before(context, stack, order).await?;
            // What ran was stopped for it and started again.
            planned(stack, &stack.observe().await?)?
        }
        None => plan,
    };
    let told = |_: &_| "the catalog is gone; `pipectl up` begins a new one".to_owned();
    run_plan(context, stack, &plan, &Running::plain("reset", &told)).await?;
    // Last: a text that is still in a catalog would count as somebody's without them.
    for file in remembered {
        std::fs::remove_file(&file)
            .map_err(|error| Failure::stack(format!("cannot remove {}", file.display())).because(error.to_string()))?;
    }
    Ok(exit::OK)
}

fn planned(stack: &Stack, observed: &Observed) -> Result<Plan, Failure> {
    let is_service = |name: &str| SERVICES.contains(&name) || name.starts_with(OPENMETADATA);
    let is_volume = |key: &str| key == LITE_VOLUME || key.starts_with(OPENMETADATA);
    Ok(reconcile::reset_part(&stack.project, observed, &is_service, &is_volume)?)
}

/// Files about a catalog that are there: its token, and the texts that pipectl wrote.
fn remembered(stack: &Stack) -> Vec<PathBuf> {
    let files = CATALOGS.into_iter().flat_map(|catalog| {
        let state = stack.state_dir().join(catalog.service);
        [Store::new(&state).path().to_owned(), state.join(MEMORY)]
    });
    files.filter(|file| file.is_file()).collect()
}
