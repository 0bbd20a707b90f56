//! Runs a plan with the screen attached: the same for every command that changes something.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::context::{Context, unwritable};
use super::failures::explained;
use super::stack::Stack;
use super::tools::tools;
use crate::engine::backend::{BackendError, OutputFn, ProgressFn};
use crate::engine::execute::{self, Options, Report};
use crate::engine::plan::Plan;
use crate::engine::work::ImageProvider;
use crate::event::{Event, Events};
use crate::exit;
use crate::failure::Failure;
use crate::ui::STOPPING;

/// How a plan is run.
pub struct Running<'a> {
    /// Name of the command, for events.
    pub command: &'static str,
    /// Engine calls at the same time.
    pub parallel: usize,
    /// Makes images present; commands that need none have one that is never asked.
    pub images: Arc<dyn ImageProvider>,
    /// Time for all of it; what is not done then ends it with exit code [`exit::TIMEOUT`].
    pub timeout: Option<std::time::Duration>,
    /// Ends the run where the caller listens to Ctrl-C itself; by default the run does.
    pub cancel: Option<CancellationToken>,
    /// One line at the end of a good run.
    pub summary: &'a dyn Fn(&Report) -> String,
}

impl<'a> Running<'a> {
    /// A run without images, in the default width and without a deadline.
    pub fn plain(command: &'static str, summary: &'a dyn Fn(&Report) -> String) -> Self {
        Self {
            command,
            parallel: Options::default().parallel,
            images: Arc::new(NoImages),
            timeout: None,
            cancel: None,
            summary,
        }
    }
}

/// For plans that make no container: a request for an image is a mistake of the planner.
struct NoImages;

#[async_trait]
impl ImageProvider for NoImages {
    async fn ensure(&self, reference: &str, _: &ProgressFn, _: &OutputFn) -> Result<String, BackendError> {
        let message = "this command makes no images; `pipectl up` does".to_owned();
        Err(BackendError::Refused { operation: format!("get {reference}"), message })
    }
}

/// Runs a plan to its end, shows it, and returns the report of a run that was neither failed nor interrupted.
pub async fn run(context: &Context, stack: &Stack, plan: &Plan, running: &Running<'_>) -> Result<Report, Failure> {
    let started = Instant::now();
    let (events, receiver) = Events::channel();
    let screen = context.ui.show(receiver);
    let cancel = match &running.cancel {
        Some(cancel) => cancel.clone(),
        None => context.ui.interrupts(Some(STOPPING)).map_err(|error| unwritable(&error))?,
    };
    events.send(Event::RunStarted { command: running.command.to_owned(), project: stack.project.name.clone() });
    for warning in &plan.warnings {
        events.warn(&warning.text, warning.hint.as_deref());
    }
    let tools = tools(stack, running.images.clone());
    let options = Options { parallel: running.parallel, limit: running.timeout };
    let report = execute::run(plan, &tools, &events, cancel, &options).await;
    let verdict = verdict(&report, running);
    events.send(Event::RunFinished {
        ok: verdict.is_none(),
        elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        summary: verdict.as_ref().map_or_else(|| (running.summary)(&report), |failure| failure.message.clone()),
    });
    drop(events);
    screen.finished().await.map_err(|error| unwritable(&error))?;
    match verdict {
        None => Ok(report),
        Some(failure) => Err(failure),
    }
}

fn verdict(report: &Report, running: &Running<'_>) -> Option<Failure> {
    if let Some(failure) = &report.failure {
        return Some(explained(failure.clone()));
    }
    let resume = format!("`pipectl {}` goes on from here", running.command);
    report.interrupted.then(|| Failure::new(exit::INTERRUPTED, "interrupted").hint(resume))
}
