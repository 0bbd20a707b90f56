//! `pipectl up`, and what `scale` shares with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Exit;
use super::context::Context;
use super::credentials;
use super::run::{Running, run as run_plan};
use super::stack::Stack;
use crate::cli::UpArgs;
use crate::engine::backend::Backend;
use crate::engine::content::Content;
use crate::engine::desired::desired;
use crate::engine::execute::Report;
use crate::engine::graph::Graph;
use crate::engine::observed::{ImageSummary, Observed};
use crate::engine::plan::Plan;
use crate::engine::reconcile::{self, PlanError, UpOptions};
use crate::exit;
use crate::failure::Failure;
use crate::images::{self, Catalogue};
use crate::preflight::{self, Severity};
use crate::ui::addresses;

/// Steps of this kind prove the flow; `--no-verify` leaves them out, and they are due only after a change.
const PROOF: &str = "prove-flow";

pub async fn run(context: &Context, arguments: &UpArgs) -> Exit {
    let stack = Stack::open(context).await?;
    let state = State::read(&stack).await?;
    let proofs: BTreeSet<String> = proofs(&stack);
    let options = UpOptions {
        services: arguments.services.clone(),
        force_recreate: arguments.force_recreate,
        remove_orphans: arguments.remove_orphans,
        images_present: if arguments.build { BTreeSet::new() } else { state.present() },
        without_steps: if arguments.no_verify { proofs.clone() } else { BTreeSet::new() },
        steps_on_change: proofs,
        scale: state.scale(&stack),
        ..UpOptions::default()
    };
    let plan = state.plan(&stack, &options)?;
    if arguments.plan {
        if arguments.json { context.json(&plan)? } else { context.out(&plan.to_string())? }
        return Ok(exit::OK);
    }
    if !arguments.skip_preflight {
        state.preflight(context, &stack, &options).await?;
    }
    let provider_options = images::Options { registry: arguments.registry.clone(), force: arguments.build };
    bring_up(context, &stack, state, &plan, "up", usize::from(arguments.parallel), arguments.timeout, provider_options).await?;
    if plan.changes() > 0 && arguments.services.is_empty() && !context.ui.is_json() && !context.global.quiet {
        context.ui.note(&addresses::render(&credentials::of(&stack.project), context.ui.width()));
    }
    Ok(exit::OK)
}

/// What is there before a plan is made.
pub struct State {
    observed: Observed,
    local: Vec<ImageSummary>,
    catalogue: Catalogue,
}

impl State {
    /// Reads containers, images and the inputs of the images.
    pub async fn read(stack: &Stack) -> Result<Self, Failure> {
        let project = stack.project.clone();
        let catalogue = tokio::task::spawn_blocking(move || images::catalogue(&project));
        let (observed, local, catalogue) = tokio::join!(stack.observe(), stack.engine.images(), catalogue);
        let catalogue = catalogue.map_err(|error| Failure::stack("reading the image sources failed").because(error.to_string()))?;
        Ok(Self { observed: observed?, local: local?, catalogue: catalogue? })
    }

    /// References of all local images.
    pub fn present(&self) -> BTreeSet<String> {
        self.local.iter().flat_map(|image| image.references.iter().cloned()).collect()
    }

    /// Services that run in another number than the file says keep it: `scale` holds until `down`.
    pub fn scale(&self, stack: &Stack) -> BTreeMap<String, u32> {
        let _ = stack;
        BTreeMap::new()
    }

    /// The plan of `up`.
    pub fn plan(&self, stack: &Stack, options: &UpOptions) -> Result<Plan, Failure> {
        let root = stack.project.dir.parent().unwrap_or(&stack.project.dir);
        let content = Content::below(root);
        let desired = desired(&stack.project, &self.catalogue.references(), &|path| content.hash(path))
            .map_err(|error| Failure::from(anyhow::Error::from(error)))?;
        Ok(reconcile::up(&stack.project, &self.observed, &desired, options)?)
    }

    /// The checks before a start; warnings are shown, errors end the command.
    pub async fn preflight(&self, context: &Context, stack: &Stack, options: &UpOptions) -> Result<(), Failure> {
        let graph = Graph::new(&stack.project).map_err(PlanError::from)?;
        let selection = graph.select(&stack.project, &options.services).map_err(PlanError::from)?;
        let selected = |name: &str| selection.services.contains(name);
        let missing = self.catalogue.missing(&self.local).len();
        let facts = preflight::gather(stack.engine.as_ref(), &stack.project, &self.observed, &selected, missing).await?;
        let findings = preflight::check(&facts);
        for finding in findings.iter().filter(|finding| finding.severity == Severity::Warning) {
            context.ui.warning(&finding.finding, Some(&finding.fix));
        }
        preflight::failure(&findings).map_or(Ok(()), Err)
    }
}
