//! What the project is made of and what its last start was: files that need no engine.

use crate::bundle::{Body, Bundle};
use crate::commands::backup;
use crate::commands::context::Context;
use crate::commands::critical_path;
use crate::commands::stack::{Stack, state_dir};
use crate::model::Project;

/// Folder of the project's files in the bundle.
const FOLDER: &str = "project";
const ABOUT: &str = "a file of the project, as it is";

/// pipeline.yml and the record of the last `up`.
pub(super) fn add(project: &Project, bundle: &mut Bundle) {
    if let Some(file) = &project.ext.pipeline {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let path = format!("{FOLDER}/{name}");
        match std::fs::read_to_string(file) {
            Ok(text) => bundle.add(path, ABOUT, Body::Text(text)),
            Err(error) => bundle.miss(path, error.to_string()),
        }
    }
    let record = critical_path::file(&state_dir(project));
    match std::fs::read_to_string(&record) {
        Ok(text) => bundle.add(
            "last-up.json",
            "operations of the last `pipectl up` that decided how long it took",
            Body::Text(text),
        ),
        Err(error) => bundle.miss("last-up.json", error.to_string()),
    }
}

/// The files that pipeline.yml names, which is known once it was read.
pub(super) fn add_named(context: &Context, stack: &Stack, bundle: &mut Bundle) {
    let named = match backup::of_project(context, stack, false) {
        Ok(named) => named,
        Err(failure) => return bundle.miss(format!("{FOLDER}/"), super::collect::words(&failure)),
    };
    for kept in named {
        let path = format!("{FOLDER}/{}", kept.entry.path);
        if bundle.files.iter().all(|file| file.path != path) {
            bundle.add(path, ABOUT, Body::Text(String::from_utf8_lossy(&kept.content).into_owned()));
        }
    }
}
