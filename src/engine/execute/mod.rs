//! Obeys a plan: runs what is free to run, in parallel, stores how each operation ended, tells it as events.
//!
//! No decision about containers is made here. After a failure or an interruption nothing new starts, engine calls in
//! flight end, waits are abandoned; what is there then is what the next `up` observes and goes on from.
//!
//! Starts are not serialised: the engine's allocation of host ports is only unsafe for port *ranges*, and a plan
//! publishes single ports.

mod diagnose;
mod evidence;
pub mod gate;
mod operation;
mod report;
mod schedule;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::backend::Backend;
use super::plan::Plan;
use super::readable;
use super::work::{ImageProvider, Prober, Stepper};
use crate::event::{Event, Events, Outcome};
use crate::failure::Failure;
use diagnose::{RESUME, RETRY};
use operation::{Done, Stopped, perform};
pub use report::{OpResult, Report};
use schedule::{End, Schedule};

/// What operations are done with.
#[derive(Clone)]
pub struct Tools {
    /// The container engine.
    pub backend: Arc<dyn Backend>,
    /// Readiness probes.
    pub prober: Arc<dyn Prober>,
    /// Pipeline steps.
    pub stepper: Arc<dyn Stepper>,
    /// Images.
    pub images: Arc<dyn ImageProvider>,
}

/// How a plan is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Engine calls at the same time, at least 1. Gates, steps and images only wait and do not count.
    pub parallel: usize,
    /// Time for the whole run; what is not done then is a failure.
    pub limit: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self { parallel: 8, limit: None }
    }
}

/// Runs a plan to its end, or until something fails, its time is over or `cancel` is cancelled. Announces the operations, not the plan's
/// warnings: those are the caller's to show, also when nothing is run.
pub async fn run(plan: &Plan, tools: &Tools, events: &Events, cancel: CancellationToken, options: &Options) -> Report {
    events.send(Event::Planned { operations: plan.planned() });
    let abandon = CancellationToken::new();
    let mut runner = Runner {
        plan,
        events,
        schedule: Schedule::new(plan, options.parallel),
        results: vec![OpResult::default(); plan.operations.len()],
        failure: None,
        interrupted: false,
        overdue: false,
        given_up: Vec::new(),
        abandon: abandon.clone(),
        replaced: BTreeSet::new(),
    };
    let mut running = FuturesUnordered::new();
    let deadline = async {
        match options.limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(deadline);
    loop {
        if cancel.is_cancelled() {
            runner.interrupt();
        }
        runner.record_ends();
        while let Some(id) = runner.schedule.next() {
            events.send(Event::Started { id });
            let abandon = abandon.clone();
            running.push(async move {
                let begin = Instant::now();
                let result = perform(plan, id, tools, events, &abandon).await;
                (id, result, begin.elapsed())
            });
        }
        if running.is_empty() {
            break;
        }
        tokio::select! {
            Some((id, result, elapsed)) = running.next() => runner.ended(id, result, elapsed),
            () = cancel.cancelled(), if !runner.interrupted => {}
            () = &mut deadline, if !runner.overdue => runner.time_is_over(),
        }
    }
    let failure = match (runner.failure.take(), options.limit) {
        (None, Some(limit)) if runner.is_late() => Some(diagnose::late(plan, tools, limit, &runner.given_up).await),
        (failure, _) => failure,
    };
    Report { ops: runner.results, failure, interrupted: runner.interrupted }
}

/// State of one run.
struct Runner<'a> {
    plan: &'a Plan,
    events: &'a Events,
    schedule: Schedule<'a>,
    results: Vec<OpResult>,
    failure: Option<Failure>,
    interrupted: bool,
    overdue: bool,
    given_up: Vec<GivenUp>,
    abandon: CancellationToken,
    /// Services that are known to stand in for what is left out.
    replaced: BTreeSet<String>,
}

/// A wait that was abandoned.
struct GivenUp {
    /// Of the operation.
    id: usize,
    /// What it said last.
    said: String,
}

impl Runner<'_> {
    fn interrupt(&mut self) {
        self.interrupted = true;
        self.stop("interrupted");
    }

    fn time_is_over(&mut self) {
        self.overdue = true;
        self.stop("not begun: its time was over");
    }

    /// Begins nothing more, and abandons what only waits.
    fn stop(&mut self, reason: &'static str) {
        self.schedule.stop(reason);
        self.abandon.cancel();
    }

    /// True where the end of its time has kept something from being done.
    fn is_late(&self) -> bool {
        let cancelled = |result: &OpResult| result.outcome == Some(Outcome::Cancelled);
        self.overdue && !self.interrupted && self.results.iter().any(cancelled)
    }

    fn ended(&mut self, id: usize, result: Result<Done, Stopped>, elapsed: Duration) {
        match result {
            Ok(done) => {
                self.schedule.end(id, End::Done { changed: done.changed });
                self.record(id, Outcome::Done, elapsed, done.detail);
            }
            Err(Stopped::Abandoned { said }) => {
                self.schedule.end(id, End::Cancelled);
                self.record(id, Outcome::Cancelled, elapsed, format!("given up after {}", readable(elapsed)));
                self.given_up.push(GivenUp { id, said });
            }
            Err(Stopped::Failed(failure)) if self.plan.operations[id].optional => {
                let name = self.plan.operations[id].service.clone();
                let name = name.unwrap_or_else(|| self.plan.operations[id].action.subject());
                self.schedule.end(id, End::LeftOut(name.clone()));
                self.warn(id, &name, &failure);
                self.record(id, Outcome::Skipped, elapsed, format!("left out: {}", failure.message));
            }
            Err(Stopped::Failed(failure)) => {
                self.schedule.end(id, End::Failed);
                self.record(id, Outcome::Failed, elapsed, failure.message.clone());
                self.stop("not begun: something else failed");
                match &mut self.failure {
                    Some(first) => first.causes.push(format!("also: {}", failure.message)),
                    None => self.failure = Some(*failure),
                }
            }
        }
    }

    /// Tells what is left out and why; of services that another one stands in for together, once for all of them.
    fn warn(&mut self, id: usize, name: &str, failure: &Failure) {
        let reason = std::iter::once(failure.message.as_str()).chain(failure.causes.iter().map(String::as_str));
        let reason = reason.collect::<Vec<_>>().join(": ");
        let hint = failure.hints.iter().map(String::as_str).find(|hint| *hint != RESUME).unwrap_or(RETRY);
        let Some(instead) = self.plan.operations[id].instead.as_ref() else {
            return self.events.warn(format!("{name} is left out: {reason}"), Some(hint));
        };
        if self.replaced.insert(instead.clone()) {
            let same = self.plan.operations.iter().filter(|operation| operation.instead.as_ref() == Some(instead));
            let services: BTreeSet<&str> = same.filter_map(|operation| operation.service.as_deref()).collect();
            let services = services.into_iter().collect::<Vec<_>>().join(", ");
            self.events.warn(format!("{services}: left out, {instead} takes over: {reason}"), Some(hint));
        }
    }

    /// Tells about operations that ended without having begun.
    fn record_ends(&mut self) {
        for (id, outcome, reason) in self.schedule.settle() {
            self.record(id, outcome, Duration::ZERO, reason);
        }
    }

    fn record(&mut self, id: usize, outcome: Outcome, elapsed: Duration, detail: String) {
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.events.send(Event::Finished { id, outcome, elapsed_ms, detail: detail.clone() });
        let (changed, stood_by) = (self.schedule.changed(id), self.schedule.stood_by(id));
        self.results[id] = OpResult { outcome: Some(outcome), elapsed, detail, changed, stood_by };
    }
}
