//! A screen that is redrawn in place (`status --watch`): over the old one, so that nothing flickers.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Reader, Ui};

const HIDE_CURSOR: &str = "\x1b[?25l";
pub(super) const SHOW_CURSOR: &str = "\x1b[?25h";
const CLEAR: &str = "\x1b[2J";
const HOME: &str = "\x1b[H";
const CLEAR_TO_LINE_END: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// A screen. Dropping it gives the cursor back. Off a terminal every frame is simply printed.
#[derive(Debug)]
pub struct Watch {
    ui: Ui,
    drawn: bool,
}

impl Watch {
    pub(super) fn new(ui: Ui) -> Self {
        Self { ui, drawn: false }
    }

    /// Shows a frame in the place of the one before.
    pub fn draw(&mut self, text: &str) -> io::Result<Reader> {
        let first = !std::mem::replace(&mut self.drawn, true);
        let Some((rows, columns)) = self.ui.screen_size() else {
            return self.ui.out(&if first { text.to_owned() } else { format!("\n{text}") });
        };
        // Not through the writer that strips colours: that would strip the cursor movements as well.
        let text = if super::is_colored(&io::stdout()) { text.into() } else { console::strip_ansi_codes(text) };
        super::written(&mut io::stdout().lock(), frame(&text, first, rows, columns).as_bytes())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.drawn && self.ui.screen_size().is_some() {
            self.ui.restore_terminal();
        }
    }
}

fn frame(text: &str, first: bool, rows: usize, columns: usize) -> String {
    let room = rows.saturating_sub(1).max(1);
    let total = text.lines().count();
    let shown = if total > room { room - 1 } else { total };
    let mut output = String::from(HIDE_CURSOR);
    if first {
        output.push_str(CLEAR);
    }
    output.push_str(HOME);
    // A line that wraps would push the rest down and the frame would scroll.
    for line in text.lines().take(shown) {
        let line = console::truncate_str(line, columns, "…");
        // Writing into a String cannot fail, here and below.
        let _ = write!(output, "{line}{CLEAR_TO_LINE_END}\n");
    }
    if shown < total {
        let _ = write!(output, "… {} more lines{CLEAR_TO_LINE_END}\n", total - shown);
    }
    output.push_str(CLEAR_BELOW);
    output
}

/// Makes the cursor visible; harmless when it is.
pub(super) fn show_cursor() {
    let mut stdout = io::stdout().lock();
    // The program is about to end or the terminal is gone: nothing else can be done about it.
    let _ = stdout.write_all(SHOW_CURSOR.as_bytes()).and_then(|()| stdout.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_overwrites_the_one_before_and_stays_on_the_screen() {
        let shown = frame("one\ntwo\nthree\nfour\n", false, 4, 80).replace('\x1b', "ESC");
        assert_eq!(shown, "ESC[?25lESC[HoneESC[K\ntwoESC[K\n… 2 more linesESC[K\nESC[J");
    }

    #[test]
    fn the_first_frame_clears_the_screen_and_long_lines_are_cut() {
        let shown = frame("abcdefghij\n", true, 24, 6).replace('\x1b', "ESC");
        assert_eq!(shown, "ESC[?25lESC[2JESC[HabcdefESC[K\nESC[J".replace("abcdef", "abcde…"));
    }
}
