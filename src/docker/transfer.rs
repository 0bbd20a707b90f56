//! Content in and out: the archive calls on containers, and image archives.
//!
//! A volume is read and written through a container that is never started (`docker cp` works on those), so nothing of the
//! engine's file system has to be reachable from here and no image has to hold a `tar`.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use bollard::body_try_stream;
use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, ImportImageOptionsBuilder, UploadToContainerOptionsBuilder,
};
use futures_util::StreamExt;

use super::connect::DockerEngine;
use crate::engine::backend::{OutputFn, Result};
use crate::engine::transfer::{ByteStream, MOUNTED_AT, ROOT, Transfer};

/// The engine answers an upload when it has taken all of it, and may write an image archive to its own disk before it
/// sends the first byte.
const LONG: Duration = Duration::from_secs(6 * 3600);

#[async_trait]
impl Transfer for DockerEngine {
    async fn read_volume(&self, container: &str) -> Result<ByteStream> {
        let options = DownloadFromContainerOptionsBuilder::default().path(MOUNTED_AT).build();
        let stream = self.patient(LONG).download_from_container(container, Some(options));
        let context = self.owned_context(format!("read the volume in {container}"), format!("container {container}"));
        Ok(Box::pin(stream.map(move |piece| piece.map_err(|error| io::Error::other(context.error(error))))))
    }

    async fn write_volume(&self, container: &str, archive: ByteStream) -> Result<()> {
        let context = self.context(format!("write the volume in {container}"), format!("container {container}"));
        // Docker extracts below the root, where the entry of the volume itself carries its owner and mode. Podman looks
        // for the volume by the path that is asked for, and would else write beside it.
        let path = if self.is_podman() { MOUNTED_AT } else { "/" };
        let options = UploadToContainerOptionsBuilder::default().path(path).build();
        let sent = self.patient(LONG).upload_to_container(container, Some(options), body_try_stream(archive)).await;
        sent.map_err(|error| context.error(error))
    }

    fn upload_root(&self) -> &'static str {
        if self.is_podman() { "." } else { ROOT }
    }

    async fn save_images(&self, references: &[String]) -> Result<ByteStream> {
        let names: Vec<&str> = references.iter().map(String::as_str).collect();
        let stream = self.patient(LONG).export_images(&names);
        let context = self.owned_context("save images", "an image of the project");
        Ok(Box::pin(stream.map(move |piece| piece.map_err(|error| io::Error::other(context.error(error))))))
    }

    async fn load_images(&self, archive: ByteStream, output: &OutputFn) -> Result<()> {
        let context = self.context("load images", "the archive");
        let options = ImportImageOptionsBuilder::default().quiet(true).build();
        let docker = self.patient(LONG);
        let mut events = std::pin::pin!(docker.import_image(options, body_try_stream(archive), None));
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| context.error(error))?;
            let said = event.stream.or(event.status).unwrap_or_default();
            said.lines().map(str::trim).filter(|line| !line.is_empty()).for_each(output);
        }
        Ok(())
    }
}
