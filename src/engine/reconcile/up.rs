//! The plan of `up`: images, what must go, networks and volumes, new containers, then starts, gates and steps.

use std::collections::{BTreeMap, BTreeSet};

use super::alternatives::{Alternatives, select, superseded};
use super::builder::Builder;
use super::decide::{Change, Decision, Facts, by_service, decide, normal};
use super::launch::{Added, Launch, Launcher, Start, is_job};
use super::networks::Resources;
use super::refuse::refusals;
use super::remove::{Going, Removals};
use super::{DEFAULT_GRACE, PlanError, UpOptions};
use crate::engine::backend::ContainerSpec;
use crate::engine::desired::Desired;
use crate::engine::graph::{Graph, Selection};
use crate::engine::observed::{ContainerSummary, Observed};
use crate::engine::plan::{Action, Plan};
use crate::model::{MountKind, Project};

/// Why a stand-in goes.
const MAKES_ROOM: &str = "what it stands in for is tried";

/// What brings the project from what is observed to what is desired.
pub fn up(project: &Project, observed: &Observed, desired: &Desired, options: &UpOptions) -> Result<Plan, PlanError> {
    let graph = Graph::new(project)?;
    for service in options.scale.keys() {
        graph.check_service(project, service)?;
    }
    let mut selection = select(project, &graph, &options.services)?;
    selection.steps.retain(|step| !options.without_steps.contains(step));
    if let Some(refusal) = refusals(project, observed, &selection.services).into_iter().next() {
        return Err(refusal);
    }
    let alternatives = Alternatives::of(project, &selection.services);
    let mut builder = Builder::with_alternatives(project, &alternatives);
    let resources = Resources {
        project,
        observed,
        desired,
        services: &selection.services,
        removes_orphans: options.remove_orphans,
    };
    let changed_networks = resources.changed_networks(&mut builder);
    resources.warn_about_volumes(&mut builder);
    let replaced: BTreeSet<String> = changed_networks.iter().map(|spec| spec.name.clone()).collect();

    let up = Up { project, graph: &graph, observed, desired, options, selection: &selection };
    up.warn_about_steps(&mut builder);
    let slots = up.slots(&replaced)?;
    let mut going = up.excess(&slots);
    going.extend(up.orphans(&mut builder));
    going.extend(superseded(project, observed, &selection.services));
    let (held_back, slots): (Vec<_>, Vec<_>) =
        slots.into_iter().partition(|slot| alternatives.replaced_by(slot.service).is_some());
    going.extend(slots.iter().filter_map(Slot::going));
    going.extend(held_back.iter().filter_map(Slot::making_room));

    let images = up.images(&mut builder, &slots);
    // A stand-in goes for the others together, everything else for itself.
    let images_of = |service: &str| match alternatives.replaced_by(service) {
        Some(others) => others.iter().flat_map(|other| images_of(&images, &slots, other)).collect(),
        None => images_of(&images, &slots, service),
    };
    let removals = Removals::add(&mut builder, &graph, &going, &images_of);
    let mut made = BTreeMap::new();
    for spec in changed_networks {
        let removed = Action::RemoveNetwork { name: spec.name.clone() };
        let cause = "configuration changed";
        let removed = builder.push(removed, cause, None, removals.removed.values().copied(), None);
        let name = spec.name.clone();
        made.insert(name, builder.push(Action::CreateNetwork(spec), cause, None, [removed], None));
    }
    for spec in resources.missing_networks() {
        let name = spec.name.clone();
        made.insert(name, builder.push(Action::CreateNetwork(spec), "not there", None, None, None));
    }
    for spec in resources.missing_volumes() {
        let name = spec.name.clone();
        made.insert(name, builder.push(Action::CreateVolume(spec), "not there", None, None, None));
    }
    let mut launches = up.creates(&mut builder, &slots, &images, &removals, &made);
    // Nothing of what another service would stand in for begins before all of it can be had.
    for (name, launches) in &mut launches {
        let together = alternatives.together(name).into_iter().flatten().flat_map(|other| images_of(other));
        let together: Vec<usize> = together.collect();
        for start in launches.iter_mut().filter_map(|launch| launch.start.as_mut()) {
            start.after.extend(&together);
        }
    }
    let mut wiring = Launcher {
        project,
        graph: &graph,
        steps: &selection.steps,
        on_change: &options.steps_on_change,
        added: Added::default(),
    };
    let late = alternatives.late(&graph);
    wiring.add(&mut builder, &launches, &|name| !late.contains(name));
    let takeover = Takeover { up: &up, slots: &slots, launches: &launches, removals: &removals, made: &made };
    let mut held_launches = BTreeMap::new();
    for (name, others) in alternatives.iter() {
        let slots: Vec<&Slot<'_>> = held_back.iter().filter(|slot| slot.service == name).collect();
        held_launches.append(&mut takeover.add(&mut builder, name, others, &slots, &wiring.added));
    }
    held_launches.extend(launches.into_iter().filter(|(name, _)| late.contains(name)));
    wiring.add(&mut builder, &held_launches, &|name| late.contains(name));
    Ok(builder.finish())
}

/// One container that should be there.
struct Slot<'a> {
    service: &'a str,
    spec: ContainerSpec,
    decision: Decision,
    old: Option<&'a ContainerSummary>,
}

impl<'a> Slot<'a> {
    /// What must be stopped or removed for it.
    fn going(&self) -> Option<Going<'a>> {
        let removed = match self.decision.change {
            Change::Recreate => true,
            Change::Restart => false,
            Change::Create | Change::Start | Change::Keep => return None,
        };
        self.old.map(|container| Going {
            container,
            cause: self.decision.cause.clone(),
            removed,
            grace: self.spec.stop_grace_period,
            recreated: removed,
        })
    }

    /// The same of one that does others' work until they are there. It goes on running while it may still be needed; one that
    /// cannot be used as it is goes at once.
    fn making_room(&self) -> Option<Going<'a>> {
        let old = self.old?;
        if self.decision.change == Change::Recreate {
            return Some(Going::removed(old, self.decision.cause.clone(), self.spec.stop_grace_period));
        }
        let grace = self.spec.stop_grace_period;
        let cause = MAKES_ROOM.to_owned();
        // What is paused does nobody's work.
        let recreated = self.decision.change != Change::Restart;
        old.state.is_live().then_some(Going { container: old, cause, removed: false, grace, recreated })
    }

    /// True when one of its host ports is published by another container now.
    fn wants_port_of(&self, other: &ContainerSummary) -> bool {
        let published = |port: u16| other.ports.values().any(|taken| *taken == port);
        other.name != self.spec.name && self.spec.ports.iter().filter_map(|port| port.published).any(published)
    }
}

/// The image operations that containers of a service come after.
fn images_of(images: &BTreeMap<String, usize>, slots: &[Slot<'_>], service: &str) -> Vec<usize> {
    let of_service = slots.iter().filter(|slot| slot.service == service && slot.decision.creates());
    of_service.filter_map(|slot| images.get(&slot.spec.image).copied()).collect()
}

struct Up<'a> {
    project: &'a Project,
    graph: &'a Graph,
    observed: &'a Observed,
    desired: &'a Desired,
    options: &'a UpOptions,
    selection: &'a Selection,
}

impl<'a> Up<'a> {
    /// Decides about every container of the chosen services, dependencies first.
    fn slots(&self, replaced: &BTreeSet<String>) -> Result<Vec<Slot<'a>>, PlanError> {
        let existing = by_service(&self.observed.containers);
        let mut recreated: BTreeSet<&str> = BTreeSet::new();
        let mut slots = Vec::new();
        for name in self.graph.order().iter().filter(|name| self.selection.services.contains(*name)) {
            let service = &self.project.services[name];
            let mut edges = service.depends_on.iter().filter(|(_, edge)| edge.restart);
            let recreated_dependency = edges.find_map(|(to, _)| recreated.get(to.as_str()).copied());
            for number in 1..=self.scale(name)? {
                let missing = || PlanError::NotDescribed(name.clone());
                let spec = self.desired.container(name, number).ok_or_else(missing)?;
                let hash = self.desired.hash(name).ok_or_else(missing)?;
                let old = existing.get(name.as_str()).and_then(|list| list.iter().find(|old| old.name == spec.name));
                let decision = old.map_or_else(
                    || Decision::new(Change::Create, "not there"),
                    |old| {
                        decide(&Facts {
                            spec: &spec,
                            hash,
                            old,
                            exit_code: self.observed.exit_codes.get(&old.name).copied(),
                            job: is_job(self.project, service),
                            force: self.options.force_recreate && self.is_chosen(name),
                            no_recreate: self.options.no_recreate,
                            replaced_networks: replaced,
                            recreated_dependency,
                        })
                    },
                );
                if decision.creates() {
                    recreated.insert(name);
                }
                slots.push(Slot { service: name, spec, decision, old: old.copied() });
            }
        }
        Ok(slots)
    }

    fn is_chosen(&self, service: &String) -> bool {
        self.options.services.is_empty() || self.options.services.contains(service)
    }

    /// Number of containers, with everything that speaks against more than one.
    fn scale(&self, name: &str) -> Result<u32, PlanError> {
        let service = &self.project.services[name];
        let scale = self.options.scale.get(name).copied().unwrap_or(service.scale);
        if scale > 1 && service.container_name.is_some() {
            return Err(PlanError::FixedName(name.to_owned()));
        }
        match service.ports.iter().find_map(|port| port.published) {
            Some(port) if scale > 1 => Err(PlanError::FixedPort { service: name.to_owned(), port }),
            _ => Ok(scale),
        }
    }

    /// Containers of the chosen services that no slot has a place for.
    fn excess(&self, slots: &[Slot<'a>]) -> Vec<Going<'a>> {
        let mut going = Vec::new();
        for (service, containers) in by_service(&self.observed.containers) {
            if !self.selection.services.contains(service) {
                continue;
            }
            let count = slots.iter().filter(|slot| slot.service == service).count();
            let kept = |container: &ContainerSummary| slots.iter().any(|slot| slot.spec.name == container.name);
            for container in containers.into_iter().filter(|container| !kept(container)) {
                let cause = format!("{service} is scaled to {count}");
                going.push(Going::removed(container, cause, self.project.services[service].stop_grace_period));
            }
        }
        going
    }

    /// Containers of services that the project no longer has: removed when asked, else told about.
    fn orphans(&self, builder: &mut Builder) -> Vec<Going<'a>> {
        let orphan = |container: &&ContainerSummary| {
            !self.project.services.contains_key(&container.service)
                && !self.project.disabled.contains_key(&container.service)
        };
        let orphans: Vec<_> = self.observed.containers.iter().filter(orphan).collect();
        if self.options.remove_orphans {
            return orphans.into_iter().map(|old| Going::removed(old, "orphan".into(), None)).collect();
        }
        if self.selection.full && !orphans.is_empty() {
            let names: Vec<_> = orphans.iter().map(|orphan| orphan.name.as_str()).collect();
            let text = format!("containers of services that the project no longer has: {}", names.join(", "));
            builder.warn(text, "`pipectl up --remove-orphans` removes them");
        }
        Vec::new()
    }

    /// Steps that cannot be part of a full run because a service they come after is not enabled.
    fn warn_about_steps(&self, builder: &mut Builder) {
        let all = self.project.ext.steps.iter().filter(|(name, _)| {
            self.selection.full && !self.selection.steps.contains(*name) && !self.options.without_steps.contains(*name)
        });
        for (name, step) in all {
            let missing = step
                .after
                .iter()
                .find(|need| !self.selection.services.contains(*need) && !self.selection.steps.contains(*need));
            if let Some(missing) = missing.filter(|missing| !self.options.without_steps.contains(*missing)) {
                builder.warn(
                    format!("step {name} is left out: it comes after {missing}, which is not enabled"),
                    "choose the profile of that service to run it",
                );
            }
        }
    }

    /// Images that are not there, each once.
    fn images<'s>(
        &self,
        builder: &mut Builder,
        slots: impl IntoIterator<Item = &'s Slot<'a>>,
    ) -> BTreeMap<String, usize>
    where
        'a: 's,
    {
        let present: BTreeSet<String> = self.options.images_present.iter().map(|image| normal(image)).collect();
        let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for slot in slots.into_iter().filter(|slot| !present.contains(&normal(&slot.spec.image))) {
            users.entry(&slot.spec.image).or_default().insert(slot.service);
        }
        let mut images = BTreeMap::new();
        for (image, users) in users {
            // A display line per service: an image of one service belongs to it, a shared one has its own.
            let service = if users.len() == 1 { users.first().copied() } else { None };
            let action = Action::EnsureImage { reference: image.to_owned() };
            let id = builder.push(action, "not there", service, None, None);
            builder.share(id, &users);
            images.insert(image.to_owned(), id);
        }
        images
    }

    /// Makes containers, and says which are to be launched.
    fn creates<'s>(
        &self,
        builder: &mut Builder,
        slots: impl IntoIterator<Item = &'s Slot<'a>>,
        images: &BTreeMap<String, usize>,
        removals: &Removals<'a>,
        made: &BTreeMap<String, usize>,
    ) -> BTreeMap<String, Vec<Launch>>
    where
        'a: 's,
    {
        let mut launches: BTreeMap<String, Vec<Launch>> = BTreeMap::new();
        for slot in slots {
            let own_stop = removals.stopped.get(slot.spec.name.as_str()).map(|(id, _)| *id);
            let mut start = Start::default();
            if slot.decision.creates() {
                start.after.push(self.create(builder, slot, images, removals, made));
            }
            // Ports that pass from one container to another are free only once the other has stopped.
            let holders = removals.stopped.values().filter(|(_, holder)| slot.wants_port_of(holder));
            start.ended.extend(holders.map(|(id, _)| *id));
            // One that makes room may have been stopped for nothing, and may still run.
            let makes_room = own_stop.is_some() && slot.decision.change == Change::Keep;
            if slot.decision.change == Change::Restart || makes_room {
                start.on_change = makes_room;
                if makes_room { &mut start.ended } else { &mut start.after }.extend(own_stop);
            }
            let launch = Launch {
                container: slot.spec.name.clone(),
                cause: slot.decision.cause.clone(),
                start: (slot.decision.change != Change::Keep || makes_room).then_some(start),
            };
            launches.entry(slot.service.to_owned()).or_default().push(launch);
        }
        launches
    }

    fn create(
        &self,
        builder: &mut Builder,
        slot: &Slot<'a>,
        images: &BTreeMap<String, usize>,
        removals: &Removals<'a>,
        made: &BTreeMap<String, usize>,
    ) -> usize {
        let networks = slot.spec.networks.keys();
        let volumes = slot.spec.mounts.iter().filter_map(|mount| match &mount.kind {
            MountKind::Volume(name) => Some(name),
            _ => None,
        });
        let mut after: Vec<usize> = networks.chain(volumes).filter_map(|name| made.get(name).copied()).collect();
        after.extend(images.get(&slot.spec.image));
        after.extend(removals.removed.get(slot.spec.name.as_str()));
        // Those that restart with this one are stopped first: were the run killed in between, the next `up` would
        // see nothing left to do for them.
        let restarting = self
            .project
            .services
            .values()
            .filter(|service| service.depends_on.get(slot.service).is_some_and(|edge| edge.restart));
        let ended: Vec<usize> = restarting
            .filter_map(|service| removals.of_service.get(service.name.as_str()))
            .flatten()
            .copied()
            .collect();
        let action = Action::CreateContainer(Box::new(slot.spec.clone()));
        builder.push(action, &slot.decision.cause, Some(slot.service), after, ended)
    }
}

/// What is done where a stand-in takes over, and what becomes of it where it does not.
struct Takeover<'s, 'a> {
    up: &'s Up<'a>,
    slots: &'s [Slot<'a>],
    launches: &'s BTreeMap<String, Vec<Launch>>,
    removals: &'s Removals<'a>,
    made: &'s BTreeMap<String, usize>,
}

impl<'a> Takeover<'_, 'a> {
    /// Adds all but the starts of a stand-in for `others`, and says what is to be launched.
    fn add(
        &self,
        builder: &mut Builder,
        stand_in: &str,
        others: &BTreeSet<&str>,
        held_back: &[&Slot<'a>],
        added: &Added<'_>,
    ) -> BTreeMap<String, Vec<Launch>> {
        // One that is there goes once all that it stands in for is ready.
        let ends = others.iter().filter_map(|other| added.services.get(other));
        let ready: Vec<usize> = ends.flat_map(|ends| ends.ready.iter().chain(&ends.completed)).copied().collect();
        let kept = held_back.iter().filter(|slot| slot.old.is_some() && slot.decision.change != Change::Recreate);
        for slot in kept {
            let action = Action::RemoveContainer { name: slot.spec.name.clone() };
            builder.push(action, MAKES_ROOM, Some(stand_in), ready.iter().copied(), None);
        }
        builder.hold_back(stand_in);
        let stops = self.stops(builder, stand_in, others, added);
        let images = self.up.images(builder, held_back.iter().copied());
        let mut launches = self.up.creates(builder, held_back.iter().copied(), &images, self.removals, self.made);
        for start in launches.values_mut().flatten().filter_map(|launch| launch.start.as_mut()) {
            start.ended.extend(&stops);
        }
        launches
    }

    /// Stops what a stand-in takes over from, dependents first: it may hold ports, and has use for no memory.
    fn stops(&self, builder: &mut Builder, stand_in: &str, others: &BTreeSet<&str>, added: &Added<'_>) -> Vec<usize> {
        let mut stops: Vec<usize> = Vec::new();
        for name in self.up.graph.order().iter().rev().filter(|name| others.contains(name.as_str())) {
            let mut started =
                added.services.get(name.as_str()).into_iter().flat_map(|ends| ends.started.iter().copied());
            for launch in self.launches.get(name).into_iter().flatten() {
                // Each start that was planned, in the order of the launches.
                let after = launch.start.as_ref().and_then(|_| started.next());
                let slot = self.slots.iter().find(|slot| slot.spec.name == launch.container);
                let runs = slot.and_then(|slot| slot.old).is_some_and(|old| old.state.is_live());
                if after.is_none() && !runs {
                    continue;
                }
                let grace = self.up.project.services[name].stop_grace_period.unwrap_or(DEFAULT_GRACE);
                let action = Action::StopContainer { name: launch.container.clone(), grace };
                let before = stops.clone();
                stops.push(builder.push(action, format!("{stand_in} takes over"), Some(stand_in), after, before));
            }
        }
        stops
    }
}
