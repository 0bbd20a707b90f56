//! The screen of `pipectl doctor`: one line a check, below it what was found and what to do.

use std::fmt::Write as _;

use owo_colors::OwoColorize;

use super::style::Mark;

/// A check with its verdict.
#[derive(Debug, Clone, Default)]
pub struct CheckRow {
    /// Id.
    pub id: String,
    /// Verdict.
    pub mark: Mark,
    /// What was seen, where nothing was found.
    pub detail: String,
    /// What was found, and what to do about it.
    pub findings: Vec<(Mark, String, String)>,
}

/// The text: every check, then the verdict on all.
pub fn render(rows: &[CheckRow], verdict: &(Mark, String)) -> String {
    let width = rows.iter().map(|row| row.id.len()).max().unwrap_or_default();
    let mut text = String::new();
    for row in rows {
        // Writing into a String cannot fail, here and below.
        let id = format!("{:width$}", row.id);
        if row.findings.is_empty() {
            let _ = writeln!(text, "{} {id}  {}", row.mark.painted(), row.detail);
        }
        for (number, (mark, finding, fix)) in row.findings.iter().enumerate() {
            let title = if number == 0 { id.clone() } else { " ".repeat(width) };
            let _ = writeln!(text, "{} {title}  {finding}", mark.painted());
            if !fix.is_empty() {
                let _ = writeln!(text, "  {:width$}  {} {fix}", "", "fix:".cyan().bold());
            }
        }
    }
    let (mark, verdict) = verdict;
    let _ = writeln!(text, "\n{} {verdict}", mark.painted());
    text
}
