//! Shows work that is no plan of the engine: a list of operations, one after the other, measured in bytes.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::context::{Context, unwritable};
use crate::backup::Tell;
use crate::event::{Event, Events, Outcome, PlannedOperation};
use crate::failure::Failure;
use crate::ui::Renderer;

/// Bytes are told so often at most.
const EVERY: Duration = Duration::from_millis(100);

/// The screen during such work.
pub struct Progress {
    events: Events,
    screen: Renderer,
    began: Instant,
}

/// One operation under way.
pub struct Task<'a> {
    progress: &'a Progress,
    id: usize,
    began: Instant,
}

impl Progress {
    /// Announces operations as verb and subject; the id of each is its place.
    pub fn begin(context: &Context, command: &str, project: &str, operations: Vec<(&str, String)>) -> Self {
        let (events, receiver) = Events::channel();
        let screen = context.ui.show(receiver);
        events.send(Event::RunStarted { command: command.to_owned(), project: project.to_owned() });
        let announced = operations.into_iter().enumerate().map(|(id, (verb, subject))| PlannedOperation {
            id,
            verb: verb.to_owned(),
            subject,
            service: None,
            cause: String::new(),
            after: id.checked_sub(1).into_iter().collect(),
        });
        events.send(Event::Planned { operations: announced.collect() });
        Self { events, screen, began: Instant::now() }
    }

    /// An operation begins.
    pub fn start(&self, id: usize) -> Task<'_> {
        self.events.send(Event::Started { id });
        Task { progress: self, id, began: Instant::now() }
    }

    /// The last word; gives the screen back.
    pub async fn end<T>(self, result: Result<T, Failure>, summary: &str) -> Result<T, Failure> {
        self.events.send(Event::RunFinished {
            ok: result.is_ok(),
            elapsed_ms: milliseconds(self.began),
            summary: result.as_ref().map_or_else(|failure| failure.message.clone(), |_| summary.to_owned()),
        });
        drop(self.events);
        self.screen.finished().await.map_err(|error| unwritable(&error))?;
        result
    }
}

impl Task<'_> {
    /// What to tell bytes to; `total` is 0 while nobody knows it.
    pub fn tell(&self, total: u64) -> Tell {
        let (events, id, last) = (self.progress.events.clone(), self.id, Mutex::new(None::<Instant>));
        Arc::new(move |done| {
            // A poisoned clock only costs progress.
            let Ok(mut last) = last.lock() else { return };
            if last.is_some_and(|at| at.elapsed() < EVERY) {
                return;
            }
            *last = Some(Instant::now());
            let total = (total > 0).then_some(total);
            events.send(Event::Progress { id, detail: String::new(), done: Some(done), total });
        })
    }

    /// What to tell words to, for work that has no bytes.
    pub fn say(&self) -> impl Fn(&str) + Send + Sync + use<> {
        let (events, id) = (self.progress.events.clone(), self.id);
        move |word| events.send(Event::Progress { id, detail: word.to_owned(), done: None, total: None })
    }

    /// How it went; an error passes through.
    pub fn ended<T, E: Into<Failure>>(self, result: Result<T, E>, detail: impl Fn(&T) -> String) -> Result<T, Failure> {
        let result = result.map_err(Into::into);
        let (outcome, detail) = match &result {
            Ok(value) => (Outcome::Done, detail(value)),
            Err(failure) if failure.code == crate::exit::INTERRUPTED => (Outcome::Cancelled, String::new()),
            Err(failure) => (Outcome::Failed, failure.message.clone()),
        };
        let elapsed_ms = milliseconds(self.began);
        self.progress.events.send(Event::Finished { id: self.id, outcome, elapsed_ms, detail });
        result
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
