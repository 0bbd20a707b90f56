//! Reads the archive that `build.rs` packs: a gzipped tar of the files that `pipectl up` needs.

use std::io::{self, Read as _};

use sha2::{Digest as _, Sha256};

use super::path::is_inside;

/// The stack of this version.
static STACK: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/stack.tar.gz"));

/// Why the archive cannot be used; with the one of the binary this means a damaged binary.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is no gzipped tar, or ends too early.
    #[error("the stack in this program cannot be read")]
    Unreadable(#[from] io::Error),
    /// An entry would be written elsewhere than below the folder.
    #[error("the stack in this program names {0}, which is not below a folder")]
    Outside(String),
    /// An entry is something else than a file.
    #[error("the stack in this program holds {0}, which is no file")]
    NoFile(String),
}

/// One file of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path from the project's folder, with slashes; never leads out of it.
    pub path: String,
    /// Whether it is a program.
    pub executable: bool,
    /// What it holds.
    pub content: Vec<u8>,
}

impl File {
    /// SHA-256 of the content, in hexadecimal digits.
    pub fn hash(&self) -> String {
        hash(&self.content)
    }
}

/// SHA-256 in hexadecimal digits.
pub(super) fn hash(content: &[u8]) -> String {
    format!("{:x}", Sha256::digest(content))
}

/// The files that this binary carries, sorted by path.
pub fn files() -> Result<Vec<File>, ArchiveError> {
    read(STACK)
}

fn read(archive: &[u8]) -> Result<Vec<File>, ArchiveError> {
    let mut files = Vec::new();
    for entry in tar::Archive::new(flate2::read::GzDecoder::new(archive)).entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if !is_inside(&path) {
            return Err(ArchiveError::Outside(path));
        }
        if !entry.header().entry_type().is_file() {
            return Err(ArchiveError::NoFile(path));
        }
        let executable = entry.header().mode()? & 0o100 != 0;
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.push(File { path, executable, content });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(path: &str, kind: tar::EntryType) -> Vec<u8> {
        let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        let mut header = tar::Header::new_ustar();
        header.set_size(0);
        header.set_mode(0o644);
        header.set_entry_type(kind);
        // `set_path` refuses what an attacker would write.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        archive.append(&header, io::empty()).expect("appended");
        archive.into_inner().expect("a tar").finish().expect("gzipped")
    }

    #[test]
    fn an_entry_that_leads_out_of_the_folder_is_refused() {
        for path in ["../x", "/etc/x", "a/../../x", "a//x"] {
            let error = read(&archive(path, tar::EntryType::Regular)).expect_err("refused");
            assert!(matches!(&error, ArchiveError::Outside(named) if named == path), "{error}");
        }
    }

    #[test]
    fn a_link_is_refused() {
        let error = read(&archive("a/x", tar::EntryType::Symlink)).expect_err("refused");
        assert_eq!(error.to_string(), "the stack in this program holds a/x, which is no file");
    }

    #[test]
    fn half_an_archive_is_an_error() {
        let whole = STACK;
        assert!(matches!(read(&whole[..whole.len() / 2]), Err(ArchiveError::Unreadable(_))));
    }
}
