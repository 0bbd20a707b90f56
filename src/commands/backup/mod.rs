//! `pipectl backup` and `pipectl restore`.

mod files;
mod make;
mod pause;
mod restore;

use std::path::Path;

use serde::Serialize;

use super::Exit;
use super::context::Context;
use super::stack::Stack;
use crate::backup::BackupManifest;
use crate::cli::{BackupArgs, RestoreArgs};
use crate::exit;
use crate::failure::Failure;
use crate::ui::bytes;
pub use files::of_project;
pub use make::{After, Order};

/// Result of `backup --json` and `restore --json`.
#[derive(Serialize)]
struct Told<'a> {
    file: String,
    bytes: u64,
    manifest: &'a BackupManifest,
}

pub async fn backup(context: &Context, arguments: &BackupArgs) -> Exit {
    let stack = Stack::open(context).await?;
    let order = Order { file: &arguments.file, secrets: arguments.with_secrets, after: After::AsBefore };
    order.check()?;
    let Some((manifest, size)) = make::backup(context, &stack, &order, arguments.yes).await? else {
        return Ok(exit::FAILED);
    };
    tell(context, &arguments.file, size, &manifest, arguments.json)?;
    Ok(exit::OK)
}

/// Before something is thrown away. The question has been answered by then.
pub async fn before(context: &Context, stack: &Stack, order: &Order<'_>) -> Result<(), Failure> {
    if let Some((manifest, size)) = make::backup(context, stack, order, true).await? {
        context.ui.note(&summary(order.file, size, &manifest));
    }
    Ok(())
}

pub async fn restore(context: &Context, arguments: &RestoreArgs) -> Exit {
    let stack = Stack::open(context).await?;
    let Some((manifest, size)) = restore::restore(context, &stack, arguments).await? else { return Ok(exit::FAILED) };
    if arguments.json {
        let file = arguments.file.display().to_string();
        context.json(&Told { file, bytes: size, manifest: &manifest })?;
    }
    Ok(exit::OK)
}

fn tell(context: &Context, file: &Path, size: u64, manifest: &BackupManifest, json: bool) -> Result<(), Failure> {
    let name = file.display().to_string();
    if json {
        return context.json(&Told { file: name, bytes: size, manifest });
    }
    context.ui.note(&summary(file, size, manifest));
    if manifest.secrets {
        context.ui.note("it holds passwords: keep it where only you can read it");
    }
    if context.ui.is_json() { Ok(()) } else { context.out(&name) }
}

fn summary(file: &Path, size: u64, manifest: &BackupManifest) -> String {
    let volumes: u64 = manifest.volumes.iter().map(|volume| volume.bytes).sum();
    format!("{}: {} volume(s), {} in {}", file.display(), manifest.volumes.len(), bytes(volumes), bytes(size))
}
