//! The screen of `pipectl verify`: how long a change took to every station, and the checks.

use std::fmt::Write as _;

use owo_colors::OwoColorize;

use super::style::Mark;
use super::table::Table;

/// Everything on the screen.
#[derive(Debug, Clone, Default)]
pub struct VerifyView {
    /// The marked changes that were followed.
    pub hops: Vec<HopRow>,
    /// Comparisons and other checks.
    pub checks: Vec<CheckRow>,
    /// What was not done, and why.
    pub notes: Vec<String>,
    /// The last line.
    pub verdict: (Mark, String),
}

/// One change on its way: milliseconds from the commit at the source, `None` where it was not seen in time.
#[derive(Debug, Clone, Default)]
pub struct HopRow {
    /// `insert`, `update` or `delete`, and of what.
    pub operation: String,
    /// Readable in its Kafka topic.
    pub topic: Option<u64>,
    /// Committed to the change log.
    pub change_log: Option<u64>,
    /// Merged into its Delta table; `None` also where that was not waited for, see `delta_awaited`.
    pub delta: Option<u64>,
    /// False when the merge was not part of this verification.
    pub delta_awaited: bool,
    /// Visible at the destination.
    pub destination: Option<u64>,
}

/// A check.
#[derive(Debug, Clone, Default)]
pub struct CheckRow {
    /// What was checked.
    pub name: String,
    /// Verdict.
    pub ok: bool,
    /// What should have been seen.
    pub expected: String,
    /// What was seen.
    pub seen: String,
    /// Time it took, in milliseconds.
    pub ms: u64,
}

/// The text; `width` is the terminal's, see [`super::Ui::width`].
pub fn render(view: &VerifyView, width: Option<usize>) -> String {
    let mut text = String::new();
    if !view.hops.is_empty() {
        text.push_str(&hops(&view.hops).render(width));
    }
    if !view.checks.is_empty() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&checks(&view.checks).render(width));
        for check in view.checks.iter().filter(|check| !check.ok) {
            // Writing into a String cannot fail, here and below.
            let _ = writeln!(text, "\n{}", format!("{}:", check.name).bold());
            let _ = writeln!(text, "  expected  {}", check.expected.replace('\n', "\n            "));
            let _ = writeln!(text, "  seen      {}", check.seen.replace('\n', "\n            "));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    for note in &view.notes {
        let _ = writeln!(text, "note: {note}");
    }
    let _ = writeln!(text, "{} {}", view.verdict.0.painted(), view.verdict.1);
    text
}

fn hops(rows: &[HopRow]) -> Table {
    let cell = |ms: Option<u64>| ms.map_or_else(|| "not seen".to_owned(), |ms| format!("{ms} ms"));
    let mut table = Table::new(["CHANGE", "TOPIC", "CHANGE LOG", "DELTA", "DESTINATION"]).right(1..=4);
    for row in rows {
        let delta = if row.delta.is_none() && !row.delta_awaited { "-".to_owned() } else { cell(row.delta) };
        let complete =
            row.topic.and(row.change_log).and(row.destination).is_some() && (row.delta.is_some() || !row.delta_awaited);
        table.marked(
            if complete { Mark::Good } else { Mark::Bad },
            [row.operation.clone(), cell(row.topic), cell(row.change_log), delta, cell(row.destination)],
        );
    }
    table
}

fn checks(rows: &[CheckRow]) -> Table {
    let mut table = Table::new(["CHECK", "TIME", "SEEN"]);
    for row in rows {
        let mark = if row.ok { Mark::Good } else { Mark::Bad };
        let seen = row.seen.lines().next().unwrap_or_default().to_owned();
        table.marked(mark, [row.name.clone(), format!("{} ms", row.ms), seen]);
    }
    table
}
