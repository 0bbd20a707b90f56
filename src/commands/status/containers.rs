//! The containers of a project, those that should be there and are not included.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use serde::Serialize;

use crate::commands::stack::Stack;
use crate::engine::backend::Backend;
use crate::engine::observed::{ContainerSummary, Health, RunState};
use crate::engine::work::{Probed, Prober};
use crate::failure::Failure;
use crate::model::Service;
use crate::model::ext::Ready;
use crate::pipeline::clients::first_words;
use crate::pipeline::known;
use crate::probes;

/// Time one probe may take; all are asked at once.
const LIMIT: Duration = Duration::from_secs(2);

/// A container that its restart policy has restarted so often, and that has not run this long since, is in a loop: between two
/// failures it looks well.
const OFTEN: i64 = 3;
const SETTLED_S: u64 = 60;

/// Characters of what a probe was told that are shown: a job's message may be long.
const SHOWN: usize = 120;

/// One container, or a service that has none.
#[derive(Debug, Serialize)]
pub struct ContainerStatus {
    /// Service.
    pub service: String,
    /// Number within the service.
    pub number: u32,
    /// Name on the engine; nothing when the container is not there.
    pub name: Option<String>,
    /// `running`, `exited`, `not there` ..
    pub state: &'static str,
    /// What its readiness probe says now, or its health check where it has no probe; nothing without either.
    pub health: Option<&'static str>,
    /// What that was told by.
    pub detail: String,
    /// Exit code of a container that ended.
    pub exit_code: Option<i64>,
    /// True when the kernel ended it for memory.
    pub oom_killed: bool,
    /// Restarts by its restart policy.
    pub restarts: i64,
    /// Seconds since its last start.
    pub uptime_s: Option<u64>,
    /// Memory in use, in bytes.
    pub memory: Option<u64>,
    /// Memory limit, in bytes.
    pub memory_limit: Option<u64>,
    /// Published ports: container port to host port.
    pub ports: BTreeMap<u16, u16>,
    /// True when it is as it should be.
    pub ok: bool,
}

impl ContainerStatus {
    /// What is wrong, with the next command.
    pub fn problem(&self) -> Option<String> {
        if self.ok {
            return None;
        }
        let name = &self.service;
        Some(match (self.state, self.health) {
            ("not there", _) => format!("{name} is not there; `pipectl up` starts it"),
            ("exited" | "dead", _) if self.oom_killed => {
                format!("{name} was killed for memory; raise its mem_limit in compose/, then `pipectl up`")
            }
            ("exited" | "dead", _) => format!(
                "{name} exited with {}; `pipectl logs {name}` shows why, `pipectl up` starts it",
                self.exit_code.unwrap_or_default()
            ),
            ("created" | "paused", _) => format!("{name} is {}; `pipectl up` starts it", self.state),
            ("running", _) if self.loops() => format!(
                "{name} was restarted {} times, the last time {} s ago; `pipectl logs {name}` shows why",
                self.restarts,
                self.uptime_s.unwrap_or_default()
            ),
            ("restarting", _) => format!("{name} restarts in a loop; `pipectl logs {name}` shows why"),
            (_, Some("starting")) => format!("{name} is still starting"),
            _ if self.detail.is_empty() => format!("{name} is unhealthy; `pipectl logs {name}` shows why"),
            _ => {
                let told = first_words(&self.detail, SHOWN);
                // In the whole of it: the words that tell a failure stand behind the names of those who passed it on.
                match known::explain([self.detail.as_str()]) {
                    Some(known) => format!("{name} is not ready: {told}: {}; {}", known.means, known.next),
                    None => format!("{name} is not ready: {told}; `pipectl logs {name}` shows why"),
                }
            }
        })
    }

    fn loops(&self) -> bool {
        self.restarts >= OFTEN && self.uptime_s.is_some_and(|uptime| uptime < SETTLED_S)
    }
}

/// Every container, and a row for each service without one.
pub async fn gather(stack: &Stack) -> Result<Vec<ContainerStatus>, Failure> {
    let containers = stack.engine.containers(&stack.project.name).await?;
    let prober = probes::Registry::new(stack.project.clone(), stack.addresses.clone());
    let mut rows = join_all(containers.iter().map(|container| row(stack, &prober, container))).await;
    for service in stack.project.services.values().filter(|service| service.scale > 0) {
        if !containers.iter().any(|container| container.service == service.name) {
            rows.push(absent(service));
        }
    }
    let running: BTreeSet<String> =
        rows.iter().filter(|row| row.state == word(RunState::Running)).map(|row| row.service.clone()).collect();
    for row in rows.iter_mut().filter(|row| !running.contains(&row.service)) {
        let service = stack.project.services.get(&row.service);
        // Nothing is amiss where another service does its work: `up` has said why.
        if let Some(other) =
            service.and_then(|service| service.ext.instead.as_ref()).filter(|other| running.contains(*other))
        {
            row.ok = true;
            row.detail = format!("{other} runs instead");
        }
    }
    rows.sort_by(|one, other| (&one.service, one.number).cmp(&(&other.service, other.number)));
    Ok(rows)
}

/// What a probe is told, within a time in which it does not hold others up.
pub async fn ask(prober: &dyn Prober, service: &str, ready: &Ready) -> Probed {
    let answer = tokio::time::timeout(LIMIT, prober.poll(service, ready)).await;
    answer.unwrap_or_else(|_| Probed::NotYet(format!("no answer within {} s", LIMIT.as_secs())))
}

async fn row(stack: &Stack, prober: &dyn Prober, container: &ContainerSummary) -> ContainerStatus {
    let live = container.state == RunState::Running;
    let service = stack.project.services.get(&container.service);
    let asked = async {
        let ready = service.and_then(|service| service.ext.ready.as_ref()).filter(|_| live)?;
        Some(ask(prober, &container.service, ready).await)
    };
    let seen = async {
        let detail = stack.engine.inspect(&container.id).await.ok()?;
        let memory = if live { stack.engine.memory(&detail).await.ok() } else { None };
        Some((detail, memory))
    };
    let (seen, answer) = tokio::join!(seen, asked);
    // A container that went away since the listing is shown as the listing had it.
    let (detail, memory) = seen.unwrap_or_default();
    let (health, told) = match (answer, detail.health) {
        (Some(Probed::Ready(said)), _) => (Some("ready"), said),
        (Some(Probed::NotYet(said) | Probed::Busy(said) | Probed::Never(said)), _) => (Some("not ready"), said),
        (None, Health::None) => (None, String::new()),
        (None, Health::Starting) => (Some("starting"), String::new()),
        (None, Health::Healthy) => (Some("healthy"), String::new()),
        (None, Health::Unhealthy) => (Some("unhealthy"), detail.health_output.clone()),
    };
    let done =
        service.is_some_and(|service| service.ext.job) && container.state == RunState::Exited && detail.exit_code == 0;
    let mut status = ContainerStatus {
        service: container.service.clone(),
        number: container.number,
        name: Some(container.name.clone()),
        state: word(container.state),
        health: health.filter(|_| live),
        detail: told,
        exit_code: (!live).then_some(detail.exit_code),
        oom_killed: detail.oom_killed,
        restarts: detail.restarts,
        uptime_s: if live { uptime(&detail.started_at).map(|uptime| uptime.as_secs()) } else { None },
        memory,
        memory_limit: service.and_then(|service| service.mem_limit),
        ports: container.ports.clone(),
        ok: done || (live && matches!(health, None | Some("ready" | "healthy"))),
    };
    status.ok &= !status.loops();
    status
}

fn absent(service: &Service) -> ContainerStatus {
    ContainerStatus {
        service: service.name.clone(),
        number: 1,
        name: None,
        state: "not there",
        health: None,
        detail: String::new(),
        exit_code: None,
        oom_killed: false,
        restarts: 0,
        uptime_s: None,
        memory: None,
        memory_limit: service.mem_limit,
        ports: BTreeMap::new(),
        ok: service.ext.optional,
    }
}

fn word(state: RunState) -> &'static str {
    match state {
        RunState::Created => "created",
        RunState::Running => "running",
        RunState::Paused => "paused",
        RunState::Restarting => "restarting",
        RunState::Exited => "exited",
        RunState::Dead => "dead",
    }
}

fn uptime(started_at: &str) -> Option<Duration> {
    let started = humantime::parse_rfc3339_weak(started_at).ok()?;
    SystemTime::now().duration_since(started).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(restarts: i64, uptime_s: u64) -> ContainerStatus {
        let mut status = absent(&Service { name: "job".into(), ..Service::default() });
        status.state = "running";
        status.restarts = restarts;
        status.uptime_s = Some(uptime_s);
        status.ok = !status.loops();
        status
    }

    #[test]
    fn what_a_probe_was_told_is_explained_where_it_is_known() {
        let mut status = running(0, 5);
        status.ok = false;
        status.detail = "password authentication failed for user \"admin\"".into();
        let told = "job is not ready: password authentication failed for user \"admin\": the database was last started with another user \
                    or password than the environment or .env gives now; `pipectl up` gives it those of now; or set POSTGRES_USER and \
                    POSTGRES_PASSWORD to what they were";
        assert_eq!(status.problem().as_deref(), Some(told));
        let passed_on = "An error occurred while calling o482.start. ".repeat(4);
        status.detail = format!("503: {passed_on} could only be written to 0 of the 1 minReplication nodes");
        let told = status.problem().expect("a problem");
        assert!(told.contains("..: no DataNode takes the block: none is alive, or its disk is full; "), "{told}");
        assert!(!told.contains("minReplication"), "{told}");
        status.detail = "503".into();
        assert_eq!(status.problem().as_deref(), Some("job is not ready: 503; `pipectl logs job` shows why"));
    }

    #[test]
    fn a_container_between_two_failures_is_not_well() {
        assert_eq!(running(2, 5).problem(), None);
        assert_eq!(running(9, 60).problem(), None);
        let told = "job was restarted 3 times, the last time 5 s ago; `pipectl logs job` shows why";
        assert_eq!(running(3, 5).problem().as_deref(), Some(told));
    }
}
