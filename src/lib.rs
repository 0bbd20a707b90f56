//! pipectl: brings up, proves and operates a change-data-capture lakehouse on Docker.
//!
//! Three layers: `model` (what the files say), `engine` (decide and do), `pipeline`/`probes`/`steps` (what sees the data).
//! `commands` glue them together, `ui` shows. docs/architecture.md has the map.

pub mod backup;
pub mod bundle;
pub mod catalog;
pub mod cli;
pub mod commands;
pub mod docker;
pub mod engine;
pub mod event;
pub mod exit;
pub mod failure;
pub mod fqn;
pub mod governance;
pub mod images;
pub mod key;
pub mod model;
pub mod pipeline;
pub mod preflight;
pub mod probes;
pub mod scaffold;
pub mod steps;
pub mod ui;

use std::process::ExitCode;

use clap::Parser;

/// Parses the command line, runs the command, shows a failure.
pub fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let ui = ui::Ui::new(cli.ui_options());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            ui.failure(&failure::Failure::stack("the runtime cannot start").because(error.to_string()));
            return ExitCode::from(exit::FAILED);
        }
    };
    let ended = runtime.block_on(commands::run(cli, &ui));
    // Detached tasks (a screen, a signal handler) must not delay the end.
    runtime.shutdown_background();
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            ui.failure(&failure);
            ExitCode::from(failure.code)
        }
    }
}
