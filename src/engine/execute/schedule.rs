//! Which operation may begin. Knows the plan's edges and how operations ended; does nothing itself.

use std::collections::VecDeque;

use crate::engine::plan::{Action, Plan};
use crate::event::Outcome;

/// How an operation ended. Kept in its node: dependents look here, never at a flag that is set a moment later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Done {
        changed: bool,
    },
    /// Nothing before it changed anything.
    NotNeeded,
    /// What it would have stood in for is there, or it comes after something of which that is true.
    StoodBy,
    /// Optional and failed, or after something that was left out: the name of the optional service.
    LeftOut(String),
    Failed,
    Cancelled,
}

#[derive(Debug, Clone)]
enum State {
    Waiting,
    Running,
    Ended(End),
}

/// The states of all operations.
pub(super) struct Schedule<'a> {
    plan: &'a Plan,
    parallel: usize,
    states: Vec<State>,
    /// True when the operation, or anything it comes after, however far back, changed something.
    touched: Vec<bool>,
    stopped: Option<&'static str>,
    ready: VecDeque<usize>,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(plan: &'a Plan, parallel: usize) -> Self {
        let states = vec![State::Waiting; plan.operations.len()];
        let touched = vec![false; states.len()];
        Self { plan, parallel: parallel.max(1), states, touched, stopped: None, ready: VecDeque::new() }
    }

    /// No operation begins from now on.
    pub(super) fn stop(&mut self, reason: &'static str) {
        self.stopped.get_or_insert(reason);
        self.ready.clear();
    }

    pub(super) fn end(&mut self, id: usize, end: End) {
        // What was left out passes nothing on.
        self.touched[id] = match end {
            End::LeftOut(_) => false,
            _ => end == End::Done { changed: true } || self.touched_before(id),
        };
        self.states[id] = State::Ended(end);
    }

    /// True when the operation changed something.
    pub(super) fn changed(&self, id: usize) -> bool {
        matches!(self.states[id], State::Ended(End::Done { changed: true }))
    }

    /// True when the operation was only for the case that others are left out, and they were not.
    pub(super) fn stood_by(&self, id: usize) -> bool {
        matches!(self.states[id], State::Ended(End::StoodBy))
    }

    /// Ends operations that cannot begin any more and finds those that can. Ids are topological: one pass is enough.
    pub(super) fn settle(&mut self) -> Vec<(usize, Outcome, String)> {
        let mut ended = Vec::new();
        self.ready.clear();
        for id in 0..self.states.len() {
            if !matches!(self.states[id], State::Waiting) {
                continue;
            }
            if let Some((end, outcome, reason)) = self.verdict(id) {
                self.end(id, end);
                ended.push((id, outcome, reason));
            } else if self.is_free(id) {
                self.ready.push_back(id);
            }
        }
        ended
    }

    /// The next operation to begin, marked as running; none while all slots are taken.
    pub(super) fn next(&mut self) -> Option<usize> {
        let free = self.parallel > self.calls_running();
        let position = self.ready.iter().position(|id| free || !takes_slot(&self.plan.operations[*id].action))?;
        let id = self.ready.remove(position)?;
        self.states[id] = State::Running;
        Some(id)
    }

    fn calls_running(&self) -> usize {
        let calls = self.plan.operations.iter().zip(&self.states);
        calls.filter(|(operation, state)| matches!(state, State::Running) && takes_slot(&operation.action)).count()
    }

    fn end_of(&self, id: usize) -> Option<&End> {
        match &self.states[id] {
            State::Ended(end) => Some(end),
            State::Waiting | State::Running => None,
        }
    }

    /// True when everything that it comes after has ended, and well where that counts.
    fn is_free(&self, id: usize) -> bool {
        self.plan.operations[id].before().all(|before| self.end_of(before).is_some())
    }

    /// The end of an operation that will never begin.
    fn verdict(&self, id: usize) -> Option<(End, Outcome, String)> {
        if let Some(reason) = self.stopped {
            return Some((End::Cancelled, Outcome::Cancelled, reason.to_owned()));
        }
        let operation = &self.plan.operations[id];
        for before in &operation.after {
            match self.end_of(*before) {
                Some(End::Failed | End::Cancelled) => {
                    let action = &self.plan.operations[*before].action;
                    let reason = format!("not begun: {} {} did not end well", action.verb(), action.subject());
                    return Some((End::Cancelled, Outcome::Cancelled, reason));
                }
                Some(End::LeftOut(name)) => {
                    let reason = format!("needs {name}, which is left out");
                    return Some((End::LeftOut(name.clone()), Outcome::Skipped, reason));
                }
                Some(End::StoodBy) => return Some(stood_by()),
                Some(End::Done { .. } | End::NotNeeded) | None => {}
            }
        }
        if let Some(name) = self.gone_before(id) {
            return Some((End::LeftOut(name.to_owned()), Outcome::Skipped, format!("{name} is left out")));
        }
        let is_left_out = |other: &usize| matches!(self.end_of(*other), Some(End::LeftOut(_)));
        if !operation.in_place_of.is_empty() && self.is_free(id) && !operation.in_place_of.iter().any(is_left_out) {
            return Some(stood_by());
        }
        (operation.on_change && self.is_free(id) && !self.touched_before(id))
            .then(|| (End::NotNeeded, Outcome::Skipped, "not needed: nothing changed".to_owned()))
    }

    /// A service that is left out together with the one of this operation, because another does the work of both.
    fn gone_before(&self, id: usize) -> Option<&str> {
        let operation = &self.plan.operations[id];
        let instead = operation.instead.as_ref().filter(|_| operation.in_place_of.is_empty())?;
        let together =
            self.plan.operations.iter().zip(&self.states).filter(|(other, _)| other.instead.as_ref() == Some(instead));
        together.filter(|(other, _)| other.in_place_of.is_empty()).find_map(|(_, state)| match state {
            State::Ended(End::LeftOut(name)) => Some(name.as_str()),
            _ => None,
        })
    }

    fn touched_before(&self, id: usize) -> bool {
        // What it stands in for has changed nothing for it.
        let operation = &self.plan.operations[id];
        operation.after.iter().chain(&operation.after_ended).any(|before| self.touched[*before])
    }
}

fn stood_by() -> (End, Outcome, String) {
    (End::StoodBy, Outcome::Skipped, "not needed: what it stands in for is there".to_owned())
}

/// Engine calls are bounded; gates, steps and images mostly wait, or have a bound of their own.
fn takes_slot(action: &Action) -> bool {
    !matches!(action, Action::EnsureImage { .. } | Action::Await(_) | Action::RunStep(_))
}
