//! Files of the project that a backup takes along, and how a project differs from one.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::backup::{BackupManifest, FileEntry};
use crate::commands::context::Context;
use crate::commands::stack::Stack;
use crate::failure::Failure;
use crate::governance::reconcile::MEMORY;
use crate::governance::session::CATALOGS;

/// Notes of pipectl that belong to the data, by their paths in the state directory: what it wrote into each catalog.
pub fn state_files() -> [String; CATALOGS.len()] {
    CATALOGS.map(|catalog| format!("{}/{MEMORY}", catalog.service))
}

/// File with variables, passwords among them.
const ENV: &str = ".env";

/// Path of such a note in a backup.
pub fn state_path(name: &str) -> String {
    format!(".pipectl/{name}")
}

/// A file with its content.
pub struct Kept {
    pub entry: FileEntry,
    pub content: Vec<u8>,
}

/// pipeline.yml and the files it names (SQL, functions, the certificate of a source elsewhere); with `secrets` the `.env` files too.
pub fn of_project(context: &Context, stack: &Stack, secrets: bool) -> Result<Vec<Kept>, Failure> {
    let mut paths: BTreeMap<String, PathBuf> = BTreeMap::new();
    if let (Some(pipeline), Some(file)) = (&stack.pipeline, &stack.project.ext.pipeline) {
        let tables = pipeline.spec.tables.values().map(|table| &table.destination.transform);
        let aggregates = pipeline.spec.aggregates.values();
        let queries = aggregates.flat_map(|aggregate| aggregate.affected.values().chain([&aggregate.query]));
        let external = pipeline.spec.source.external.iter();
        let certificate = external.filter_map(|external| Some(&external.tls.authorities()?.file));
        for path in tables.chain(queries).chain(certificate).filter(|path| is_plain(path)) {
            paths.insert(path.display().to_string(), pipeline.root.join(path));
        }
        if let Some(name) = file.file_name() {
            paths.insert(name.to_string_lossy().into_owned(), file.clone());
        }
    }
    if secrets {
        if let Some(file) = &context.load_options()?.env_file {
            paths.insert(ENV.to_owned(), file.clone());
        } else {
            let dir = &stack.project.dir;
            let above = dir.parent().map(|root| (ENV.to_owned(), root.join(ENV)));
            let own = dir.file_name().map(|name| (Path::new(name).join(ENV).display().to_string(), dir.join(ENV)));
            paths.extend([above, own].into_iter().flatten().filter(|(_, file)| file.is_file()));
        }
    }
    let notes = state_files().map(|name| (state_path(&name), stack.state_dir().join(name)));
    paths.extend(notes.into_iter().filter(|(_, file)| file.is_file()));
    paths.into_iter().map(|(path, file)| read(path, &file)).collect()
}

fn read(path: String, file: &Path) -> Result<Kept, Failure> {
    let content = std::fs::read(file)
        .map_err(|error| Failure::usage(format!("cannot read {}", file.display())).because(error.to_string()))?;
    let sha256 = format!("{:x}", Sha256::digest(&content));
    Ok(Kept { entry: FileEntry { path, bytes: content.len() as u64, sha256 }, content })
}

/// A path that stays below its directory, and so has a place in an archive.
fn is_plain(path: &Path) -> bool {
    path.components().all(|component| matches!(component, Component::Normal(_)))
}

/// Files that are not what they were when the backup was made.
pub fn differing(context: &Context, stack: &Stack, manifest: &BackupManifest) -> Result<Vec<String>, Failure> {
    let now: BTreeMap<String, String> =
        of_project(context, stack, false)?.into_iter().map(|kept| (kept.entry.path, kept.entry.sha256)).collect();
    // Files with secrets may differ from place to place, notes are put back.
    let own = |path: &str| Path::new(path).ends_with(ENV) || path.starts_with(".pipectl/");
    let then = manifest.files.iter().filter(|file| !own(&file.path));
    Ok(then.filter(|file| now.get(&file.path) != Some(&file.sha256)).map(|file| file.path.clone()).collect())
}
