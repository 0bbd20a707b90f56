//! Marks, colours and units: how a state, a duration or a size looks everywhere.
//!
//! Colour only repeats what a mark or a word already says; every writer strips it where it is not wanted.

use std::time::Duration;

use owo_colors::OwoColorize;

/// Verdict on one line of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mark {
    /// As it should be.
    Good,
    /// Broken.
    Bad,
    /// Works, but needs attention.
    Warn,
    /// Under way or unknown.
    Pending,
    /// Left out on purpose.
    Skipped,
    /// No verdict.
    #[default]
    None,
}

impl Mark {
    /// The character that stands for it.
    pub fn glyph(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✗",
            Self::Warn => "!",
            Self::Pending => "…",
            Self::Skipped => "-",
            Self::None => " ",
        }
    }

    /// The character in its colour.
    pub fn painted(self) -> String {
        let glyph = self.glyph();
        match self {
            Self::Good => glyph.green().to_string(),
            Self::Bad => glyph.red().to_string(),
            Self::Warn => glyph.yellow().to_string(),
            Self::Pending => glyph.cyan().to_string(),
            Self::Skipped => glyph.dimmed().to_string(),
            Self::None => glyph.to_owned(),
        }
    }
}

/// Colours the mark that begins a line of laid-out text. Layout comes first because colour codes have a length.
pub(super) fn paint_mark(line: &str) -> String {
    const MARKS: [Mark; 5] = [Mark::Good, Mark::Bad, Mark::Warn, Mark::Pending, Mark::Skipped];
    let text = line.trim_start();
    let indent = &line[..line.len() - text.len()];
    for mark in MARKS {
        if let Some(rest) = text.strip_prefix(mark.glyph()) {
            if rest.is_empty() || rest.starts_with(' ') {
                return format!("{indent}{}{rest}", mark.painted());
            }
        }
    }
    line.to_owned()
}

/// A duration as measured: `340ms`, `12.3s`, `2m 03s`, `1h 02m`.
pub fn duration(value: Duration) -> String {
    let seconds = value.as_secs();
    if value < Duration::from_secs(1) {
        format!("{}ms", value.as_millis())
    } else if value < Duration::from_millis(59_950) {
        format!("{:.1}s", value.as_secs_f64())
    } else if seconds < 3600 {
        format!("{}m {:02}s", seconds / 60, seconds % 60)
    } else {
        format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60)
    }
}

/// A duration that runs, at most ten times a second: always with a tenth, so that the column does not jump.
pub(super) fn clock(value: Duration) -> String {
    if value < Duration::from_secs(60) { format!("{:.1}s", value.as_secs_f64()) } else { duration(value) }
}

/// An age in one or two units: `42s`, `7m`, `2h 05m`, `3d 4h`.
pub fn age(value: Duration) -> String {
    let seconds = value.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// A size in binary units: `812 B`, `310 MiB`, `1.4 GiB`.
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if value < 1024 {
        return format!("{value} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "two significant digits are shown")]
    let mut amount = value as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 1023.5 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    if amount < 9.95 { format!("{amount:.1} {}", UNITS[unit]) } else { format!("{amount:.0} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_about_three_digits() {
        let shown = [0, 340, 1_000, 12_345, 59_960, 123_000, 3_720_000].map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(shown, ["0ms", "340ms", "1.0s", "12.3s", "0m 59s", "2m 03s", "1h 02m"]);
    }

    #[test]
    fn ages_are_coarse() {
        let shown = [0, 59, 61, 7_500, 273_600].map(|seconds| age(Duration::from_secs(seconds)));
        assert_eq!(shown, ["0s", "59s", "1m", "2h 05m", "3d 4h"]);
    }

    #[test]
    fn sizes_use_the_largest_unit_that_fits() {
        let shown = [0, 1023, 1024, 325_058_560, 1_073_741_823, 1_503_238_553].map(bytes);
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "310 MiB", "1.0 GiB", "1.4 GiB"]);
    }

    #[test]
    fn only_a_leading_mark_is_painted() {
        assert_eq!(paint_mark("  ✓ kafka ✗"), "  \u{1b}[32m✓\u{1b}[39m kafka ✗");
        assert_eq!(paint_mark("kafka ✓"), "kafka ✓");
        assert_eq!(paint_mark("-f file"), "-f file");
    }
}
