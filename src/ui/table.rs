//! Tables without borders: a dim header, columns by content, numbers to the right, wrapped only on a terminal.

use comfy_table::{CellAlignment, ContentArrangement, presets};
use owo_colors::OwoColorize;

use super::style::{Mark, paint_mark};

/// A table in the making.
#[derive(Debug, Clone, Default)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<(Mark, Vec<String>)>,
    indent: usize,
    marks: bool,
}

impl Table {
    /// A table with these column titles; an empty list makes one without a header.
    pub fn new<S: Into<String>>(header: impl IntoIterator<Item = S>) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Spaces before every line.
    #[must_use]
    pub fn indent(mut self, spaces: usize) -> Self {
        self.indent = spaces;
        self
    }

    /// Adds a row.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) -> &mut Self {
        self.rows.push((Mark::None, cells.into_iter().map(Into::into).collect()));
        self
    }

    /// Adds a row that begins with a mark.
    pub fn marked<S: Into<String>>(&mut self, mark: Mark, cells: impl IntoIterator<Item = S>) -> &mut Self {
        self.marks = true;
        self.rows.push((mark, cells.into_iter().map(Into::into).collect()));
        self
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text, one newline after each line; `width` is the terminal's, nothing is wrapped without it.
    pub fn render(&self, width: Option<usize>) -> String {
        let mut table = comfy_table::Table::new();
        table.load_preset(presets::NOTHING);
        if let Some(width) = width.and_then(|width| u16::try_from(width.saturating_sub(self.indent)).ok()) {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        } else {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
        if !self.header.is_empty() {
            let lead = self.marks.then(String::new);
            table.set_header(lead.into_iter().chain(self.header.iter().cloned()));
        }
        for (mark, cells) in &self.rows {
            let lead = self.marks.then(|| mark.glyph().to_owned());
            table.add_row(lead.into_iter().chain(cells.iter().map(|cell| one_line(cell))));
        }
        let last = table.column_count().saturating_sub(1);
        let shift = usize::from(self.marks);
        for (index, column) in table.column_iter_mut().enumerate() {
            let gap = if index == last {
                0
            } else if self.marks && index == 0 {
                1
            } else {
                2
            };
            column.set_padding((0, gap));
            if index >= shift && self.is_numeric(index - shift) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut text = String::new();
        for (number, line) in table.trim_fmt().lines().enumerate() {
            let line = line.trim_end();
            if !line.is_empty() {
                text.push_str(&" ".repeat(self.indent));
            }
            if number == 0 && !self.header.is_empty() {
                text.push_str(&line.dimmed().to_string());
            } else {
                text.push_str(&paint_mark(line));
            }
            text.push('\n');
        }
        text
    }

    /// True when every cell of a column begins with a digit and is short, or says that there is no number.
    fn is_numeric(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|(_, cells)| cells.get(column)).filter(|cell| *cell != "-");
        let mut numbers = cells.clone().peekable();
        numbers.peek().is_some()
            && cells.all(|cell| {
                let number = cell.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == ' ');
                !number.is_empty()
                    && number.chars().all(|digit| digit.is_ascii_digit() || matches!(digit, '.' | ',' | '+' | '%'))
            })
    }
}

/// A cell is one line: a message of several lines would tear the row apart.
fn one_line(cell: &str) -> String {
    if cell.contains(['\n', '\t', '\r']) {
        cell.split_whitespace().collect::<Vec<_>>().join(" ")
    } else {
        cell.to_owned()
    }
}
