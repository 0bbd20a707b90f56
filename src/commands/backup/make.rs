//! Makes a backup: stops what writes, reads every volume, starts again what ran.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::files;
use super::pause::Paused;
use crate::backup::{self, BACKUP_FORMAT, BackupError, BackupManifest, HOLDER_SERVICE, Kind, VolumeEntry, Writer};
use crate::commands::context::{Context, unwritable};
use crate::commands::progress::Progress;
use crate::commands::reset::confirmed;
use crate::commands::stack::Stack;
use crate::commands::up::State;
use crate::engine::observed::{Observed, VolumeSummary};
use crate::failure::Failure;
use crate::model::MountKind;
use crate::model::ext::FIRST_LAYOUT;
use crate::ui::bytes;

/// Said after the first Ctrl-C.
const STOPPING: &str =
    "stopping: nothing is kept of the backup, what ran before is started again; press Ctrl-C again to end at once";

/// What becomes of the services after the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// What ran runs again.
    AsBefore,
    /// They stay stopped unless the backup fails: they are removed next.
    Stopped,
}

/// A backup to make.
pub struct Order<'a> {
    /// The archive to write.
    pub file: &'a Path,
    /// Take `.env` files along.
    pub secrets: bool,
    /// What becomes of the services.
    pub after: After,
}

impl Order<'_> {
    /// Refuses what cannot be written, before anything is stopped.
    pub fn check(&self) -> Result<(), Failure> {
        if self.file.exists() {
            return Err(BackupError::Exists { path: self.file.to_owned() }.into());
        }
        let directory =
            self.file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        std::fs::read_dir(directory)
            .map(drop)
            .map_err(|source| BackupError::Write { path: self.file.to_owned(), source }.into())
    }
}

/// Makes a backup; returns its manifest and its size, or nothing where the user did not want it.
pub async fn backup(
    context: &Context,
    stack: &Stack,
    order: &Order<'_>,
    yes: bool,
) -> Result<Option<(BackupManifest, u64)>, Failure> {
    let state = State::read(stack).await?;
    let kept = files::of_project(context, stack, order.secrets)?;
    let manifest = BackupManifest {
        kind: Kind::Backup,
        format: BACKUP_FORMAT,
        pipectl: env!("CARGO_PKG_VERSION").to_owned(),
        project: stack.project.name.clone(),
        created: now(),
        layout: state.observed.volumes.iter().find_map(|volume| volume.layout).unwrap_or(FIRST_LAYOUT),
        config_sha256: configuration(&state, stack)?,
        images: state.catalogue.references(),
        secrets: order.secrets,
        volumes: volumes(context, stack, &state.observed)?,
        files: kept.iter().map(|kept| kept.entry.clone()).collect(),
    };
    let paused = Paused::of(&state.observed);
    if paused.count() > 0 {
        context.ui.note(&format!(
            "{} container(s) of {} run; they are stopped while {} volume(s) are read{}",
            paused.count(),
            stack.project.name,
            manifest.volumes.len(),
            if order.after == After::AsBefore { ", and started again afterwards" } else { "" },
        ));
        let command = format!("backup {}", order.file.display());
        if !confirmed(context, yes, &command, "stop them for the backup?")? {
            return Ok(None);
        }
    }
    let cancel = context.ui.interrupts(Some(STOPPING)).map_err(|error| unwritable(&error))?;
    let mut result = match paused.count() {
        0 => Ok(()),
        _ => paused.stop(context, stack, &state.observed, &cancel).await,
    };
    let mut made = None;
    if result.is_ok() {
        match write(context, stack, order, manifest, kept, &cancel).await {
            Ok(written) => made = Some(written),
            Err(failure) => result = Err(failure),
        }
    }
    if paused.count() > 0 && (order.after == After::AsBefore || result.is_err()) {
        let started = paused.start(context, stack, &cancel).await;
        result = match (result, started) {
            (Ok(()), started) => started.map_err(|failure| match &made {
                Some(_) => failure.hint(format!("the backup is complete: {}", order.file.display())),
                None => failure,
            }),
            (Err(first), Ok(())) => Err(first),
            (Err(first), Err(second)) => {
                Err(first.because(format!("then: {}", second.message)).hint("`pipectl up` starts everything again"))
            }
        };
    }
    result.map_err(|failure| interrupted(failure, &cancel))?;
    Ok(made)
}

/// Whatever the part that was under way says, the user ended it.
fn interrupted(failure: Failure, cancel: &CancellationToken) -> Failure {
    if cancel.is_cancelled() && failure.code == crate::exit::INTERRUPTED {
        return BackupError::Interrupted.into();
    }
    failure
}

async fn write(
    context: &Context,
    stack: &Stack,
    order: &Order<'_>,
    mut manifest: BackupManifest,
    kept: Vec<files::Kept>,
    cancel: &CancellationToken,
) -> Result<(BackupManifest, u64), Failure> {
    // Only now does nothing write any more.
    manifest.created = now();
    let mut writer = Writer::create(order.file, &manifest)?;
    let operations = manifest.volumes.iter().map(|volume| ("save", format!("volume {}", volume.name))).collect();
    let progress = Progress::begin(context, "backup", &stack.project.name, operations);
    let saved = async {
        for (id, entry) in manifest.volumes.iter_mut().enumerate() {
            let task = progress.start(id);
            let tell = task.tell(0);
            let read =
                backup::read_volume(stack.engine.as_ref(), &stack.project.name, writer, entry.clone(), tell, cancel);
            let detail =
                |(_, entry): &(Writer, VolumeEntry)| format!("{} in {} file(s)", bytes(entry.bytes), entry.files);
            (writer, *entry) = task.ended(read.await, detail)?;
        }
        for kept in kept {
            backup::write_file(&mut writer, &kept.entry, &kept.content)?;
        }
        Ok::<_, Failure>(writer.finish(&manifest)?)
    };
    let saved = saved.await;
    let size = progress.end(saved, "every volume is in the backup").await?;
    Ok((manifest, size))
}

/// What is saved: every volume of the project that exists, whichever profile uses it.
fn volumes(context: &Context, stack: &Stack, observed: &Observed) -> Result<Vec<VolumeEntry>, Failure> {
    let project = &stack.project;
    let declared = |name: &str| project.volumes.iter().find(|(_, volume)| volume.name == name);
    let mut entries = Vec::new();
    for volume in &observed.volumes {
        match declared(&volume.name) {
            Some((key, known)) if known.external => context.ui.warning(
                &format!("volume {} ({key}) is external and not part of the backup", volume.name),
                Some("save it with what made it"),
            ),
            Some((key, _)) => entries.push(VolumeEntry::unmeasured(key, &volume.name, users(stack, key))),
            None => entries.push(VolumeEntry::unmeasured(&key_of(volume, &project.name), &volume.name, Vec::new())),
        }
    }
    if entries.is_empty() {
        return Err(Failure::stack(format!("there is nothing to save: project {} has no volumes", project.name))
            .hint("`pipectl up` makes them; `--project NAME` chooses another project"));
    }
    Ok(entries)
}

/// The key of a volume that the chosen profiles do not use.
fn key_of(volume: &VolumeSummary, project: &str) -> String {
    if !volume.key.is_empty() {
        return volume.key.clone();
    }
    let prefix = format!("{project}_");
    volume.name.strip_prefix(&prefix).unwrap_or(&volume.name).to_owned()
}

/// Services that mount a volume.
fn users(stack: &Stack, key: &str) -> Vec<String> {
    let mounts = |kind: &MountKind| matches!(kind, MountKind::Volume(mounted) if mounted == key);
    let services = stack.project.services.values().filter(|service| service.mounts.iter().any(|m| mounts(&m.kind)));
    services.map(|service| service.name.clone()).filter(|name| name != HOLDER_SERVICE).collect()
}

/// One digest for the configuration of all services, mounted files included.
fn configuration(state: &State, stack: &Stack) -> Result<String, Failure> {
    let desired = state.desired(stack)?;
    let hashes: BTreeMap<&String, Option<&str>> =
        stack.project.services.keys().map(|name| (name, desired.hash(name))).collect();
    let text = serde_json::to_string(&hashes)
        .map_err(|error| Failure::stack("the configuration cannot be hashed").because(error.to_string()))?;
    Ok(format!("{:x}", Sha256::digest(text)))
}

fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
