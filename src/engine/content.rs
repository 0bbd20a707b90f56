//! Hashes what read-only bind mounts hold, so that an edited file recreates the service that reads it.
//!
//! Only files of the project are looked at: a mount of the machine's own directories (a socket, `/etc`) is no input.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::hash::hex;

/// Trees with more entries than this are data rather than configuration and are not followed.
const MAX_ENTRIES: usize = 5_000;
/// Of larger files only size and time of change count: reading them would make every `up` slow.
const MAX_BYTES: u64 = 4 << 20;
/// Written by tools beside the sources, never an input.
const IGNORED: [&str; 3] = ["__pycache__", ".git", ".DS_Store"];

/// Hashes files and directories below one root.
#[derive(Debug, Clone)]
pub struct Content {
    root: PathBuf,
}

impl Content {
    /// Looks at what lies below `root`, nothing else.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Hash of a file or a tree: relative paths, kinds, executable bits and contents; never times.
    /// None when the path is outside the root, is neither file nor directory, or holds too much.
    pub fn hash(&self, path: &Path) -> io::Result<Option<String>> {
        let path = fs::canonicalize(path)?;
        if !path.starts_with(fs::canonicalize(&self.root)?) {
            return Ok(None);
        }
        let kind = fs::metadata(&path)?.file_type();
        if !kind.is_file() && !kind.is_dir() {
            return Ok(None);
        }
        let mut entries = Vec::new();
        if !walk(&path, &mut entries)? {
            return Ok(None);
        }
        entries.sort();
        let mut hasher = Sha256::new();
        for entry in &entries {
            let relative = entry.strip_prefix(&path).unwrap_or(entry);
            hasher.update(relative.to_string_lossy().as_bytes());
            hasher.update([0]);
            add(&mut hasher, entry)?;
        }
        Ok(Some(hex(&hasher.finalize())))
    }
}

/// Collects every entry at and below `path`; false when there are too many.
fn walk(path: &Path, entries: &mut Vec<PathBuf>) -> io::Result<bool> {
    entries.push(path.to_owned());
    if entries.len() > MAX_ENTRIES {
        return Ok(false);
    }
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let ignored = IGNORED.iter().any(|name| entry.file_name() == *name);
            if !ignored && !walk(&entry.path(), entries)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Adds kind and content of one entry.
fn add(hasher: &mut Sha256, path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_symlink() {
        hasher.update(b"link");
        hasher.update(fs::read_link(path)?.to_string_lossy().as_bytes());
    } else if metadata.is_dir() {
        hasher.update(b"directory");
    } else if metadata.len() > MAX_BYTES {
        hasher.update(format!("large {} {:?}", metadata.len(), metadata.modified()?));
    } else {
        // The length separates this content from the next entry's name.
        hasher.update(format!("file {} {} ", executable(&metadata), metadata.len()));
        hasher.update(fs::read(path)?);
    }
    Ok(())
}

#[cfg(unix)]
fn executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn executable(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_and_names_count_and_rewriting_the_same_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let content = Content::below(dir.path());
        let sql = dir.path().join("sql");
        fs::create_dir(&sql).unwrap();
        fs::write(sql.join("orders.sql"), "select 1").unwrap();
        let hash = || content.hash(&sql).unwrap().unwrap();
        let first = hash();
        fs::write(sql.join("orders.sql"), "select 1").unwrap();
        fs::create_dir(sql.join("__pycache__")).unwrap();
        assert_eq!(first, hash());
        fs::write(sql.join("orders.sql"), "select 2").unwrap();
        let second = hash();
        assert_ne!(first, second);
        fs::rename(sql.join("orders.sql"), sql.join("customers.sql")).unwrap();
        assert_ne!(second, hash());
    }

    #[test]
    fn what_lies_outside_the_project_is_no_input() {
        let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert_eq!(Content::below(inside.path()).hash(outside.path()).unwrap(), None);
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let error = Content::below(dir.path()).hash(&dir.path().join("none.sql")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
