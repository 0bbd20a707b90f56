//! Volumes and images as archives, streamed in and out of a container engine. Beside [`Backend`] because only backups and
//! transports of images need it, and because nothing of it fits into a plan: it is bounded by bytes, not by readiness.

use std::io;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;

use super::backend::{Backend, OutputFn, Result};

/// Bytes that come or go in pieces.
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Where a container that holds a volume for a transfer has it mounted. Directly below the root, so that the volume's own
/// owner and mode are an entry of the archive like any other.
pub const MOUNTED_AT: &str = "/volume";

/// First component of every path in the archive of a volume.
pub const ROOT: &str = "volume";

/// A container engine that hands out and takes content.
#[async_trait]
pub trait Transfer: Backend {
    /// What is mounted at [`MOUNTED_AT`] in a container, running or not, as a tar archive below [`ROOT`]: owners as numbers,
    /// modes, hard links and symbolic links as they are. Sparse files come in full.
    async fn read_volume(&self, container: &str) -> Result<ByteStream>;
    /// Puts an archive into what is mounted at [`MOUNTED_AT`]; its paths begin with [`Transfer::upload_root`].
    async fn write_volume(&self, container: &str, archive: ByteStream) -> Result<()>;
    /// First component of the paths that [`Transfer::write_volume`] wants.
    fn upload_root(&self) -> &'static str;
    /// Images with all their layers and these references, as one archive.
    async fn save_images(&self, references: &[String]) -> Result<ByteStream>;
    /// Takes in an archive of images; `output` gets what the engine says of each.
    async fn load_images(&self, archive: ByteStream, output: &OutputFn) -> Result<()>;
}
