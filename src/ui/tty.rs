//! Progress on a terminal: what is under way is redrawn in place, what has ended scrolls up and stays.
//!
//! The frame never grows over the screen, is drawn at most ten times a second, and does not appear at all in a run that
//! is over before anyone could read it.

use std::io::{self, Write};
use std::time::Duration;

use console::{measure_text_width, strip_ansi_codes, truncate_str};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use owo_colors::OwoColorize;

use super::board::{Board, Closed, Counts, Running, Waiting, names};
use super::failure;
use super::render::Consumer;
use super::style::{Mark, clock, duration};
use crate::event::Event;

/// A run that is shorter shows its result only.
const QUIET_START: Duration = Duration::from_millis(400);
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// Width of the state word ("cancelled").
const WORD: usize = 9;
/// Width of the time column ("12.3s", "2m 03s").
const TIME: usize = 7;

/// Size of the terminal, asked anew for every frame.
pub(super) type SizeFn = dyn Fn() -> (usize, usize) + Send;

/// The renderer.
pub(super) struct Tty {
    bar: ProgressBar,
    writer: Box<dyn Write + Send>,
    /// Rows and columns.
    size: Box<SizeFn>,
    colored: bool,
    verbose: bool,
    board: Board,
    frame: usize,
}

/// A frame on this target: nothing but what is put into it, empty at first.
pub(super) fn frame_on(target: ProgressDrawTarget) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}").expect("the template is a constant");
    ProgressBar::with_draw_target(None, target).with_style(style)
}

impl Tty {
    /// `writer` goes to the terminal that `bar` is drawn on, and strips colours where they are not wanted.
    pub(super) fn new(
        bar: ProgressBar,
        writer: Box<dyn Write + Send>,
        size: Box<SizeFn>,
        colored: bool,
        verbose: bool,
    ) -> Self {
        Self { bar, writer, size, colored, verbose, board: Board::default(), frame: 0 }
    }

    /// Prints above the frame, for good.
    fn above(&mut self, text: &str) -> io::Result<()> {
        let Self { bar, writer, .. } = self;
        // In one piece: it may share the terminal with messages from elsewhere.
        bar.suspend(|| writer.write_all(format!("{text}\n").as_bytes()).and_then(|()| writer.flush()))
    }

    fn draw(&mut self, at: Duration) {
        let running = self.board.running(at);
        if at < QUIET_START || running.is_empty() {
            return;
        }
        self.frame += 1;
        let (rows, columns) = (self.size)();
        let spinner = SPINNER[self.frame % SPINNER.len()];
        let waiting = self.board.waiting();
        let text =
            frame(&running, &waiting, self.board.counts(), self.board.title_width(), at, spinner, (rows, columns));
        self.bar.set_message(if self.colored { text } else { strip_ansi_codes(&text).into_owned() });
    }

    fn closed(&mut self, closed: &Closed) -> io::Result<()> {
        if !closed.worth_a_line && !self.verbose {
            return Ok(());
        }
        self.above(&ended(closed, self.board.title_width(), (self.size)().1))
    }

    fn run_finished(&mut self, ok: bool, elapsed: Duration, summary: &str) -> io::Result<()> {
        self.bar.finish_and_clear();
        let unfinished = self.board.unfinished();
        if !ok && !unfinished.is_empty() {
            let line = format!("{} not finished: {}", Mark::Skipped.painted(), unfinished.join(", "));
            self.above(&line)?;
        }
        let mark = if ok { Mark::Good } else { Mark::Bad };
        // Why it failed is in the report that follows.
        let summary = if ok { summary } else { "failed" };
        self.above(&format!("{} {} {}", mark.painted(), summary.bold(), format!("({})", duration(elapsed)).dimmed()))
    }
}

impl Consumer for Tty {
    fn event(&mut self, at: Duration, event: &Event) -> io::Result<()> {
        match event {
            Event::Planned { operations } => self.board.planned(operations),
            Event::Started { id } => self.board.started(*id, at),
            Event::Progress { id, detail, done, total } => self.board.progress(*id, detail, *done, *total),
            Event::Output { id, line } if self.verbose => {
                let text = format!("{} {line}", format!("{} |", self.board.name(*id)).dimmed());
                return self.above(&text);
            }
            Event::RunStarted { .. } | Event::Output { .. } => {}
            Event::Finished { id, outcome, elapsed_ms, detail } => {
                let took = Duration::from_millis(*elapsed_ms);
                if let Some(closed) = self.board.finished(*id, *outcome, took, detail) {
                    return self.closed(&closed);
                }
            }
            Event::Notice { text } => return self.above(text),
            Event::Warning { text, hint } => return self.above(&failure::warning(text, hint.as_deref())),
            Event::RunFinished { ok, elapsed_ms, summary } => {
                return self.run_finished(*ok, Duration::from_millis(*elapsed_ms), summary);
            }
        }
        Ok(())
    }

    fn tick(&mut self, at: Duration) -> io::Result<()> {
        self.draw(at);
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.bar.finish_and_clear();
        Ok(())
    }
}

/// The part that is redrawn: a line for everything under way, as far as the screen has room, and the overall bar.
fn frame(
    running: &[Running<'_>],
    waiting: &[Waiting<'_>],
    counts: Counts,
    title_width: usize,
    at: Duration,
    spinner: &str,
    (rows, columns): (usize, usize),
) -> String {
    // One row for the bar, one for the cursor, one so that something of the past stays in sight.
    let room = rows.saturating_sub(3).max(1);
    let all = running.len() + waiting.len();
    let shown = if all > room { room.saturating_sub(1) } else { all };
    let mut lines: Vec<String> = Vec::with_capacity(shown + 2);
    for line in running.iter().take(shown) {
        let gap = if line.amount.is_empty() || line.detail.is_empty() { "" } else { "  " };
        let tail = format!("{}{gap}{}", line.amount, line.detail);
        let text = format!(
            "{} {} {} {}  {}",
            spinner.cyan(),
            column(line.title, title_width),
            column(line.word, WORD),
            format!("{:>TIME$}", clock(line.elapsed)).dimmed(),
            tail.dimmed()
        );
        lines.push(fit(&text, columns));
    }
    for line in waiting.iter().take(shown.saturating_sub(running.len())) {
        let text = format!("· {} waiting for {}", column(line.title, title_width), names(&line.on));
        lines.push(fit(&text.dimmed().to_string(), columns));
    }
    if shown < all {
        lines.push(fit(&format!("  and {} more", all - shown).dimmed().to_string(), columns));
    }
    lines.push(fit(&overall(counts, at), columns));
    lines.join("\n")
}

/// `━━━━━━━━──────  37/61  12.3s`
fn overall(counts: Counts, at: Duration) -> String {
    const WIDTH: usize = 30;
    let filled = (WIDTH * counts.ended).checked_div(counts.total).unwrap_or(0);
    let bar = format!("{}{}", "━".repeat(filled).green(), "─".repeat(WIDTH - filled).dimmed());
    let failed =
        if counts.failed == 0 { String::new() } else { format!("  {}", format!("{} failed", counts.failed).red()) };
    format!("  {bar}  {}/{}  {}{failed}", counts.ended, counts.total, clock(at))
}

/// The line that stays when a group has ended.
fn ended(closed: &Closed, title_width: usize, columns: usize) -> String {
    let text = format!(
        "{} {} {} {}  {}",
        closed.mark.painted(),
        column(&closed.title, title_width),
        column(&closed.word, WORD),
        format!("{:>TIME$}", clock(closed.elapsed)).dimmed(),
        closed.detail
    );
    // Why something failed must not be cut off.
    if closed.mark == Mark::Bad { text.trim_end().to_owned() } else { fit(&text, columns) }
}

/// Pads or cuts to a width.
fn column(text: &str, width: usize) -> String {
    let text = truncate_str(text, width, "…");
    let gap = width.saturating_sub(measure_text_width(&text));
    format!("{text}{}", " ".repeat(gap))
}

/// Cuts to the terminal's width, leaving its last column free: some terminals wrap when it is written.
fn fit(text: &str, columns: usize) -> String {
    truncate_str(text.trim_end(), columns.saturating_sub(1).max(20), "…").into_owned()
}
