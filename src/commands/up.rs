//! `pipectl up`, and what `scale` shares with it.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::Exit;
use super::checks;
use super::context::{Context, unwritable};
use super::credentials;
use super::critical_path::Record;
use super::published;
use super::run::{Running, run as run_plan};
use super::stack::Stack;
use super::unproved::Unproved;
use crate::cli::UpArgs;
use crate::engine::backend::Backend;
use crate::engine::content::Content;
use crate::engine::desired::{Desired, Hashes, desired};
use crate::engine::execute::Report;
use crate::engine::observed::{ImageSummary, Observed};
use crate::engine::plan::{Action, Plan};
use crate::engine::reconcile::{self, UpOptions};
use crate::event::Outcome;
use crate::exit;
use crate::failure::Failure;
use crate::governance::session;
use crate::images::{self, Catalogue, Provider};
use crate::key;
use crate::ui::{STOPPING, addresses};

/// Steps of this kind prove the flow; `--no-verify` leaves them out.
const PROOF: &str = "prove-flow";
/// Steps of these kinds are due only after a change of something they come after.
const AFTER_CHANGES: [&str; 2] = [PROOF, "catalogue-assets"];

/// Key of the hashes of secrets, in the state directory.
const SECRETS_KEY: &str = "secrets.key";

/// So often a plan is made anew where something else removed what it counted on: the engine for a command that was killed, or a person.
const NEW_PLANS: usize = 2;

pub async fn run(context: &Context, arguments: &UpArgs) -> Exit {
    checks::known(&arguments.skip_check)?;
    let interrupts = OnceCell::new();
    for _ in 0..NEW_PLANS {
        match attempt(context, arguments, &interrupts).await {
            Err(failure) if failure.outdated => {
                let cause = failure.causes.first().map_or(failure.message.as_str(), String::as_str);
                context.ui.warning(
                    &format!("the plan is made anew, something else changed what it was made for: {cause}"),
                    None,
                );
            }
            ended => return ended,
        }
    }
    attempt(context, arguments, &interrupts).await
}

/// Looks at what is there, plans and does it. Ctrl-C is left to the system until something is done.
async fn attempt(context: &Context, arguments: &UpArgs, interrupts: &OnceCell<CancellationToken>) -> Exit {
    let (stack, state) = published::settle(context, arguments).await?;
    let after_changes = steps(&stack, &AFTER_CHANGES);
    let unproved = Unproved::of(&stack);
    let options = UpOptions {
        services: arguments.services.clone(),
        force_recreate: arguments.force_recreate,
        remove_orphans: arguments.remove_orphans,
        images_present: if arguments.build { BTreeSet::new() } else { state.present() },
        without_steps: if arguments.no_verify { steps(&stack, &[PROOF]) } else { BTreeSet::new() },
        // After a run that was killed on its way, they are due whatever this run changes.
        steps_on_change: if unproved.is_set() { BTreeSet::new() } else { after_changes.clone() },
        ..UpOptions::default()
    };
    if arguments.plan {
        let plan = state.plan(&stack, &options)?;
        if arguments.json {
            context.json(&plan)?;
        } else {
            context.out(&plan.to_string())?;
        }
        return Ok(exit::OK);
    }
    let plan = checks::passed(context, &stack, &state, &options, arguments.skipped_checks()).await?;
    published::remember(context, &stack.project, &stack.state_dir())?;
    session::move_token(&stack.state_dir())?;
    let again = if arguments.build { images::Again::Asked } else { images::Again::Nothing };
    let images = images::Options { registry: arguments.registry.clone(), again, ..images::Options::default() };
    let parallel = usize::from(arguments.parallel);
    let told = |report: &_| summary(&plan, report);
    if interrupts.get().is_none() {
        let handler = context.ui.interrupts(Some(STOPPING)).map_err(|error| unwritable(&error))?;
        interrupts.get_or_init(|| handler);
    }
    let cancel = interrupts.get().cloned();
    let running = Running { parallel, timeout: arguments.limit(), cancel, ..Running::plain("up", &told) };
    let proves = plan
        .operations
        .iter()
        .any(|operation| matches!(&operation.action, Action::RunStep(step) if after_changes.contains(&step.name)));
    if proves {
        unproved.set().map_err(|error| unproved.unwritable(&error))?;
    }
    let began = Instant::now();
    let report = bring_up(context, &stack, state, &plan, images, running).await?;
    if report.changes() > 0 {
        Record::of(&plan, &report, began.elapsed()).keep(&stack.state_dir())?;
    }
    if proves {
        unproved.clear().map_err(|error| unproved.unwritable(&error))?;
    }
    if plan.changes() > 0 && arguments.services.is_empty() && !context.ui.is_json() && !context.global.quiet {
        let absent = absent(&plan, &report);
        let mut addresses = credentials::of(&stack.project);
        addresses.retain(|address| !absent.contains(&address.service.as_str()));
        if !addresses.is_empty() {
            context.ui.note(&addresses::render(&addresses, context.ui.width()));
        }
    }
    Ok(exit::OK)
}

/// Runs a plan that may have to make images.
pub async fn bring_up(
    context: &Context,
    stack: &Stack,
    state: State,
    plan: &Plan,
    options: images::Options,
    running: Running<'_>,
) -> Result<Report, Failure> {
    let images = Arc::new(Provider::new(stack.backend(), state.catalogue, options));
    run_plan(context, stack, plan, &Running { images, ..running }).await
}

/// The last line of a good run.
pub fn summary(plan: &Plan, report: &Report) -> String {
    match (plan.changes(), report.changes()) {
        (0, 0) => "everything is up to date: nothing changed".to_owned(),
        (_, changes) => {
            let left_out = left_out(plan, report);
            let but = if left_out.is_empty() { String::new() } else { format!(" but {}", left_out.join(", ")) };
            format!("{changes} change(s) made, everything{but} is ready")
        }
    }
}

/// Services that could not be had and that the project can do without.
fn left_out<'p>(plan: &'p Plan, report: &Report) -> Vec<&'p str> {
    not_awaited(plan, report).filter(|(_, stood_by)| !stood_by).map(|(name, _)| name).collect()
}

/// The same, and those that are there only in place of others.
fn absent<'p>(plan: &'p Plan, report: &Report) -> Vec<&'p str> {
    not_awaited(plan, report).map(|(name, _)| name).collect()
}

/// Optional services that were not waited for in the end, each with whether it is only for the case that others are left out.
fn not_awaited<'p>(plan: &'p Plan, report: &Report) -> impl Iterator<Item = (&'p str, bool)> {
    let outcomes = plan.operations.iter().zip(&report.ops);
    let skipped = outcomes.filter(|(operation, result)| {
        let awaits = matches!(operation.action, Action::Await(_));
        awaits && operation.optional && result.outcome == Some(Outcome::Skipped)
    });
    let names: BTreeSet<(&str, bool)> =
        skipped.filter_map(|(operation, result)| Some((operation.service.as_deref()?, result.stood_by))).collect();
    names.into_iter()
}

/// Names of the steps of some kinds.
fn steps(stack: &Stack, kinds: &[&str]) -> BTreeSet<String> {
    let of_kind = stack.project.ext.steps.values().filter(|step| kinds.contains(&step.uses.as_str()));
    of_kind.map(|step| step.name.clone()).collect()
}

/// What is there before a plan is made.
pub struct State {
    /// Containers, networks, volumes.
    pub observed: Observed,
    /// Local images.
    pub local: Vec<ImageSummary>,
    /// The project's images.
    pub catalogue: Catalogue,
}

impl State {
    /// Reads containers, images and the inputs of the images.
    pub async fn read(stack: &Stack) -> Result<Self, Failure> {
        let project = stack.project.clone();
        let catalogue = tokio::task::spawn_blocking(move || images::catalogue(&project));
        let (observed, catalogue) = tokio::join!(stack.observe(), catalogue);
        let catalogue = catalogue
            .map_err(|error| Failure::stack("reading the image sources failed").because(error.to_string()))??;
        // One inspection each is far quicker than a listing of everything the engine holds.
        let wanted: BTreeSet<String> = catalogue.references().into_values().collect();
        let local = stack.engine.find_images(&wanted.into_iter().collect::<Vec<_>>()).await?;
        Ok(Self { observed: observed?, local, catalogue })
    }

    /// References of all local images.
    pub fn present(&self) -> BTreeSet<String> {
        self.local.iter().flat_map(|image| image.references.iter().cloned()).collect()
    }

    /// The plan of `up`.
    pub fn plan(&self, stack: &Stack, options: &UpOptions) -> Result<Plan, Failure> {
        Ok(reconcile::up(&stack.project, &self.observed, &self.desired(stack)?, options)?)
    }

    /// What should be there.
    pub fn desired(&self, stack: &Stack) -> Result<Desired, Failure> {
        let root = stack.project.dir.parent().unwrap_or(&stack.project.dir);
        let content = Content::below(root);
        let file = stack.state_dir().join(SECRETS_KEY);
        let load = || key::load_or_create(&file, "`up` recreates the services with secrets once");
        let key = (!stack.project.secrets.is_empty()).then(load).transpose()?;
        let secret = |secret: &[u8]| key.as_ref().map(|key| key.sign(secret)).unwrap_or_default();
        let hashes = Hashes { content: &|path| content.hash(path), secret: &secret };
        Ok(desired(&stack.project, &self.catalogue.references(), hashes)?)
    }
}
