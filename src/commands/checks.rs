//! The checks before a start as commands make them: what they look at, which are left out, and what no option overrules.

use super::context::Context;
use super::published;
use super::stack::Stack;
use super::unfinished::Unfinished;
use super::up::State;
use crate::engine::backend::VolumeSpec;
use crate::engine::graph::{Graph, Selection};
use crate::engine::observed::CONFIG_HASH_LABEL;
use crate::engine::plan::Plan;
use crate::engine::reconcile::{self, PlanError, UpOptions};
use crate::failure::Failure;
use crate::preflight::{self, Facts, Refused, Severity};

/// Refuses ids that no check has.
pub fn known(ids: &[String]) -> Result<(), Failure> {
    let Some(unknown) = ids.iter().find(|id| !preflight::ids().any(|known| known == id.as_str())) else {
        return Ok(());
    };
    let known: Vec<_> = preflight::ids().collect();
    Err(Failure::usage(format!("there is no check `{unknown}` to skip"))
        .hint(format!("the checks are {}", known.join(", "))))
}

/// The plan of `up` once the checks have passed, all but those in `skip`; `None` makes none. Where one fails and the plan is refused as
/// well, both are told at once. Warnings are shown.
pub async fn passed(
    context: &Context,
    stack: &Stack,
    state: &State,
    options: &UpOptions,
    skip: Option<&[String]>,
) -> Result<Plan, Failure> {
    let selection = select(stack, &options.services)?;
    let refused = refused(context, stack, state, &selection)?;
    let plan = state.plan(stack, options);
    // What runs already and stays as it is has passed the checks.
    let is_up = refused.first().is_none() && plan.as_ref().is_ok_and(|plan| plan.changes() == 0);
    if let Some(skip) = skip.filter(|_| !is_up) {
        let facts = facts(stack, state, &selection, refused.clone(), Vec::new()).await?;
        let findings = preflight::check(&facts, skip);
        for finding in findings.iter().filter(|finding| finding.severity == Severity::Warning) {
            context.ui.warning(&finding.finding, Some(&finding.fix));
        }
        preflight::failure(&findings).map_or(Ok(()), Err)?;
    }
    // No option makes these right.
    if let Some(failure) = refused.first() {
        return Err(failure.clone());
    }
    // A command that was killed before it did anything has left its mark: what somebody removes later is not its work.
    Unfinished::of(stack).clear()?;
    plan
}

/// The chosen services and what they depend on; all where none is named.
pub fn select(stack: &Stack, services: &[String]) -> Result<Selection, Failure> {
    let graph = Graph::new(&stack.project).map_err(PlanError::from)?;
    Ok(reconcile::select(&stack.project, &graph, services).map_err(PlanError::from)?)
}

/// What `up` of these services refuses whatever the machine has.
pub fn refused(context: &Context, stack: &Stack, state: &State, selection: &Selection) -> Result<Refused, Failure> {
    let mut refused = Refused::default();
    for error in reconcile::refusals(&stack.project, &state.observed, &selection.services) {
        let kind = if matches!(error, PlanError::Layout { .. }) { &mut refused.data } else { &mut refused.external };
        kind.push(error.into());
    }
    refused.data.extend(Unfinished::of(stack).check(&state.observed).err());
    refused.bind.extend(published::open_to_others(context, stack)?.refused());
    Ok(refused)
}

/// What the checks look at before these services are started.
pub async fn facts(
    stack: &Stack,
    state: &State,
    selection: &Selection,
    refused: Refused,
    outdated_volumes: Vec<String>,
) -> Result<Facts, Failure> {
    let selected = |name: &str| selection.services.contains(name);
    let wanted = preflight::Wanted {
        project: &stack.project,
        selected: &selected,
        observed: &state.observed,
        images: &state.local,
        missing_images: state.catalogue.missing_of(&selected, &state.local).len(),
        outdated_volumes,
        refused,
    };
    let engine = preflight::Engine {
        backend: stack.engine.as_ref(),
        chosen_by: stack.engine.chosen_by(),
        host: stack.engine.host(),
    };
    Ok(preflight::gather(preflight::Sources::of_process(Ok(engine), Ok(wanted))).await?)
}

/// Volumes of the project that were made from another description. The plan of `up` tells about them, too.
pub fn outdated_volumes(stack: &Stack, state: &State) -> Result<Vec<String>, Failure> {
    let desired = state.desired(stack)?;
    let made_otherwise = |spec: &&VolumeSpec| {
        let made = state.observed.volumes.iter().find(|known| known.name == spec.name);
        let hash = spec.labels.get(CONFIG_HASH_LABEL);
        made.is_some_and(|made| !made.config_hash.is_empty() && Some(&made.config_hash) != hash)
    };
    Ok(desired.volumes.values().filter(made_otherwise).map(|spec| spec.name.clone()).collect())
}
