//! `pipectl bundle`: everything that helps to find out what is wrong, in one file without secrets.

mod collect;
mod declared;
mod probes;

use std::path::PathBuf;
use std::time::SystemTime;

use super::Exit;
use super::context::Context;
use crate::bundle;
use crate::cli::BundleArgs;
use crate::exit;
use crate::failure::Failure;
use crate::ui::bytes;

pub async fn run(context: &Context, arguments: &BundleArgs) -> Exit {
    let path = write(context, arguments.file.clone()).await?;
    context.out(&path.display().to_string())?;
    Ok(exit::OK)
}

/// For `--bundle FILE` of other commands: how one ended, with a bundle in that file unless it ended well. What was typed
/// wrongly, and Ctrl-C, leave nothing to look into.
pub async fn kept_if_failed(context: &Context, file: Option<PathBuf>, ended: Exit) -> Exit {
    let code = ended.as_ref().map_or_else(|failure| failure.code, |code| *code);
    let Some(file) = file.filter(|_| ![exit::OK, exit::USAGE, exit::INTERRUPTED].contains(&code)) else { return ended };
    match write(context, Some(file)).await {
        Ok(path) => context.ui.note(&format!("{} keeps what helps to find out why", path.display())),
        // The command's own failure is what has to be told at the end.
        Err(failure) => context.ui.warning(&format!("no bundle was kept: {}", failure.message), None),
    }
    ended
}

/// Writes a bundle and says what is in it; returns where.
async fn write(context: &Context, file: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let created = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let (project, bundle) = collect::everything(context, &created).await;
    let path = file.unwrap_or_else(|| {
        let stamp: String = created.chars().filter(char::is_ascii_alphanumeric).collect();
        PathBuf::from(format!("pipectl-bundle-{}-{stamp}.tar.gz", project.as_deref().unwrap_or("unknown")))
    });
    let missing: Vec<String> = bundle
        .missing
        .iter()
        .map(|missing| format!("not collected: {}: {}", missing.what, bundle.secrets.clean(&missing.why)))
        .collect();
    let files = bundle
        .cleaned()
        .map_err(|error| Failure::stack("the bundle cannot be written as JSON").because(error.to_string()))?;
    let size = bundle::write(&path, &files)
        .map_err(|error| Failure::from(anyhow::Error::from(error)).hint("name another file: `pipectl bundle FILE`"))?;
    for line in missing {
        context.ui.note(&line);
    }
    context.ui.note(&format!(
        "{} files, {}; passwords, tokens and keys are removed, but look through it before you publish it",
        files.len(),
        bytes(size)
    ));
    Ok(path)
}
