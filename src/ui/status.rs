//! The screen of `pipectl status`: containers, then facts about the data plane, then the verdict.
//!
//! Plain data in, text out; whoever gathers the facts fills a [`StatusView`].

use std::fmt::Write as _;
use std::time::Duration;

use owo_colors::OwoColorize;

use super::style::{Mark, age, bytes};
use super::table::Table;

/// Everything on the screen.
#[derive(Debug, Clone, Default)]
pub struct StatusView {
    /// Project name.
    pub project: String,
    /// One row a container, in the order in which they are shown.
    pub containers: Vec<ContainerRow>,
    /// Connector, slot, topics, jobs, tables, destination ..
    pub sections: Vec<Section>,
    /// The last line: `Good` with "all 14 services are up", or what is wrong.
    pub verdict: (Mark, String),
    /// Reasons for a verdict that is not good, each with the next command where there is one.
    pub reasons: Vec<String>,
}

/// A container.
#[derive(Debug, Clone, Default)]
pub struct ContainerRow {
    /// Verdict on it.
    pub mark: Mark,
    /// Service, with its number where it is scaled.
    pub service: String,
    /// State of its process: `running`, `exited (1)`, `not there`.
    pub state: String,
    /// Its health check's verdict; empty without one.
    pub health: String,
    /// Time since its last start.
    pub uptime: Option<Duration>,
    /// Memory in use, in bytes.
    pub memory: Option<u64>,
    /// Memory limit, in bytes.
    pub memory_limit: Option<u64>,
    /// Published ports as `5433->5432`.
    pub ports: String,
}

/// A group of facts with a title.
#[derive(Debug, Clone, Default)]
pub struct Section {
    /// Title.
    pub title: String,
    /// Column titles; none for a list of name and value.
    pub columns: Vec<String>,
    /// Rows: a verdict and the cells.
    pub rows: Vec<(Mark, Vec<String>)>,
}

impl Section {
    /// A list of name and value.
    pub fn facts(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// A table.
    pub fn table<S: Into<String>>(title: impl Into<String>, columns: impl IntoIterator<Item = S>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect(), ..Self::facts(title) }
    }

    /// Adds a row.
    pub fn row<S: Into<String>>(&mut self, mark: Mark, cells: impl IntoIterator<Item = S>) -> &mut Self {
        self.rows.push((mark, cells.into_iter().map(Into::into).collect()));
        self
    }
}

/// The text; `width` is the terminal's, see [`super::Ui::width`].
pub fn render(view: &StatusView, width: Option<usize>) -> String {
    let mut text = String::new();
    if !view.containers.is_empty() {
        text.push_str(&containers(&view.containers).render(width));
    }
    for section in view.sections.iter().filter(|section| !section.rows.is_empty()) {
        let mut table = Table::new(section.columns.iter().cloned()).indent(2);
        for (mark, cells) in &section.rows {
            table.marked(*mark, cells.iter().cloned());
        }
        // Writing into a String cannot fail, here and below.
        let _ = write!(text, "\n{}\n{}", section.title.bold(), table.render(width));
    }
    let (mark, verdict) = &view.verdict;
    if !text.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{} {} {verdict}", mark.painted(), format!("{}:", view.project).bold());
    for reason in &view.reasons {
        let _ = writeln!(text, "  {}", reason.replace('\n', "\n  "));
    }
    text
}

fn containers(rows: &[ContainerRow]) -> Table {
    let mut table = Table::new(["SERVICE", "STATE", "HEALTH", "UP", "MEMORY", "PORTS"]);
    for row in rows {
        let memory = match (row.memory, row.memory_limit) {
            (Some(used), Some(limit)) => format!("{} of {}", bytes(used), bytes(limit)),
            (Some(used), None) => bytes(used),
            (None, _) => String::new(),
        };
        let uptime = row.uptime.map(age).unwrap_or_default();
        table.marked(
            row.mark,
            [row.service.clone(), row.state.clone(), row.health.clone(), uptime, memory, row.ports.clone()],
        );
    }
    table
}
