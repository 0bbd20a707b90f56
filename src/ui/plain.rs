//! Line-wise progress for files, pipes and CI logs: one line a change, with the seconds since the run began.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::Duration;

use super::board::{Board, State, first_line, names};
use super::render::Consumer;
use super::style::duration;
use super::words;
use crate::event::{Event, Outcome};

/// An operation under way is mentioned again when nothing was said of it for so long.
const REMINDER: Duration = Duration::from_secs(10);
/// A look that found nothing changed is mentioned when it took this long.
const WORTH_A_LINE: Duration = Duration::from_secs(1);

/// The renderer.
pub(super) struct Plain<W> {
    writer: W,
    verbose: bool,
    board: Board,
    /// The cause last given for each service: one cause often leads to several operations in a row.
    causes: BTreeMap<String, String>,
    /// Those that were said to be skipped.
    skipped: BTreeSet<String>,
}

impl<W: Write + Send> Plain<W> {
    pub(super) fn new(writer: W, verbose: bool) -> Self {
        Self { writer, verbose, board: Board::default(), causes: BTreeMap::new(), skipped: BTreeSet::new() }
    }

    fn line(&mut self, at: Duration, text: &str) -> io::Result<()> {
        writeln!(self.writer, "[{:6.1}s] {text}", at.as_secs_f64())
    }

    fn started(&mut self, at: Duration, id: usize) -> io::Result<()> {
        self.board.started(id, at);
        let Some(operation) = self.board.operation(id) else { return Ok(()) };
        if !self.verbose && !words::is_long(&operation.verb) {
            return Ok(());
        }
        let text = format!("{}: {}{}", self.board.name(id), words::doing(&operation.verb), because(&operation.cause));
        self.line(at, &text)
    }

    fn finished(&mut self, at: Duration, id: usize, outcome: Outcome, took: Duration, detail: &str) -> io::Result<()> {
        let closed = self.board.finished(id, outcome, took, detail);
        let Some(operation) = self.board.operation(id) else { return Ok(()) };
        let (verb, title, note) = (&*operation.verb, self.board.name(id), because(first_line(detail)));
        let looks = words::only_looks(verb);
        let text = match outcome {
            Outcome::Failed => format!("{title}: failed after {}: {}", duration(took), first_line(detail)),
            Outcome::Cancelled => return Ok(()),
            Outcome::Skipped if words::is_step(verb) && took < WORTH_A_LINE && !self.verbose => return Ok(()),
            // Of what stays as it is nobody needs to read.
            Outcome::Skipped if words::is_turn(verb) && !self.verbose => return Ok(()),
            // What is left out is left out with all its operations.
            Outcome::Skipped if !self.verbose && !self.skipped.insert(title.to_owned()) => return Ok(()),
            Outcome::Skipped => format!("{title}: skipped{note}"),
            Outcome::Done if looks && !self.verbose => match closed {
                Some(group) if group.worth_a_line => {
                    format!("{title}: {} after {}{note}", words::done(verb), duration(took))
                }
                None if took >= WORTH_A_LINE => {
                    format!("{title}: {} after {}{note}", words::done(verb), duration(took))
                }
                _ => return Ok(()),
            },
            Outcome::Done if looks || words::is_step(verb) || words::is_long(verb) => {
                format!("{title}: {} after {}{note}", words::done(verb), duration(took))
            }
            Outcome::Done => {
                let said = self.causes.insert(title.to_owned(), operation.cause.clone());
                let cause = if said.as_ref() == Some(&operation.cause) { "" } else { &operation.cause };
                format!("{title}: {}{}", words::done(verb), because(cause))
            }
        };
        self.line(at, &text)
    }

    fn run_finished(&mut self, at: Duration, ok: bool, summary: &str) -> io::Result<()> {
        let unfinished = self.board.unfinished().join(", ");
        if !ok && !unfinished.is_empty() {
            self.line(at, &format!("not finished: {unfinished}"))?;
        }
        // Why it failed is in the report that follows.
        self.line(at, &if ok { format!("done: {summary}") } else { "failed".to_owned() })
    }
}

impl<W: Write + Send> Consumer for Plain<W> {
    fn event(&mut self, at: Duration, event: &Event) -> io::Result<()> {
        match event {
            Event::RunStarted { command, project } if self.verbose => {
                self.line(at, &format!("{command}: project {project}"))
            }
            Event::Planned { operations } => {
                self.board.planned(operations);
                if self.verbose {
                    self.line(at, &format!("planned: {} operations", operations.len()))?;
                }
                Ok(())
            }
            Event::Started { id } => self.started(at, *id),
            Event::Progress { id, detail, done, total } => {
                self.board.progress(*id, detail, *done, *total);
                Ok(())
            }
            Event::Output { id, line } if self.verbose => {
                let text = format!("{} | {line}", self.board.name(*id));
                self.line(at, &text)
            }
            Event::RunStarted { .. } | Event::Output { .. } => Ok(()),
            Event::Finished { id, outcome, elapsed_ms, detail } => {
                self.finished(at, *id, *outcome, Duration::from_millis(*elapsed_ms), detail)
            }
            Event::Notice { text } => self.line(at, text),
            Event::Warning { text, hint } => {
                self.line(at, &format!("warning: {text}"))?;
                hint.as_ref().map_or(Ok(()), |hint| self.line(at, &format!("hint: {hint}")))
            }
            Event::RunFinished { ok, summary, .. } => self.run_finished(at, *ok, summary),
        }
    }

    fn tick(&mut self, at: Duration) -> io::Result<()> {
        let mut held_up: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for waiting in self.board.waiting() {
            for on in waiting.on {
                held_up.entry(on.to_owned()).or_default().push(waiting.title.to_owned());
            }
        }
        let mut reminders = Vec::new();
        for operation in self.board.running_operations() {
            let State::Running { since } = operation.state else { continue };
            if at.saturating_sub(operation.spoken) < REMINDER {
                continue;
            }
            operation.spoken = at;
            let amount = operation.amount.trim_start();
            let amount = if amount.is_empty() { String::new() } else { format!(", {amount}") };
            let progress =
                if operation.progress.is_empty() { String::new() } else { format!(": {}", operation.progress) };
            let others: Vec<&str> = held_up.get(&operation.name).into_iter().flatten().map(String::as_str).collect();
            let others = if others.is_empty() { String::new() } else { format!(" (for it: {})", names(&others)) };
            let elapsed = at.saturating_sub(since).as_secs();
            reminders.push(format!(
                "{}: {} {elapsed}s{amount}{progress}{others}",
                operation.name,
                words::doing(&operation.verb)
            ));
        }
        reminders.iter().try_for_each(|text| self.line(at, text))
    }
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
}
