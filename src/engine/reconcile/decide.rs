//! What happens to one container, and why.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::backend::ContainerSpec;
use crate::engine::observed::{ContainerSummary, RunState};

/// What happens to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It is not there: make and start it.
    Create,
    /// Stop, remove, make and start.
    Recreate,
    /// Start what is there.
    Start,
    /// Stop and start what is there.
    Restart,
    /// Nothing; its gate is looked at.
    Keep,
}

/// A decision with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    pub change: Change,
    pub cause: String,
}

impl Decision {
    pub(super) fn new(change: Change, cause: impl Into<String>) -> Self {
        Self { change, cause: cause.into() }
    }

    /// True when a container is made.
    pub(super) fn creates(&self) -> bool {
        matches!(self.change, Change::Create | Change::Recreate)
    }
}

/// All that a decision needs to know about one container that exists.
pub(super) struct Facts<'a> {
    /// What it should be.
    pub spec: &'a ContainerSpec,
    /// Hash of that.
    pub hash: &'a str,
    /// What it is.
    pub old: &'a ContainerSummary,
    /// Exit code of its last run, if it has ended.
    pub exit_code: Option<i64>,
    /// True when it is done once it has exited with 0.
    pub job: bool,
    pub force: bool,
    pub no_recreate: bool,
    /// Networks (engine names) that are replaced.
    pub replaced_networks: &'a BTreeSet<String>,
    /// The service that it depends on with `restart: true` and that is recreated.
    pub recreated_dependency: Option<&'a str>,
}

/// Decides about a container that exists.
pub(super) fn decide(facts: &Facts<'_>) -> Decision {
    reason_to_recreate(facts)
        .map_or_else(|| by_state(facts.old, facts.exit_code, facts.job), |cause| Decision::new(Change::Recreate, cause))
}

fn reason_to_recreate(facts: &Facts<'_>) -> Option<String> {
    let Facts { spec, hash, old, .. } = facts;
    if old.state == RunState::Dead {
        return Some("cannot be used any more".into());
    }
    if let Some(network) = spec.networks.keys().find(|network| facts.replaced_networks.contains(*network)) {
        return Some(format!("network {network} is replaced"));
    }
    if facts.force {
        return Some("recreation was asked for".into());
    }
    if facts.no_recreate {
        return None;
    }
    if old.config_hash.is_empty() {
        return Some("was not made by pipectl".into());
    }
    if old.config_hash != *hash {
        return Some("configuration changed".into());
    }
    // Whoever makes it may have been killed before they were in it. One that ran has them.
    if old.state == RunState::Created && !spec.secrets.is_empty() {
        return Some("was never started and may lack secrets".into());
    }
    if !same_image(&old.image, &spec.image) {
        return Some("image changed".into());
    }
    // Of a stopped container some engines list no networks, and then it cannot be judged. One that was made and lacks
    // some is of a run that was killed before it had connected them all.
    if old.state == RunState::Running || !old.networks.is_empty() {
        if let Some(network) = spec.networks.keys().find(|network| !old.networks.contains_key(*network)) {
            return Some(format!("is not on network {network}"));
        }
    }
    facts.recreated_dependency.map(|service| format!("depends on {service}, which is recreated"))
}

/// Decides by the state alone.
pub(super) fn by_state(old: &ContainerSummary, exit_code: Option<i64>, job: bool) -> Decision {
    match (old.state, exit_code) {
        (RunState::Running | RunState::Restarting, _) => Decision::new(Change::Keep, "unchanged"),
        (RunState::Exited, Some(0)) if job => Decision::new(Change::Keep, "has finished"),
        (RunState::Exited, Some(code)) => Decision::new(Change::Start, format!("exited with {code}")),
        (RunState::Exited, None) => Decision::new(Change::Start, "is stopped"),
        (RunState::Created, _) => Decision::new(Change::Start, "was never started"),
        (RunState::Paused, _) => Decision::new(Change::Restart, "is paused"),
        (RunState::Dead, _) => Decision::new(Change::Start, "is dead"),
    }
}

/// Containers by service, each list by number and name.
pub(super) fn by_service(containers: &[ContainerSummary]) -> BTreeMap<&str, Vec<&ContainerSummary>> {
    let mut services: BTreeMap<&str, Vec<&ContainerSummary>> = BTreeMap::new();
    for container in containers {
        services.entry(container.service.as_str()).or_default().push(container);
    }
    for list in services.values_mut() {
        list.sort_by(|left, right| (left.number, &left.name).cmp(&(right.number, &right.name)));
    }
    services
}

/// True when two references name the same image. Engines differ in what they spell out.
pub(super) fn same_image(left: &str, right: &str) -> bool {
    normal(left) == normal(right)
}

/// A reference without default registry and with its tag.
pub(super) fn normal(reference: &str) -> String {
    let short = ["docker.io/library/", "docker.io/", "localhost/"]
        .iter()
        .find_map(|prefix| reference.strip_prefix(prefix))
        .unwrap_or(reference);
    let name = short.rsplit('/').next().unwrap_or(short);
    if name.contains(':') || name.contains('@') { short.to_owned() } else { format!("{short}:latest") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_compared_by_meaning() {
        assert!(same_image("postgres", "docker.io/library/postgres:latest"));
        assert!(same_image("localhost/pipectl/web:abc", "pipectl/web:abc"));
        assert!(same_image("registry:5000/web", "registry:5000/web:latest"));
        assert!(!same_image("pipectl/web:abc", "pipectl/web:def"));
        assert!(!same_image("pipectl/web:abc", "sha256:0123"), "the tag moved on to another image");
    }

    #[test]
    fn a_finished_job_is_left_alone_and_a_stopped_service_is_not() {
        let old = ContainerSummary { state: RunState::Exited, ..ContainerSummary::default() };
        assert_eq!(by_state(&old, Some(0), true).change, Change::Keep);
        assert_eq!(by_state(&old, Some(0), false), Decision::new(Change::Start, "exited with 0"));
        assert_eq!(by_state(&old, Some(3), true), Decision::new(Change::Start, "exited with 3"));
    }
}
