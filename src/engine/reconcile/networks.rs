//! Networks and volumes: what is missing, what changed, and what must not be touched.

use std::collections::BTreeSet;

use super::PlanError;
use super::builder::Builder;
use crate::engine::backend::{NetworkSpec, VolumeSpec};
use crate::engine::desired::Desired;
use crate::engine::observed::{CONFIG_HASH_LABEL, Observed, VolumeSummary};
use crate::model::ext::FIRST_LAYOUT;
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

impl Resources<'_> {
    fn network_keys(&self) -> BTreeSet<&String> {
        self.services.iter().flat_map(|name| self.project.services[name].networks.keys()).collect()
    }

    fn volume_keys(&self) -> BTreeSet<&String> {
        let mounts = self.services.iter().flat_map(|name| &self.project.services[name].mounts);
        mounts
            .filter_map(|mount| match &mount.kind {
                MountKind::Volume(key) => Some(key),
                _ => None,
            })
            .collect()
    }

    /// Fails when something external is missing.
    pub(super) fn check_external(&self) -> Result<(), PlanError> {
        let network = |key: &&String| self.project.networks.get(*key).filter(|network| network.external);
        for name in self.network_keys().iter().filter_map(network).map(|network| &network.name) {
            if !self.observed.networks.iter().any(|known| known.name == *name) {
                return Err(PlanError::ExternalMissing { kind: "network", name: name.clone() });
            }
        }
        let volume = |key: &&String| self.project.volumes.get(*key).filter(|volume| volume.external);
        for name in self.volume_keys().iter().filter_map(volume).map(|volume| &volume.name) {
            if !self.observed.volumes.iter().any(|known| known.name == *name) {
                return Err(PlanError::ExternalMissing { kind: "volume", name: name.clone() });
            }
        }
        Ok(())
    }

    /// Fails when a volume holds data that the services cannot read: they would refuse it one by one, or alter it.
    pub(super) fn check_layout(&self) -> Result<(), PlanError> {
        let needed = self.project.ext.layout();
        let other = |known: &&VolumeSummary| known.layout.unwrap_or(FIRST_LAYOUT) != needed;
        let ours = self.volume_keys().into_iter().filter_map(|key| self.desired.volumes.get(key));
        let known = ours.filter_map(|spec| self.observed.volumes.iter().find(|known| known.name == spec.name));
        let others: Vec<&VolumeSummary> =
            known.filter(|known| known.project == self.project.name).filter(other).collect();
        let Some(first) = others.first() else { return Ok(()) };
        Err(PlanError::Layout {
            volumes: others.iter().map(|volume| volume.name.clone()).collect(),
            found: first.layout.unwrap_or(FIRST_LAYOUT),
            needed,
        })
    }

    /// Networks to make because they are not there.
    pub(super) fn missing_networks(&self) -> Vec<NetworkSpec> {
        let wanted = self.network_keys().into_iter().filter_map(|key| self.desired.networks.get(key));
        wanted.filter(|spec| !self.observed.networks.iter().any(|known| known.name == spec.name)).cloned().collect()
    }

    /// Volumes to make because they are not there.
    pub(super) fn missing_volumes(&self) -> Vec<VolumeSpec> {
        let wanted = self.volume_keys().into_iter().filter_map(|key| self.desired.volumes.get(key));
        wanted.filter(|spec| !self.observed.volumes.iter().any(|known| known.name == spec.name)).cloned().collect()
    }

    /// Networks to replace because their configuration changed. One that containers outside of this run use stays.
    pub(super) fn changed_networks(&self, builder: &mut Builder) -> Vec<NetworkSpec> {
        let mut changed = Vec::new();
        for spec in self.network_keys().into_iter().filter_map(|key| self.desired.networks.get(key)) {
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
        let goes = |service: &str| self.services.contains(service) || (self.removes_orphans && !known(service));
        let mut containers = self.observed.containers.iter();
        containers
            .find(|container| container.networks.contains_key(network) && !goes(&container.service))
            .map(|container| container.name.as_str())
    }

    /// Data is never replaced unasked: a changed volume is only told about.
    pub(super) fn warn_about_volumes(&self, builder: &mut Builder) {
        for spec in self.volume_keys().into_iter().filter_map(|key| self.desired.volumes.get(key)) {
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
