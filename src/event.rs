//! What happens during a run, as data. Everything that works sends events; only `ui` shows them.
//!
//! Serialized (`--events json`), one event is one JSON object a line: this is a public format, so fields are only added.

use serde::Serialize;
use tokio::sync::mpsc;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A command that changes something begins.
    RunStarted {
        /// Command, for example `up`.
        command: String,
        /// Project name.
        project: String,
    },
    /// The plan is made: its operations in a topological order.
    Planned {
        /// The operations.
        operations: Vec<PlannedOperation>,
    },
    /// An operation begins.
    Started {
        /// Its id in the plan.
        id: usize,
    },
    /// An operation under way says where it stands; replaces what it said before.
    Progress {
        /// Its id in the plan.
        id: usize,
        /// What it does or waits for, one line ("probe kafka: connection refused").
        detail: String,
        /// Bytes done, where they are known.
        done: Option<u64>,
        /// Bytes in all, where they are known.
        total: Option<u64>,
    },
    /// A line of output of an operation (image build, step), shown with `--verbose`.
    Output {
        /// Its id in the plan.
        id: usize,
        /// The line.
        line: String,
    },
    /// An operation ended.
    Finished {
        /// Its id in the plan.
        id: usize,
        /// How.
        outcome: Outcome,
        /// Duration in milliseconds.
        elapsed_ms: u64,
        /// One line: what came of it, or why it failed.
        detail: String,
    },
    /// A fact outside of any operation that a person should know.
    Notice {
        /// One line.
        text: String,
    },
    /// Something is off but work goes on.
    Warning {
        /// What.
        text: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The command is done.
    RunFinished {
        /// True when it did what was asked.
        ok: bool,
        /// Duration in milliseconds.
        elapsed_ms: u64,
        /// One line.
        summary: String,
    },
}

/// An operation as announced before the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedOperation {
    /// Id in the plan.
    pub id: usize,
    /// What it does, for example `create`, `start`, `ready`, `build`, `step`.
    pub verb: String,
    /// What it does it to: service, container, image, network, volume or step.
    pub subject: String,
    /// The service it belongs to, if any: one display line gathers a service's operations.
    pub service: Option<String>,
    /// Why it is in the plan.
    pub cause: String,
    /// Ids it waits for.
    pub after: Vec<usize>,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Done.
    Done,
    /// Nothing was to be done, or it was optional and could not be done (the detail says which).
    Skipped,
    /// It failed.
    Failed,
    /// It did not run because something before it failed or the user interrupted.
    Cancelled,
}

/// Where events are sent. Cheap to clone; sending never blocks and never fails (a closed receiver is ignored).
#[derive(Debug, Clone)]
pub struct Events(mpsc::UnboundedSender<Event>);

impl Events {
    /// A channel: the handle to send with and the receiver for a `ui`.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Sends one event.
    pub fn send(&self, event: Event) {
        // The receiver is gone only when the display ended first; then nobody wants the event.
        let _ = self.0.send(event);
    }

    /// Sends a [`Event::Warning`].
    pub fn warn(&self, text: impl Into<String>, hint: Option<&str>) {
        self.send(Event::Warning { text: text.into(), hint: hint.map(str::to_owned) });
    }

    /// Sends a [`Event::Notice`].
    pub fn notice(&self, text: impl Into<String>) {
        self.send(Event::Notice { text: text.into() });
    }
}
