//! Where the engine is: the host that was given, else `DOCKER_HOST`, else the current Docker context, else the sockets
//! that Docker, Docker Desktop, Colima and Podman are known to make. Pure apart from reading context files.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::engine::backend::{BackendError, Result};

/// What the resolution looks at; filled from the process environment, by hand in tests.
#[derive(Debug, Clone, Default)]
pub(super) struct Surroundings {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<String>,
    /// `DOCKER_CONFIG`, else `~/.docker`.
    pub config_dir: Option<PathBuf>,
    /// Home directory.
    pub home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    pub(super) fn of_process() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = path("HOME");
        Self {
            docker_host: text("DOCKER_HOST"),
            docker_context: text("DOCKER_CONTEXT"),
            config_dir: path("DOCKER_CONFIG").or_else(|| home.as_ref().map(|home| home.join(".docker"))),
            home,
            runtime_dir: path("XDG_RUNTIME_DIR"),
        }
    }
}

/// Where to look for the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Candidates {
    /// Somebody chose an address: nothing else is tried.
    Chosen {
        /// The address.
        address: Address,
        /// Who chose it, for messages: `DOCKER_HOST`, `context colima`.
        by: String,
    },
    /// Nobody chose: the first of these sockets that accepts a connection.
    Sockets(Vec<PathBuf>),
}

/// An engine's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A Unix socket.
    Unix(PathBuf),
    /// Plain HTTP.
    Tcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix://{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(formatter, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(formatter, "tcp://{host}:{port}"),
        }
    }
}

/// Applies the order of precedence.
pub(super) fn candidates(given: Option<&str>, around: &Surroundings) -> Result<Candidates> {
    if let Some(host) = given {
        return Ok(Candidates::Chosen { address: parse(host)?, by: "--host".to_owned() });
    }
    if let Some(host) = &around.docker_host {
        return Ok(Candidates::Chosen { address: parse(host)?, by: "DOCKER_HOST".to_owned() });
    }
    if let Some(name) = current_context(around)? {
        let host = context_host(around, &name)?;
        return Ok(Candidates::Chosen { address: parse(&host)?, by: format!("context {name}") });
    }
    Ok(Candidates::Sockets(known_sockets(around)))
}

/// Parses `unix:///path`, `/path`, `tcp://host:port` or `http://host:port`.
pub(super) fn parse(text: &str) -> Result<Address> {
    let unusable = |reason: &str| BackendError::Unreachable { address: text.to_owned(), reason: reason.to_owned() };
    if let Some(path) = text.strip_prefix("unix://") {
        return Ok(Address::Unix(PathBuf::from(path)));
    }
    if text.starts_with('/') {
        return Ok(Address::Unix(PathBuf::from(text)));
    }
    if text.starts_with("https://") || text.starts_with("ssh://") {
        return Err(unusable(
            "pipectl speaks to unix:// and plain tcp:// addresses only; forward the engine's socket, \
             for example with `ssh -L /tmp/docker.sock:/var/run/docker.sock HOST`",
        ));
    }
    let authority = text
        .strip_prefix("tcp://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or_else(|| unusable("not an address; expected unix:///path or tcp://host:port"))?
        .trim_end_matches('/');
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            (host, port.parse().map_err(|_| unusable("the port is not a number from 0 to 65535"))?)
        }
        _ => (authority, 2375),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(unusable("the host is missing"));
    }
    Ok(Address::Tcp { host: host.to_owned(), port })
}

#[derive(Deserialize)]
struct CliConfig {
    #[serde(rename = "currentContext", default)]
    current_context: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextMeta {
    name: String,
    #[serde(default)]
    endpoints: std::collections::BTreeMap<String, ContextEndpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextEndpoint {
    #[serde(default)]
    host: String,
}

/// The chosen context; `default` means "no context".
fn current_context(around: &Surroundings) -> Result<Option<String>> {
    let name = match (&around.docker_context, &around.config_dir) {
        (Some(name), _) => name.clone(),
        (None, Some(dir)) => match read(&dir.join("config.json"))? {
            Some(text) => {
                let config: CliConfig =
                    serde_json::from_str(&text).map_err(|error| unreadable(&dir.join("config.json"), &error))?;
                config.current_context
            }
            None => String::new(),
        },
        (None, None) => String::new(),
    };
    Ok(Some(name).filter(|name| !name.is_empty() && name != "default"))
}

/// The address that a context holds.
fn context_host(around: &Surroundings, name: &str) -> Result<String> {
    let unknown = |reason: &str| BackendError::Unreachable {
        address: format!("docker context {name}"),
        reason: format!("{reason}; `docker context ls` lists the contexts, `docker context use default` leaves it"),
    };
    let dir = around.config_dir.as_ref().ok_or_else(|| unknown("there is no home directory to look it up in"))?;
    let entries = match std::fs::read_dir(dir.join("contexts/meta")) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(unknown("no such context")),
        Err(error) => return Err(unreadable(&dir.join("contexts/meta"), &error)),
    };
    for entry in entries {
        let path = entry.map_err(|error| unreadable(dir, &error))?.path().join("meta.json");
        let Some(text) = read(&path)? else { continue };
        let meta: ContextMeta = serde_json::from_str(&text).map_err(|error| unreadable(&path, &error))?;
        if meta.name == name {
            let host = meta.endpoints.get("docker").map(|endpoint| endpoint.host.clone()).unwrap_or_default();
            return if host.is_empty() { Err(unknown("the context names no Docker address")) } else { Ok(host) };
        }
    }
    Err(unknown("no such context"))
}

fn known_sockets(around: &Surroundings) -> Vec<PathBuf> {
    let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
    if let Some(home) = &around.home {
        sockets.push(home.join(".docker/run/docker.sock"));
        sockets.push(home.join(".colima/default/docker.sock"));
    }
    if let Some(runtime) = &around.runtime_dir {
        sockets.push(runtime.join("docker.sock"));
        sockets.push(runtime.join("podman/podman.sock"));
    }
    sockets.push(PathBuf::from("/run/podman/podman.sock"));
    sockets
}

/// A file's text; `None` when there is no such file.
fn read(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> BackendError {
    BackendError::Refused { operation: format!("read {}", path.display()), message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.to_owned(), port }
    }

    fn with_config(config: &str) -> (tempfile::TempDir, Surroundings) {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join("config.json"), config).expect("write config.json");
        let around = Surroundings { config_dir: Some(dir.path().to_owned()), ..Surroundings::default() };
        (dir, around)
    }

    #[test]
    fn addresses_are_parsed() {
        assert_eq!(parse("unix:///run/x.sock").expect("unix"), Address::Unix("/run/x.sock".into()));
        assert_eq!(parse("/run/x.sock").expect("path"), Address::Unix("/run/x.sock".into()));
        assert_eq!(parse("tcp://10.0.0.7:2376").expect("tcp"), tcp("10.0.0.7", 2376));
        assert_eq!(parse("http://host/").expect("http"), tcp("host", 2375));
        assert_eq!(parse("tcp://[::1]:99").expect("v6"), tcp("::1", 99));
        assert_eq!(parse("tcp://[::1]").expect("v6 without a port"), tcp("::1", 2375));
        for bad in ["ssh://host", "https://host", "host", "tcp://:1", "tcp://host:99999"] {
            assert!(matches!(parse(bad), Err(BackendError::Unreachable { .. })), "{bad}");
        }
    }

    #[test]
    fn a_given_host_wins_over_docker_host_and_that_over_the_context() {
        let (_dir, mut around) = with_config(r#"{"currentContext":"nowhere"}"#);
        around.docker_host = Some("tcp://b:2".into());
        let chosen = |given| candidates(given, &around).expect("an address");
        assert_eq!(chosen(Some("tcp://a:1")), Candidates::Chosen { address: tcp("a", 1), by: "--host".into() });
        assert_eq!(chosen(None), Candidates::Chosen { address: tcp("b", 2), by: "DOCKER_HOST".into() });
    }

    #[test]
    fn the_current_context_is_looked_up_by_name() {
        let (dir, around) = with_config(r#"{"currentContext":"colima","auths":{}}"#);
        let meta = dir.path().join("contexts/meta/3fa9");
        std::fs::create_dir_all(&meta).expect("mkdir");
        std::fs::write(
            meta.join("meta.json"),
            r#"{"Name":"colima","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///c.sock","SkipTLSVerify":false}}}"#,
        )
        .expect("write meta.json");
        assert_eq!(
            candidates(None, &around).expect("the context"),
            Candidates::Chosen { address: Address::Unix("/c.sock".into()), by: "context colima".into() }
        );
        let other = Surroundings { docker_context: Some("gone".into()), ..around };
        let error = candidates(None, &other).expect_err("an unknown context").to_string();
        assert!(error.contains("no such context") && error.contains("docker context ls"), "{error}");
    }

    #[test]
    fn without_a_choice_the_known_sockets_are_tried_in_order() {
        let (_dir, mut around) = with_config(r#"{"currentContext":"default"}"#);
        around.home = Some("/home/ann".into());
        around.runtime_dir = Some("/run/user/7".into());
        let Candidates::Sockets(sockets) = candidates(None, &around).expect("sockets") else { panic!("no sockets") };
        let sockets: Vec<_> = sockets.iter().map(|path| path.display().to_string()).collect();
        assert_eq!(
            sockets,
            [
                "/var/run/docker.sock",
                "/home/ann/.docker/run/docker.sock",
                "/home/ann/.colima/default/docker.sock",
                "/run/user/7/docker.sock",
                "/run/user/7/podman/podman.sock",
                "/run/podman/podman.sock",
            ]
        );
    }
}
