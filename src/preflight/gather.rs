//! Collects the facts: the engine's answers, a bind test of every port, the free space of the engine's disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use super::{Facts, Owner, memory_limits};
use crate::engine::backend::{Backend, Result};
use crate::engine::observed::{Observed, RunState};
use crate::model::{Port, Project};

/// Collects what [`super::check`] needs for starting the selected services.
pub async fn gather(
    backend: &dyn Backend,
    project: &Project,
    observed: &Observed,
    selected: &(dyn Fn(&str) -> bool + Sync),
    missing_images: usize,
) -> Result<Facts> {
    let engine = backend.info().await?;
    let running: BTreeSet<_> = observed
        .containers
        .iter()
        .filter(|container| matches!(container.state, RunState::Running | RunState::Restarting | RunState::Paused))
        .map(|container| container.service.as_str())
        .collect();
    let wanted_ports: Vec<(String, Port)> = project
        .services
        .values()
        .filter(|service| selected(&service.name) && !running.contains(service.name.as_str()))
        .flat_map(|service| service.ports.iter().map(|port| (service.name.clone(), port.clone())))
        .collect();
    let taken: Vec<u16> = wanted_ports.iter().filter_map(|(_, port)| taken(port)).collect();
    let taken_ports = if taken.is_empty() { BTreeMap::new() } else { owners(backend, &taken).await? };
    let port_variables = taken.iter().filter_map(|port| Some((*port, variable_of(project, *port)?))).collect();
    Ok(Facts {
        free_disk: free_disk(&engine.data_root),
        missing_images,
        wanted_ports,
        taken_ports,
        port_variables,
        memory_limits: memory_limits(project, &|name| selected(name)),
        engine,
    })
}

/// The port, when it cannot be bound. Only "in use" counts: a port that this user may not bind (below 1024), or an
/// address of another machine, is the engine's to judge.
fn taken(port: &Port) -> Option<u16> {
    let published = port.published?;
    let address = port.host_ip.as_deref().and_then(|ip| ip.parse().ok()).unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    match TcpListener::bind::<(std::net::IpAddr, u16)>((address, published)) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => Some(published),
        _ => None,
    }
}

async fn owners(backend: &dyn Backend, ports: &[u16]) -> Result<BTreeMap<u16, Owner>> {
    let containers = backend.port_owners().await?;
    Ok(ports
        .iter()
        .map(|port| {
            let owner = containers.get(port).map_or_else(|| process(*port), |name| Owner::Container(name.clone()));
            (*port, owner)
        })
        .collect())
}

/// The variable whose default this port is: the `X` of `${X:-8083}` in a Compose file.
fn variable_of(project: &Project, port: u16) -> Option<String> {
    let default = format!(":-{port}}}");
    // A file that cannot be read any more only costs the better hint.
    let texts = project.files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
    texts.into_iter().find_map(|text| {
        let (before, _) = text.split_once(&default)?;
        let (_, name) = before.rsplit_once("${")?;
        name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()).then(|| name.to_owned())
    })
}

fn process(port: u16) -> Owner {
    listeners::get_process_by_port(port, listeners::Protocol::TCP)
        .map_or(Owner::Unknown, |process| Owner::Process(process.name, process.pid))
}

fn free_disk(data_root: &str) -> Option<u64> {
    let root = Path::new(data_root);
    // A remote engine's data root is not here; a directory of the same name with nothing in it would mislead nobody.
    root.is_absolute().then(|| rustix::fs::statvfs(root).ok()).flatten().map(|stat| stat.f_bavail * stat.f_frsize)
}
