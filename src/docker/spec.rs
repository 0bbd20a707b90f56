//! From a [`ContainerSpec`] to the engine's create request. Pure.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, Mount as EngineMount, MountTmpfsOptions,
    MountType, NetworkingConfig, PortBinding, PortMap, ResourcesUlimits, RestartPolicy as EngineRestartPolicy,
    RestartPolicyNameEnum,
};

use crate::engine::backend::ContainerSpec;
use crate::model::{Healthcheck, Mount, MountKind, Port, Protocol, RestartPolicy};

/// First API with `start_interval` of health checks and with several networks in one create request.
const API_25: (u32, u32) = (1, 44);

/// The request, and the networks that must be connected afterwards because the engine takes only one.
pub(super) fn request(spec: &ContainerSpec, api: (u32, u32)) -> (ContainerCreateBody, Vec<(String, EndpointSettings)>) {
    let mut endpoints = spec.networks.iter().map(|(name, aliases)| {
        let settings = EndpointSettings { aliases: Some(aliases.clone()), ..EndpointSettings::default() };
        (name.clone(), settings)
    });
    let (first, later): (HashMap<_, _>, Vec<_>) = if api >= API_25 {
        (endpoints.collect(), Vec::new())
    } else {
        (endpoints.next().into_iter().collect(), endpoints.collect())
    };
    let body = ContainerCreateBody {
        image: Some(spec.image.clone()),
        entrypoint: spec.entrypoint.clone(),
        cmd: spec.command.clone(),
        env: Some(spec.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        user: spec.user.clone(),
        working_dir: spec.working_dir.clone(),
        hostname: spec.hostname.clone(),
        exposed_ports: Some(spec.ports.iter().map(port_key).collect()),
        healthcheck: spec.healthcheck.as_ref().map(|check| health(check, api)),
        stop_signal: spec.stop_signal.clone(),
        stop_timeout: spec.stop_grace_period.map(whole_seconds),
        labels: Some(spec.labels.clone().into_iter().collect()),
        networking_config: (!first.is_empty()).then_some(NetworkingConfig { endpoints_config: Some(first) }),
        host_config: Some(host_config(spec)),
        ..ContainerCreateBody::default()
    };
    (body, later)
}

/// A duration in the unit of stop timeouts, rounded up.
pub(super) fn whole_seconds(duration: Duration) -> i64 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn host_config(spec: &ContainerSpec) -> HostConfig {
    HostConfig {
        // Without a mode the engine would join its default bridge too.
        network_mode: spec.networks.keys().next().cloned(),
        port_bindings: Some(port_bindings(&spec.ports)),
        mounts: Some(spec.mounts.iter().map(mount).collect()),
        restart_policy: Some(restart(spec.restart)),
        init: spec.init,
        memory: spec.mem_limit.map(signed),
        nano_cpus: spec.cpus.map(nano_cpus),
        shm_size: spec.shm_size.map(signed),
        cap_add: some(&spec.cap_add),
        cap_drop: some(&spec.cap_drop),
        security_opt: some(&spec.security_opt),
        readonly_rootfs: Some(spec.read_only),
        extra_hosts: some(&spec.extra_hosts),
        ulimits: (!spec.ulimits.is_empty()).then(|| {
            let limit = |(name, (soft, hard)): (&String, &(i64, i64))| ResourcesUlimits {
                name: Some(name.clone()),
                soft: Some(*soft),
                hard: Some(*hard),
            };
            spec.ulimits.iter().map(limit).collect()
        }),
        sysctls: (!spec.sysctls.is_empty()).then(|| spec.sysctls.clone().into_iter().collect()),
        ..HostConfig::default()
    }
}

fn some(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and nobody limits to 9 billion CPUs")]
fn nano_cpus(cpus: f64) -> i64 {
    (cpus * 1e9).round() as i64
}

fn port_key(port: &Port) -> String {
    let protocol = match port.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    format!("{}/{protocol}", port.target)
}

fn port_bindings(ports: &[Port]) -> PortMap {
    let mut bindings = PortMap::new();
    for port in ports {
        let binding = PortBinding {
            host_ip: port.host_ip.clone(),
            // The empty string lets the engine choose.
            host_port: Some(port.published.map(|number| number.to_string()).unwrap_or_default()),
        };
        bindings.entry(port_key(port)).or_default().get_or_insert_default().push(binding);
    }
    bindings
}

fn mount(mount: &Mount) -> EngineMount {
    let (typ, source, tmpfs_options) = match &mount.kind {
        MountKind::Volume(name) => (MountType::VOLUME, Some(name.clone()), None),
        MountKind::Anonymous => (MountType::VOLUME, None, None),
        MountKind::Bind(path) => (MountType::BIND, Some(path.to_string_lossy().into_owned()), None),
        MountKind::Tmpfs(size) => {
            let options = MountTmpfsOptions { size_bytes: size.map(signed), ..MountTmpfsOptions::default() };
            (MountType::TMPFS, None, Some(options))
        }
    };
    EngineMount {
        typ: Some(typ),
        source,
        target: Some(mount.target.clone()),
        read_only: Some(mount.read_only),
        tmpfs_options,
        ..EngineMount::default()
    }
}

fn restart(policy: RestartPolicy) -> EngineRestartPolicy {
    let (name, retries) = match policy {
        RestartPolicy::No => (RestartPolicyNameEnum::NO, None),
        RestartPolicy::Always => (RestartPolicyNameEnum::ALWAYS, None),
        RestartPolicy::OnFailure(retries) => (RestartPolicyNameEnum::ON_FAILURE, Some(i64::from(retries))),
        RestartPolicy::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, None),
    };
    EngineRestartPolicy { name: Some(name), maximum_retry_count: retries }
}

fn health(check: &Healthcheck, api: (u32, u32)) -> HealthConfig {
    let nanos = |duration: Option<Duration>| duration.map(|d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX));
    HealthConfig {
        test: (!check.test.is_empty()).then(|| check.test.clone()),
        interval: nanos(check.interval),
        timeout: nanos(check.timeout),
        retries: check.retries.map(i64::from),
        start_period: nanos(check.start_period),
        // Older engines refuse the request instead of ignoring the field.
        start_interval: if api >= API_25 { nanos(check.start_interval) } else { None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_two_networks() -> ContainerSpec {
        ContainerSpec {
            name: "p-web-1".into(),
            image: "web:1".into(),
            networks: [("p_back".to_owned(), vec!["web".to_owned()]), ("p_front".to_owned(), vec!["web".to_owned()])]
                .into(),
            healthcheck: Some(Healthcheck {
                test: vec!["CMD".into(), "true".into()],
                interval: Some(Duration::from_millis(1500)),
                start_interval: Some(Duration::from_secs(1)),
                ..Healthcheck::default()
            }),
            ..ContainerSpec::default()
        }
    }

    #[test]
    fn old_engines_get_one_network_and_no_start_interval() {
        let (body, later) = request(&on_two_networks(), (1, 41));
        let joined = body.networking_config.and_then(|config| config.endpoints_config).expect("one network");
        assert_eq!(joined.keys().collect::<Vec<_>>(), ["p_back"]);
        assert_eq!(later.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["p_front"]);
        let check = body.healthcheck.expect("a health check");
        assert_eq!((check.interval, check.start_interval), (Some(1_500_000_000), None));
    }

    #[test]
    fn new_engines_get_everything_at_once() {
        let (body, later) = request(&on_two_networks(), (1, 44));
        assert_eq!(body.networking_config.and_then(|config| config.endpoints_config).map(|map| map.len()), Some(2));
        assert!(later.is_empty());
        assert_eq!(body.healthcheck.and_then(|check| check.start_interval), Some(1_000_000_000));
    }

    #[test]
    fn ports_of_one_target_are_gathered() {
        let port =
            |published| Port { host_ip: Some("127.0.0.1".into()), published, target: 80, protocol: Protocol::Tcp };
        let bindings = port_bindings(&[port(Some(8080)), port(None)]);
        let ports: Vec<_> =
            bindings["80/tcp"].iter().flatten().map(|binding| binding.host_port.clone().unwrap_or_default()).collect();
        assert_eq!(ports, ["8080", ""]);
    }

    #[test]
    fn grace_periods_are_rounded_up() {
        assert_eq!(whole_seconds(Duration::from_millis(1001)), 2);
        assert_eq!(whole_seconds(Duration::from_secs(30)), 30);
    }
}
