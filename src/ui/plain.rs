//! Line-wise progress for files, pipes and CI logs: one line a change, with the seconds since the run began.

use std::io::{self, Write};
use std::time::Duration;

use super::board::{Board, State, first_line};
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
}

impl<W: Write + Send> Plain<W> {
    pub(super) fn new(writer: W, verbose: bool) -> Self {
        Self { writer, verbose, board: Board::default() }
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
        let text = format!("{}: {}{}", self.board.title(id), words::doing(&operation.verb), because(&operation.cause));
        self.line(at, &text)
    }

    fn finished(&mut self, at: Duration, id: usize, outcome: Outcome, took: Duration, detail: &str) -> io::Result<()> {
        let closed = self.board.finished(id, outcome, took, detail);
        let Some(operation) = self.board.operation(id) else { return Ok(()) };
        let (verb, title, note) = (&*operation.verb, self.board.title(id), because(first_line(detail)));
        let looks = words::only_looks(verb);
        let text = match outcome {
            Outcome::Failed => format!("{title}: failed after {}: {}", duration(took), first_line(detail)),
            Outcome::Cancelled => return Ok(()),
            Outcome::Skipped if words::is_step(verb) && took < WORTH_A_LINE && !self.verbose => return Ok(()),
            Outcome::Skipped => format!("{title}: skipped{note}"),
            Outcome::Done if looks && !self.verbose => match closed {
                Some(group) if group.worth_a_line => format!("{title}: ready after {}{note}", duration(took)),
                None if took >= WORTH_A_LINE => format!("{title}: ready after {}{note}", duration(took)),
                _ => return Ok(()),
            },
            Outcome::Done if looks || words::is_step(verb) || words::is_long(verb) => {
                format!("{title}: {} after {}{note}", words::done(verb), duration(took))
            }
            Outcome::Done => format!("{title}: {}{}", words::done(verb), because(&operation.cause)),
        };
        self.line(at, &text)
    }

    fn run_finished(&mut self, at: Duration, ok: bool, summary: &str) -> io::Result<()> {
        let idle = self.board.not_begun().join(", ");
        if !ok && !idle.is_empty() {
            self.line(at, &format!("not begun: {idle}"))?;
        }
        self.line(at, &format!("{}: {summary}", if ok { "done" } else { "failed" }))
    }
}

impl<W: Write + Send> Consumer for Plain<W> {
    fn event(&mut self, at: Duration, event: &Event) -> io::Result<()> {
        match event {
            Event::RunStarted { command, project } if self.verbose => {
                self.line(at, &format!("{command}: project {project}"))
            }
            Event::RunStarted { .. } => Ok(()),
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
                let text = format!("{} | {line}", self.board.title(*id));
                self.line(at, &text)
            }
            Event::Output { .. } => Ok(()),
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
        let mut reminders = Vec::new();
        for (title, operation) in self.board.running_operations() {
            let State::Running { since } = operation.state else { continue };
            if at.saturating_sub(operation.spoken) < REMINDER {
                continue;
            }
            operation.spoken = at;
            let percent = operation.percent.map(|percent| format!(" {percent}%")).unwrap_or_default();
            let progress =
                if operation.progress.is_empty() { String::new() } else { format!(": {}", operation.progress) };
            let elapsed = at.saturating_sub(since).as_secs();
            reminders.push(format!("{title}: {} {elapsed}s{percent}{progress}", words::doing(&operation.verb)));
        }
        reminders.iter().try_for_each(|text| self.line(at, text))
    }
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
}
