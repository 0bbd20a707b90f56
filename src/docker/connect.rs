//! Opens the engine: finds its address, tells "not there" from "not allowed" from "too old", and keeps what later calls
//! need to know about it.

use std::io::ErrorKind;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};

use super::address::{Address, Candidates, Surroundings, candidates};
use super::error::{Context, OwnedContext};
use crate::engine::backend::{BackendError, Result};

/// Oldest API we speak: that of Docker 20.10, which has health states, labels, mounts and one-shot statistics.
const OLDEST_API: (u32, u32) = (1, 41);
/// Seconds a plain call may take until the engine begins to answer.
const CALL_TIMEOUT: u64 = 120;
/// Time to open a connection and to learn the version.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A Docker or Podman engine that answered.
#[derive(Debug, Clone)]
pub struct DockerEngine {
    pub(super) docker: Docker,
    pub(super) address: String,
    pub(super) chosen_by: String,
    pub(super) host: String,
    pub(super) api: (u32, u32),
    pub(super) version: String,
}

/// Connects to the engine: at `host` when given, else where `DOCKER_HOST`, the current Docker context or a well-known
/// socket says. Fails with every address that was tried.
pub async fn connect(host: Option<&str>) -> Result<DockerEngine> {
    match candidates(host, &Surroundings::of_process())? {
        Candidates::Chosen { address, by } => {
            reach(&address).await.map_err(|refusal| refusal.into_error(&format!("{address} (from {by})")))?;
            open(&address, by).await
        }
        Candidates::Sockets(sockets) => {
            let mut denied = None;
            let mut tried = Vec::new();
            for socket in sockets {
                let address = Address::Unix(socket);
                match reach(&address).await {
                    Ok(()) => return open(&address, "the first of the usual sockets".to_owned()).await,
                    Err(Refusal::Denied) => denied = denied.or(Some(address)),
                    Err(Refusal::Absent(reason)) => tried.push(format!("{address} ({reason})")),
                }
            }
            Err(match denied {
                Some(address) => BackendError::Permission { address: address.to_string() },
                None => BackendError::Unreachable {
                    address: "any known socket".to_owned(),
                    reason: format!("tried {}; DOCKER_HOST is not set", tried.join(", ")),
                },
            })
        }
    }
}

impl DockerEngine {
    /// Where published ports are reached from here: this machine, or that of an engine behind TCP.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Who said where the engine is: `--host`, `DOCKER_HOST`, `context colima`, `the first of the usual sockets`.
    pub fn chosen_by(&self) -> &str {
        &self.chosen_by
    }

    /// API version that the engine speaks at most.
    pub fn api(&self) -> (u32, u32) {
        self.api
    }

    /// For error messages: `operation` is a phrase ("start container x"), `what` the object ("container x").
    pub(super) fn context(&self, operation: impl Into<String>, what: impl Into<String>) -> Context<'_> {
        Context { address: &self.address, operation: operation.into(), what: what.into() }
    }

    /// The same for what outlives the call that began it.
    pub(super) fn owned_context(&self, operation: impl Into<String>, what: impl Into<String>) -> OwnedContext {
        OwnedContext { address: self.address.clone(), operation: operation.into(), what: what.into() }
    }

    /// True for Podman, which differs from Docker in what its documentation calls details.
    pub(super) fn is_podman(&self) -> bool {
        self.version.starts_with("Podman")
    }

    /// A handle whose calls may take longer until the engine begins to answer.
    pub(super) fn patient(&self, extra: Duration) -> Docker {
        self.docker.clone().with_timeout(Duration::from_secs(CALL_TIMEOUT) + extra)
    }
}

/// Why no connection came about.
enum Refusal {
    Denied,
    Absent(String),
}

impl Refusal {
    fn into_error(self, address: &str) -> BackendError {
        match self {
            Self::Denied => BackendError::Permission { address: address.to_owned() },
            Self::Absent(reason) => BackendError::Unreachable { address: address.to_owned(), reason },
        }
    }
}

/// Opens and closes a connection: the operating system's answer is clearer than what an HTTP client makes of it.
async fn reach(address: &Address) -> std::result::Result<(), Refusal> {
    let attempt = async {
        match address {
            Address::Unix(path) => tokio::net::UnixStream::connect(path).await.map(drop),
            Address::Tcp { host, port } => tokio::net::TcpStream::connect((host.as_str(), *port)).await.map(drop),
        }
    };
    match tokio::time::timeout(CONNECT_TIMEOUT, attempt).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(match error.kind() {
            ErrorKind::PermissionDenied => Refusal::Denied,
            ErrorKind::NotFound => Refusal::Absent("no such file".to_owned()),
            ErrorKind::ConnectionRefused => Refusal::Absent("nothing listens there".to_owned()),
            _ => Refusal::Absent(error.to_string()),
        }),
        Err(_) => Err(Refusal::Absent(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()))),
    }
}

/// Asks the version and checks it.
async fn open(address: &Address, chosen_by: String) -> Result<DockerEngine> {
    let text = address.to_string();
    let context = Context { address: &text, operation: "read the engine's version".into(), what: "the version".into() };
    let docker = match address {
        Address::Unix(path) => Docker::connect_with_unix(&path.to_string_lossy(), CALL_TIMEOUT, API_DEFAULT_VERSION),
        Address::Tcp { .. } => Docker::connect_with_http(&text, CALL_TIMEOUT, API_DEFAULT_VERSION),
    }
    .map_err(|error| context.error(error))?;
    let answer =
        tokio::time::timeout(CONNECT_TIMEOUT, docker.version()).await.map_err(|_| BackendError::Unreachable {
            address: text.clone(),
            reason: format!("it accepts connections but did not answer within {} s", CONNECT_TIMEOUT.as_secs()),
        })?;
    let version = answer.map_err(|error| context.error(error))?;

    let podman = version.components.iter().flatten().any(|component| component.name.contains("Podman"));
    let number = version.version.unwrap_or_else(|| "of unknown version".to_owned());
    let name = format!("{} {number}", if podman { "Podman" } else { "Docker Engine" });
    let api_text = version.api_version.unwrap_or_default();
    let api = parse_api(&api_text).ok_or_else(|| BackendError::Unreachable {
        address: text.clone(),
        reason: format!("{name} reports the API version {api_text:?}, which is not a version"),
    })?;
    if api < OLDEST_API {
        return Err(BackendError::TooOld { address: text, engine: name, api, needed: OLDEST_API });
    }
    let host = match address {
        Address::Unix(_) => "127.0.0.1".to_owned(),
        Address::Tcp { host, .. } => host.clone(),
    };
    Ok(DockerEngine { docker, address: text, chosen_by, host, api, version: name })
}

fn parse_api(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::parse_api;

    #[test]
    fn api_versions_compare_as_numbers() {
        assert_eq!(parse_api("1.41"), Some((1, 41)));
        assert!(parse_api("1.9") < parse_api("1.41"));
        assert_eq!(parse_api("1.41.0"), Some((1, 41)));
        assert_eq!(parse_api(""), None);
    }
}
