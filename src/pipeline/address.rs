//! How this machine reaches a service's container port: the published port at the engine's host, else (on Linux, where
//! container networks are routed) the container's own address.
//!
//! Answers come from what the engine lists, not from the Compose files, so that they are true for chosen ports and
//! after a container was recreated, and so that a stranger's server on our port is never taken for ours.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::engine::backend::{Backend, BackendError};
use crate::engine::observed::{ContainerSummary, RunState};

/// A listing this old may still answer for a service that it shows running.
const FRESH: Duration = Duration::from_secs(2);
/// A listing this old may still answer that a service does not run; short, because a gate waits on it.
const FRESH_ABSENCE: Duration = Duration::from_millis(50);

/// Addresses of a project's services, cached between polls.
pub struct Addresses {
    backend: Arc<dyn Backend>,
    project: String,
    host: String,
    listing: Mutex<Option<Listing>>,
}

struct Listing {
    taken: Instant,
    services: BTreeMap<String, Vec<ContainerSummary>>,
}

/// Why a service cannot be reached from here.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AddressError {
    /// It has no container.
    #[error("{service} has no container")]
    Absent {
        /// The service.
        service: String,
    },
    /// Its container does not run.
    #[error("{service} is not running ({state})")]
    NotRunning {
        /// The service.
        service: String,
        /// State of its container.
        state: &'static str,
    },
    /// The port is not published and the container network is not routed from here.
    #[error("port {port} of {service} is not published on this machine")]
    NotPublished {
        /// The service.
        service: String,
        /// The container port.
        port: u16,
    },
    /// The engine did not list containers.
    #[error(transparent)]
    Engine(#[from] BackendError),
}

impl Addresses {
    /// Addresses of `project`; `host` is where the engine's published ports are reached.
    pub fn new(backend: Arc<dyn Backend>, project: impl Into<String>, host: impl Into<String>) -> Self {
        Self { backend, project: project.into(), host: host.into(), listing: Mutex::new(None) }
    }

    /// The engine behind the addresses.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// `host:port` for a container port of a service (its first running container).
    pub async fn address(&self, service: &str, port: u16) -> Result<String, AddressError> {
        let container = self.container(service).await?;
        if let Some(published) = container.ports.get(&port) {
            // On this machine a port may be published on another of its addresses only.
            let bound = container.bound.get(&port).filter(|_| is_loopback(&self.host));
            return Ok(join(bound.unwrap_or(&self.host), *published));
        }
        let routed = cfg!(target_os = "linux") && is_loopback(&self.host);
        container
            .networks
            .values()
            .find(|address| routed && !address.is_empty())
            .map(|address| join(address, port))
            .ok_or_else(|| AddressError::NotPublished { service: service.to_owned(), port })
    }

    /// The first running container of a service.
    pub async fn container(&self, service: &str) -> Result<ContainerSummary, AddressError> {
        let mut containers = self.containers(service).await?;
        Ok(containers.swap_remove(0))
    }

    /// The running containers of a service, by number; at least one.
    pub async fn containers(&self, service: &str) -> Result<Vec<ContainerSummary>, AddressError> {
        let mut listing = self.listing.lock().await;
        if let Some(known) = listing.as_ref() {
            let running = known.running(service);
            let age = known.taken.elapsed();
            if age < FRESH_ABSENCE || (age < FRESH && !running.is_empty()) {
                return known.answer(service, running);
            }
        }
        // The lock is held over the call on purpose: gates that ask at the same time share one listing.
        let fresh = Listing::take(self.backend.as_ref(), &self.project).await?;
        let answer = fresh.answer(service, fresh.running(service));
        *listing = Some(fresh);
        answer
    }

    /// Forgets the listing: the next question asks the engine.
    pub async fn forget(&self) {
        *self.listing.lock().await = None;
    }
}

impl Listing {
    async fn take(backend: &dyn Backend, project: &str) -> Result<Self, BackendError> {
        let taken = Instant::now();
        let mut services: BTreeMap<String, Vec<ContainerSummary>> = BTreeMap::new();
        for container in backend.containers(project).await? {
            services.entry(container.service.clone()).or_default().push(container);
        }
        for containers in services.values_mut() {
            containers.sort_by_key(|container| container.number);
        }
        Ok(Self { taken, services })
    }

    fn running(&self, service: &str) -> Vec<ContainerSummary> {
        let containers = self.services.get(service).map(Vec::as_slice).unwrap_or_default();
        containers.iter().filter(|container| container.state == RunState::Running).cloned().collect()
    }

    fn answer(&self, service: &str, running: Vec<ContainerSummary>) -> Result<Vec<ContainerSummary>, AddressError> {
        if !running.is_empty() {
            return Ok(running);
        }
        let service = service.to_owned();
        match self.services.get(&service).and_then(|containers| containers.first()) {
            Some(container) => Err(AddressError::NotRunning { service, state: container.state.describe() }),
            None => Err(AddressError::Absent { service }),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn join(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
