//! Collects operations into a plan, and remembers what belongs to optional services.

use std::collections::{BTreeMap, BTreeSet};

use super::alternatives::Alternatives;
use crate::engine::plan::{Action, Operation, Plan, Warning};
use crate::model::Project;

/// A plan in the making.
pub(super) struct Builder {
    plan: Plan,
    optional: BTreeSet<String>,
    /// Service to the one that does its work where it is left out.
    instead: BTreeMap<String, String>,
    /// Stand-in to the operations of which one must have been left out before it does anything.
    in_place_of: BTreeMap<String, Vec<usize>>,
}

impl Builder {
    /// A plan that makes or starts things: what optional services need may fail.
    pub(super) fn new(project: &Project) -> Self {
        Self { optional: optional_services(project), ..Self::strict() }
    }

    /// The same, with services that stand in for others.
    pub(super) fn with_alternatives(project: &Project, alternatives: &Alternatives<'_>) -> Self {
        let pairs =
            alternatives.iter().flat_map(|(name, services)| services.iter().map(move |service| (*service, name)));
        let instead = pairs.map(|(service, name)| (service.to_owned(), name.to_owned())).collect();
        Self { instead, ..Self::new(project) }
    }

    /// A plan that takes things away: nothing that is left over may be passed over in silence.
    pub(super) fn strict() -> Self {
        Self {
            plan: Plan::default(),
            optional: BTreeSet::new(),
            instead: BTreeMap::new(),
            in_place_of: BTreeMap::new(),
        }
    }

    /// Adds an operation and returns its id. `after` must end well before, `ended` must only end.
    pub(super) fn push(
        &mut self,
        action: Action,
        cause: impl Into<String>,
        service: Option<&str>,
        after: impl IntoIterator<Item = usize>,
        ended: impl IntoIterator<Item = usize>,
    ) -> usize {
        let id = self.plan.operations.len();
        let after: BTreeSet<usize> = after.into_iter().collect();
        let ended: BTreeSet<usize> = ended.into_iter().filter(|before| !after.contains(before)).collect();
        debug_assert!(after.iter().chain(&ended).all(|before| *before < id), "an operation waits for a later one");
        self.plan.operations.push(Operation {
            action,
            cause: cause.into(),
            // A container that others made may carry no service's label.
            service: service.filter(|service| !service.is_empty()).map(str::to_owned),
            after: after.into_iter().collect(),
            after_ended: ended.into_iter().collect(),
            on_change: false,
            optional: service.is_some_and(|service| self.optional.contains(service)),
            instead: service.and_then(|service| self.instead.get(service)).cloned(),
            in_place_of: service.and_then(|service| self.in_place_of.get(service)).cloned().unwrap_or_default(),
        });
        id
    }

    /// From now on what is added of a stand-in is done only where something that it stands in for was left out until here.
    pub(super) fn hold_back(&mut self, stand_in: &str) {
        let operations = self.plan.operations.iter().enumerate();
        let of_others = operations.filter(|(_, operation)| operation.instead.as_deref() == Some(stand_in));
        self.in_place_of.insert(stand_in.to_owned(), of_others.map(|(id, _)| id).collect());
    }

    /// An operation that several services need may fail when it may for each of them.
    pub(super) fn share(&mut self, id: usize, users: &BTreeSet<&str>) {
        let operation = &mut self.plan.operations[id];
        operation.optional = users.iter().all(|service| self.optional.contains(*service));
        operation.instead = users.first().and_then(|service| self.instead.get(*service)).cloned();
    }

    pub(super) fn set_on_change(&mut self, id: usize) {
        self.plan.operations[id].on_change = true;
    }

    pub(super) fn warn(&mut self, text: impl Into<String>, hint: impl Into<String>) {
        self.plan.warnings.push(Warning { text: text.into(), hint: Some(hint.into()) });
    }

    pub(super) fn finish(self) -> Plan {
        self.plan
    }
}

/// Services whose failure is a warning: those that say so, and those that others depend on with `required: false` only.
fn optional_services(project: &Project) -> BTreeSet<String> {
    let optional = |name: &String| {
        let mut dependents = project.services.values().filter_map(|service| service.depends_on.get(name)).peekable();
        project.services[name].ext.optional || (dependents.peek().is_some() && dependents.all(|edge| !edge.required))
    };
    project.services.keys().filter(|name| optional(name)).cloned().collect()
}
