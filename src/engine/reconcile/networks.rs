//! Networks and volumes: what is missing, what changed, and what must not be touched.

use std::collections::BTreeSet;

use super::builder::Builder;
use crate::engine::backend::{NetworkSpec, VolumeSpec};
use crate::engine::desired::Desired;
use crate::engine::observed::{CONFIG_HASH_LABEL, Observed};
use crate::model::{MountKind, Project};

/// Networks and volumes that some services use.
pub(super) struct Resources<'a> {
    pub project: &'a Project,
    pub observed: &'a Observed,
    pub desired: &'a Desired,
    /// Chosen services.
    pub services: &'a BTreeSet<String>,
    /// True when containers of services that the project no longer has are removed.
    pub removes_orphans: bool,
}

/// Keys of the networks that some services are on.
pub(super) fn network_keys<'p>(project: &'p Project, services: &BTreeSet<String>) -> BTreeSet<&'p String> {
    services.iter().flat_map(|name| project.services[name].networks.keys()).collect()
}

/// Keys of the volumes that some services mount.
pub(super) fn volume_keys<'p>(project: &'p Project, services: &BTreeSet<String>) -> BTreeSet<&'p String> {
    let mounts = services.iter().flat_map(|name| &project.services[name].mounts);
    mounts
        .filter_map(|mount| match &mount.kind {
            MountKind::Volume(key) => Some(key),
            _ => None,
        })
        .collect()
}

impl Resources<'_> {
    /// Networks that the services are on, as they should be.
    fn networks(&self) -> impl Iterator<Item = &NetworkSpec> {
        network_keys(self.project, self.services).into_iter().filter_map(|key| self.desired.networks.get(key))
    }

    /// Volumes that the services mount, as they should be.
    fn volumes(&self) -> impl Iterator<Item = &VolumeSpec> {
        volume_keys(self.project, self.services).into_iter().filter_map(|key| self.desired.volumes.get(key))
    }

    /// Networks to make because they are not there.
    pub(super) fn missing_networks(&self) -> Vec<NetworkSpec> {
        self.networks()
            .filter(|spec| !self.observed.networks.iter().any(|known| known.name == spec.name))
            .cloned()
            .collect()
    }

    /// Volumes to make because they are not there.
    pub(super) fn missing_volumes(&self) -> Vec<VolumeSpec> {
        self.volumes()
            .filter(|spec| !self.observed.volumes.iter().any(|known| known.name == spec.name))
            .cloned()
            .collect()
    }

    /// Networks to replace because their configuration changed. One that containers outside of this run use stays.
    pub(super) fn changed_networks(&self, builder: &mut Builder) -> Vec<NetworkSpec> {
        let mut changed = Vec::new();
        for spec in self.networks() {
            let Some(known) = self.observed.networks.iter().find(|known| known.name == spec.name) else { continue };
            if known.project != self.project.name {
                let text = format!("network {} is not this project's; it is used as it is", spec.name);
                builder.warn(text, "give the network another `name` to have one of your own");
                continue;
            }
            if known.config_hash.is_empty() || known.config_hash == spec.labels[CONFIG_HASH_LABEL] {
                continue;
            }
            match self.foreign_user(&spec.name) {
                Some(user) => builder.warn(
                    format!("network {} changed and is not replaced: {user} uses it", spec.name),
                    "`pipectl up --remove-orphans` without service names replaces it",
                ),
                None => changed.push(spec.clone()),
            }
        }
        changed
    }

    /// A container on the network that this run does not recreate.
    fn foreign_user(&self, network: &str) -> Option<&str> {
        let known =
            |service: &str| self.project.services.contains_key(service) || self.project.disabled.contains_key(service);
        let superseded = |service: &str| {
            let other = self.project.superseded.get(service);
            other.is_some_and(|other| self.services.contains(&other.by))
        };
        let goes = |service: &str| {
            self.services.contains(service) || superseded(service) || (self.removes_orphans && !known(service))
        };
        let mut containers = self.observed.containers.iter();
        containers
            .find(|container| container.networks.contains_key(network) && !goes(&container.service))
            .map(|container| container.name.as_str())
    }

    /// Data is never replaced unasked: a changed volume is only told about.
    pub(super) fn warn_about_volumes(&self, builder: &mut Builder) {
        for spec in self.volumes() {
            let Some(known) = self.observed.volumes.iter().find(|known| known.name == spec.name) else { continue };
            if known.project != self.project.name {
                let text = format!("volume {} is not this project's; it is used as it is", spec.name);
                builder.warn(text, "give the volume another `name` to have one of your own");
            } else if !known.config_hash.is_empty() && known.config_hash != spec.labels[CONFIG_HASH_LABEL] {
                let text = format!("the configuration of volume {} changed; it and its data are kept", spec.name);
                builder
                    .warn(text, format!("to apply it: save the data, `docker volume rm {}`, `pipectl up`", spec.name));
            }
        }
    }
}
