//! A failure on the screen: what failed, why, the evidence, and what to type next.

use std::fmt::Write as _;

use owo_colors::OwoColorize;

use crate::failure::{Evidence, Failure};

/// The whole report, with a final newline.
pub(super) fn render(failure: &Failure) -> String {
    let mut text = String::new();
    let mut lines = failure.message.lines();
    // Writing into a String cannot fail, here and below.
    let _ = writeln!(text, "{} {}", "error:".red().bold(), lines.next().unwrap_or_default());
    for line in lines {
        let _ = writeln!(text, "       {line}");
    }
    for line in &failure.excerpt {
        let _ = writeln!(text, "  {line}");
    }
    for (depth, cause) in failure.causes.iter().enumerate() {
        for (number, line) in cause.lines().enumerate() {
            let lead = if number == 0 { "because: " } else { "         " };
            let _ = writeln!(text, "{:indent$}{}{line}", "", lead.dimmed(), indent = 2 * (depth + 1));
        }
    }
    for Evidence { title, lines, .. } in &failure.evidence {
        let _ = writeln!(text, "\n  {}", format!("{title}:").bold());
        for line in lines.iter().flat_map(|line| line.lines()) {
            let _ = writeln!(text, "  {} {line}", "|".blue());
        }
    }
    if !failure.hints.is_empty() {
        text.push('\n');
    }
    for hint in &failure.hints {
        let _ = writeln!(text, "{}", self::hint(hint));
    }
    text
}

/// `hint: ..`, further lines aligned.
pub(super) fn hint(text: &str) -> String {
    format!("{} {}", "hint:".cyan().bold(), text.replace('\n', "\n      "))
}

/// `warning: ..` and its hint, without a final newline.
pub(super) fn warning(text: &str, advice: Option<&str>) -> String {
    let head = format!("{} {}", "warning:".yellow().bold(), text.replace('\n', "\n         "));
    advice.map_or(head.clone(), |advice| format!("{head}\n{}", hint(advice)))
}
