//! Backups and image archives with a few bytes wrong: refused by name, or whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use pipectl::backup::{
    BACKUP_FORMAT, BackupManifest, FileEntry, IMAGES_FORMAT, ImageEntry, ImagesManifest, Kind, Reader, VolumeEntry,
    Writer, check, check_images,
};
use proptest::prelude::*;
use proptest::sample::Index;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use crate::mutate::{Change, cases, change, ends, mutate, twist, twists};

fn hash(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// The tar of a volume with one entry of each kind.
fn volume() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = |path: &str, kind, size| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o700);
        header.set_uid(999);
        header.set_gid(999);
        header.set_mtime(0);
        header.set_size(size);
        let data = vec![7; usize::try_from(size).expect("small")];
        match kind {
            tar::EntryType::Symlink | tar::EntryType::Link => tar.append_link(&mut header, path, "volume/a/x"),
            _ => tar.append_data(&mut header, path, data.as_slice()),
        }
        .expect("a tar in memory");
    };
    header("volume/", tar::EntryType::Directory, 0);
    header("volume/a/", tar::EntryType::Directory, 0);
    header("volume/a/x", tar::EntryType::Regular, 700);
    header(&format!("volume/{}", "long/".repeat(40)), tar::EntryType::Directory, 0);
    header("volume/soft", tar::EntryType::Symlink, 0);
    header("volume/hard", tar::EntryType::Link, 0);
    tar.into_inner().expect("a tar in memory")
}

/// A backup whose volume is this tar, with digests that hold.
fn backup(path: &Path, tar: &[u8], alter: impl Fn(&str) -> Vec<u8>) {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut gzip, tar).expect("in memory");
    let packed = gzip.finish().expect("in memory");
    let entry = VolumeEntry {
        key: "data".into(),
        name: "shop_data".into(),
        services: vec!["db".into()],
        bytes: tar.len() as u64,
        files: 1,
        sha256: hash(tar),
    };
    let file = FileEntry { path: "pipeline.yml".into(), bytes: 9, sha256: hash(b"version: ") };
    let manifest = BackupManifest {
        kind: Kind::Backup,
        format: BACKUP_FORMAT,
        pipectl: "0.1.0".into(),
        project: "shop".into(),
        created: "2026-01-01T00:00:00Z".into(),
        layout: 1,
        config_sha256: hash(b""),
        images: [("db".to_owned(), "pipectl/db:1".to_owned())].into(),
        secrets: false,
        volumes: vec![entry.clone()],
        files: vec![file.clone()],
    };
    let text = alter(&serde_json::to_string(&manifest).expect("JSON"));
    let mut writer =
        Writer::create(path, &serde_json::json!({"room": " ".repeat(text.len() + 9_000)})).expect("written");
    writer.member(&entry.member(), |out| std::io::Write::write_all(out, &packed)).expect("written");
    writer.member(&file.member(), |out| std::io::Write::write_all(out, b"version: ")).expect("written");
    // What is no JSON any more is put in as a text, which is no manifest either.
    let value: serde_json::Value =
        serde_json::from_slice(&text).unwrap_or_else(|_| String::from_utf8_lossy(&text).into_owned().into());
    writer.finish(&value).expect("written");
}

fn images(path: &Path) {
    let manifest = ImagesManifest {
        kind: Kind::Images,
        format: IMAGES_FORMAT,
        pipectl: "0.1.0".into(),
        project: "shop".into(),
        created: "2026-01-01T00:00:00Z".into(),
        platform: "linux/x86_64".into(),
        images: vec![ImageEntry { reference: "pipectl/db:1".into(), id: "sha256:1".into(), services: Vec::new() }],
        bytes: 1000,
        sha256: hash(&[1; 1000]),
    };
    let mut writer = Writer::create(path, &manifest).expect("written");
    writer.member(ImagesManifest::MEMBER, |out| std::io::Write::write_all(out, &[1; 1000])).expect("written");
    writer.finish(&manifest).expect("written");
}

/// Reads a backup to its end; the error is in words.
fn judged(path: PathBuf) -> Result<(), String> {
    ends(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let reader = Reader::open(&path, Kind::Backup, BACKUP_FORMAT).map_err(|error| error.to_string())?;
            let manifest: BackupManifest = reader.manifest().map_err(|error| error.to_string())?;
            let checked = check(Arc::new(reader), manifest, Arc::new(|_| ()), &CancellationToken::new()).await;
            checked.map(drop).map_err(|error| error.to_string())
        })
    })
}

fn judged_images(path: PathBuf) -> Result<(), String> {
    ends(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let reader = Reader::open(&path, Kind::Images, IMAGES_FORMAT).map_err(|error| error.to_string())?;
            let manifest: ImagesManifest = reader.manifest().map_err(|error| error.to_string())?;
            let checked = check_images(Arc::new(reader), manifest, Arc::new(|_| ()), &CancellationToken::new()).await;
            checked.map(drop).map_err(|error| error.to_string())
        })
    })
}

/// Fields of tar headers are text at fixed places: bytes are put there, not only words.
fn stamped(mut bytes: Vec<u8>, stamps: &[(Index, u16, u8)]) -> Vec<u8> {
    for (block, place, byte) in stamps {
        let blocks = (bytes.len() / 512).max(1);
        let at = block.index(blocks) * 512 + usize::from(*place);
        if let Some(target) = bytes.get_mut(at) {
            *target = *byte;
        }
    }
    bytes
}

fn stamps() -> impl Strategy<Value = Vec<(Index, u16, u8)>> {
    let byte = prop::sample::select(&b"0123456789ABLKxgSN/.\0 \xff\x80"[..]);
    prop::collection::vec((any::<Index>(), 0..512_u16, byte), 0..4)
}

fn altered(file: &Path, stamps: &[(Index, u16, u8)], changes: &[Change]) {
    let bytes = std::fs::read(file).expect("there");
    std::fs::write(file, mutate(&stamped(bytes, stamps), b"", changes)).expect("written");
}

#[test]
fn the_archives_that_are_altered_below_are_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    backup(&folder.path().join("b.tar"), &volume(), |text| text.as_bytes().to_vec());
    assert_eq!(judged(folder.path().join("b.tar")), Ok(()));
    images(&folder.path().join("i.tar"));
    assert_eq!(judged_images(folder.path().join("i.tar")), Ok(()));
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn a_backup_altered(stamps in stamps(), changes in prop::collection::vec(change(), 0..2)) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("b.tar");
        backup(&file, &volume(), |text| text.as_bytes().to_vec());
        altered(&file, &stamps, &changes);
        prop_assert!(judged(file).err().is_none_or(|words| !words.is_empty()));
    }

    #[test]
    fn a_volume_that_was_altered_before_it_was_packed(stamps in stamps(), changes in prop::collection::vec(change(), 0..2)) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("b.tar");
        backup(&file, &mutate(&stamped(volume(), &stamps), b"", &changes), |text| text.as_bytes().to_vec());
        prop_assert!(judged(file).err().is_none_or(|words| !words.is_empty()));
    }

    #[test]
    fn a_manifest_twisted(twists in twists()) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("b.tar");
        backup(&file, &volume(), |text| twist(text, &twists));
        prop_assert!(judged(file).err().is_none_or(|words| !words.is_empty()));
    }

    #[test]
    fn an_image_archive_altered(stamps in stamps(), changes in prop::collection::vec(change(), 0..2)) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("i.tar");
        images(&file);
        altered(&file, &stamps, &changes);
        prop_assert!(judged_images(file).err().is_none_or(|words| !words.is_empty()));
    }
}
