//! Restores a backup: reads it to its end first, makes room, fills fresh volumes, and leaves nothing half done.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::files::{self, state_files, state_path};
use crate::backup::{self, BACKUP_FORMAT, BackupError, BackupManifest, Kind, Reader, VolumeEntry};
use crate::cli::RestoreArgs;
use crate::commands::context::{Context, unwritable};
use crate::commands::progress::Progress;
use crate::commands::reset::{confirmed, going};
use crate::commands::run::{Running, run};
use crate::commands::stack::Stack;
use crate::commands::unfinished::Unfinished;
use crate::commands::unproved::Unproved;
use crate::engine::backend::{Backend, VolumeSpec};
use crate::engine::desired;
use crate::engine::observed::{LAYOUT_LABEL, Observed, PROJECT_LABEL, VOLUME_LABEL};
use crate::engine::plan::Plan;
use crate::engine::reconcile;
use crate::failure::Failure;
use crate::ui::bytes;

/// Said after the first Ctrl-C.
const STOPPING: &str =
    "stopping: the volumes that were begun are removed; press Ctrl-C again to end at once and leave them";

/// A volume to make, and what goes into it.
struct Target {
    spec: VolumeSpec,
    entry: VolumeEntry,
    start: u64,
}

/// A backup that was read to its end and found whole.
struct Checked {
    reader: Arc<Reader>,
    manifest: BackupManifest,
    targets: Vec<Target>,
    /// Notes of pipectl about the project, by name.
    notes: Vec<(String, Vec<u8>)>,
}

/// Restores; returns the manifest and the size of the file, or nothing where the user did not want it.
pub async fn restore(
    context: &Context,
    stack: &Stack,
    arguments: &RestoreArgs,
) -> Result<Option<(BackupManifest, u64)>, Failure> {
    let checked = open(context, stack, arguments).await?;
    let observed = stack.observe().await?;
    let plan = reconcile::reset_all(&stack.project, &observed)?;
    if !may_replace(context, stack, arguments, &checked, &observed, &plan).await? {
        return Ok(None);
    }
    let cancel = context.ui.interrupts(Some(STOPPING)).map_err(|error| unwritable(&error))?;
    let unfinished = Unfinished::of(stack);
    unfinished.removing("restore", &observed)?;
    if plan.changes() > 0 {
        let told = |_: &_| "there is room for the backup".to_owned();
        let running = Running { cancel: Some(cancel.clone()), ..Running::plain("restore", &told) };
        run(context, stack, &plan, &running).await?;
    }
    unfinished.filling("restore")?;
    let filled = fill(context, stack, &checked, &cancel).await;
    if let Err(failure) = filled {
        return Err(clear(stack, &checked, &unfinished, failure).await);
    }
    keep_notes(stack, &checked)?;
    let unproved = Unproved::of(stack);
    unproved.set().map_err(|error| unproved.unwritable(&error))?;
    unfinished.clear()?;
    let differing = files::differing(context, stack, &checked.manifest)?;
    if !differing.is_empty() {
        context.ui.warning(
            &format!("files of this project are not those of the backup: {}", differing.join(", ")),
            Some(&format!("to see the backup's: `tar -xf {} project`", arguments.file.display())),
        );
    }
    context.ui.note(&format!(
        "restored project {} as of {}; `pipectl up` goes on from there",
        checked.manifest.project, checked.manifest.created
    ));
    Ok(Some((checked.manifest, checked.reader.size())))
}

/// Reads the whole file and compares it with its manifest and with the project. Touches nothing.
async fn open(context: &Context, stack: &Stack, arguments: &RestoreArgs) -> Result<Checked, Failure> {
    let reader = Arc::new(Reader::open(&arguments.file, Kind::Backup, BACKUP_FORMAT)?);
    let manifest: BackupManifest = reader.manifest()?;
    fits(context, stack, arguments, &manifest)?;
    let specs = specs(stack, &reader, &manifest)?;
    let file = arguments.file.display().to_string();
    let progress = Progress::begin(context, "restore", &stack.project.name, vec![("check", format!("backup {file}"))]);
    let task = progress.start(0);
    let tell = task.tell(reader.size());
    // Nothing is touched yet: until here Ctrl-C simply ends the program.
    let found = backup::check(reader.clone(), manifest.clone(), tell, &CancellationToken::new()).await;
    let found = task.ended(found, |_| bytes(reader.size()));
    let starts = progress.end(found, "the backup is whole").await?;
    let notes = notes(&reader, &manifest, &starts)?;
    let entries = manifest.volumes.iter().cloned();
    let targets = entries.zip(specs).zip(starts).map(|((entry, spec), start)| Target { spec, entry, start }).collect();
    Ok(Checked { reader, manifest, targets, notes })
}

/// Whether the backup is one of this project.
fn fits(context: &Context, stack: &Stack, arguments: &RestoreArgs, manifest: &BackupManifest) -> Result<(), Failure> {
    let (file, name) = (arguments.file.display(), &stack.project.name);
    if manifest.project != *name && context.global.project.is_none() {
        let message = format!("{file} is a backup of project {}, and this is project {name}", manifest.project);
        return Err(Failure::usage(message)
            .hint(format!("to restore it into this one: `pipectl restore {file} --project {name}`")));
    }
    let needed = stack.project.ext.layout();
    if manifest.layout != needed {
        let message = format!("{file} holds data of layout {}, and this project has layout {needed}", manifest.layout);
        let hint = if manifest.layout > needed {
            "use the newer version of pipectl and of the Compose files that wrote it"
        } else {
            "use the older version of pipectl and of the Compose files that wrote it"
        };
        return Err(Failure::usage(message).hint(hint));
    }
    Ok(())
}

/// The volumes to make, in the order of the manifest.
fn specs(stack: &Stack, reader: &Reader, manifest: &BackupManifest) -> Result<Vec<VolumeSpec>, Failure> {
    let declared = desired::volumes(&stack.project);
    let project = &stack.project.name;
    let mut seen = BTreeSet::new();
    let spec = |entry: &VolumeEntry| {
        let key = &entry.key;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if key.is_empty() || !key.chars().all(plain) || !seen.insert(key.clone()) {
            let why = format!("`{key}` is no key of a volume, or is there twice");
            return Err(Failure::from(reader.damaged("manifest.json", &why)));
        }
        if let Some(spec) = declared.get(key) {
            return Ok(spec.clone());
        }
        // Of a profile that is not chosen now; when it is, `up` takes the volume as it is.
        let labels = [
            (PROJECT_LABEL, project.clone()),
            (VOLUME_LABEL, key.clone()),
            (LAYOUT_LABEL, manifest.layout.to_string()),
        ];
        Ok(VolumeSpec {
            name: if manifest.project == *project { entry.name.clone() } else { format!("{project}_{key}") },
            labels: labels.map(|(label, value)| (label.to_owned(), value)).into_iter().collect(),
            ..VolumeSpec::default()
        })
    };
    manifest.volumes.iter().map(spec).collect()
}

/// Files that pipectl keeps about the catalog, which must be as old as the catalog's volume.
fn notes(reader: &Reader, manifest: &BackupManifest, starts: &[u64]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut notes = Vec::new();
    for (file, start) in manifest.files.iter().zip(&starts[manifest.volumes.len()..]) {
        let Some(name) = state_files().into_iter().find(|name| state_path(name) == file.path) else { continue };
        let mut content = Vec::new();
        let read = reader.at(*start)?.take(file.bytes).read_to_end(&mut content);
        read.map_err(|error| reader.damaged(&file.member(), &error.to_string()))?;
        notes.push((name, content));
    }
    Ok(notes)
}

/// Whether what is there may go; asks where data would be lost.
async fn may_replace(
    context: &Context,
    stack: &Stack,
    arguments: &RestoreArgs,
    checked: &Checked,
    observed: &Observed,
    plan: &Plan,
) -> Result<bool, Failure> {
    let project = &stack.project.name;
    let names: Vec<String> = checked.targets.iter().map(|target| target.spec.name.clone()).collect();
    let existing = stack.engine.volumes(project, &names).await?;
    if let Some(foreign) = existing.iter().find(|volume| volume.project != *project && names.contains(&volume.name)) {
        return Err(Failure::stack(format!("volume {} exists and is not this project's", foreign.name))
            .hint("give the volume another `name` in the Compose file, or choose another project with `--project`"));
    }
    let mut lost = Vec::new();
    for volume in &existing {
        if volume.project == *project && backup::holds_data(stack.engine.as_ref(), project, &volume.name).await? {
            lost.push(volume.name.clone());
        }
    }
    if lost.is_empty() && observed.containers.is_empty() {
        return Ok(true);
    }
    let file = arguments.file.display();
    if !arguments.force {
        let what = if lost.is_empty() { "containers".to_owned() } else { format!("data in {}", lost.join(", ")) };
        return Err(Failure::stack(format!("project {project} is not empty: it has {what}"))
            .hint(format!(
                "to throw that away: `pipectl restore {file} --force`; to keep a copy: `pipectl backup FILE` first"
            ))
            .hint(format!("to restore beside it: `pipectl restore {file} --project OTHER`")));
    }
    context.ui.note(&going(plan, &[], &[]));
    let command = format!("restore {file} --force");
    confirmed(context, arguments.yes, &command, &format!("replace all data of project {project} by the backup?"))
}

/// Makes the volumes and fills them.
async fn fill(context: &Context, stack: &Stack, checked: &Checked, cancel: &CancellationToken) -> Result<(), Failure> {
    let operations = checked.targets.iter().map(|target| ("restore", format!("volume {}", target.spec.name))).collect();
    let progress = Progress::begin(context, "restore", &stack.project.name, operations);
    let all = async {
        for (id, target) in checked.targets.iter().enumerate() {
            let task = progress.start(id);
            let tell = task.tell(target.entry.bytes);
            let filled = one(stack, checked, target, tell, cancel).await;
            task.ended(filled, |()| format!("{} in {} file(s)", bytes(target.entry.bytes), target.entry.files))?;
        }
        Ok(())
    };
    let all = all.await;
    progress.end(all, "every volume is restored").await
}

async fn one(
    stack: &Stack,
    checked: &Checked,
    target: &Target,
    tell: backup::Tell,
    cancel: &CancellationToken,
) -> Result<(), BackupError> {
    if cancel.is_cancelled() {
        return Err(BackupError::Interrupted);
    }
    let engine = stack.engine.as_ref();
    engine.create_volume(&target.spec).await?;
    let part = (checked.reader.clone(), target.start, target.entry.clone());
    backup::write_volume(engine, &stack.project.name, &target.spec.name, part, tell, cancel).await
}

/// Removes what was begun; the failure is the one to report.
async fn clear(stack: &Stack, checked: &Checked, unfinished: &Unfinished, failure: Failure) -> Failure {
    for target in &checked.targets {
        if let Err(error) = stack.engine.remove_volume(&target.spec.name).await {
            return failure
                .because(format!("and what was restored by then could not be removed: {error}"))
                .hint("`pipectl reset all` removes it");
        }
    }
    match unfinished.clear() {
        Ok(()) => failure.hint("nothing of it was kept; the same command begins again"),
        Err(error) => failure.because(error.message),
    }
}

fn keep_notes(stack: &Stack, checked: &Checked) -> Result<(), Failure> {
    let directory = stack.state_dir();
    for (name, content) in &checked.notes {
        let path = directory.join(name);
        path.parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, content))
            .map_err(|error| Failure::stack(format!("cannot write {}", path.display())).because(error.to_string()))?;
    }
    Ok(())
}
