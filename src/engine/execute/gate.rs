//! Waits until a container is ready, and not a moment longer than it can still become so.
//!
//! Two loops run side by side: one polls the probe, one inspects the container. A container that exits, is killed for
//! memory or restarts in a loop fails the gate at once, whatever the probe says or how long it takes to say it.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};

use crate::engine::backend::{Backend, BackendError};
use crate::engine::observed::{ContainerDetail, Health, RunState};
use crate::engine::plan::{Gate, Until};
use crate::engine::work::{Probed, Prober};
use crate::model::ext::Ready;

/// Time between two polls of a probe, or of a container whose state is the answer.
const POLL: Duration = Duration::from_millis(100);
/// Time between two looks at the container beside a probe.
const LOOK: Duration = Duration::from_millis(300);
/// A probe that has not answered by then counts as "not yet".
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// So many restarts are a loop: while the gate waits, or in all where the run that it came upon was short. What had run for long is not
/// in a loop with one restart more, however many it has needed in its life.
const LOOP: i64 = 3;
/// A run that ended before this was short; the engine's own back-off begins anew after a longer one.
const SHORT: Duration = Duration::from_secs(10);

/// A gate with all that is needed to wait at it.
pub struct Watch<'a> {
    /// Tells the container's state.
    pub backend: &'a dyn Backend,
    /// Polls readiness.
    pub prober: &'a dyn Prober,
    /// Service of the container.
    pub service: &'a str,
    /// What is waited for.
    pub gate: &'a Gate,
}

/// Why a gate did not open.
#[derive(Debug)]
pub struct GateError {
    /// The reason.
    pub reason: Reason,
    /// What was said last: the probe's answer, or the state of the container.
    pub last: String,
    /// Time since the gate was reached.
    pub elapsed: Duration,
}

/// Reason of a [`GateError`].
#[derive(Debug, Clone)]
pub enum Reason {
    /// The container ended.
    Exited(i64),
    /// The kernel killed it for memory.
    OutOfMemory,
    /// Its restart policy restarts it again and again.
    Loop {
        /// Restarts so far.
        restarts: i64,
        /// Exit code of a run, when one was seen.
        code: Option<i64>,
    },
    /// The engine could not clean up after it.
    Dead(String),
    /// Its health check fails; output of the check.
    Unhealthy(String),
    /// It has no health check to wait for.
    NoHealthcheck,
    /// The probe says that it will never be ready.
    Never(String),
    /// The deadline passed.
    Deadline,
    /// The container could not be looked at.
    Engine(BackendError),
}

/// What one look at a container says.
enum Look {
    /// The condition holds; in a few words.
    Holds(String),
    NotYet(String),
    Fails(Reason),
}

impl Watch<'_> {
    /// Waits until the gate's condition holds; returns what was seen. `say` hears every change.
    pub async fn wait(&self, say: &(dyn Fn(&str) + Sync)) -> Result<String, GateError> {
        let begin = Instant::now();
        let last = Mutex::new(String::new());
        let tell = |text: String| {
            say(&text);
            // A poisoned lock means a panic in `say`, which ends the run anyway.
            if let Ok(mut last) = last.lock() {
                *last = text;
            }
        };
        let opened = match &self.gate.until {
            Until::Probe(ready) => self.probe_and_look(ready, &tell).await,
            Until::Running | Until::Healthy | Until::Completed => {
                timeout(self.gate.timeout, self.look_until(POLL, &tell)).await.unwrap_or(Err(Reason::Deadline))
            }
        };
        opened.map_err(|reason| {
            let last = last.lock().map(|last| last.clone()).unwrap_or_default();
            GateError { reason, last, elapsed: begin.elapsed() }
        })
    }

    async fn probe_and_look(&self, ready: &Ready, tell: &(dyn Fn(String) + Sync)) -> Result<String, Reason> {
        let silent = |_: String| ();
        tokio::select! {
            biased;
            // With a probe, looking only ends by failing: the condition is the probe's.
            looked = self.look_until(LOOK, &silent) => looked,
            probed = self.probe_until_ready(ready, tell) => probed,
        }
    }

    async fn probe_until_ready(&self, ready: &Ready, tell: &(dyn Fn(String) + Sync)) -> Result<String, Reason> {
        let mut ticks = interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut deadline = Instant::now() + self.gate.timeout;
        let mut work = String::new();
        loop {
            let poll = async {
                ticks.tick().await;
                self.poll(ready).await
            };
            let answer = match timeout_at(deadline, poll).await.unwrap_or(Err(Reason::Deadline))? {
                Probed::Ready(seen) => return Ok(seen),
                Probed::NotYet(answer) => answer,
                Probed::Busy(answer) => {
                    if answer != work {
                        deadline = Instant::now() + self.gate.timeout;
                        work.clone_from(&answer);
                    }
                    answer
                }
                Probed::Never(answer) => return Err(Reason::Never(answer)),
            };
            tell(format!("probe {}: {answer}", ready.probe));
        }
    }

    async fn poll(&self, ready: &Ready) -> Result<Probed, Reason> {
        Ok(match timeout(ANSWER_WITHIN, self.prober.poll(self.service, ready)).await {
            Ok(Probed::Ready(seen)) => match self.confirm().await? {
                None => Probed::Ready(seen),
                Some(state) => Probed::NotYet(state),
            },
            Ok(answer) => answer,
            Err(_) => Probed::NotYet("no answer".to_owned()),
        })
    }

    /// A ready probe counts only while the container runs: the answer may be that of a process that just died.
    async fn confirm(&self) -> Result<Option<String>, Reason> {
        let detail = match self.backend.inspect(&self.gate.container).await {
            Ok(detail) => detail,
            Err(error) => return transient(error).map(Some),
        };
        match detail.state {
            RunState::Running => Ok(None),
            state => match ended(&detail) {
                Some(reason) => Err(reason),
                None => Ok(Some(state.describe().to_owned())),
            },
        }
    }

    /// Looks at the container until its state decides.
    async fn look_until(&self, every: Duration, tell: &(dyn Fn(String) + Sync)) -> Result<String, Reason> {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut history = History::default();
        loop {
            ticks.tick().await;
            let look = match self.backend.inspect(&self.gate.container).await {
                Ok(detail) => match history.judge(&detail) {
                    Some(reason) => Look::Fails(reason),
                    None => self.look(&detail, &history),
                },
                Err(error) => Look::NotYet(transient(error)?),
            };
            match look {
                Look::Holds(seen) => return Ok(seen),
                Look::NotYet(state) => tell(state),
                Look::Fails(reason) => return Err(reason),
            }
        }
    }

    /// What the state of the container says about the condition.
    fn look(&self, detail: &ContainerDetail, history: &History) -> Look {
        if detail.state == RunState::Exited && self.gate.until == Until::Completed && detail.exit_code == 0 {
            return Look::Holds("has finished".into());
        }
        if let Some(reason) = ended(detail) {
            return Look::Fails(reason);
        }
        if detail.state != RunState::Running {
            return Look::NotYet(detail.state.describe().into());
        }
        match &self.gate.until {
            Until::Running if history.steady() >= self.gate.settle => Look::Holds("runs".into()),
            Until::Running => Look::NotYet("just started".into()),
            Until::Completed => Look::NotYet("at work".into()),
            // The probe decides; the container only has to stay alive.
            Until::Probe(_) => Look::NotYet("running".into()),
            Until::Healthy => match detail.health {
                Health::Healthy => Look::Holds("healthy".into()),
                Health::Unhealthy => Look::Fails(Reason::Unhealthy(detail.health_output.trim().to_owned())),
                Health::None => Look::Fails(Reason::NoHealthcheck),
                Health::Starting => {
                    let output = detail.health_output.lines().next_back().unwrap_or_default().trim();
                    Look::NotYet(if output.is_empty() {
                        "health: starting".into()
                    } else {
                        format!("health: {output}")
                    })
                }
            },
        }
    }
}

/// What earlier looks saw.
#[derive(Default)]
struct History {
    /// Restarts, and start of the run, at the first look.
    first: Option<(i64, String)>,
    run: Option<(String, Instant)>,
    code: Option<i64>,
}

impl History {
    /// Takes one look into account; a reason when it completes a restart loop.
    fn judge(&mut self, detail: &ContainerDetail) -> Option<Reason> {
        let (first, found) = self.first.get_or_insert_with(|| (detail.restarts, detail.started_at.clone()));
        let since = detail.restarts - *first;
        if detail.exit_code != 0 {
            self.code = Some(detail.exit_code);
        }
        match &self.run {
            Some((started, _)) if *started == detail.started_at && detail.state == RunState::Running => {}
            _ => self.run = Some((detail.started_at.clone(), Instant::now())),
        }
        let short = || between(found, &detail.finished_at).is_some_and(|ran| ran < SHORT);
        let looping = since >= LOOP || (since >= 1 && detail.restarts >= LOOP && short());
        match (looping, detail.oom_killed) {
            (false, _) => None,
            (true, true) => Some(Reason::OutOfMemory),
            (true, false) => Some(Reason::Loop { restarts: detail.restarts, code: self.code }),
        }
    }

    /// How long the present run has been seen running.
    fn steady(&self) -> Duration {
        self.run.as_ref().map(|(_, since)| since.elapsed()).unwrap_or_default()
    }
}

/// Time between two times as the engine writes them; nothing when the second is not later, as where there is none yet.
fn between(start: &str, end: &str) -> Option<Duration> {
    let [start, end] = [start, end].map(humantime::parse_rfc3339_weak);
    end.ok()?.duration_since(start.ok()?).ok()
}

/// The reason in a container that has ended, or is about to be restarted after it was killed for memory.
fn ended(detail: &ContainerDetail) -> Option<Reason> {
    match detail.state {
        RunState::Exited | RunState::Restarting if detail.oom_killed => Some(Reason::OutOfMemory),
        RunState::Exited => Some(Reason::Exited(detail.exit_code)),
        RunState::Dead => Some(Reason::Dead(detail.error.clone())),
        RunState::Created | RunState::Running | RunState::Paused | RunState::Restarting => None,
    }
}

/// An engine that refuses one look may answer the next; one that is gone, or a container that is, will not.
fn transient(error: BackendError) -> Result<String, Reason> {
    match error {
        BackendError::Refused { message, .. } => Ok(message),
        error => Err(Reason::Engine(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A look at a container that was restarted so often; its present run began, and the one before ended, in these seconds.
    fn look(restarts: i64, started: u8, finished: u8) -> ContainerDetail {
        let at = |second: u8| format!("2026-01-02T03:04:{second:02}.5Z");
        let (started_at, finished_at) = (at(started), at(finished));
        ContainerDetail { state: RunState::Running, restarts, started_at, finished_at, ..ContainerDetail::default() }
    }

    #[test]
    fn a_loop_is_three_restarts_in_front_of_the_gate_or_one_more_of_what_never_ran_long() {
        let cases: [(&str, &[ContainerDetail], bool); 4] = [
            ("it ran 30 s", &[look(7, 10, 9), look(8, 41, 40)], false),
            (
                "it ran 30 s, then three times not",
                &[look(0, 1, 0), look(1, 31, 30), look(2, 40, 39), look(3, 50, 49)],
                true,
            ),
            ("it ran 5 s, for the second time", &[look(1, 10, 9), look(2, 16, 15)], false),
            ("it ran 5 s, once more", &[look(2, 10, 9), look(3, 16, 15)], true),
        ];
        for (case, looks, expected) in cases {
            let mut history = History::default();
            let reasons: Vec<_> = looks.iter().map(|detail| history.judge(detail).is_some()).collect();
            assert_eq!(reasons.iter().position(|looping| *looping), expected.then_some(looks.len() - 1), "{case}");
        }
    }
}
