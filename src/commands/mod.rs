//! One file a command: glue between what the user typed and the layers that decide, do and show.

mod backup;
mod bundle;
mod catalog;
mod checks;
mod completions;
mod config;
mod connector;
mod context;
mod credentials;
mod critical_path;
mod doctor;
mod down;
mod exec;
mod failures;
mod flow;
mod graph;
mod images;
mod ingest;
mod init;
mod jobs;
mod lifecycle;
mod lineage;
mod logs;
mod man;
mod progress;
mod published;
mod repair;
mod reset;
mod run;
mod scale;
mod stack;
mod status;
mod token;
mod tools;
mod unfinished;
mod unproved;
mod up;
mod verify;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::ui::Ui;
use context::Context;

/// What a command ends with: its exit code, or a failure that is shown.
pub type Exit = Result<u8, Failure>;

/// Runs the command that was typed.
pub async fn run(cli: Cli, ui: &Ui) -> Exit {
    let mut context = Context::new(&cli, ui)?;
    if init::begun(&context, &cli.command)? {
        context = Context::new(&cli, ui)?;
    }
    match cli.command {
        Command::Up(arguments) => {
            let ended = up::run(&context, &arguments).await;
            bundle::kept_if_failed(&context, arguments.bundle(), ended).await
        }
        Command::Init(arguments) => init::run(&context, &arguments),
        Command::Status(arguments) => status::run(&context, &arguments).await,
        Command::Verify(arguments) => {
            let ended = verify::run(&context, &arguments).await;
            bundle::kept_if_failed(&context, arguments.bundle.clone(), ended).await
        }
        Command::Doctor(arguments) => doctor::run(&context, &arguments).await,
        Command::Bundle(arguments) => bundle::run(&context, &arguments).await,
        Command::Backup(arguments) => backup::backup(&context, &arguments).await,
        Command::Restore(arguments) => backup::restore(&context, &arguments).await,
        Command::Down(arguments) => down::run(&context, &arguments).await,
        Command::Reset(arguments) => reset::run(&context, &arguments).await,
        Command::Repair(arguments) => repair::run(&context, &arguments).await,
        Command::Stop(arguments) => lifecycle::stop(&context, &arguments.services).await,
        Command::Start(arguments) => lifecycle::start(&context, &arguments.services).await,
        Command::Restart(arguments) => lifecycle::restart(&context, &arguments.services).await,
        Command::Logs(arguments) => logs::run(&context, &arguments).await,
        Command::Scale(arguments) => scale::run(&context, &arguments).await,
        Command::Exec(arguments) => exec::run(&context, &arguments).await,
        Command::Config(arguments) => config::run(&context, &arguments),
        Command::Graph(arguments) => graph::run(&context, &arguments),
        Command::Images(arguments) => images::run(&context, &arguments).await,
        Command::CriticalPath(arguments) => critical_path::run(&context, &arguments),
        Command::Credentials(arguments) => credentials::run(&context, &arguments),
        Command::Connector(arguments) => connector::run(&context, &arguments).await,
        Command::Jobs(arguments) => jobs::run(&context, &arguments).await,
        Command::Ingest(arguments) => ingest::run(&context, &arguments).await,
        Command::Lineage(arguments) => lineage::run(&context, &arguments).await,
        Command::Token(arguments) => token::run(&context, &arguments).await,
        Command::Catalog(arguments) => catalog::run(&context, &arguments).await,
        Command::Completions(arguments) => completions::run(&context, &arguments),
        Command::Man(arguments) => man::run(&context, &arguments),
    }
}
