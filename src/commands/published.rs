//! `--ports` and `--bind`: where this project's ports are published when that is not where its files say.
//!
//! Values of the Compose files' own variables, kept beside the project's other state, so that every later command reads the files as
//! `up` did. What the environment or an `.env` file sets comes before them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};

use super::checks;
use super::context::Context;
use super::stack::Stack;
use super::up::State;
use crate::cli::{PortChoice, UpArgs};
use crate::failure::Failure;
use crate::model::{self, KnownSecret, LoadOptions, Project, Service};
use crate::preflight::{self, Refused};

/// Variables with their values.
pub type Values = BTreeMap<String, String>;

/// Variable of the Compose files for the address that ports are published on, and the one under which they are reached there.
const BIND: &str = "PIPECTL_BIND";
const ADDRESS: &str = "PIPECTL_ADDRESS";

/// Variable that stands for `--ports`.
const PORTS: &str = "PIPECTL_PORTS";

/// What is kept of a project; nothing where its files are followed.
pub fn read(directory: &Path) -> Result<Values, Failure> {
    let path = file(directory);
    match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| {
            Failure::usage(format!("{} cannot be read", path.display()))
                .because(error.to_string())
                .hint("remove that file: the ports are then those of the Compose files")
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Values::new()),
        Err(error) => Err(failure("read", &path, &error)),
    }
}

/// Keeps the values, whole or not at all; without any the file goes.
pub fn keep(directory: &Path, values: &Values) -> Result<(), Failure> {
    let path = file(directory);
    let write = || {
        if values.is_empty() {
            return match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        std::fs::create_dir_all(directory)?;
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(&serde_json::to_vec_pretty(values)?)?;
        file.persist(&path).map(drop).map_err(|error| error.error)
    };
    write().map_err(|error| failure("keep", &path, &error))
}

fn file(directory: &Path) -> PathBuf {
    directory.join("published.json")
}

fn failure(verb: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot {verb} {}", path.display()))
        .because(error.to_string())
        .hint("make the directory .pipectl writable for you")
}

/// The project as it is to be brought up, and what is there: ports that are taken have been moved where that was asked for. Nothing is
/// kept yet.
pub async fn settle(context: &Context, arguments: &UpArgs) -> Result<(Stack, State), Failure> {
    let choice = choice(context, arguments)?;
    // The files as they are, for the project's name.
    let mut values = context.published(&context.quiet_project()?)?;
    if choice == Some(PortChoice::Default) {
        values.retain(|name, _| name == BIND);
    }
    if let Some(bind) = arguments.bind {
        let asked = bind.to_string();
        let variables = model::environment(context.load_options()?)?;
        if let Some(set) = variables.get(BIND).filter(|set| **set != asked) {
            return Err(Failure::usage(format!("--bind says {asked} and {BIND} says {set}"))
                .hint(format!("remove {BIND} from the environment or .env: what --bind says is remembered")));
        }
        values.remove(BIND);
        if bind != Ipv4Addr::LOCALHOST {
            values.insert(BIND.to_owned(), asked);
        }
    }
    context.publish(values);
    let stack = Stack::open_checked(context).await?;
    if let Openness::Unguarded(what) = open_to_others(context, &stack)? {
        context.ui.warning(&what, Some("let a firewall decide who does"));
    }
    let state = State::read(&stack).await?;
    if choice != Some(PortChoice::Auto) {
        return Ok((stack, state));
    }
    let selection = checks::select(&stack, &arguments.services)?;
    let facts = checks::facts(&stack, &state, &selection, Refused::default(), Vec::new()).await?;
    let moves = preflight::moves(&facts);
    if moves.is_empty() {
        return Ok((stack, state));
    }
    let mut values = context.published(&stack.project)?;
    for moved in moves {
        let preflight::Move { service, variable, from, owner, to } = moved;
        context.ui.note(&format!("{service}: port {from} is taken by {owner}, {to} takes its place ({variable})"));
        values.insert(variable, to.to_string());
    }
    context.publish(values);
    let stack = Stack::open_checked(context).await?;
    let state = State::read(&stack).await?;
    Ok((stack, state))
}

/// The variables of a project with what follows from them: where ports are published on an address, they are reached there.
pub fn completed(options: &LoadOptions, mut values: Values) -> Result<Values, Failure> {
    let mut options = options.clone();
    options.defaults.extend(values.clone());
    let variables = model::environment(&options)?;
    if let Some(bind) = variables.get(BIND).filter(|_| !variables.contains_key(ADDRESS)) {
        values.insert(ADDRESS.to_owned(), reached_at(address(bind)?).to_string());
    }
    Ok(values)
}

fn address(bind: &str) -> Result<Ipv4Addr, Failure> {
    bind.parse().map_err(|_| {
        Failure::usage(format!("{BIND} is `{bind}`, which is no IPv4 address"))
            .hint("give an address of this machine, or 0.0.0.0 for all of them")
    })
}

/// The address under which others reach what is published on `bind`: of all of them the one that leads to other machines.
fn reached_at(bind: Ipv4Addr) -> Ipv4Addr {
    if !bind.is_unspecified() {
        return bind;
    }
    // Nothing is sent: connecting a datagram socket only looks for the route. The network is one for documentation (RFC 5737).
    let route = UdpSocket::bind((bind, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    match route.map(|address| address.ip()) {
        Ok(IpAddr::V4(address)) => address,
        // A machine without a network is reached by nobody else.
        _ => Ipv4Addr::LOCALHOST,
    }
}

/// What other machines get to see.
pub enum Openness {
    /// Nothing.
    Closed,
    /// Services that ask for no password; in words.
    Unguarded(String),
    /// Services with a password that everybody knows: they are not started so.
    Refused(Failure),
}

impl Openness {
    /// Why nothing is started.
    pub fn refused(self) -> Option<Failure> {
        match self {
            Self::Refused(failure) => Some(failure),
            Self::Closed | Self::Unguarded(_) => None,
        }
    }
}

/// What publishing for other machines opens to them.
pub fn open_to_others(context: &Context, stack: &Stack) -> Result<Openness, Failure> {
    let values = completed(context.load_options()?, context.published(&stack.project)?)?;
    let mut options = context.load_options()?.clone();
    options.defaults.extend(values);
    let Some(bind) = model::environment(&options)?.remove(BIND) else { return Ok(Openness::Closed) };
    if address(&bind)?.is_loopback() {
        return Ok(Openness::Closed);
    }
    let project = &stack.project;
    let is_open = |service: &&Service| {
        service.ports.iter().any(|port| port.published.is_some() && port.host_ip.as_deref() == Some(bind.as_str()))
    };
    let open: Vec<&Service> = project.services.values().filter(is_open).collect();
    let known: Vec<&KnownSecret> =
        project.known_secrets.iter().filter(|known| open.iter().any(|service| service.name == known.service)).collect();
    if !known.is_empty() {
        let services: BTreeSet<&str> = known.iter().map(|known| known.service.as_str()).collect();
        let services: Vec<&str> = services.into_iter().collect();
        let variables: BTreeSet<&str> = known.iter().filter_map(|known| known.variable.as_deref()).collect();
        let variables: Vec<&str> = variables.into_iter().collect();
        let failure = Failure::usage(format!(
            "on {bind}, {} would stand open: the passwords are those of the demo",
            services.join(", ")
        ))
        .hint(format!("set {} to values of your own in the environment or .env", variables.join(", ")));
        let fixed = known.iter().find(|known| known.variable.is_none());
        return Ok(Openness::Refused(match fixed {
            Some(fixed) => failure.hint(format!("the password of {} is fixed: leave that service out", fixed.service)),
            None => failure,
        }));
    }
    let free: Vec<&str> =
        open.iter().filter(|service| service.ext.credentials.is_none()).map(|service| service.name.as_str()).collect();
    if free.is_empty() {
        return Ok(Openness::Closed);
    }
    let what = format!("published on {bind} and open to whoever reaches it, without a password: {}", free.join(", "));
    Ok(Openness::Unguarded(what))
}

/// Keeps what [`settle`] decided.
pub fn remember(context: &Context, project: &Project, directory: &Path) -> Result<(), Failure> {
    let values = context.published(project)?;
    if read(directory)? == values { Ok(()) } else { keep(directory, &values) }
}

fn choice(context: &Context, arguments: &UpArgs) -> Result<Option<PortChoice>, Failure> {
    if arguments.ports.is_some() {
        return Ok(arguments.ports);
    }
    let variables = model::environment(context.load_options()?)?;
    match variables.get(PORTS).map(String::as_str) {
        None | Some("") => Ok(None),
        Some("auto") => Ok(Some(PortChoice::Auto)),
        Some("default") => Ok(Some(PortChoice::Default)),
        Some(other) => Err(Failure::usage(format!("{PORTS} is `{other}`, which is neither auto nor default"))
            .hint(format!("`{PORTS}=auto` has taken ports replaced by free ones, as `--ports auto` does"))),
    }
}
