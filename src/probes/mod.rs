//! Readiness probes: each speaks the real protocol of a server, once, within a second or two.
//!
//! A probe never waits for readiness; the gate that polls it does. What it says is one line: "connection refused", "503: no executor
//! yet". Whoever shows it cuts it.

mod command;
mod http;
mod kafka;
mod postgres;
mod tcp;
mod thrift;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::engine::work::{Probed, Prober};
use crate::model::Project;
use crate::model::ext::Ready;
use crate::pipeline::address::{AddressError, Addresses};

/// Longest time of one poll.
const LIMIT: Duration = Duration::from_secs(2);
/// Characters of a server's own words that are kept: enough for the words that a known failure is told by.
const WHOLE: usize = 2000;
/// The probes there are.
const NAMES: [&str; 7] = ["postgres", "kafka", "http", "thrift", "tcp", "exec", "healthcheck"];

/// All probes by name.
pub struct Registry {
    project: Arc<Project>,
    addresses: Arc<Addresses>,
}

/// Arguments of a probe as the Compose file gives them.
struct Arguments<'a>(&'a Map<String, Value>);

/// Arguments that no number of polls will make right.
#[derive(Debug, PartialEq, Eq)]
struct BadArgument(String);

impl Registry {
    /// Probes for the services of a project.
    pub fn new(project: Arc<Project>, addresses: Arc<Addresses>) -> Self {
        Self { project, addresses }
    }

    async fn dispatch(&self, service: &str, ready: &Ready) -> Result<Probed, BadArgument> {
        let arguments = Arguments(&ready.args);
        match ready.probe.as_str() {
            "healthcheck" => Ok(command::healthcheck(&self.addresses, service).await),
            "exec" => {
                let line = arguments.words("command")?;
                Ok(command::exec(&self.addresses, service, &line).await)
            }
            "postgres" => {
                let database = arguments.word("database")?.unwrap_or("postgres");
                let address = self.address(service, arguments.port()?).await;
                Ok(match address {
                    Ok(address) => postgres::poll(&self.project, service, database, address).await,
                    Err(waits) => waits,
                })
            }
            "kafka" => {
                let address = self.address(service, arguments.port()?).await;
                Ok(match address {
                    Ok(address) => kafka::poll(&address).await,
                    Err(waits) => waits,
                })
            }
            "thrift" => {
                let address = self.address(service, arguments.port()?).await;
                Ok(match address {
                    Ok(address) => thrift::poll(&address).await,
                    Err(waits) => waits,
                })
            }
            "tcp" => {
                let address = self.address(service, arguments.port()?).await;
                Ok(match address {
                    Ok(address) => tcp::poll(&address).await,
                    Err(waits) => waits,
                })
            }
            "http" => {
                let expectation = http::Expectation::from_arguments(&arguments)?;
                let address = self.address(service, arguments.port()?).await;
                Ok(match address {
                    Ok(address) => expectation.poll(&address).await,
                    Err(waits) => waits,
                })
            }
            other => Err(BadArgument(format!("unknown probe `{other}`; there are {}", NAMES.join(", ")))),
        }
    }

    async fn address(&self, service: &str, port: u16) -> Result<String, Probed> {
        self.addresses.address(service, port).await.map_err(not_reachable)
    }
}

#[async_trait]
impl Prober for Registry {
    async fn poll(&self, service: &str, ready: &Ready) -> Probed {
        let service = ready.service.as_deref().unwrap_or(service);
        match tokio::time::timeout(LIMIT, self.dispatch(service, ready)).await {
            Ok(Ok(probed)) => probed,
            Ok(Err(BadArgument(problem))) => Probed::Never(format!("probe {} of {service}: {problem}", ready.probe)),
            Err(_) => Probed::NotYet(format!("no answer within {} s", LIMIT.as_secs())),
        }
    }
}

/// A container may yet start, and its ports may yet appear in the engine's listing.
#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn not_reachable(error: AddressError) -> Probed {
    Probed::NotYet(error.to_string())
}

/// An operating system error without its number.
fn short(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

impl Arguments<'_> {
    fn port(&self) -> Result<u16, BadArgument> {
        let value = self.0.get("port").ok_or_else(|| BadArgument("`port` is missing".to_owned()))?;
        // Interpolation makes text of everything.
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let port = number.and_then(|number| u16::try_from(number).ok()).filter(|port| *port > 0);
        port.ok_or_else(|| BadArgument(format!("`port` must be 1 to 65535, not {value}")))
    }

    fn word(&self, name: &str) -> Result<Option<&str>, BadArgument> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(BadArgument(format!("`{name}` must be text, not {other}"))),
        }
    }

    /// One text or a list of them; empty when absent.
    fn texts(&self, name: &str) -> Result<Vec<String>, BadArgument> {
        let wrong = |value: &Value| BadArgument(format!("`{name}` must be text or a list of texts, not {value}"));
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text.clone()]),
            Some(Value::Array(list)) => {
                list.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(|| wrong(item))).collect()
            }
            Some(other) => Err(wrong(other)),
        }
    }

    /// A command: a list of words, or one text for the container's shell.
    fn words(&self, name: &str) -> Result<Vec<String>, BadArgument> {
        let words = self.texts(name)?;
        match (self.0.get(name), words.is_empty()) {
            (_, true) => Err(BadArgument(format!("`{name}` is missing"))),
            (Some(Value::String(line)), _) => Ok(vec!["sh".to_owned(), "-c".to_owned(), line.clone()]),
            _ => Ok(words),
        }
    }
}
