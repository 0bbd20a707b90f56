//! `stop`, `start` and `restart`: containers that exist, nothing made, nothing removed.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanError;
use super::alternatives::outdone;
use super::builder::Builder;
use super::decide::{Change, Decision, by_service, by_state};
use super::launch::{Added, Launch, Launcher, Start, is_job};
use super::remove::{Going, Removals};
use crate::engine::graph::Graph;
use crate::engine::observed::{ContainerSummary, Observed};
use crate::engine::plan::Plan;
use crate::model::Project;

/// Stops containers, dependents before what they depend on: those of the named services, or all of the project.
pub fn stop(project: &Project, observed: &Observed, services: &[String]) -> Result<Plan, PlanError> {
    let graph = Graph::new(project)?;
    let mut builder = Builder::strict();
    let chosen = check(project, &graph, services)?;
    let going = stopping(project, observed, |service| chosen.is_empty() || chosen.contains(service));
    Removals::add(&mut builder, &graph, &going, &|_| Vec::new());
    Ok(builder.finish())
}

/// Starts containers that exist, dependencies first and gated: those of the named services with all that they need.
pub fn start(project: &Project, observed: &Observed, services: &[String]) -> Result<Plan, PlanError> {
    let graph = Graph::new(project)?;
    let mut selection = graph.select(project, services)?;
    if selection.full {
        let outdone = outdone(project, observed);
        selection.services.retain(|service| !outdone.contains(service));
    }
    let mut builder = Builder::new(project);
    let launches = launches(project, observed, &mut builder, &selection.services, |container, job| {
        let decision = by_state(container, observed.exit_codes.get(&container.name).copied(), job);
        match decision.change {
            Change::Keep => Launch { container: container.name.clone(), cause: decision.cause, start: None },
            _ => Launch { container: container.name.clone(), cause: decision.cause, start: Some(Start::default()) },
        }
    });
    // A paused container ignores a start: it is stopped first.
    let paused: Vec<_> = observed.containers.iter().filter(|container| needs_stop(container)).collect();
    let launches = with_stops(project, &graph, &mut builder, &paused, launches, "is paused");
    let none = BTreeSet::new();
    let mut wiring = Launcher { project, graph: &graph, steps: &none, on_change: &none, added: Added::default() };
    wiring.add(&mut builder, &launches, &|_| true);
    Ok(builder.finish())
}

/// Stops the containers of the named services (all when none is named) and starts them again, gated. A job that has
/// finished only runs again when it is named.
pub fn restart(project: &Project, observed: &Observed, services: &[String]) -> Result<Plan, PlanError> {
    let graph = Graph::new(project)?;
    let named = check(project, &graph, services)?;
    let outdone = outdone(project, observed);
    let all = project.services.keys().filter(|service| !outdone.contains(*service));
    let chosen = if named.is_empty() { all.cloned().collect() } else { named.clone() };
    let mut builder = Builder::new(project);
    let cause = "restart was asked for";
    let launches = launches(project, observed, &mut builder, &chosen, |container, job| {
        let decision = by_state(container, observed.exit_codes.get(&container.name).copied(), job);
        let finished = !container.state.is_live() && decision.change == Change::Keep;
        let start = (!finished || named.contains(&container.service)).then(Start::default);
        Launch { container: container.name.clone(), cause: cause.into(), start }
    });
    let live: Vec<_> = observed.containers.iter().filter(|container| container.state.is_live()).collect();
    let launches = with_stops(project, &graph, &mut builder, &live, launches, cause);
    let none = BTreeSet::new();
    let mut wiring = Launcher { project, graph: &graph, steps: &none, on_change: &none, added: Added::default() };
    wiring.add(&mut builder, &launches, &|_| true);
    Ok(builder.finish())
}

fn needs_stop(container: &ContainerSummary) -> bool {
    matches!(by_state(container, None, false), Decision { change: Change::Restart, .. })
}

/// The named services as a set, each known.
fn check(project: &Project, graph: &Graph, services: &[String]) -> Result<BTreeSet<String>, PlanError> {
    for service in services {
        graph.check_service(project, service)?;
    }
    Ok(services.iter().cloned().collect())
}

fn stopping<'a>(project: &Project, observed: &'a Observed, chosen: impl Fn(&str) -> bool) -> Vec<Going<'a>> {
    let grace = |service: &str| project.services.get(service).and_then(|service| service.stop_grace_period);
    let containers = observed.containers.iter().filter(|container| chosen(&container.service));
    containers
        .map(|container| Going {
            container,
            cause: "stop was asked for".into(),
            removed: false,
            grace: grace(&container.service),
            recreated: false,
        })
        .collect()
}

/// One launch per container of the chosen services; a service without containers is told about.
fn launches(
    project: &Project,
    observed: &Observed,
    builder: &mut Builder,
    chosen: &BTreeSet<String>,
    launch: impl Fn(&ContainerSummary, bool) -> Launch,
) -> BTreeMap<String, Vec<Launch>> {
    let existing = by_service(&observed.containers);
    let mut launches = BTreeMap::new();
    let mut absent = Vec::new();
    for name in chosen {
        let job = is_job(project, &project.services[name]);
        match existing.get(name.as_str()) {
            Some(containers) => {
                let list = containers.iter().map(|container| launch(container, job)).collect();
                launches.insert(name.clone(), list);
            }
            None if project.services[name].scale == 0 => {}
            None => absent.push(name.as_str()),
        }
    }
    if !absent.is_empty() {
        builder.warn(format!("no containers exist of: {}", absent.join(", ")), "`pipectl up` makes them");
    }
    launches
}

/// Adds stops for those of `containers` that are launched anew, and puts each launch after its own stop.
fn with_stops(
    project: &Project,
    graph: &Graph,
    builder: &mut Builder,
    containers: &[&ContainerSummary],
    mut launches: BTreeMap<String, Vec<Launch>>,
    cause: &str,
) -> BTreeMap<String, Vec<Launch>> {
    let started = |container: &ContainerSummary| {
        let launch = launches.get(&container.service).into_iter().flatten();
        launch.into_iter().any(|launch| launch.container == container.name && launch.start.is_some())
    };
    let grace = |service: &str| project.services.get(service).and_then(|service| service.stop_grace_period);
    let going: Vec<_> = containers
        .iter()
        .filter(|container| started(container))
        .map(|container| Going {
            container,
            cause: cause.to_owned(),
            removed: false,
            grace: grace(&container.service),
            recreated: false,
        })
        .collect();
    let removals = Removals::add(builder, graph, &going, &|_| Vec::new());
    for launch in launches.values_mut().flatten() {
        if let (Some(start), Some((id, _))) = (&mut launch.start, removals.stopped.get(launch.container.as_str())) {
            start.after.push(*id);
        }
    }
    launches
}
