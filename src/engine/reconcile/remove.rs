//! Stops and removals, what depends on others first; and the plans of `down` and `reset`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::builder::Builder;
use super::{DEFAULT_GRACE, PlanError};
use crate::engine::graph::Graph;
use crate::engine::observed::{ContainerSummary, Observed};
use crate::engine::plan::{Action, Plan};
use crate::model::Project;

/// Cause of what goes because a person took it down.
const TAKEN_DOWN: &str = "taken down";

/// A container that is stopped, and perhaps removed.
pub(super) struct Going<'a> {
    pub container: &'a ContainerSummary,
    pub cause: String,
    /// Removed after it has stopped.
    pub removed: bool,
    pub grace: Option<Duration>,
    /// Something new takes its place: it goes on running until that can be made.
    pub recreated: bool,
}

impl<'a> Going<'a> {
    pub(super) fn removed(container: &'a ContainerSummary, cause: String, grace: Option<Duration>) -> Self {
        Self { container, cause, removed: true, grace, recreated: false }
    }
}

/// The operations that stop and remove, by container name and by service.
#[derive(Default)]
pub(super) struct Removals<'a> {
    pub stopped: BTreeMap<&'a str, (usize, &'a ContainerSummary)>,
    pub removed: BTreeMap<&'a str, usize>,
    pub of_service: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Removals<'a> {
    /// Adds stops, dependents before what they depend on, then removals. `images` gives what must be there before a
    /// container of a service is taken down to be replaced.
    pub(super) fn add(
        builder: &mut Builder,
        graph: &Graph,
        going: &[Going<'a>],
        images: &dyn Fn(&str) -> Vec<usize>,
    ) -> Self {
        let mut removals = Self::default();
        let place = |service: &str| graph.order().iter().position(|name| name == service).unwrap_or(usize::MAX);
        let mut sorted: Vec<&Going<'a>> = going.iter().collect();
        sorted.sort_by(|left, right| {
            let key = |going: &Going<'a>| std::cmp::Reverse(place(&going.container.service));
            (key(left), &left.container.name).cmp(&(key(right), &right.container.name))
        });
        let before: BTreeMap<&str, BTreeSet<String>> = sorted
            .iter()
            .map(|going| (going.container.service.as_str(), graph.closure([going.container.service.as_str()])))
            .collect();
        for going in sorted.iter().filter(|going| going.container.state.is_live()) {
            let Going { container, cause, .. } = going;
            let dependents = removals
                .of_service
                .iter()
                .filter(|(service, _)| **service != container.service && before[*service].contains(&container.service));
            let dependents: Vec<usize> = dependents.flat_map(|(_, ids)| ids).copied().collect();
            let images = if going.recreated { images(&container.service) } else { Vec::new() };
            let action =
                Action::StopContainer { name: container.name.clone(), grace: going.grace.unwrap_or(DEFAULT_GRACE) };
            let id = builder.push(action, cause, Some(&container.service), images, dependents);
            removals.stopped.insert(&container.name, (id, container));
            removals.of_service.entry(&container.service).or_default().push(id);
        }
        for going in sorted.iter().filter(|going| going.removed) {
            let Going { container, cause, .. } = going;
            let mut after: Vec<usize> =
                removals.stopped.get(container.name.as_str()).map(|(id, _)| *id).into_iter().collect();
            if going.recreated {
                after.extend(images(&container.service));
            }
            let action = Action::RemoveContainer { name: container.name.clone() };
            let id = builder.push(action, cause, Some(&container.service), after, None);
            removals.removed.insert(&container.name, id);
        }
        removals
    }
}

/// Stops and removes every container of the project, whatever service it belongs to, and its networks.
pub fn down(project: &Project, observed: &Observed) -> Result<Plan, PlanError> {
    let mut builder = Builder::strict();
    let removed = containers(&mut builder, project, observed, &|_| true)?;
    networks(&mut builder, project, observed, &removed);
    Ok(builder.finish())
}

/// Removes everything that carries the project's label, data included.
pub fn reset_all(project: &Project, observed: &Observed) -> Result<Plan, PlanError> {
    let mut builder = Builder::strict();
    let removed = containers(&mut builder, project, observed, &|_| true)?;
    networks(&mut builder, project, observed, &removed);
    volumes(&mut builder, project, observed, &removed, &|_| true);
    Ok(builder.finish())
}

/// Removes the containers of some services and some volumes, data included, and touches nothing else. Both are told by name, because
/// services that no profile enables now may have left some.
pub fn reset_part(
    project: &Project,
    observed: &Observed,
    is_service: &dyn Fn(&str) -> bool,
    is_volume: &dyn Fn(&str) -> bool,
) -> Result<Plan, PlanError> {
    let mut builder = Builder::strict();
    let removed = containers(&mut builder, project, observed, is_service)?;
    volumes(&mut builder, project, observed, &removed, is_volume);
    Ok(builder.finish())
}

/// Adds what stops and removes containers of the chosen services; gives the removals.
fn containers(
    builder: &mut Builder,
    project: &Project,
    observed: &Observed,
    is_chosen: &dyn Fn(&str) -> bool,
) -> Result<Vec<usize>, PlanError> {
    let graph = Graph::new(project)?;
    let grace = |service: &str| project.services.get(service).and_then(|service| service.stop_grace_period);
    let chosen = observed.containers.iter().filter(|container| is_chosen(&container.service));
    let going: Vec<_> =
        chosen.map(|container| Going::removed(container, TAKEN_DOWN.into(), grace(&container.service))).collect();
    let removals = Removals::add(builder, &graph, &going, &|_| Vec::new());
    Ok(removals.removed.into_values().collect())
}

fn networks(builder: &mut Builder, project: &Project, observed: &Observed, removed: &[usize]) {
    for network in observed.networks.iter().filter(|network| network.project == project.name) {
        let action = Action::RemoveNetwork { name: network.name.clone() };
        builder.push(action, TAKEN_DOWN, None, removed.iter().copied(), None);
    }
}

fn volumes(
    builder: &mut Builder,
    project: &Project,
    observed: &Observed,
    removed: &[usize],
    is_chosen: &dyn Fn(&str) -> bool,
) {
    let own = observed.volumes.iter().filter(|volume| volume.project == project.name);
    for volume in own.filter(|volume| is_chosen(&volume.key)) {
        let action = Action::RemoveVolume { name: volume.name.clone() };
        builder.push(action, "its data is deleted", None, removed.iter().copied(), None);
    }
}
