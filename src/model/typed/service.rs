//! One service.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::deploy::{self, Deploy};
use super::{Context, build, environment, ext, resources};
use crate::model::error::ModelError;
use crate::model::forms::{bytes, command, duration, healthcheck, ports, secrets, volumes};
use crate::model::yaml::{Fields, Node};
use crate::model::{
    Condition, Dependency, Mount, NetworkAttachment, Port, RestartPolicy, SECRETS_DIR, SecretUse, Service,
};

/// Keys of Compose that would change what runs and that pipectl does not carry out.
const UNSUPPORTED: [&str; 42] = [
    "blkio_config",
    "cgroup",
    "cgroup_parent",
    "configs",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpuset",
    "credential_spec",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "extends",
    "external_links",
    "gpus",
    "group_add",
    "ipc",
    "isolation",
    "label_file",
    "links",
    "mac_address",
    "memswap_limit",
    "models",
    "network_mode",
    "pid",
    "pids_limit",
    "post_start",
    "pre_stop",
    "privileged",
    "provider",
    "runtime",
    "storage_opt",
    "use_api_socket",
    "userns_mode",
    "uts",
    "volumes_from",
];
/// Keys of Compose that can be left out without harm on one engine.
const WITHOUT_EFFECT: [&str; 12] = [
    "annotations",
    "attach",
    "cpu_shares",
    "develop",
    "logging",
    "mem_reservation",
    "mem_swappiness",
    "oom_kill_disable",
    "oom_score_adj",
    "platform",
    "stdin_open",
    "tty",
];

/// Reads a service.
pub(crate) fn read(name: &str, node: &Node, context: &mut Context<'_>) -> Result<Service, ModelError> {
    let what = format!("service `{name}`");
    let mut fields = Fields::of(node, what.as_str())?;
    fields.unsupported(&UNSUPPORTED);
    let deploy = fields.read("deploy", |node, _| deploy::read(node, &what, context))?.unwrap_or_default();
    let service = Service {
        name: name.to_owned(),
        image: fields.string("image")?.filter(|image| !image.is_empty()),
        build: fields.read("build", |node, _| build::read(node, &what, context))?,
        pull_policy: fields.read("pull_policy", pull_policy)?,
        entrypoint: fields.read("entrypoint", command::read)?,
        command: fields.read("command", command::read)?,
        environment: environment::read(&mut fields, context)?,
        user: fields.string("user")?,
        working_dir: fields.string("working_dir")?,
        hostname: fields.string("hostname")?,
        container_name: fields.read("container_name", container_name)?,
        init: fields.read("init", Node::boolean)?,
        ports: published(&mut fields)?,
        expose: fields.read("expose", |node, what| list(node, what, ports::exposed))?.unwrap_or_default(),
        mounts: mounts(&mut fields, context)?,
        secrets: secret_files(&mut fields)?,
        networks: fields.read("networks", |node, what| networks(node, what, context))?.unwrap_or_default(),
        depends_on: fields.read("depends_on", depends_on)?.unwrap_or_default(),
        healthcheck: fields.read("healthcheck", |node, _| healthcheck::read(node, &what))?,
        restart: fields.read("restart", restart)?.unwrap_or_default(),
        stop_signal: fields.string("stop_signal")?,
        stop_grace_period: fields.read("stop_grace_period", duration::read)?,
        mem_limit: fields.read("mem_limit", bytes::read)?.or(deploy.memory),
        cpus: fields.read("cpus", deploy::cpus)?.or(deploy.cpus),
        shm_size: fields.read("shm_size", bytes::read)?,
        cap_add: fields.strings("cap_add")?,
        cap_drop: fields.strings("cap_drop")?,
        security_opt: fields.strings("security_opt")?,
        read_only: fields.flag("read_only")?,
        extra_hosts: fields.read("extra_hosts", extra_hosts)?.unwrap_or_default(),
        ulimits: fields.read("ulimits", ulimits)?.unwrap_or_default(),
        sysctls: fields.read("sysctls", Node::string_map)?.unwrap_or_default(),
        labels: resources::labels(&mut fields)?,
        profiles: fields.strings("profiles")?,
        scale: scale(&mut fields, &deploy)?,
        ext: fields.read("x-pipectl", |node, _| ext::service(node, &what))?.unwrap_or_default(),
    };
    fields.ignore(&WITHOUT_EFFECT, &mut context.warnings);
    fields.finish()?;
    if !service.secrets.is_empty() && service.mounts.iter().any(|mount| mount.target == SECRETS_DIR) {
        return Err(node.error(format!("{what} mounts {SECRETS_DIR}, where its secrets are put")));
    }
    if service.image.is_none() && service.build.is_none() {
        return Err(node.error(format!("{what} has neither `image` nor `build`")));
    }
    Ok(service)
}

/// A list whose items one reader reads.
fn list<T>(
    node: &Node,
    what: &str,
    reader: impl Fn(&Node, &str) -> Result<T, ModelError>,
) -> Result<Vec<T>, ModelError> {
    let items = node.items().ok_or_else(|| node.mismatch(what, "a list"))?;
    items.iter().map(|item| reader(item, what)).collect()
}

fn published(fields: &mut Fields<'_>) -> Result<Vec<Port>, ModelError> {
    let ports = fields.read("ports", |node, what| list(node, what, ports::read))?;
    Ok(ports.unwrap_or_default().into_iter().flatten().collect())
}

fn mounts(fields: &mut Fields<'_>, context: &Context<'_>) -> Result<Vec<Mount>, ModelError> {
    let home = (context.lookup)("HOME");
    let reader = |node: &Node, what: &str| volumes::read(node, what, home.as_deref());
    let mut mounts: Vec<Mount> = Vec::new();
    let given = fields.take("volumes").map(|node| (node, fields.name("volumes")));
    let memory = fields.take("tmpfs").map(|node| (node, fields.name("tmpfs")));
    for (node, what) in given.into_iter().chain(memory) {
        for item in node.items().ok_or_else(|| node.mismatch(&what, "a list"))? {
            let mount = if what.starts_with("`tmpfs`") { volumes::tmpfs(item, &what)? } else { reader(item, &what)? };
            if mounts.iter().any(|other| other.target == mount.target) {
                return Err(item.error(format!("{what} mounts `{}` twice", mount.target)));
            }
            mounts.push(mount);
        }
    }
    Ok(mounts)
}

fn secret_files(fields: &mut Fields<'_>) -> Result<Vec<SecretUse>, ModelError> {
    let mut files: Vec<SecretUse> = Vec::new();
    let (Some(node), what) = (fields.take("secrets"), fields.name("secrets")) else { return Ok(files) };
    for item in node.items().ok_or_else(|| node.mismatch(&what, "a list"))? {
        let file = secrets::read(item, &what)?;
        if files.iter().any(|other| other.target == file.target) {
            return Err(item.error(format!("{what} has two files `{}`", file.target)));
        }
        files.push(file);
    }
    Ok(files)
}

fn networks(
    node: &Node,
    what: &str,
    context: &mut Context<'_>,
) -> Result<BTreeMap<String, NetworkAttachment>, ModelError> {
    let entries = node.mapping().ok_or_else(|| node.mismatch(what, "a list or a mapping"))?;
    let mut networks = BTreeMap::new();
    for (name, entry) in entries {
        let mut attachment = NetworkAttachment::default();
        if !entry.node.is_null() {
            let mut fields = Fields::of(&entry.node, format!("network `{name}` in {what}"))?;
            fields.unsupported(&[
                "driver_opts",
                "gw_priority",
                "interface_name",
                "ipv4_address",
                "ipv6_address",
                "link_local_ips",
                "mac_address",
            ]);
            attachment.aliases = fields.strings("aliases")?;
            fields.ignore(&["priority"], &mut context.warnings);
            fields.finish()?;
        }
        networks.insert(name.clone(), attachment);
    }
    Ok(networks)
}

fn depends_on(node: &Node, what: &str) -> Result<BTreeMap<String, Dependency>, ModelError> {
    let entries = node.mapping().ok_or_else(|| node.mismatch(what, "a list or a mapping"))?;
    let mut dependencies = BTreeMap::new();
    for (name, entry) in entries {
        let mut dependency = Dependency { condition: Condition::Started, required: true, restart: false };
        if !entry.node.is_null() {
            let mut fields = Fields::of(&entry.node, format!("`{name}` in {what}"))?;
            dependency.condition = fields.read("condition", condition)?.unwrap_or(Condition::Started);
            dependency.required = fields.read("required", Node::boolean)?.unwrap_or(true);
            dependency.restart = fields.flag("restart")?;
            fields.finish()?;
        }
        dependencies.insert(name.clone(), dependency);
    }
    Ok(dependencies)
}

fn condition(node: &Node, what: &str) -> Result<Condition, ModelError> {
    match node.loose(what)? {
        "service_started" => Ok(Condition::Started),
        "service_healthy" => Ok(Condition::Healthy),
        "service_completed_successfully" => Ok(Condition::CompletedSuccessfully),
        _ => Err(node.mismatch(what, "service_started, service_healthy or service_completed_successfully")),
    }
}

fn restart(node: &Node, what: &str) -> Result<RestartPolicy, ModelError> {
    let text = node.loose(what)?;
    let policy = match text {
        "no" | "false" => Some(RestartPolicy::No),
        "always" => Some(RestartPolicy::Always),
        "unless-stopped" => Some(RestartPolicy::UnlessStopped),
        "on-failure" => Some(RestartPolicy::OnFailure(0)),
        _ => text.strip_prefix("on-failure:").and_then(|most| most.parse().ok()).map(RestartPolicy::OnFailure),
    };
    policy.ok_or_else(|| node.mismatch(what, "no, always, on-failure[:times] or unless-stopped"))
}

fn pull_policy(node: &Node, what: &str) -> Result<String, ModelError> {
    match node.loose(what)? {
        policy @ ("always" | "missing" | "never" | "build") => Ok(policy.to_owned()),
        "if_not_present" => Ok("missing".to_owned()),
        _ => Err(node.mismatch(what, "always, missing, never or build")),
    }
}

fn container_name(node: &Node, what: &str) -> Result<String, ModelError> {
    let name = node.string(what)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if name.len() < 2 || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(allowed) {
        return Err(node
            .error(format!("{what}: `{name}` is no name for a container"))
            .hint("use letters, digits, `_`, `.` and `-`, at least two of them, and begin with a letter or digit"));
    }
    Ok(name)
}

fn extra_hosts(node: &Node, what: &str) -> Result<Vec<String>, ModelError> {
    let entries = node.mapping().ok_or_else(|| node.mismatch(what, "a list or a mapping"))?;
    let mut hosts = Vec::new();
    for (name, entry) in entries {
        for address in entry.node.one_or_many(&format!("`{name}` in {what}"))? {
            let bare = address.trim_start_matches('[').trim_end_matches(']');
            if bare != "host-gateway" && bare.parse::<IpAddr>().is_err() {
                return Err(entry.node.error(format!("{what}: `{address}` is no IP address")));
            }
            hosts.push(format!("{name}:{bare}"));
        }
    }
    Ok(hosts)
}

fn ulimits(node: &Node, what: &str) -> Result<BTreeMap<String, (i64, i64)>, ModelError> {
    let entries = node.mapping().ok_or_else(|| node.mismatch(what, "a mapping"))?;
    let mut limits = BTreeMap::new();
    for (name, entry) in entries {
        let what = format!("`{name}` in {what}");
        let limit = if entry.node.mapping().is_some() {
            let mut fields = Fields::of(&entry.node, what)?;
            let soft = fields.require("soft")?.integer(&fields.name("soft"))?;
            let hard = fields.require("hard")?.integer(&fields.name("hard"))?;
            fields.finish()?;
            (soft, hard)
        } else {
            let both = entry.node.integer(&what)?;
            (both, both)
        };
        limits.insert(name.clone(), limit);
    }
    Ok(limits)
}

fn scale(fields: &mut Fields<'_>, deploy: &Deploy) -> Result<u32, ModelError> {
    let node = fields.take("scale");
    let scale = node.map(|node| node.integer(&fields.name("scale"))).transpose()?;
    match (node, scale, deploy.replicas) {
        (Some(node), Some(scale), Some(replicas)) if scale != replicas => {
            Err(node.error(format!("{} is {scale} but `deploy.replicas` is {replicas}", fields.name("scale"))))
        }
        _ => Ok(scale.or(deploy.replicas).unwrap_or(1)),
    }
}
