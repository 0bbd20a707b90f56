//! `pipectl images save` and `load`: the images of a project from a machine with a network to one without.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;

use crate::backup::{self, BackupError, IMAGES_FORMAT, ImageEntry, ImagesManifest, Kind, Reader, Writer};
use crate::commands::Exit;
use crate::commands::context::{Context, unwritable};
use crate::commands::progress::Progress;
use crate::commands::stack::Stack;
use crate::commands::up::State;
use crate::engine::backend::Backend;
use crate::engine::observed::ImageSummary;
use crate::exit;
use crate::failure::Failure;
use crate::images::Catalogue;
use crate::ui::bytes;

/// Said after the first Ctrl-C.
const STOPPING: &str = "stopping; press Ctrl-C again to end at once";

/// Result of `images save --json`.
#[derive(Serialize)]
struct Saved<'a> {
    file: String,
    bytes: u64,
    manifest: &'a ImagesManifest,
}

/// Result of `images load --json`.
#[derive(Serialize)]
struct Arrival {
    file: String,
    /// References that came from the file.
    loaded: Vec<String>,
    /// References that were there with the same content.
    present: Vec<String>,
    /// References that this project needs and that are still not there.
    missing: Vec<String>,
}

pub async fn save(context: &Context, stack: &Stack, state: &State, file: &Path, json: bool) -> Exit {
    let (entries, left_out) = wanted(stack, &state.catalogue).await?;
    for reference in left_out {
        context.ui.warning(
            &format!("{reference} is left out: an engine forgets the digest of an image that it saves"),
            Some("name it with a tag in the Compose file"),
        );
    }
    let references: Vec<String> = entries.iter().map(|entry| entry.reference.clone()).collect();
    let draft = ImagesManifest {
        kind: Kind::Images,
        format: IMAGES_FORMAT,
        pipectl: env!("CARGO_PKG_VERSION").to_owned(),
        project: stack.project.name.clone(),
        created: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        platform: stack.engine.info().await?.platform,
        images: entries,
        bytes: 0,
        sha256: String::new(),
    };
    let draft = draft.unmeasured();
    let writer = Writer::create(file, &draft)?;
    let cancel = context.ui.interrupts(Some(STOPPING)).map_err(|error| unwritable(&error))?;
    let operation = ("save", format!("{} image(s)", references.len()));
    let progress = Progress::begin(context, "images save", &stack.project.name, vec![operation]);
    let task = progress.start(0);
    let saving = backup::save_images(stack.engine.as_ref(), writer, &references, task.tell(0), &cancel);
    let saved = task.ended(saving.await, |(_, size, _)| bytes(*size));
    let saved = saved.and_then(|(writer, size, sha256)| {
        let manifest = ImagesManifest { bytes: size, sha256, ..draft };
        Ok((writer.finish(&manifest)?, manifest))
    });
    let (size, manifest) = progress.end(saved, "every image is in the file").await?;
    let name = file.display().to_string();
    if json {
        context.json(&Saved { file: name, bytes: size, manifest: &manifest })?;
    } else if !context.ui.is_json() {
        context.out(&name)?;
    }
    Ok(exit::OK)
}

/// The images of all services and, where they are here, those that they build on: with them an edited one can be built
/// anew. And the references that cannot be kept.
async fn wanted(stack: &Stack, catalogue: &Catalogue) -> Result<(Vec<ImageEntry>, Vec<String>), Failure> {
    let of_services: BTreeSet<String> = catalogue.references().into_values().collect();
    let parents = catalogue.images().map(crate::images::Image::reference);
    let all: Vec<String> = of_services.iter().cloned().chain(parents).collect::<BTreeSet<_>>().into_iter().collect();
    let local = stack.engine.find_images(&all).await?;
    let missing = catalogue.missing(&local);
    if !missing.is_empty() {
        return Err(Failure::stack(format!("{} image(s) are not here: {}", missing.len(), missing.join(", ")))
            .hint("`pipectl images build` makes them"));
    }
    let (mut entries, mut left_out) = (Vec::new(), Vec::new());
    for reference in all {
        if reference.contains('@') {
            left_out.push(reference);
            continue;
        }
        let Some(image) = found(&reference, &local) else { continue };
        let services = catalogue.references().into_iter().filter(|(_, image)| *image == reference);
        let services = services.map(|(name, _)| name).collect();
        entries.push(ImageEntry { id: image.id.clone(), reference, services });
    }
    Ok((entries, left_out))
}

fn found<'a>(reference: &str, local: &'a [ImageSummary]) -> Option<&'a ImageSummary> {
    local.iter().find(|image| !Catalogue::is_missing(reference, std::slice::from_ref(image)))
}

pub async fn load(context: &Context, stack: &Stack, state: &State, file: &Path, json: bool) -> Exit {
    let reader = Arc::new(Reader::open(file, Kind::Images, IMAGES_FORMAT)?);
    let manifest: ImagesManifest = reader.manifest()?;
    let platform = stack.engine.info().await?.platform;
    if manifest.platform != platform {
        let message =
            format!("{} holds images for {}, and the engine runs {platform}", file.display(), manifest.platform);
        return Err(Failure::usage(message).hint("save them on a machine of the same kind"));
    }
    let references: Vec<String> = manifest.images.iter().map(|image| image.reference.clone()).collect();
    let before = stack.engine.find_images(&references).await?;
    let is_there = |image: &&ImageEntry| found(&image.reference, &before).is_some_and(|local| local.id == image.id);
    let (present, absent): (Vec<&ImageEntry>, Vec<&ImageEntry>) = manifest.images.iter().partition(is_there);
    let cancel = context.ui.interrupts(Some(STOPPING)).map_err(|error| unwritable(&error))?;
    let count = absent.len();
    let mut operations = vec![("check", format!("archive {}", file.display()))];
    if count > 0 {
        operations.push(("load", format!("{count} image(s)")));
    }
    let progress = Progress::begin(context, "images load", &stack.project.name, operations);
    let all = async {
        let task = progress.start(0);
        let tell = task.tell(reader.size());
        let checked = backup::check_images(reader.clone(), manifest.clone(), tell, &cancel).await;
        let start = task.ended(checked, |_| bytes(reader.size()))?;
        if count > 0 {
            let task = progress.start(1);
            let tell = task.tell(manifest.bytes);
            let taken = backup::load_images(
                stack.engine.as_ref(),
                &reader,
                (start, manifest.bytes),
                tell,
                &|line| tracing::debug!("{line}"),
                &cancel,
            );
            let taken = match taken.await {
                Ok(()) => arrived(stack, &references, file).await,
                Err(error) => Err(error.into()),
            };
            task.ended(taken, |()| bytes(manifest.bytes))?;
        }
        Ok::<_, Failure>(())
    };
    let all = all.await;
    let summary = format!("{count} image(s) loaded, {} were there already", present.len());
    progress.end(all, &summary).await?;
    let needed: Vec<String> = state.catalogue.references().into_values().collect::<BTreeSet<_>>().into_iter().collect();
    let missing = state.catalogue.missing(&stack.engine.find_images(&needed).await?);
    if !missing.is_empty() {
        context.ui.warning(
            &format!("this project still lacks {}: the archive is of other sources", missing.join(", ")),
            Some("`pipectl images save` from a copy of this project brings them, `pipectl up` builds or pulls them"),
        );
    }
    if json {
        let names = |images: Vec<&ImageEntry>| images.iter().map(|image| image.reference.clone()).collect();
        let file = file.display().to_string();
        context.json(&Arrival { file, loaded: names(absent), present: names(present), missing })?;
    }
    Ok(exit::OK)
}

/// What the engine says it took is looked up: `up` goes by the references alone.
async fn arrived(stack: &Stack, references: &[String], file: &Path) -> Result<(), Failure> {
    let local = stack.engine.find_images(references).await?;
    match references.iter().find(|reference| found(reference, &local).is_none()) {
        None => Ok(()),
        Some(reference) => {
            let why = format!("the engine took it, and {reference} is not there");
            Err(BackupError::Damaged { path: file.to_owned(), member: ImagesManifest::MEMBER.to_owned(), why }.into())
        }
    }
}
