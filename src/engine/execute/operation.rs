//! One operation as one call: to the engine, a gate, a step or the image provider.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::Tools;
use super::diagnose;
use super::gate::Watch;
use crate::engine::backend::BackendError;
use crate::engine::plan::{Action, Plan};
use crate::engine::readable;
use crate::event::{Event, Events};
use crate::failure::Failure;
use crate::model::ext::Step;

/// Bytes are told so often at most.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// A step bounds its own waits and fails with a reason; this much later the executor ends it without one.
const STEP_SLACK: Duration = Duration::from_secs(5);

/// What came of an operation that ended well.
pub(super) struct Done {
    pub changed: bool,
    pub detail: String,
}

/// Why an operation did not end well.
pub(super) enum Stopped {
    Failed(Box<Failure>),
    /// The run ends; it was only waiting.
    Abandoned {
        /// What it said last.
        said: String,
    },
}

/// Performs one operation. Calls to the engine always run to their end; what only waits is abandoned when the token
/// says so.
pub(super) async fn perform(
    plan: &Plan,
    id: usize,
    tools: &Tools,
    events: &Events,
    abandon: &CancellationToken,
) -> Result<Done, Stopped> {
    let action = &plan.operations[id].action;
    let teller = Arc::new(Teller { id, events: events.clone(), last: Mutex::new(Last::default()) });
    let waits = matches!(action, Action::EnsureImage { .. } | Action::Await(_) | Action::RunStep(_));
    let work = work(plan, id, tools, &teller);
    let result = if waits {
        tokio::select! {
            biased;
            result = work => result,
            () = abandon.cancelled() => return Err(Stopped::Abandoned { said: teller.said() }),
        }
    } else {
        work.await
    };
    result.map_err(|failure| Stopped::Failed(Box::new(failure)))
}

async fn work(plan: &Plan, id: usize, tools: &Tools, teller: &Arc<Teller>) -> Result<Done, Failure> {
    let operation = &plan.operations[id];
    let backend = tools.backend.as_ref();
    let service = operation.service.as_deref();
    let called = match &operation.action {
        Action::Await(gate) => {
            let service = service.unwrap_or(&gate.container);
            let watch = Watch { backend, prober: tools.prober.as_ref(), service, gate };
            return match watch.wait(&|detail| teller.tell(detail)).await {
                Ok(detail) => Ok(Done { changed: false, detail }),
                Err(error) => Err(diagnose::gate(backend, service, gate, error).await),
            };
        }
        Action::RunStep(step) => return run_step(plan, step, tools, teller).await,
        Action::EnsureImage { reference } => {
            let (bytes, lines) = (Arc::clone(teller), Arc::clone(teller));
            let progress = move |done, total, word: &str| bytes.progress(done, total, word);
            let output = move |line: &str| lines.output(line);
            tools.images.ensure(reference, &progress, &output).await
        }
        Action::CreateContainer(spec) => backend.create_container(spec).await.map(|_| "created".into()),
        Action::StartContainer { name } => backend.start(name).await.map(|()| "started".into()),
        Action::StopContainer { name, grace } => backend.stop(name, *grace).await.map(|()| "stopped".into()),
        Action::RemoveContainer { name } => backend.remove_container(name).await.map(|()| "removed".into()),
        Action::CreateNetwork(spec) => backend.create_network(spec).await.map(|()| "created".into()),
        Action::RemoveNetwork { name } => backend.remove_network(name).await.map(|()| "removed".into()),
        Action::CreateVolume(spec) => backend.create_volume(spec).await.map(|()| "created".into()),
        Action::RemoveVolume { name } => backend.remove_volume(name).await.map(|()| "removed".into()),
    };
    match called {
        Ok(detail) => Ok(Done { changed: true, detail }),
        Err(error) => Err(refused(tools, &operation.action, service, error).await),
    }
}

async fn refused(tools: &Tools, action: &Action, service: Option<&str>, error: BackendError) -> Failure {
    let failure = diagnose::call(action, service, error);
    match action {
        // The program itself may have said why it could not be started.
        Action::StartContainer { name } => diagnose::with_logs(tools.backend.as_ref(), name, failure).await,
        _ => failure,
    }
}

async fn run_step(plan: &Plan, step: &Step, tools: &Tools, teller: &Arc<Teller>) -> Result<Done, Failure> {
    let sayer = Arc::clone(teller);
    let say = move |detail: &str| sayer.tell(detail);
    match timeout(step.timeout + STEP_SLACK, tools.stepper.run(step, &say)).await {
        Ok(Ok(done)) => Ok(Done { changed: done.changed, detail: done.detail }),
        Ok(Err(error)) => Err(diagnose::step(plan, tools.backend.as_ref(), step, error).await),
        Err(_) => {
            let said = teller.said();
            let message = format!("step {} did not end within {}", step.name, readable(step.timeout));
            let failure = Failure::new(crate::exit::TIMEOUT, message).hint(diagnose::RESUME);
            Err(if said.is_empty() { failure } else { failure.because(format!("it said last: {said}")) })
        }
    }
}

/// Sends what an operation says as events, repetitions left out.
struct Teller {
    id: usize,
    events: Events,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    detail: String,
    at: Option<Instant>,
}

impl Teller {
    fn tell(&self, detail: &str) {
        self.send(detail, None, None, Duration::ZERO);
    }

    fn progress(&self, done: u64, total: u64, word: &str) {
        self.send(word, Some(done), (total > 0).then_some(total), PROGRESS_EVERY);
    }

    fn output(&self, line: &str) {
        self.events.send(Event::Output { id: self.id, line: line.to_owned() });
    }

    /// Sends unless the same was said, or with numbers, unless it was said only just now.
    fn send(&self, detail: &str, done: Option<u64>, total: Option<u64>, every: Duration) {
        let Ok(mut last) = self.last.lock() else { return };
        let recent = last.at.is_some_and(|at| done.is_none() || at.elapsed() < every);
        if recent && last.detail == detail {
            return;
        }
        *last = Last { detail: detail.to_owned(), at: Some(Instant::now()) };
        self.events.send(Event::Progress { id: self.id, detail: detail.to_owned(), done, total });
    }

    fn said(&self) -> String {
        self.last.lock().map(|last| last.detail.clone()).unwrap_or_default()
    }
}
