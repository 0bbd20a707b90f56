//! Container log lines with the name of where they come from in front, like `docker compose logs`.

use owo_colors::{AnsiColors, OwoColorize};

/// A prefix for the lines of several containers.
#[derive(Debug, Clone)]
pub struct LogPrefix {
    names: Vec<String>,
    width: usize,
}

impl LogPrefix {
    /// For these containers or services; their order decides the colours.
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
        Self { names, width }
    }

    /// A line of one of them, with a newline.
    pub fn line(&self, name: &str, text: &str) -> String {
        const COLORS: [AnsiColors; 6] = [
            AnsiColors::Cyan,
            AnsiColors::Yellow,
            AnsiColors::Green,
            AnsiColors::Magenta,
            AnsiColors::Blue,
            AnsiColors::BrightRed,
        ];
        let position = self.names.iter().position(|known| known == name).unwrap_or_default();
        let lead = format!("{name:width$} |", width = self.width);
        format!("{} {text}\n", lead.color(COLORS[position % COLORS.len()]))
    }
}
