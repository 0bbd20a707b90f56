//! pipectl: brings up, proves and operates a change-data-capture lakehouse on Docker.
//!
//! Three layers: `model` (what the files say), `engine` (decide and do), `pipeline`/`probes`/`steps` (what sees the data).
//! `commands` glue them together, `ui` shows. docs/architecture.md has the map.

pub mod cli;
pub mod commands;
pub mod docker;
pub mod engine;
pub mod event;
pub mod exit;
pub mod failure;
pub mod images;
pub mod model;
pub mod pipeline;
pub mod preflight;
pub mod probes;
pub mod steps;
pub mod ui;

/// Entry.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
