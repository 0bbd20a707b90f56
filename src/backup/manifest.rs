//! What a backup says of itself. A public format: fields are only added, and `format` grows when a reader must know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Format of backups that is written, and the newest that is read.
pub const BACKUP_FORMAT: u32 = 1;
/// The same of image archives.
pub const IMAGES_FORMAT: u32 = 1;

/// Tells the files of pipectl apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Volumes.
    Backup,
    /// Images.
    Images,
}

/// `manifest.json` of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    /// Always [`Kind::Backup`].
    pub kind: Kind,
    /// See [`BACKUP_FORMAT`].
    pub format: u32,
    /// Version of the pipectl that wrote it.
    pub pipectl: String,
    /// Project.
    pub project: String,
    /// When its services had stopped, RFC 3339.
    pub created: String,
    /// Layout of the data, see `x-pipectl.layout` of the Compose file.
    pub layout: u32,
    /// SHA-256 over the configuration of every service, mounted files included.
    pub config_sha256: String,
    /// Image of every service; those built here are named by the hash of their inputs.
    pub images: BTreeMap<String, String>,
    /// True when files with secrets are inside.
    pub secrets: bool,
    /// The volumes, in the order of the archive.
    pub volumes: Vec<VolumeEntry>,
    /// Files of the project, in the order of the archive, after the volumes.
    pub files: Vec<FileEntry>,
}

/// One volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeEntry {
    /// Key in the Compose file: what a restore into a project of another name goes by.
    pub key: String,
    /// Name on the engine it came from.
    pub name: String,
    /// Services that mount it.
    pub services: Vec<String>,
    /// Size of its tar in bytes, before compression.
    pub bytes: u64,
    /// Regular files in it.
    pub files: u64,
    /// SHA-256 of its tar, before compression.
    pub sha256: String,
}

/// One file of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Path within the project.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of its content.
    pub sha256: String,
}

/// `manifest.json` of an image archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagesManifest {
    /// Always [`Kind::Images`].
    pub kind: Kind,
    /// See [`IMAGES_FORMAT`].
    pub format: u32,
    /// Version of the pipectl that wrote it.
    pub pipectl: String,
    /// Project whose images they are.
    pub project: String,
    /// When it was written, RFC 3339.
    pub created: String,
    /// What the images run on, such as `linux/x86_64`.
    pub platform: String,
    /// The images.
    pub images: Vec<ImageEntry>,
    /// Size of the engine's archive in bytes.
    pub bytes: u64,
    /// SHA-256 of the engine's archive.
    pub sha256: String,
}

/// One image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageEntry {
    /// Reference: `repository:hash` of those built here.
    pub reference: String,
    /// Id on the engine it came from.
    pub id: String,
    /// Services that run it; none for those that others build on.
    pub services: Vec<String>,
}

/// What every manifest has, to tell what a file is before all of it is understood.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    pub kind: Kind,
    pub format: u32,
}

impl VolumeEntry {
    /// Name of its member in the archive.
    pub fn member(&self) -> String {
        format!("volumes/{}.tar.gz", self.key)
    }

    /// An entry that is not measured yet, as long in writing as any that is.
    pub fn unmeasured(key: &str, name: &str, services: Vec<String>) -> Self {
        let (key, name) = (key.to_owned(), name.to_owned());
        Self { key, name, services, bytes: u64::MAX, files: u64::MAX, sha256: UNKNOWN.to_owned() }
    }
}

impl FileEntry {
    /// Name of its member in the archive.
    pub fn member(&self) -> String {
        format!("project/{}", self.path)
    }
}

impl ImagesManifest {
    /// Name of the member that is the engine's archive.
    pub const MEMBER: &'static str = "images.tar";

    /// Makes the digest as long as any.
    #[must_use]
    pub fn unmeasured(self) -> Self {
        Self { bytes: u64::MAX, sha256: UNKNOWN.to_owned(), ..self }
    }
}

/// As many characters as a digest has.
const UNKNOWN: &str = "0000000000000000000000000000000000000000000000000000000000000000";
