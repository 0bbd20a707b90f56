//! The container through which a volume is read or written: made, never started, removed.
//!
//! Never by the path on the host: that is in a virtual machine with Docker Desktop, and on another machine with a remote
//! engine. Its image is empty and made on the spot, so no image of the project has to be there or to hold a program.

use std::collections::BTreeMap;
use std::io::Write as _;

use tokio_util::io::{StreamReader, SyncIoBridge};

use super::error::BackupError;
use super::volume;
use crate::engine::backend::{BackendError, ContainerSpec};
use crate::engine::observed::{NUMBER_LABEL, ONEOFF_LABEL, PROJECT_LABEL, SERVICE_LABEL};
use crate::engine::transfer::{MOUNTED_AT, Transfer};
use crate::model::{Mount, MountKind};

/// Service that its labels name, so that `down` removes one that a killed backup left.
pub const HOLDER_SERVICE: &str = "pipectl-backup";
/// The empty image.
const IMAGE: &str = "pipectl/empty:1";

/// A container that holds one volume.
pub(super) struct Holder<'a> {
    engine: &'a dyn Transfer,
    pub(super) name: String,
}

impl<'a> Holder<'a> {
    /// Makes it, in the place of one that a killed run left.
    pub(super) async fn make(
        engine: &'a dyn Transfer,
        project: &str,
        volume: &str,
        read_only: bool,
    ) -> Result<Holder<'a>, BackupError> {
        make_image(engine).await?;
        let name = format!("{project}-{HOLDER_SERVICE}-1");
        engine.remove_container(&name).await?;
        let labels = [
            (PROJECT_LABEL, project),
            (SERVICE_LABEL, HOLDER_SERVICE),
            (NUMBER_LABEL, "1"),
            // Compose lists it with `--all` only.
            (ONEOFF_LABEL, "True"),
        ];
        let mount = Mount { kind: MountKind::Volume(volume.to_owned()), target: MOUNTED_AT.to_owned(), read_only };
        let spec = ContainerSpec {
            name: name.clone(),
            image: IMAGE.to_owned(),
            // An image without a command needs one here, though nothing runs.
            command: Some(vec!["/never-started".to_owned()]),
            mounts: vec![mount],
            labels: labels
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
            ..ContainerSpec::default()
        };
        engine.create_container(&spec).await?;
        Ok(Self { engine, name })
    }

    /// Removes it; whatever came before, `result` is the first thing that went wrong.
    pub(super) async fn end<T>(self, result: Result<T, BackupError>) -> Result<T, BackupError> {
        let removed = self.engine.remove_container(&self.name).await;
        let value = result?;
        removed?;
        Ok(value)
    }
}

async fn make_image(engine: &dyn Transfer) -> Result<(), BackupError> {
    if !engine.find_images(&[IMAGE.to_owned()]).await?.iter().any(|image| image.references.iter().any(|r| r == IMAGE)) {
        let refused = |error: std::io::Error| BackendError::Refused {
            operation: format!("make {IMAGE}"),
            message: error.to_string(),
        };
        let mut file = tempfile::NamedTempFile::new().map_err(refused)?;
        // A tar without members: two empty blocks.
        file.write_all(&[0; 1024]).map_err(refused)?;
        engine.import(file.path(), IMAGE).await?;
    }
    Ok(())
}

/// True when there is anything in a volume that exists.
pub async fn holds_data(engine: &dyn Transfer, project: &str, volume: &str) -> Result<bool, BackupError> {
    let holder = Holder::make(engine, project, volume, true).await?;
    let looked = match engine.read_volume(&holder.name).await {
        Ok(stream) => {
            let mut source = SyncIoBridge::new(StreamReader::new(stream));
            // The rest of the stream is dropped unread.
            tokio::task::spawn_blocking(move || volume::has_content(&mut source)).await
        }
        Err(error) => return holder.end(Err(error.into())).await,
    };
    let unreadable = |why: String| BackupError::Volume { volume: volume.to_owned(), why };
    let result = match looked {
        Ok(found) => found.map_err(|error| unreadable(error.to_string())),
        Err(error) => Err(unreadable(error.to_string())),
    };
    holder.end(result).await
}
