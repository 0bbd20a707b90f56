//! The state of a run as the display sees it: operations gathered into lines, one line a service or step.
//!
//! Fed with events and the time since the run began, so that every renderer says the same and tests need no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::style::{Mark, bytes};
use super::words;
use crate::event::{Outcome, PlannedOperation};

/// A line that took no longer than this and changed nothing is not shown.
const WORTH_A_LINE: Duration = Duration::from_secs(1);

/// Everything about the run so far.
#[derive(Debug, Default)]
pub(super) struct Board {
    operations: BTreeMap<usize, Operation>,
    groups: Vec<Group>,
}

/// An operation and where it stands.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) verb: String,
    /// Its service, or what it does something to.
    pub(super) name: String,
    pub(super) cause: String,
    pub(super) group: usize,
    pub(super) state: State,
    /// What it said last.
    pub(super) progress: String,
    /// Bytes done and in all, as far as they are known, in words.
    pub(super) amount: String,
    /// What must have ended before.
    after: Vec<usize>,
    /// When something was last printed about it (used by line-wise output).
    pub(super) spoken: Duration,
}

/// Where an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Running { since: Duration },
    Ended { outcome: Outcome },
}

/// Operations that share a line.
#[derive(Debug)]
struct Group {
    title: String,
    /// In plan order.
    members: Vec<usize>,
    /// Time its operations have taken that ended.
    busy: Duration,
    /// Last detail that an ended operation gave.
    detail: String,
    closed: bool,
}

/// A group under way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Running<'a> {
    pub(super) title: &'a str,
    pub(super) word: &'a str,
    pub(super) elapsed: Duration,
    pub(super) detail: &'a str,
    pub(super) amount: &'a str,
}

/// A group that has not begun, or cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Waiting<'a> {
    pub(super) title: &'a str,
    /// Titles of the groups that it waits for.
    pub(super) on: Vec<&'a str>,
}

/// A group that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) title: String,
    pub(super) mark: Mark,
    pub(super) word: String,
    pub(super) elapsed: Duration,
    pub(super) detail: String,
    /// False when nothing was changed and it took no time: then nobody needs to read of it.
    pub(super) worth_a_line: bool,
}

/// How many operations there are and how they ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) total: usize,
    pub(super) ended: usize,
    pub(super) failed: usize,
}

impl Board {
    /// A plan was made; it replaces the one before.
    pub(super) fn planned(&mut self, planned: &[PlannedOperation]) {
        *self = Self::default();
        let mut by_title = BTreeMap::new();
        for operation in planned {
            let title = line_of(operation);
            let group = *by_title.entry(title.clone()).or_insert_with(|| {
                self.groups.push(Group {
                    title,
                    members: Vec::new(),
                    busy: Duration::ZERO,
                    detail: String::new(),
                    closed: false,
                });
                self.groups.len() - 1
            });
            self.groups[group].members.push(operation.id);
            self.operations.insert(
                operation.id,
                Operation {
                    verb: operation.verb.clone(),
                    name: operation.service.as_ref().unwrap_or(&operation.subject).clone(),
                    cause: operation.cause.clone(),
                    group,
                    state: State::Waiting,
                    progress: String::new(),
                    amount: String::new(),
                    after: operation.after.clone(),
                    spoken: Duration::ZERO,
                },
            );
        }
    }

    /// An operation begins.
    pub(super) fn started(&mut self, id: usize, at: Duration) {
        if let Some(operation) = self.operations.get_mut(&id) {
            operation.state = State::Running { since: at };
            operation.spoken = at;
        }
    }

    /// An operation says where it stands.
    pub(super) fn progress(&mut self, id: usize, detail: &str, done: Option<u64>, total: Option<u64>) {
        if let Some(operation) = self.operations.get_mut(&id) {
            first_line(detail).clone_into(&mut operation.progress);
            operation.amount = amount(done, total);
        }
    }

    /// An operation ended. Returns its group when that came to its end with it: by its last operation, or by a failure.
    pub(super) fn finished(&mut self, id: usize, outcome: Outcome, elapsed: Duration, detail: &str) -> Option<Closed> {
        let operation = self.operations.get_mut(&id)?;
        operation.state = State::Ended { outcome };
        let index = operation.group;
        let group = &mut self.groups[index];
        group.busy += elapsed;
        if !detail.is_empty() && outcome != Outcome::Cancelled {
            first_line(detail).clone_into(&mut group.detail);
        }
        let members: Vec<&Operation> = group.members.iter().filter_map(|id| self.operations.get(id)).collect();
        let all_ended = members.iter().all(|member| matches!(member.state, State::Ended { .. }));
        if group.closed || !(all_ended || outcome == Outcome::Failed) {
            return None;
        }
        group.closed = true;
        Some(close(group, &members))
    }

    /// The operation with this id.
    pub(super) fn operation(&self, id: usize) -> Option<&Operation> {
        self.operations.get(&id)
    }

    /// Service or subject of an operation; empty for one that was never announced.
    pub(super) fn name(&self, id: usize) -> &str {
        self.operations.get(&id).map_or("", |operation| &operation.name)
    }

    /// Operations under way, by id, to be marked as spoken of.
    pub(super) fn running_operations(&mut self) -> impl Iterator<Item = &mut Operation> {
        self.operations.values_mut().filter(|operation| matches!(operation.state, State::Running { .. }))
    }

    /// Groups under way, in plan order; of several operations at once in a group the one that began last.
    pub(super) fn running(&self, at: Duration) -> Vec<Running<'_>> {
        let mut lines = Vec::new();
        for group in &self.groups {
            let current = group
                .members
                .iter()
                .filter_map(|id| self.operations.get(id))
                .filter_map(|operation| match operation.state {
                    State::Running { since } => Some((since, operation)),
                    _ => None,
                })
                .max_by_key(|(since, _)| *since);
            if let Some((since, operation)) = current {
                lines.push(Running {
                    title: &group.title,
                    word: words::doing(&operation.verb),
                    elapsed: group.busy + at.saturating_sub(since),
                    detail: &operation.progress,
                    amount: &operation.amount,
                });
            }
        }
        lines
    }

    /// Groups of which nothing is under way because others must come first, in plan order.
    pub(super) fn waiting(&self) -> Vec<Waiting<'_>> {
        let waiting = |(index, group): (usize, &'_ Group)| {
            let members = || group.members.iter().filter_map(|id| self.operations.get(id));
            if group.closed || members().any(|member| matches!(member.state, State::Running { .. })) {
                return None;
            }
            let next = members().find(|member| member.state == State::Waiting)?;
            let open = next.after.iter().filter_map(|id| self.operations.get(id));
            let open = open.filter(|before| !matches!(before.state, State::Ended { .. }) && before.group != index);
            let others: BTreeSet<usize> = open.map(|before| before.group).collect();
            (!others.is_empty()).then_some((index, others))
        };
        let all = self.groups.iter().enumerate().filter_map(waiting);
        all.map(|(index, others)| Waiting {
            title: &self.groups[index].title,
            on: others.into_iter().map(|other| self.groups[other].title.as_str()).collect(),
        })
        .collect()
    }

    /// Titles of lines that neither came to their end nor failed, for the last word after a failure or an interruption.
    pub(super) fn unfinished(&self) -> Vec<&str> {
        let states = |group: &Group| {
            group.members.iter().filter_map(|id| self.operations.get(id)).map(|operation| operation.state).collect()
        };
        let is_unfinished = |group: &&Group| {
            let states: Vec<State> = states(group);
            let failed = states.contains(&State::Ended { outcome: Outcome::Failed });
            let open = |state: &State| {
                !matches!(state, State::Ended { outcome: Outcome::Done | Outcome::Skipped | Outcome::Failed })
            };
            !failed && states.iter().any(open)
        };
        self.groups.iter().filter(is_unfinished).map(|group| group.title.as_str()).collect()
    }

    /// Numbers for the overall bar.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts { total: self.operations.len(), ..Counts::default() };
        for operation in self.operations.values() {
            if let State::Ended { outcome } = operation.state {
                counts.ended += 1;
                counts.failed += usize::from(outcome == Outcome::Failed);
            }
        }
        counts
    }

    /// Width of the longest title, within reason.
    pub(super) fn title_width(&self) -> usize {
        self.groups.iter().map(|group| group.title.chars().count()).max().unwrap_or(0).clamp(12, 22)
    }
}

/// The line an operation belongs to: its service; steps and images their own; networks and volumes share one.
fn line_of(operation: &PlannedOperation) -> String {
    match &operation.service {
        Some(service) => service.clone(),
        None if words::is_step(&operation.verb) || words::is_long(&operation.verb) => operation.subject.clone(),
        None if words::only_looks(&operation.verb) => operation.subject.clone(),
        None => "networks, volumes".to_owned(),
    }
}

fn close(group: &Group, members: &[&Operation]) -> Closed {
    let ended_as = |wanted: Outcome| {
        members.iter().rev().find(|member| member.state == State::Ended { outcome: wanted }).map(|member| &*member.verb)
    };
    let changed = members
        .iter()
        .any(|member| member.state == State::Ended { outcome: Outcome::Done } && !words::only_looks(&member.verb));
    let (mark, word) = if ended_as(Outcome::Failed).is_some() {
        (Mark::Bad, "failed")
    } else if ended_as(Outcome::Cancelled).is_some() {
        (Mark::Skipped, "cancelled")
    } else if let Some(verb) = ended_as(Outcome::Done) {
        (Mark::Good, words::done(verb))
    } else {
        (Mark::Skipped, "skipped")
    };
    let skipped_step_only = word == "skipped"
        && members.iter().all(|member| words::is_step(&member.verb) || words::only_looks(&member.verb));
    let worth_a_line = match mark {
        // Listed together at the end of the run.
        Mark::Skipped if word == "cancelled" => false,
        Mark::Skipped => !skipped_step_only || group.busy >= WORTH_A_LINE,
        Mark::Good => changed || group.busy >= WORTH_A_LINE,
        _ => true,
    };
    Closed {
        title: group.title.clone(),
        mark,
        word: word.to_owned(),
        elapsed: group.busy,
        detail: recreated_because(members).filter(|_| mark == Mark::Good).unwrap_or(&group.detail).to_owned(),
        worth_a_line,
    }
}

/// Why a service's container was replaced, which a person wants to know more than what its probe saw.
fn recreated_because<'a>(members: &[&'a Operation]) -> Option<&'a str> {
    let created = members.iter().any(|member| member.verb == "create");
    let removed = members.iter().find(|member| member.verb == "remove")?;
    (created && !removed.cause.is_empty()).then_some(&removed.cause)
}

/// `55% 120 MiB of 216 MiB`, or as much of it as is known.
fn amount(done: Option<u64>, total: Option<u64>) -> String {
    match (done, total) {
        (Some(done), Some(total)) if total > 0 => {
            let percent = done.min(total).saturating_mul(100) / total;
            format!("{percent:>3}% {} of {}", bytes(done), bytes(total))
        }
        (Some(done), _) if done > 0 => bytes(done),
        _ => String::new(),
    }
}

/// At most three names, and how many more there are.
pub(super) fn names(all: &[&str]) -> String {
    const MOST: usize = 3;
    let named = all[..all.len().min(MOST)].join(", ");
    if all.len() > MOST { format!("{named} and {} more", all.len() - MOST) } else { named }
}

pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
