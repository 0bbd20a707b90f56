//! What the checks look at, as plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::machine::Machine;
use super::refused::Refused;
use crate::engine::backend::EngineInfo;
use crate::engine::observed::{ContainerSummary, NetworkSummary};
use crate::failure::Failure;
use crate::model::{Port, PortVariable, Protocol};

/// Everything that is known. What could not be learned is empty or absent, and the checks that need it say so.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Why there is no usable engine; nothing where there is one.
    pub no_engine: Option<Failure>,
    /// Why the project cannot be read; nothing where it can.
    pub no_project: Option<Failure>,
    /// The engine.
    pub engine: EngineInfo,
    /// Who said where it is.
    pub chosen_by: String,
    /// Free bytes where the engine keeps its data; absent when that is not on this machine.
    pub free_disk: Option<u64>,
    /// Milliseconds by which the engine's clock is ahead of this machine's; absent where it does not tell.
    pub clock_ahead_ms: Option<i64>,
    /// Every container that pipectl made, of any project.
    pub containers: Vec<ContainerSummary>,
    /// The machine that runs containers; absent when it is not this one.
    pub machine: Option<Machine>,
    /// How many files this process may open.
    pub own_open_files: Option<u64>,
    /// Proxy settings of this process.
    pub proxy: Proxy,
    /// Name of the project.
    pub project: String,
    /// Its directory.
    pub dir: String,
    /// Names of its services, those that no profile enables too.
    pub services: BTreeSet<String>,
    /// How many selected services do not run yet.
    pub to_start: usize,
    /// Images that must still be built or pulled.
    pub missing_images: usize,
    /// Reference and architecture of the images that are there.
    pub images: Vec<(String, String)>,
    /// Ports to be published by containers that do not run yet, with their service.
    pub wanted_ports: Vec<(String, Port)>,
    /// Ports among them that something else holds, with its name.
    pub taken_ports: BTreeMap<(Protocol, u16), Owner>,
    /// The machine that publishes them where that is not this one: what is free here says nothing then.
    pub published_at: Option<String>,
    /// Variables of the Compose files that decide on ports.
    pub port_variables: Vec<PortVariable>,
    /// Service and memory limit in bytes of everything that is to run.
    pub memory_limits: Vec<(String, u64)>,
    /// Selected services that map many files into memory.
    pub mapping_services: Vec<String>,
    /// The project's networks that are there.
    pub networks: Vec<NetworkSummary>,
    /// True when a network has to be made.
    pub network_missing: bool,
    /// Volumes that were made from another description than that of the files.
    pub outdated_volumes: Vec<String>,
    /// What `up` refuses whatever the machine has.
    pub refused: Refused,
}

impl Facts {
    /// Who holds a port that is to be published.
    pub fn owner(&self, port: &Port) -> Option<&Owner> {
        self.taken_ports.get(&(port.protocol, port.published?))
    }

    /// The variable that decides on a port of a service.
    pub fn port_variable(&self, service: &str, port: u16) -> Option<&PortVariable> {
        self.port_variables.iter().find(|variable| variable.service == service && variable.port == port)
    }
}

/// Who holds a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A container of another project of pipectl: name, project and its directory.
    Ours(String, String, String),
    /// Some other container, by name.
    Container(String),
    /// A process: name and id.
    Process(String, u32),
    /// Somebody, but this user may not see who.
    Unknown,
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(name, project, _) => write!(formatter, "container {name} of project {project}"),
            Self::Container(name) => write!(formatter, "container {name}"),
            Self::Process(name, id) => write!(formatter, "process {name} (pid {id})"),
            Self::Unknown => formatter.write_str("a process that this user may not see"),
        }
    }
}

/// Proxy settings of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxy {
    /// The variable that names a proxy, and its value; nothing where none is set.
    pub set: Option<(String, String)>,
    /// `no_proxy`.
    pub exceptions: String,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::engine::observed::RunState;

    /// A port of 127.0.0.1.
    pub(crate) fn port(number: u16) -> Port {
        Port { host_ip: None, published: Some(number), target: 1, protocol: Protocol::Tcp }
    }

    /// The variable `SERVICE_PORT`.
    pub(crate) fn variable(service: &str, port: u16, set: bool) -> PortVariable {
        PortVariable { service: service.into(), name: format!("{}_PORT", service.to_uppercase()), port, set }
    }

    /// An engine and a project with everything wrong that can be, except that both are there.
    pub(crate) fn troubled() -> Facts {
        let container = ContainerSummary {
            name: "shop-old-1".into(),
            project: "shop".into(),
            working_dir: "/srv/shop".into(),
            service: "old".into(),
            state: RunState::Exited,
            ..ContainerSummary::default()
        };
        let network =
            NetworkSummary { name: "shop_default".into(), subnets: vec!["172.18.0.0/16".into()], ..Default::default() };
        Facts {
            engine: EngineInfo {
                memory: 1 << 30,
                storage_driver: "vfs".into(),
                platform: "linux/x86_64".into(),
                data_root: "/var/lib/docker".into(),
                ..EngineInfo::default()
            },
            free_disk: Some(0),
            clock_ahead_ms: Some(90_000),
            containers: vec![container],
            machine: Some(Machine {
                max_map_count: Some(65_530),
                inotify_instances: Some(8),
                inotify_watches: Some(8_192),
                engine_open_files: Some(1_024),
                routes: vec![super::super::machine::tests::route("172.16.0.0/12", "tun0", false)],
                emulates: Vec::new(),
            }),
            own_open_files: Some(64),
            proxy: Proxy { set: Some(("http_proxy".into(), "http://proxy:3128".into())), exceptions: String::new() },
            project: "shop".into(),
            dir: "/srv/shop".into(),
            services: ["web".to_owned()].into(),
            to_start: 1,
            images: vec![("web:1".into(), "arm64".into())],
            wanted_ports: vec![("web".into(), port(8080))],
            taken_ports: [((Protocol::Tcp, 8080), Owner::Unknown)].into(),
            memory_limits: vec![("web".into(), 8 << 30)],
            mapping_services: vec!["search".into()],
            networks: vec![network],
            refused: Refused {
                data: vec![Failure::usage("data of layout 1")],
                external: vec![Failure::usage("network `other` is declared external and does not exist")],
                bind: vec![Failure::usage("web would stand open")],
            },
            ..Facts::default()
        }
    }
}
