//! Checks across parts: names that must exist, things that exclude each other.

use std::collections::BTreeMap;

use super::error::ModelError;
use super::ext::ProjectExt;
use super::suggest;
use super::yaml::{Mark, Node};
use super::{MountKind, Network, Port, SecretSource, Service, Volume};

type Services = BTreeMap<String, Service>;

/// Every name that is referred to exists.
pub(crate) fn references(
    tree: &Node,
    services: &Services,
    networks: &BTreeMap<String, Network>,
    volumes: &BTreeMap<String, Volume>,
    secrets: &BTreeMap<String, SecretSource>,
    ext: &ProjectExt,
) -> Result<(), ModelError> {
    for (name, service) in services {
        let place = |path: &[&str], wanted: &str| service_mark(tree, name, path, wanted);
        for dependency in service.depends_on.keys() {
            known(dependency, services.keys(), || {
                (place(&["depends_on"], dependency), format!("service `{name}` depends on unknown service"))
            })?;
        }
        for network in service.networks.keys().filter(|network| *network != "default") {
            known(network, networks.keys(), || {
                (place(&["networks"], network), format!("service `{name}` joins undefined network"))
            })?;
        }
        for mount in &service.mounts {
            let MountKind::Volume(volume) = &mount.kind else { continue };
            known(volume, volumes.keys(), || {
                (volume_mark(tree, name, &mount.target), format!("service `{name}` mounts undefined volume"))
            })
            .map_err(|error| {
                let help = format!("define it under `volumes:`, or write ./{volume} if a path is meant");
                if error.hint.is_some() { error } else { error.hint(help) }
            })?;
        }
        for used in &service.secrets {
            known(&used.source, secrets.keys(), || {
                (place(&["secrets"], &used.source), format!("service `{name}` uses undefined secret"))
            })?;
        }
        for step in &service.ext.after {
            known(step, ext.steps.keys(), || {
                (place(&["x-pipectl", "after"], step), format!("service `{name}` comes after unknown step"))
            })?;
        }
        if let Some(asked) = service.ext.ready.as_ref().and_then(|ready| ready.service.as_ref()) {
            known(asked, services.keys(), || {
                (
                    place(&["x-pipectl", "ready", "service"], asked),
                    format!("`ready` of service `{name}` asks unknown service"),
                )
            })?;
        }
        if let Some(other) = &service.ext.instead {
            known(other, services.keys(), || {
                (
                    place(&["x-pipectl", "instead"], other),
                    format!("`instead` of service `{name}` names unknown service"),
                )
            })?;
            if services[other].ext.instead.is_some() {
                let message = format!("`{other}` cannot stand in for `{name}`: it has a stand-in itself");
                return Err(ModelError::at(&place(&["x-pipectl", "instead"], other), message)
                    .hint("`instead` names a service without an `instead`"));
            }
        }
    }
    for (name, step) in &ext.steps {
        if services.contains_key(name) {
            let mark = step_mark(tree, name, &[], name);
            return Err(ModelError::at(&mark, format!("`{name}` is the name of a step and of a service"))
                .hint("give the step another name: `after` could mean either"));
        }
        for before in &step.after {
            known(before, services.keys().chain(ext.steps.keys()), || {
                (
                    step_mark(tree, name, &["after"], before),
                    format!("step `{name}` comes after unknown service or step"),
                )
            })?;
        }
    }
    Ok(())
}

/// What is referred to and required is not left out by the choice of profiles.
pub(crate) fn disabled(
    tree: &Node,
    enabled: &Services,
    disabled: &BTreeMap<String, Vec<String>>,
    ext: &ProjectExt,
) -> Result<(), ModelError> {
    let check = |wanted: &str, mark: &dyn Fn() -> Mark, who: String| match disabled.get(wanted) {
        None => Ok(()),
        Some(profiles) => Err(ModelError::at(&mark(), format!("{who} needs service `{wanted}`, which is not enabled"))
            .hint(format!("choose its profile: --profile {}", profiles.join(" or --profile ")))),
    };
    for (name, service) in enabled {
        for (dependency, _) in service.depends_on.iter().filter(|(_, dependency)| dependency.required) {
            let mark = || service_mark(tree, name, &["depends_on"], dependency);
            check(dependency, &mark, format!("service `{name}`"))?;
        }
        if let Some(asked) = service.ext.ready.as_ref().and_then(|ready| ready.service.as_ref()) {
            let mark = || service_mark(tree, name, &["x-pipectl", "ready", "service"], asked);
            check(asked, &mark, format!("service `{name}`"))?;
        }
    }
    for (name, step) in &ext.steps {
        for before in &step.after {
            check(before, &|| step_mark(tree, name, &["after"], before), format!("step `{name}`"))?;
        }
    }
    Ok(())
}

/// Things of which there can be only one: ports of the host and container names.
pub(crate) fn conflicts(tree: &Node, services: &Services) -> Result<(), ModelError> {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let mut taken: Vec<(&str, &Port)> = Vec::new();
    for (name, service) in services {
        if let Some(container) = service.container_name.as_deref() {
            let error = |message| ModelError::at(&service_mark(tree, name, &["container_name"], container), message);
            if service.scale > 1 {
                let scale = service.scale;
                return Err(error(format!("service `{name}` has a container name and a scale of {scale}"))
                    .hint("a name can be given to one container only; leave `container_name` out"));
            }
            if let Some(other) = names.insert(container, name) {
                return Err(error(format!("services `{other}` and `{name}` have the same container name")));
            }
        }
        for port in service.ports.iter().filter(|port| port.published.is_some()) {
            let published = port.published.unwrap_or_default();
            let error = |message| ModelError::at(&port_mark(tree, name, port), message);
            if service.scale > 1 {
                return Err(error(format!(
                    "every one of the {} containers of `{name}` would publish port {published}",
                    service.scale
                ))
                .hint("leave the host port out, the engine then chooses a free one for each"));
            }
            let at_once = |other: &str| !stands_in(services, other, name) && !stands_in(services, name, other);
            if let Some((other, _)) = taken.iter().find(|(other, taken)| collide(taken, port) && at_once(other)) {
                let message = if other == name {
                    format!("service `{name}` publishes port {published} of the host twice")
                } else {
                    format!("services `{other}` and `{name}` both publish port {published} of the host")
                };
                return Err(error(message));
            }
            taken.push((name, port));
        }
    }
    Ok(())
}

/// True when one service runs only where the other does not.
fn stands_in(services: &Services, service: &str, other: &str) -> bool {
    services[other].ext.instead.as_deref() == Some(service)
}

/// True when two ports cannot be published at once.
fn collide(left: &Port, right: &Port) -> bool {
    let everywhere = |ip: &Option<String>| matches!(ip.as_deref(), None | Some("0.0.0.0" | "::"));
    left.published == right.published
        && left.protocol == right.protocol
        && (left.host_ip == right.host_ip || everywhere(&left.host_ip) || everywhere(&right.host_ip))
}

fn known<'n>(
    name: &str,
    mut names: impl Iterator<Item = &'n String> + Clone,
    mistake: impl FnOnce() -> (Mark, String),
) -> Result<(), ModelError> {
    let all = names.clone();
    if names.any(|known| known == name) {
        return Ok(());
    }
    let (mark, message) = mistake();
    Err(ModelError::at(&mark, format!("{message} `{name}`")).maybe_hint(suggest::hint(name, all.map(String::as_str))))
}

/// Where `wanted` is written below a service, or the nearest place above it.
pub(crate) fn service_mark(tree: &Node, service: &str, path: &[&str], wanted: &str) -> Mark {
    deepest(tree, &["services", service], path, wanted)
}

/// Where `wanted` is written below a step, or the nearest place above it.
pub(crate) fn step_mark(tree: &Node, step: &str, path: &[&str], wanted: &str) -> Mark {
    if path.is_empty() {
        return tree.at(&["x-pipectl", "steps"]).unwrap_or(tree).mark_of(step).clone();
    }
    deepest(tree, &["x-pipectl", "steps", step], path, wanted)
}

fn deepest(tree: &Node, start: &[&str], path: &[&str], wanted: &str) -> Mark {
    let mut node = tree.at(start).unwrap_or(tree);
    for key in path {
        node = node.at(&[key]).unwrap_or(node);
    }
    node.mark_of(wanted).clone()
}

fn volume_mark(tree: &Node, service: &str, target: &str) -> Mark {
    let items = tree.at(&["services", service, "volumes"]).and_then(Node::items).unwrap_or_default();
    let found = items.iter().find(|item| super::forms::volumes::target(item) == Some(target));
    found.map_or_else(|| service_mark(tree, service, &[], ""), |item| item.mark.clone())
}

fn port_mark(tree: &Node, service: &str, port: &Port) -> Mark {
    let items = tree.at(&["services", service, "ports"]).and_then(Node::items).unwrap_or_default();
    let holds = |item: &&Node| super::forms::ports::read(item, "").is_ok_and(|ports| ports.contains(port));
    // The last one: where a port is given twice, the second is the mistake.
    items.iter().rfind(holds).map_or_else(|| service_mark(tree, service, &[], ""), |item| item.mark.clone())
}
