//! The second half of every plan that starts something: starts, gates and steps, wired by the graph.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::builder::Builder;
use crate::engine::graph::{Edge, Graph, Kind, Need};
use crate::engine::plan::{Action, Gate, Until};
use crate::model::{Condition, Healthcheck, Project, Service};

/// Deadline of gates that no probe gives one.
const GATE_TIMEOUT: Duration = Duration::from_secs(60);
/// Deadline of a one-shot container.
const JOB_TIMEOUT: Duration = Duration::from_secs(600);
/// A container without any check that ran for so long counts as running.
const SETTLE: Duration = Duration::from_millis(500);

/// A container that is started, or only looked at.
pub(super) struct Launch {
    /// Name on the engine.
    pub container: String,
    /// Why.
    pub cause: String,
    /// Operations that its start comes after; none when it runs already.
    pub start: Option<Start>,
}

/// What a start waits for beside the graph.
#[derive(Default)]
pub(super) struct Start {
    /// Ended well: its own creation.
    pub after: Vec<usize>,
    /// Ended: its own stop, or that of others that hold its ports.
    pub ended: Vec<usize>,
    /// Only when something before it changed something: it may still run.
    pub on_change: bool,
}

/// What others wait for, per service.
#[derive(Default)]
pub(super) struct Ends {
    pub started: Vec<usize>,
    pub ready: Vec<usize>,
    pub completed: Vec<usize>,
}

/// Adds starts, gates and steps in the order of the graph.
pub(super) struct Launcher<'a> {
    pub project: &'a Project,
    pub graph: &'a Graph,
    /// Steps that are part of the plan.
    pub steps: &'a BTreeSet<String>,
    /// Those of them that only run after a change.
    pub on_change: &'a BTreeSet<String>,
    /// What it has added.
    pub added: Added<'a>,
}

/// What others wait for: of services, and of steps.
#[derive(Default)]
pub(super) struct Added<'a> {
    pub services: BTreeMap<&'a str, Ends>,
    pub steps: BTreeMap<&'a str, usize>,
}

impl Launcher<'_> {
    /// Adds those that `is_meant` accepts; what they need must be among them, or have been added before.
    pub(super) fn add(
        &mut self,
        builder: &mut Builder,
        launches: &BTreeMap<String, Vec<Launch>>,
        is_meant: &dyn Fn(&str) -> bool,
    ) {
        let graph = self.graph;
        for name in graph.order().iter().filter(|name| is_meant(name)) {
            let (mut after, mut ended) = (Vec::new(), Vec::new());
            for edge in self.graph.needs(name) {
                let ids = self.resolve(edge);
                if edge.required { after.extend(ids) } else { ended.extend(ids) }
            }
            match (self.graph.kind(name), launches.get(name)) {
                (Some(Kind::Step), _) if self.steps.contains(name) => {
                    let action = Action::RunStep(self.project.ext.steps[name].clone());
                    let id = builder.push(action, "checked on every run", None, after, ended);
                    if self.on_change.contains(name) {
                        builder.set_on_change(id);
                    }
                    self.added.steps.insert(name, id);
                }
                (Some(Kind::Service), Some(launches)) => {
                    let ends = self.service(builder, name, launches, &after, &ended);
                    self.added.services.insert(name, ends);
                }
                _ => {}
            }
        }
    }

    fn service(
        &self,
        builder: &mut Builder,
        name: &str,
        launches: &[Launch],
        after: &[usize],
        ended: &[usize],
    ) -> Ends {
        let service = &self.project.services[name];
        let mut ends = Ends::default();
        for launch in launches {
            let started = launch.start.as_ref().map(|start| {
                let action = Action::StartContainer { name: launch.container.clone() };
                let after = after.iter().chain(&start.after).copied();
                let ended = ended.iter().chain(&start.ended).copied();
                let id = builder.push(action, &launch.cause, Some(name), after, ended);
                if start.on_change {
                    builder.set_on_change(id);
                }
                id
            });
            ends.started.extend(started);
            let settle = if started.is_some() { SETTLE } else { Duration::ZERO };
            let mut gate = |(until, timeout)| {
                let gate = Gate { container: launch.container.clone(), until, timeout, settle };
                builder.push(Action::Await(gate), &launch.cause, Some(name), started, None)
            };
            if self.has_ready_gate(service) {
                ends.ready.push(gate(ready(service)));
            }
            if is_job(self.project, service) {
                let timeout = service.ext.ready.as_ref().map_or(JOB_TIMEOUT, |ready| ready.timeout);
                ends.completed.push(gate((Until::Completed, timeout)));
            }
        }
        ends
    }

    /// A job is ready when it has finished, unless somebody waits for it to be healthy before that.
    fn has_ready_gate(&self, service: &Service) -> bool {
        let healthy = |other: &Service| {
            other.depends_on.get(&service.name).is_some_and(|edge| edge.condition == Condition::Healthy)
        };
        !is_job(self.project, service) || self.project.services.values().any(healthy)
    }

    /// The operations behind an edge. A step that is no part of the plan stands for all that it comes after.
    fn resolve(&self, edge: &Edge) -> Vec<usize> {
        if self.graph.kind(&edge.to) == Some(Kind::Step) {
            return self.added.steps.get(edge.to.as_str()).map_or_else(
                || self.graph.needs(&edge.to).iter().flat_map(|edge| self.resolve(edge)).collect(),
                |id| vec![*id],
            );
        }
        let Some(ends) = self.added.services.get(edge.to.as_str()) else { return Vec::new() };
        match edge.need {
            Need::Started => ends.started.clone(),
            Need::Completed => ends.completed.clone(),
            Need::Ready | Need::Succeeded if ends.ready.is_empty() => ends.completed.clone(),
            Need::Ready | Need::Succeeded => ends.ready.clone(),
        }
    }
}

/// True for a service that is done once it has exited with 0.
pub(super) fn is_job(project: &Project, service: &Service) -> bool {
    let completes = |other: &Service| {
        other.depends_on.get(&service.name).is_some_and(|edge| edge.condition == Condition::CompletedSuccessfully)
    };
    service.ext.job || project.services.values().any(completes)
}

/// When a service counts as ready, and the deadline.
fn ready(service: &Service) -> (Until, Duration) {
    match (&service.ext.ready, &service.healthcheck) {
        // The gate inspects the container anyway: no probe is needed to read the health check's verdict.
        (Some(ready), _) if ready.probe == "healthcheck" && ready.service.is_none() => (Until::Healthy, ready.timeout),
        (Some(ready), _) => (Until::Probe(ready.clone()), ready.timeout),
        (None, Some(check)) if check.test.first().is_some_and(|test| test != "NONE") => {
            (Until::Healthy, verdict_within(check))
        }
        (None, _) => (Until::Running, GATE_TIMEOUT),
    }
}

/// Time in which a health check has said healthy or unhealthy, with some to spare.
fn verdict_within(check: &Healthcheck) -> Duration {
    let default = Duration::from_secs(30);
    let one = check.interval.unwrap_or(default) + check.timeout.unwrap_or(default);
    let all = check.start_period.unwrap_or_default() + one * check.retries.unwrap_or(3) + Duration::from_secs(5);
    all.max(GATE_TIMEOUT)
}
