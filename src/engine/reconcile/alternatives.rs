//! Services that do the work of others where those are left out (`x-pipectl.instead`): one side or the other runs, never both.
//!
//! What a service stands in for is tried first. A container of its own that runs goes on running until their images are there, is
//! stopped for them, and goes for good once they are ready. Where one of them is left out they are stopped, and it takes over.

use std::collections::{BTreeMap, BTreeSet};

use super::remove::Going;
use crate::engine::graph::{Graph, GraphError, Selection};
use crate::engine::observed::Observed;
use crate::model::Project;

/// The stand-ins among some services, each with those of them that it stands in for.
pub(super) struct Alternatives<'a>(BTreeMap<&'a str, BTreeSet<&'a str>>);

impl<'a> Alternatives<'a> {
    pub(super) fn of(project: &'a Project, services: &BTreeSet<String>) -> Self {
        let mut alternatives: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for service in project.services.values().filter(|service| services.contains(&service.name)) {
            if let Some(other) = service.ext.instead.as_deref().filter(|other| services.contains(*other)) {
                alternatives.entry(other).or_default().insert(&service.name);
            }
        }
        Self(alternatives)
    }

    /// The stand-ins, each with the services that it stands in for.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &BTreeSet<&'a str>)> {
        self.0.iter().map(|(name, services)| (*name, services))
    }

    /// What a service stands in for; nothing for most.
    pub(super) fn replaced_by(&self, service: &str) -> Option<&BTreeSet<&'a str>> {
        self.0.get(service)
    }

    /// Services that are there together or not at all, this one included.
    pub(super) fn together(&self, service: &str) -> Option<&BTreeSet<&'a str>> {
        self.0.values().find(|services| services.contains(service))
    }

    /// Services and steps that begin only when it is known whether there is a stand-in: it and all that needs it.
    pub(super) fn late(&self, graph: &Graph) -> BTreeSet<String> {
        let waits =
            |name: &&String| graph.closure([name.as_str()]).iter().any(|need| self.0.contains_key(need.as_str()));
        graph.order().iter().filter(waits).cloned().collect()
    }
}

/// What a command line means: the named services with all that they need, and of alternatives both sides.
pub fn select(project: &Project, graph: &Graph, services: &[String]) -> Result<Selection, GraphError> {
    let mut named = services.to_vec();
    let needed = graph.closure(services.iter().map(String::as_str));
    for service in project.services.values() {
        let Some(other) = service.ext.instead.as_ref().filter(|other| project.services.contains_key(*other)) else {
            continue;
        };
        if needed.contains(&service.name) {
            named.push(other.clone());
        } else if needed.contains(other) {
            named.push(service.name.clone());
        }
    }
    graph.select(project, &named)
}

/// Containers of services that the profiles leave out, where a chosen service does their work: they hold its ports.
pub(super) fn superseded<'a>(
    project: &Project,
    observed: &'a Observed,
    chosen: &BTreeSet<String>,
) -> impl Iterator<Item = Going<'a>> {
    observed.containers.iter().filter_map(|container| {
        let other = project.superseded.get(&container.service).filter(|other| chosen.contains(&other.by))?;
        Some(Going::removed(container, format!("{} runs instead", other.by), other.stop_grace_period))
    })
}

/// Services that are not to be started where nothing is made: the other side does their work.
pub(super) fn outdone(project: &Project, observed: &Observed) -> BTreeSet<String> {
    let all = project.services.keys().cloned().collect();
    let is_there = |service: &str| observed.containers.iter().any(|container| container.service == service);
    let mut outdone = BTreeSet::new();
    for (name, services) in Alternatives::of(project, &all).iter() {
        if is_there(name) {
            outdone.extend(services.iter().map(|service| (*service).to_owned()));
        } else if services.iter().any(|service| is_there(service)) {
            outdone.insert(name.to_owned());
        }
    }
    outdone
}
