//! From the engine's listings to the types of `engine::observed`. Pure, and forgiving: fields that one engine or release
//! leaves out are "not known", never an error.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, ContainerStatsResponse, ContainerSummary as EngineContainer,
    ContainerSummaryHealthStatusEnum, ContainerSummaryStateEnum, EndpointSettings, HealthStatusEnum, ImageInspect,
    ImageSummary as EngineImage, PortMap,
};

use crate::engine::observed::{
    CONFIG_HASH_LABEL, ContainerDetail, ContainerSummary, Health, IMAGE_HASH_LABEL, ImageSummary, NUMBER_LABEL,
    PROJECT_LABEL, RunState, SERVICE_LABEL, WORKING_DIR_LABEL,
};

/// A container of a listing.
pub(super) fn container(container: EngineContainer) -> ContainerSummary {
    let labels = container.labels.unwrap_or_default();
    let names = container.names.unwrap_or_default();
    let status = container.status.unwrap_or_default();
    let health = container.health.and_then(|health| health.status).map_or_else(
        // Older engines tell the health only in the text "Up 2 minutes (healthy)".
        || health_of_text(&status),
        summary_health,
    );
    let ports = container.ports.unwrap_or_default();
    let ports = ports.iter();
    ContainerSummary {
        id: container.id.unwrap_or_default(),
        // A container that others link to has further names with a slash inside.
        name: names
            .iter()
            .map(|name| name.trim_start_matches('/'))
            .find(|name| !name.contains('/'))
            .unwrap_or_default()
            .to_owned(),
        project: label(&labels, PROJECT_LABEL),
        working_dir: label(&labels, WORKING_DIR_LABEL),
        service: label(&labels, SERVICE_LABEL),
        number: label(&labels, NUMBER_LABEL).parse().unwrap_or(1),
        state: container.state.map_or(RunState::Created, summary_state),
        health,
        image: familiar(&container.image.unwrap_or_default()),
        config_hash: label(&labels, CONFIG_HASH_LABEL),
        networks: addresses(container.network_settings.and_then(|settings| settings.networks)),
        bound: ports
            .clone()
            .filter_map(|port| Some((port.private_port, port.ip.clone().filter(|ip| is_one(ip))?)))
            .collect(),
        ports: ports
            .filter_map(|port| Some((port.private_port, port.public_port.filter(|number| *number != 0)?)))
            .collect(),
    }
}

/// One container in full.
pub(super) fn detail(container: ContainerInspectResponse) -> ContainerDetail {
    let state = container.state.unwrap_or_default();
    let health = state.health.unwrap_or_default();
    let network = container.network_settings.unwrap_or_default();
    ContainerDetail {
        id: container.id.unwrap_or_default(),
        name: container.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        state: state.status.map_or(RunState::Created, detail_state),
        exit_code: state.exit_code.unwrap_or_default(),
        oom_killed: state.oom_killed.unwrap_or_default(),
        error: state.error.unwrap_or_default(),
        health: health.status.map_or(Health::None, detail_health),
        health_output: health
            .log
            .unwrap_or_default()
            .pop()
            .and_then(|check| check.output)
            .unwrap_or_default()
            .trim()
            .to_owned(),
        restarts: container.restart_count.unwrap_or_default(),
        started_at: state.started_at.unwrap_or_default(),
        finished_at: state.finished_at.unwrap_or_default(),
        pid: state.pid.and_then(|pid| u64::try_from(pid).ok()).filter(|pid| *pid > 0),
        networks: addresses(network.networks),
        ports: published(network.ports),
    }
}

/// An image of a listing.
pub(super) fn image(image: EngineImage) -> ImageSummary {
    ImageSummary {
        id: image.id,
        references: references(&image.repo_tags, &image.repo_digests),
        image_hash: label(&image.labels, IMAGE_HASH_LABEL),
        size: u64::try_from(image.size).unwrap_or_default(),
        architecture: String::new(),
    }
}

/// One image in full.
pub(super) fn image_detail(image: ImageInspect) -> ImageSummary {
    let labels = image.config.and_then(|config| config.labels).unwrap_or_default();
    ImageSummary {
        id: image.id.unwrap_or_default(),
        references: references(&image.repo_tags.unwrap_or_default(), &image.repo_digests.unwrap_or_default()),
        image_hash: label(&labels, IMAGE_HASH_LABEL),
        size: image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
        architecture: image.architecture.unwrap_or_default(),
    }
}

fn references(tags: &[String], digests: &[String]) -> Vec<String> {
    tags.iter().chain(digests).filter(|name| !name.contains("<none>")).map(|name| familiar(name)).collect()
}

/// Project and configuration hash of an object.
pub(super) fn owner(labels: &HashMap<String, String>) -> (String, String) {
    (label(labels, PROJECT_LABEL), label(labels, CONFIG_HASH_LABEL))
}

/// Memory in use as `docker stats` counts it: without the file cache that the kernel drops when it needs to.
/// cgroup v1 names that figure `total_inactive_file`, v2 `inactive_file`.
pub(super) fn memory(stats: &ContainerStatsResponse) -> Option<u64> {
    let memory = stats.memory_stats.as_ref()?;
    let figures = memory.stats.as_ref();
    let cache = figures.and_then(|all| all.get("total_inactive_file").or_else(|| all.get("inactive_file")));
    Some(memory.usage?.saturating_sub(cache.copied().unwrap_or_default()))
}

/// An image name as people write it: Podman lists `localhost/x` and `docker.io/library/x`.
fn familiar(reference: &str) -> String {
    ["localhost/", "docker.io/library/", "docker.io/"]
        .iter()
        .find_map(|prefix| reference.strip_prefix(prefix))
        .unwrap_or(reference)
        .to_owned()
}

fn label(labels: &HashMap<String, String>, name: &str) -> String {
    labels.get(name).cloned().unwrap_or_default()
}

fn addresses(networks: Option<HashMap<String, EndpointSettings>>) -> BTreeMap<String, String> {
    networks
        .unwrap_or_default()
        .into_iter()
        .map(|(name, endpoint)| (name, endpoint.ip_address.unwrap_or_default()))
        .collect()
}

/// Whether this is one address and not all.
fn is_one(ip: &str) -> bool {
    ip.parse::<std::net::IpAddr>().is_ok_and(|ip| !ip.is_unspecified())
}

fn published(ports: Option<PortMap>) -> BTreeMap<u16, u16> {
    let host_port = |(key, bindings): (String, Option<Vec<bollard::models::PortBinding>>)| {
        let inside = key.split('/').next()?.parse().ok()?;
        let outside = bindings?.into_iter().find_map(|binding| binding.host_port?.parse().ok())?;
        Some((inside, outside))
    };
    ports.unwrap_or_default().into_iter().filter_map(host_port).collect()
}

fn summary_state(state: ContainerSummaryStateEnum) -> RunState {
    match state {
        ContainerSummaryStateEnum::EMPTY | ContainerSummaryStateEnum::CREATED => RunState::Created,
        // "stopping" is Podman's: the process still runs.
        ContainerSummaryStateEnum::RUNNING | ContainerSummaryStateEnum::STOPPING => RunState::Running,
        ContainerSummaryStateEnum::PAUSED => RunState::Paused,
        ContainerSummaryStateEnum::RESTARTING => RunState::Restarting,
        ContainerSummaryStateEnum::EXITED => RunState::Exited,
        ContainerSummaryStateEnum::REMOVING | ContainerSummaryStateEnum::DEAD => RunState::Dead,
    }
}

fn detail_state(state: ContainerStateStatusEnum) -> RunState {
    match state {
        ContainerStateStatusEnum::RUNNING => RunState::Running,
        ContainerStateStatusEnum::PAUSED => RunState::Paused,
        ContainerStateStatusEnum::RESTARTING => RunState::Restarting,
        ContainerStateStatusEnum::EXITED => RunState::Exited,
        ContainerStateStatusEnum::REMOVING | ContainerStateStatusEnum::DEAD => RunState::Dead,
        _ => RunState::Created,
    }
}

fn summary_health(health: ContainerSummaryHealthStatusEnum) -> Health {
    match health {
        ContainerSummaryHealthStatusEnum::EMPTY | ContainerSummaryHealthStatusEnum::NONE => Health::None,
        ContainerSummaryHealthStatusEnum::STARTING => Health::Starting,
        ContainerSummaryHealthStatusEnum::HEALTHY => Health::Healthy,
        ContainerSummaryHealthStatusEnum::UNHEALTHY => Health::Unhealthy,
    }
}

fn detail_health(health: HealthStatusEnum) -> Health {
    match health {
        HealthStatusEnum::EMPTY | HealthStatusEnum::NONE => Health::None,
        HealthStatusEnum::STARTING => Health::Starting,
        HealthStatusEnum::HEALTHY => Health::Healthy,
        HealthStatusEnum::UNHEALTHY => Health::Unhealthy,
    }
}

fn health_of_text(status: &str) -> Health {
    if status.contains("(healthy)") {
        Health::Healthy
    } else if status.contains("(unhealthy)") {
        Health::Unhealthy
    } else if status.contains("(health: starting)") || status.contains("(starting)") {
        Health::Starting
    } else {
        Health::None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn health_is_read_from_the_status_text_of_older_engines() {
        let listed = serde_json::from_value(json!({
            "Id": "ab", "Names": ["/other/alias", "/p-db-1"], "Image": "docker.io/library/db:1", "State": "running",
            "Status": "Up 3 seconds (health: starting)",
            "Labels": {"com.docker.compose.service": "db", "com.docker.compose.container-number": "2"},
            "Ports": [{"IP": "127.0.0.1", "PrivatePort": 5432, "PublicPort": 5433, "Type": "tcp"},
                      {"PrivatePort": 9000, "Type": "tcp"}],
            "NetworkSettings": {"Networks": {"p_default": {"IPAddress": "172.18.0.2"}}}
        }));
        let seen = container(listed.expect("a listing entry"));
        assert_eq!((seen.name.as_str(), seen.service.as_str(), seen.number), ("p-db-1", "db", 2));
        assert_eq!((seen.state, seen.health), (RunState::Running, Health::Starting));
        assert_eq!(seen.image, "db:1");
        assert_eq!(seen.ports, BTreeMap::from([(5432, 5433)]));
        assert_eq!(seen.networks["p_default"], "172.18.0.2");
    }

    #[test]
    fn memory_leaves_the_droppable_cache_out_on_both_cgroup_versions() {
        for figures in [json!({"inactive_file": 30}), json!({"total_inactive_file": 30, "inactive_file": 1})] {
            let stats = serde_json::from_value(json!({"memory_stats": {"usage": 100, "stats": figures}}));
            assert_eq!(memory(&stats.expect("statistics")), Some(70));
        }
        // A stopped container has no figures.
        assert_eq!(memory(&serde_json::from_value(json!({"memory_stats": {}})).expect("statistics")), None);
    }

    #[test]
    fn the_last_health_output_is_shown() {
        let inspected = serde_json::from_value(json!({
            "Id": "ab", "Name": "/p-db-1", "RestartCount": 3,
            "State": {"Status": "exited", "Pid": 0, "ExitCode": 137, "OOMKilled": true, "Error": "",
                "Health": {"Status": "unhealthy", "Log": [{"Output": "old"}, {"Output": "refused\n"}]}},
            "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "81/tcp": null}}
        }));
        let seen = detail(inspected.expect("an inspection"));
        assert_eq!((seen.state, seen.exit_code, seen.oom_killed, seen.restarts), (RunState::Exited, 137, true, 3));
        assert_eq!((seen.health, seen.health_output.as_str()), (Health::Unhealthy, "refused"));
        assert_eq!(seen.pid, None, "what does not run has process 0");
        assert_eq!(seen.ports, BTreeMap::from([(80, 8080)]));
    }
}
