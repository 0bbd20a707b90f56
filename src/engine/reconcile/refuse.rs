//! What `up` refuses to begin on: external objects that are not there, data that the services cannot read.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanError;
use super::networks::{network_keys, volume_keys};
use crate::engine::observed::{Observed, VolumeSummary};
use crate::model::Project;
use crate::model::ext::FIRST_LAYOUT;

/// Every reason for which there is no plan for these services, whatever else is to be done.
pub fn refusals(project: &Project, observed: &Observed, services: &BTreeSet<String>) -> Vec<PlanError> {
    let networks = network_keys(project, services).into_iter().filter_map(|key| project.networks.get(key));
    let networks = networks.filter(|network| network.external).map(|network| &network.name);
    let is_known = |name: &&String| observed.networks.iter().any(|known| known.name == **name);
    let networks = missing("network", networks.filter(|name| !is_known(name)));
    let volumes = volume_keys(project, services).into_iter().filter_map(|key| project.volumes.get(key));
    let volumes = volumes.filter(|volume| volume.external).map(|volume| &volume.name);
    let is_known = |name: &&String| observed.volumes.iter().any(|known| known.name == **name);
    let volumes = missing("volume", volumes.filter(|name| !is_known(name)));
    [networks, volumes, other_layouts(project, observed, services)].concat()
}

fn missing<'a>(kind: &'static str, names: impl Iterator<Item = &'a String>) -> Vec<PlanError> {
    names.map(|name| PlanError::ExternalMissing { kind, name: name.clone() }).collect()
}

/// Volumes with data that the services cannot read: they would refuse it one by one, or alter it.
fn other_layouts(project: &Project, observed: &Observed, services: &BTreeSet<String>) -> Vec<PlanError> {
    let needed = project.ext.layout();
    let own = volume_keys(project, services).into_iter().filter_map(|key| project.volumes.get(key));
    let own = own.filter(|volume| !volume.external);
    let known = own.filter_map(|volume| observed.volumes.iter().find(|known| known.name == volume.name));
    let mut by_layout: BTreeMap<u32, Vec<&VolumeSummary>> = BTreeMap::new();
    for volume in known.filter(|known| known.project == project.name) {
        by_layout.entry(volume.layout.unwrap_or(FIRST_LAYOUT)).or_default().push(volume);
    }
    by_layout.remove(&needed);
    let error = |(found, volumes): (u32, Vec<&VolumeSummary>)| PlanError::Layout {
        volumes: volumes.iter().map(|volume| volume.name.clone()).collect(),
        found,
        needed,
    };
    by_layout.into_iter().map(error).collect()
}
