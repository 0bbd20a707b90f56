//! Backups of volumes and transports of images: one file each, complete or not there, checked before it is used.
//!
//! Such a file is a plain tar. Its first member is `manifest.json`, its last `manifest.sha256`; between them stand the
//! members that the manifest lists with their digests: `volumes/KEY.tar.gz`, `project/..`, or `images.tar`. `archive`
//! knows that frame, `manifest` what is written in it, `volume` the tar of one volume and what is refused in it, `store`
//! moves content between an engine and a file, `holder` is the container through which a volume is reached.

mod archive;
mod error;
mod holder;
mod manifest;
mod meter;
mod store;
mod volume;

pub use archive::{Reader, Writer};
pub use error::BackupError;
pub use holder::{HOLDER_SERVICE, holds_data};
pub use manifest::{
    BACKUP_FORMAT, BackupManifest, FileEntry, IMAGES_FORMAT, ImageEntry, ImagesManifest, Kind, VolumeEntry,
};
pub use meter::{Meter, Tell};
pub use store::{check, check_images, load_images, read_volume, save_images, write_file, write_volume};
