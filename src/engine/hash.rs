//! Configuration hashes: what an object was made from, as one short text in a label.
//!
//! The input is JSON with a fixed order of keys. Every field of a spec is named here, so that a new one cannot be
//! forgotten: the patterns below stop compiling.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::backend::{ContainerSpec, NetworkSpec, SecretFile, VolumeSpec};
use crate::model::{Healthcheck, Mount, MountKind, Port, Protocol, RestartPolicy};

/// Hash of a container's configuration. `labels` are those of the file, `contents` maps mount targets and the paths of
/// secrets to the hash of what is there: whoever looks at the container sees the result, so no secret itself goes into
/// it. Name and image are left out: the name only counts containers of a service, and a changed image is told from a
/// changed configuration by looking at the image itself.
pub(super) fn container(
    spec: &ContainerSpec,
    labels: &BTreeMap<String, String>,
    contents: &BTreeMap<String, String>,
) -> String {
    let ContainerSpec {
        name: _,
        image: _,
        entrypoint,
        command,
        environment,
        user,
        working_dir,
        hostname,
        init,
        ports,
        mounts,
        secrets,
        networks,
        healthcheck,
        restart,
        stop_signal,
        stop_grace_period,
        mem_limit,
        cpus,
        shm_size,
        cap_add,
        cap_drop,
        security_opt,
        read_only,
        extra_hosts,
        ulimits,
        sysctls,
        labels: _,
    } = spec;
    digest(&json!({
        "entrypoint": entrypoint,
        "command": command,
        "environment": environment,
        "user": user,
        "working_dir": working_dir,
        "hostname": hostname,
        "init": init,
        "ports": ports.iter().map(port).collect::<Vec<_>>(),
        "mounts": mounts.iter().map(mount).collect::<Vec<_>>(),
        "secrets": secrets.iter().map(secret).collect::<Vec<_>>(),
        "contents": contents,
        "networks": networks,
        "healthcheck": healthcheck.as_ref().map(health),
        "restart": restart_policy(*restart),
        "stop_signal": stop_signal,
        "stop_grace_period": stop_grace_period.map(|time| time.as_secs_f64()),
        "mem_limit": mem_limit,
        "cpus": cpus,
        "shm_size": shm_size,
        "cap_add": cap_add,
        "cap_drop": cap_drop,
        "security_opt": security_opt,
        "read_only": read_only,
        "extra_hosts": extra_hosts,
        "ulimits": ulimits,
        "sysctls": sysctls,
        "labels": labels,
    }))
}

/// Hash of a network's configuration; labels as in the file.
pub(super) fn network(spec: &NetworkSpec) -> String {
    let NetworkSpec { name, driver, internal, labels } = spec;
    digest(&json!({"name": name, "driver": driver, "internal": internal, "labels": labels}))
}

/// Hash of a volume's configuration; labels as in the file.
pub(super) fn volume(spec: &VolumeSpec) -> String {
    let VolumeSpec { name, driver, driver_opts, labels } = spec;
    digest(&json!({"name": name, "driver": driver, "driver_opts": driver_opts, "labels": labels}))
}

/// Lower-case hexadecimal of a SHA-256.
pub(super) fn hex(hash: &[u8]) -> String {
    hash.iter().fold(String::with_capacity(hash.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn digest(value: &Value) -> String {
    hex(&Sha256::digest(value.to_string()))
}

fn port(port: &Port) -> Value {
    let Port { host_ip, published, target, protocol } = port;
    let protocol = match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    json!([host_ip, published, target, protocol])
}

fn mount(mount: &Mount) -> Value {
    let Mount { kind, target, read_only } = mount;
    let (kind, source) = match kind {
        MountKind::Volume(name) => ("volume", json!(name)),
        MountKind::Anonymous => ("anonymous", Value::Null),
        MountKind::Bind(path) => ("bind", json!(path.to_string_lossy())),
        MountKind::Tmpfs(size) => ("tmpfs", json!(size)),
    };
    json!([kind, source, target, read_only])
}

fn secret(file: &SecretFile) -> Value {
    let SecretFile { name, uid, gid, mode, content: _ } = file;
    json!([name, uid, gid, mode])
}

fn health(check: &Healthcheck) -> Value {
    let Healthcheck { test, interval, timeout, retries, start_period, start_interval } = check;
    let times = [interval, timeout, start_period, start_interval].map(|time| time.map(|time| time.as_secs_f64()));
    json!([test, retries, times])
}

fn restart_policy(policy: RestartPolicy) -> String {
    match policy {
        RestartPolicy::No => "no".into(),
        RestartPolicy::Always => "always".into(),
        RestartPolicy::OnFailure(times) => format!("on-failure:{times}"),
        RestartPolicy::UnlessStopped => "unless-stopped".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(change: impl FnOnce(&mut ContainerSpec)) -> String {
        let mut spec = ContainerSpec { name: "shop-web-1".into(), image: "web:1".into(), ..ContainerSpec::default() };
        change(&mut spec);
        container(&spec, &BTreeMap::new(), &BTreeMap::new())
    }

    #[test]
    fn name_image_and_our_labels_do_not_count() {
        let plain = hash(|_| ());
        assert_eq!(plain, hash(|spec| spec.name = "shop-web-2".into()));
        assert_eq!(plain, hash(|spec| spec.image = "web:2".into()));
        assert_eq!(plain, hash(|spec| drop(spec.labels.insert("io.pipectl.config-hash".into(), "x".into()))));
    }

    #[test]
    fn configuration_counts() {
        let plain = hash(|_| ());
        assert_ne!(plain, hash(|spec| drop(spec.environment.insert("A".into(), "1".into()))));
        assert_ne!(plain, hash(|spec| spec.read_only = true));
        assert_ne!(plain, hash(|spec| spec.cpus = Some(0.5)));
        let with = |contents: &str| {
            let contents = BTreeMap::from([("/sql".to_owned(), contents.to_owned())]);
            container(&ContainerSpec::default(), &BTreeMap::new(), &contents)
        };
        assert_ne!(with("before"), with("after"));
    }
}
