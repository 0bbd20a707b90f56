//! Packs a build context into a tar: the same bytes for the same inputs, so that the engine's layer cache holds.

use std::collections::BTreeSet;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

use super::context::{Entry, HOST_CA, Kind};

/// What goes into an archive.
pub(super) struct Contents {
    /// Files of the context.
    pub entries: Vec<Entry>,
    /// Path of the Dockerfile within the context.
    pub dockerfile: String,
    /// Its text, with exact parents.
    pub text: String,
    /// Certificate authorities for a context that asks for them by having the directory.
    pub certificates: Vec<(String, PathBuf)>,
}

/// Writes the archive.
pub(super) fn write(contents: &Contents, into: impl Write) -> std::io::Result<()> {
    let mut tar = tar::Builder::new(into);
    let mut directories = BTreeSet::new();
    for entry in &contents.entries {
        add_directories(&mut tar, &mut directories, &entry.path)?;
        match &entry.kind {
            Kind::Link(target) => {
                let mut header = header(0, 0o777);
                header.set_entry_type(tar::EntryType::Symlink);
                tar.append_link(&mut header, &entry.path, target)?;
            }
            Kind::File { .. } if entry.path == contents.dockerfile => {
                add_file(&mut tar, &entry.path, 0o644, contents.text.as_bytes())?;
            }
            Kind::File { executable } => {
                let mode = if *executable { 0o755 } else { 0o644 };
                add_file(&mut tar, &entry.path, mode, &read(&entry.source)?)?;
            }
        }
    }
    if directories.contains(HOST_CA) {
        for (name, source) in &contents.certificates {
            add_file(&mut tar, &format!("{HOST_CA}/{name}"), 0o644, &read(source)?)?;
        }
    }
    tar.into_inner()?.flush()
}

fn header(size: usize, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size as u64);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn add_file<W: Write>(tar: &mut tar::Builder<W>, path: &str, mode: u32, content: &[u8]) -> std::io::Result<()> {
    tar.append_data(&mut header(content.len(), mode), path, content)
}

/// Parent directories get entries of their own: otherwise their mode and time would be the engine's choice.
fn add_directories<W: Write>(
    tar: &mut tar::Builder<W>,
    known: &mut BTreeSet<String>,
    path: &str,
) -> std::io::Result<()> {
    for (end, _) in path.match_indices('/') {
        let directory = &path[..end];
        if known.insert(directory.to_owned()) {
            let mut header = header(0, 0o755);
            header.set_entry_type(tar::EntryType::Directory);
            tar.append_data(&mut header, format!("{directory}/"), std::io::empty())?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    std::fs::File::open(path)?.read_to_end(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(dir: &Path, certificates: Vec<(String, PathBuf)>) -> Vec<u8> {
        let entries = super::super::context::entries(dir, "Dockerfile").expect("entries");
        let contents = Contents {
            entries,
            dockerfile: "Dockerfile".into(),
            text: "FROM pipectl/base:12ab\n".into(),
            certificates,
        };
        let mut bytes = Vec::new();
        write(&contents, &mut bytes).expect("archive");
        bytes
    }

    #[test]
    fn an_archive_is_the_same_for_the_same_inputs_and_has_the_pinned_dockerfile() {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::create_dir(dir.path().join("host-ca")).expect("mkdir");
        std::fs::write(dir.path().join("Dockerfile"), "FROM pipectl/base\n").expect("write");
        std::fs::write(dir.path().join("host-ca/README.md"), "why").expect("write");
        std::fs::write(dir.path().join("own.pem"), "CERT").expect("write");
        let certificates = vec![("own.crt".to_owned(), dir.path().join("own.pem"))];
        let first = packed(dir.path(), certificates.clone());
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
        let file = std::fs::File::options().write(true).open(dir.path().join("own.pem")).expect("open");
        file.set_modified(later).expect("touch");
        assert!(first == packed(dir.path(), certificates), "a touched file changes the archive");

        let mut archive = tar::Archive::new(first.as_slice());
        let mut seen = Vec::new();
        for entry in archive.entries().expect("entries") {
            let mut entry = entry.expect("entry");
            let path = entry.path().expect("path").display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            seen.push((path, text));
        }
        let expected = [
            ("Dockerfile", "FROM pipectl/base:12ab\n"),
            ("host-ca/", ""),
            ("host-ca/README.md", "why"),
            ("own.pem", "CERT"),
            ("host-ca/own.crt", "CERT"),
        ];
        assert_eq!(seen, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }
}
