//! The terminal that progress is drawn on: standard error, with lines that end in newlines.
//!
//! indicatif fills every line with blanks up to the right edge and lets the terminal wrap. That leaves the cursor there
//! after the last line: the `^C` that the terminal echoes would wrap too, and the next frame be drawn one line too low.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use console::Term;
use indicatif::TermLike;

/// See the module.
#[derive(Debug)]
pub(super) struct Screen<T> {
    terminal: T,
    /// A line was filled up: the next one, if there is one, begins with a newline.
    filled: AtomicBool,
}

impl<T> Screen<T> {
    pub(super) fn new(terminal: T) -> Self {
        Self { terminal, filled: AtomicBool::new(false) }
    }
}

impl Screen<Term> {
    /// Standard error, one write a frame.
    pub(super) fn stderr() -> Self {
        Self::new(Term::buffered_stderr())
    }
}

impl<T: TermLike> TermLike for Screen<T> {
    fn width(&self) -> u16 {
        self.terminal.width()
    }

    fn height(&self) -> u16 {
        self.terminal.height()
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.terminal.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.terminal.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.terminal.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.terminal.move_cursor_left(columns)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.terminal.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        if text.chars().all(|letter| letter == ' ') {
            self.filled.store(true, Ordering::Relaxed);
            return Ok(());
        }
        if self.filled.swap(false, Ordering::Relaxed) {
            self.terminal.write_line("")?;
        }
        self.terminal.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.terminal.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.filled.store(false, Ordering::Relaxed);
        self.terminal.flush()
    }
}
