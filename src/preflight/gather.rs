//! Collects the facts: the engine's answers, a bind test of every port, the free space of the engine's disk, this machine.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::facts::{Facts, Owner, Proxy};
use super::machine::{kernel, machine, open_files};
use super::refused::Refused;
use crate::engine::backend::{Backend, EngineInfo, Result};
use crate::engine::observed::{ContainerSummary, ImageSummary, Observed, RunState};
use crate::failure::Failure;
use crate::model::{Condition, Port, Project, Protocol, Service};

/// Variables that name a proxy, as programs read them.
const PROXIES: [&str; 6] = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
/// Servers that map their index files into memory, by a word of their image's name.
const MAPPING_IMAGES: [&str; 2] = ["elasticsearch", "opensearch"];

/// Where the facts come from. Whatever is missing only costs the facts that it would have given.
pub struct Sources<'a> {
    /// The engine, or why there is none.
    pub engine: std::result::Result<Engine<'a>, Failure>,
    /// What is to be started, or why that is not known.
    pub project: std::result::Result<Wanted<'a>, Failure>,
    /// `/`, where this machine's kernel tells about itself.
    pub root: &'a Path,
    /// A variable of the environment.
    pub variable: &'a (dyn Fn(&str) -> Option<String> + Sync),
}

impl<'a> Sources<'a> {
    /// This process on this machine.
    pub fn of_process(
        engine: std::result::Result<Engine<'a>, Failure>,
        project: std::result::Result<Wanted<'a>, Failure>,
    ) -> Self {
        Self { engine, project, root: Path::new("/"), variable: &|name| std::env::var(name).ok() }
    }
}

/// The engine.
#[derive(Clone, Copy)]
pub struct Engine<'a> {
    /// The way to it.
    pub backend: &'a dyn Backend,
    /// Who said where it is.
    pub chosen_by: &'a str,
    /// Name or address of the machine that its containers' ports are published on.
    pub host: &'a str,
}

/// What is to be started.
pub struct Wanted<'a> {
    /// The project.
    pub project: &'a Project,
    /// Whether a service is to run.
    pub selected: &'a (dyn Fn(&str) -> bool + Sync),
    /// What of it is there.
    pub observed: &'a Observed,
    /// Its images that are there.
    pub images: &'a [ImageSummary],
    /// How many of its images are not.
    pub missing_images: usize,
    /// Its volumes that were made from another description.
    pub outdated_volumes: Vec<String>,
    /// What `up` refuses whatever the machine has.
    pub refused: Refused,
}

/// Collects what [`super::check`] needs.
pub async fn gather(sources: Sources<'_>) -> Result<Facts> {
    let Sources { engine, project, root, variable } = sources;
    let mut facts = Facts {
        own_open_files: open_files(root, "self").map(|(soft, _)| soft),
        proxy: proxy(variable),
        ..Facts::default()
    };
    let mut containers = Vec::new();
    match engine {
        Ok(engine) => {
            let ((info, ahead), all) = tokio::try_join!(ask(engine.backend), engine.backend.all_containers())?;
            if !info.kernel.is_empty() && kernel(root).as_ref() == Some(&info.kernel) {
                facts.machine = Some(machine(root));
            }
            facts.free_disk = free_disk(&info.data_root);
            facts.containers = all.iter().filter(|container| !container.config_hash.is_empty()).cloned().collect();
            engine.chosen_by.clone_into(&mut facts.chosen_by);
            facts.published_at = (!is_here(engine.host)).then(|| engine.host.to_owned());
            facts.clock_ahead_ms = ahead;
            facts.engine = info;
            containers = all;
        }
        Err(failure) => facts.no_engine = Some(failure),
    }
    match project {
        Ok(wanted) => add(&mut facts, &wanted, &containers),
        Err(failure) => facts.no_project = Some(failure),
    }
    Ok(facts)
}

/// The engine about itself, and by how many milliseconds its clock is ahead.
async fn ask(backend: &dyn Backend) -> Result<(EngineInfo, Option<i64>)> {
    let before = SystemTime::now();
    let info = backend.info().await?;
    let took = before.elapsed().unwrap_or_default();
    // It looked at its clock somewhere on the way.
    let ahead = instant(&info.clock).map(|clock| difference(clock, before + took / 2));
    Ok((info, ahead))
}

/// RFC 3339 with `Z` or, as engines write it, the offset of their time zone.
fn instant(text: &str) -> Option<SystemTime> {
    let (local, offset) = match text.char_indices().rev().nth(5) {
        Some((at, '+' | '-')) => text.split_at(at),
        _ => (text.strip_suffix('Z')?, "+00:00"),
    };
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let shift = Duration::from_secs(hours.parse::<u64>().ok()? * 3600 + minutes.parse::<u64>().ok()? * 60);
    let local = humantime::parse_rfc3339_weak(local).ok()?;
    if offset.starts_with('+') { local.checked_sub(shift) } else { local.checked_add(shift) }
}

fn difference(one: SystemTime, other: SystemTime) -> i64 {
    let whole = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    one.duration_since(other).map_or_else(|error| -whole(error.duration()), whole)
}

/// What the project adds.
fn add(facts: &mut Facts, wanted: &Wanted<'_>, containers: &[ContainerSummary]) {
    let Wanted { project, selected, observed, .. } = wanted;
    let running: BTreeSet<_> = observed
        .containers
        .iter()
        .filter(|container| matches!(container.state, RunState::Running | RunState::Restarting | RunState::Paused))
        .map(|container| container.service.as_str())
        .collect();
    let chosen: Vec<&Service> = project.services.values().filter(|service| selected(&service.name)).collect();
    let new: Vec<&Service> =
        chosen.iter().copied().filter(|service| !running.contains(service.name.as_str())).collect();
    project.name.clone_into(&mut facts.project);
    facts.dir = project.dir.to_string_lossy().into_owned();
    facts.services = project.services.keys().chain(project.disabled.keys()).cloned().collect();
    facts.to_start = new.iter().filter(|service| !is_replaced(service, &chosen, &running)).count();
    facts.missing_images = wanted.missing_images;
    facts.images = wanted
        .images
        .iter()
        .filter_map(|image| Some((image.references.first()?.clone(), image.architecture.clone())))
        .collect();
    facts.memory_limits = memory_limits(&chosen);
    facts.mapping_services =
        chosen.iter().filter(|service| maps_files(service)).map(|service| service.name.clone()).collect();
    facts.networks.clone_from(&observed.networks);
    let there = |name: &str| observed.networks.iter().any(|known| known.name == name);
    facts.network_missing = project.networks.values().any(|network| !network.external && !there(&network.name));
    facts.outdated_volumes.clone_from(&wanted.outdated_volumes);
    facts.refused.clone_from(&wanted.refused);
    facts.wanted_ports = new
        .iter()
        .flat_map(|service| service.ports.iter().map(move |port| (service, port)))
        .filter(|(service, port)| !is_anothers(service, port, &chosen))
        .map(|(service, port)| (service.name.clone(), port.clone()))
        .collect();
    facts.port_variables.clone_from(&project.port_variables);
    if facts.published_at.is_none() {
        let taken = facts.wanted_ports.iter().filter_map(|(_, port)| Some((port.protocol, taken(port)?)));
        let owner = |(protocol, port)| Some(((protocol, port), owner(protocol, port, containers, &project.name)?));
        facts.taken_ports = taken.filter_map(owner).collect();
    }
}

/// Whether a host is this machine: an address can be bound on the machine that has it only.
fn is_here(host: &str) -> bool {
    UdpSocket::bind((host, 0)).is_ok()
}

/// True for a stand-in while something that it stands in for runs.
fn is_replaced(service: &Service, chosen: &[&Service], running: &BTreeSet<&str>) -> bool {
    chosen
        .iter()
        .any(|other| other.ext.instead.as_ref() == Some(&service.name) && running.contains(other.name.as_str()))
}

/// True for a port of a stand-in that what it stands in for publishes as well: it is wanted once.
fn is_anothers(service: &Service, port: &Port, chosen: &[&Service]) -> bool {
    chosen.iter().any(|other| other.ext.instead.as_ref() == Some(&service.name) && other.ports.contains(port))
}

/// Service and memory limit, replicas counted, of what may run at the same time: not a service that runs only in place of others, nor a
/// job that has ended when the larger one that waits for its end begins.
fn memory_limits(services: &[&Service]) -> Vec<(String, u64)> {
    let limit = |service: &Service| Some(service.mem_limit? * u64::from(service.scale));
    let is_at_rest = |service: &Service| {
        let waits = |other: &Service| {
            let edge = other.depends_on.get(&service.name);
            edge.is_some_and(|edge| edge.condition == Condition::CompletedSuccessfully)
                && limit(other) >= limit(service)
        };
        services.iter().any(|other| other.ext.instead.as_ref() == Some(&service.name) || waits(other))
    };
    let counted = services.iter().filter(|service| !is_at_rest(service));
    counted.filter_map(|service| Some((service.name.clone(), limit(service)?))).collect()
}

fn maps_files(service: &Service) -> bool {
    let image = service.image.as_deref().unwrap_or_default();
    // Both can be told to read their files instead.
    let told_not_to = service.environment.get("node.store.allow_mmap").is_some_and(|value| value == "false");
    MAPPING_IMAGES.iter().any(|word| image.contains(word)) && !told_not_to
}

/// The port, when it cannot be bound. Only "in use" counts: a port that this user may not bind (below 1024), or an
/// address of another machine, is the engine's to judge.
pub(super) fn taken(port: &Port) -> Option<u16> {
    let published = port.published?;
    let ip = port.host_ip.as_deref().and_then(|ip| ip.parse().ok()).unwrap_or(IpAddr::from(Ipv4Addr::UNSPECIFIED));
    let bound = match port.protocol {
        Protocol::Tcp => TcpListener::bind((ip, published)).map(drop),
        Protocol::Udp => UdpSocket::bind((ip, published)).map(drop),
    };
    match bound {
        Err(error) if error.kind() == ErrorKind::AddrInUse => Some(published),
        _ => None,
    }
}

/// The engine's process that holds a published port.
const PORT_HOLDER: &str = "docker-proxy";

/// Who holds a port; nothing where it is a container of this project: `up` replaces that one.
fn owner(protocol: Protocol, port: u16, containers: &[ContainerSummary], project: &str) -> Option<Owner> {
    let holder = containers.iter().find(|container| container.ports.values().any(|published| *published == port));
    let is_starting =
        || containers.iter().any(|container| container.project == project && container.state == RunState::Created);
    match holder {
        None => match process(protocol, port) {
            // An `up` that was killed had asked for the start: the engine takes the port before it lists the container with it.
            Owner::Process(name, _) if name == PORT_HOLDER && is_starting() => None,
            other => Some(other),
        },
        Some(holder) if holder.config_hash.is_empty() => Some(Owner::Container(holder.name.clone())),
        Some(holder) if holder.project == project => None,
        Some(holder) => Some(Owner::Ours(holder.name.clone(), holder.project.clone(), holder.working_dir.clone())),
    }
}

fn process(protocol: Protocol, port: u16) -> Owner {
    let protocol = match protocol {
        Protocol::Tcp => listeners::Protocol::TCP,
        Protocol::Udp => listeners::Protocol::UDP,
    };
    listeners::get_process_by_port(port, protocol)
        .map_or(Owner::Unknown, |process| Owner::Process(process.name, process.pid))
}

fn free_disk(data_root: &str) -> Option<u64> {
    let root = Path::new(data_root);
    // A remote engine's data root is not here; a directory of the same name with nothing in it would mislead nobody.
    root.is_absolute().then(|| rustix::fs::statvfs(root).ok()).flatten().map(|stat| stat.f_bavail * stat.f_frsize)
}

fn proxy(variable: &dyn Fn(&str) -> Option<String>) -> Proxy {
    let value = |name: &str| variable(name).filter(|value| !value.is_empty());
    Proxy {
        set: PROXIES.iter().find_map(|name| Some(((*name).to_owned(), value(name)?))),
        exceptions: value("no_proxy").or_else(|| value("NO_PROXY")).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::Dependency;

    #[test]
    fn of_services_that_do_each_others_work_one_is_counted() {
        let service = |name: &str, limit: u64| {
            let port = Port { host_ip: None, published: Some(8585), target: 80, protocol: Protocol::Tcp };
            Service { name: name.into(), mem_limit: Some(limit), scale: 1, ports: vec![port], ..Service::default() }
        };
        let (small, mut job, mut big) = (service("small", 1), service("job", 10), service("big", 10));
        big.ext.instead = Some("small".into());
        job.ext.instead = Some("small".into());
        let ended = Dependency { condition: Condition::CompletedSuccessfully, required: true, restart: false };
        big.depends_on.insert("job".into(), ended);
        let limits =
            |services: &[&Service]| memory_limits(services).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(limits(&[&small, &job, &big]), ["big"]);
        assert_eq!(limits(&[&small]), ["small"]);
        job.mem_limit = Some(11);
        assert_eq!(limits(&[&small, &job, &big]), ["job", "big"], "it needs more than what comes after it");

        let chosen = [&small, &job, &big];
        assert!(is_anothers(&small, &small.ports[0], &chosen) && !is_anothers(&big, &big.ports[0], &chosen));
        assert!(is_replaced(&small, &chosen, &["big"].into()) && !is_replaced(&small, &chosen, &[].into()));
    }

    #[test]
    fn small_and_large_variables_name_a_proxy() {
        let environment: BTreeMap<&str, &str> = [("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", "*")].into();
        let seen = proxy(&|name| environment.get(name).map(|value| (*value).to_owned()));
        assert_eq!(seen.set, Some(("HTTPS_PROXY".into(), "http://p:1".into())));
        assert_eq!(seen.exceptions, "*");
        assert_eq!(proxy(&|_| Some(String::new())), Proxy::default());
    }

    #[test]
    fn a_port_of_this_project_is_no_ones_fault() {
        let holder = |project: &str, hash: &str| ContainerSummary {
            name: "x-1".into(),
            project: project.into(),
            config_hash: hash.into(),
            working_dir: "/dir".into(),
            ports: [(80, 8080)].into(),
            ..ContainerSummary::default()
        };
        let owner = |holder| owner(Protocol::Tcp, 8080, &[holder], "shop");
        assert_eq!(owner(holder("shop", "ab")), None);
        let ours = Owner::Ours("x-1".into(), "demo".into(), "/dir".into());
        assert_eq!(owner(holder("demo", "ab")), Some(ours));
        assert_eq!(owner(holder("", "")), Some(Owner::Container("x-1".into())));
    }

    #[test]
    fn a_port_in_use_is_found_for_both_protocols() {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let port = |address: std::net::SocketAddr, protocol| Port {
            host_ip: Some("127.0.0.1".into()),
            published: Some(address.port()),
            target: 1,
            protocol,
        };
        let (tcp_at, udp_at) = (tcp.local_addr().expect("bound"), udp.local_addr().expect("bound"));
        assert_eq!(taken(&port(tcp_at, Protocol::Tcp)), Some(tcp_at.port()));
        assert_eq!(taken(&port(udp_at, Protocol::Udp)), Some(udp_at.port()));
        drop(tcp);
        assert_eq!(taken(&port(tcp_at, Protocol::Tcp)), None);
    }

    #[test]
    fn who_holds_a_port_is_looked_up_by_its_protocol() {
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let port = udp.local_addr().expect("bound").port();
        let holder = process(Protocol::Udp, port);
        assert!(matches!(holder, Owner::Process(_, id) if id == std::process::id()), "{holder:?}");
        assert_ne!(process(Protocol::Tcp, port), holder);
    }

    #[test]
    fn this_machine_is_told_from_another_by_its_address() {
        assert!(is_here("127.0.0.1") && is_here("localhost"));
        // A network for documentation (RFC 5737).
        assert!(!is_here("192.0.2.1"));
    }

    #[test]
    fn a_search_engine_maps_files_unless_it_is_told_not_to() {
        let mut service = Service { image: Some("x/elasticsearch:9".into()), ..Service::default() };
        assert!(maps_files(&service));
        service.environment.insert("node.store.allow_mmap".into(), "false".into());
        assert!(!maps_files(&service));
    }

    #[test]
    fn an_engines_time_zone_does_not_matter() {
        let utc = instant("2026-11-22T10:00:00.5Z").expect("a time");
        assert_eq!(instant("2026-11-22T11:30:00.5+01:30"), Some(utc));
        assert_eq!(instant("2026-11-22T02:00:00.5-08:00"), Some(utc));
        for text in ["", "Z", "now", "2026-11-22T10:00:00", "+01:00", "2026-11-22T10:00:00+x1:00"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn a_clock_behind_is_a_negative_difference() {
        let now = SystemTime::now();
        assert_eq!(difference(now, now + Duration::from_secs(3)), -3_000);
        assert_eq!(difference(now + Duration::from_secs(3), now), 3_000);
    }
}
