//! `pipectl bundle`: everything that helps to find out what is wrong, in one file without secrets.

mod collect;

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
    let created = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let (project, bundle) = collect::everything(context, &created).await;
    let path = arguments.file.clone().unwrap_or_else(|| {
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
    context.out(&path.display().to_string())?;
    Ok(exit::OK)
}
