//! Collects operations into a plan, and remembers what belongs to optional services.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::plan::{Action, Operation, Plan, Warning};
use crate::model::{Project, Service};

/// A plan in the making.
pub(super) struct Builder {
    plan: Plan,
    optional: BTreeSet<String>,
    /// Service to the one that does its work where it is left out.
    instead: BTreeMap<String, String>,
}

impl Builder {
    /// A plan that makes things: what optional services need may fail.
    pub(super) fn new(project: &Project) -> Self {
        let replaced = |service: &Service| Some((service.name.clone(), service.ext.instead.clone()?));
        let instead = project.services.values().filter_map(replaced).collect();
        Self { plan: Plan::default(), optional: optional_services(project), instead }
    }

    /// A plan that takes things away: nothing that is left over may be passed over in silence.
    pub(super) fn strict() -> Self {
        Self { plan: Plan::default(), optional: BTreeSet::new(), instead: BTreeMap::new() }
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
        });
        id
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
