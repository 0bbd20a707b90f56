//! Packs the files of the stack into the archive that the binary carries: the same files give the same bytes, wherever and
//! whenever they are packed.
//!
//! Used by `build.rs`, and by the test that proves it.

use std::io;
use std::path::Path;

use flate2::{Compression, GzBuilder};

/// Files and folders of the repository that `pipectl up` needs, in the order of the alphabet.
pub const PARTS: [&str; 7] =
    ["compose", "data_generator", "debezium", "hive-metastore", "pipeline.yml", "postgresql", "spark"];

/// What tools leave beside the sources. The repository's `.gitignore` has the same names.
const LITTER: [&str; 7] = ["__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".venv", ".git", ".DS_Store"];
/// Endings of files that tools leave beside the sources.
const LITTER_ENDINGS: [&str; 2] = [".pyc", ".pending-snap"];
/// Certificates that somebody put here by hand are theirs; `compose/images/fetch/.gitignore` says so too.
const HOST_CA: (&str, &str) = ("compose/images/fetch/host-ca/", ".crt");

/// One file of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Path from the root of the repository, with slashes.
    pub path: String,
    /// Its executable bit: all of the mode that git keeps.
    pub executable: bool,
}

/// The files of the stack below `root`, sorted by path.
pub fn list(root: &Path) -> io::Result<Vec<Packed>> {
    let mut found = Vec::new();
    for part in PARTS {
        collect(root, part, &mut found)?;
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn collect(root: &Path, path: &str, found: &mut Vec<Packed>) -> io::Result<()> {
    let source = root.join(path);
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", source.display()));
    let metadata = std::fs::symlink_metadata(&source).map_err(named)?;
    if metadata.is_file() {
        found.push(Packed { path: path.to_owned(), executable: is_executable(&metadata) });
        return Ok(());
    }
    if !metadata.is_dir() {
        return Err(named(io::Error::other("is neither a file nor a folder, and the archive holds nothing else")));
    }
    for item in std::fs::read_dir(&source).map_err(named)? {
        let name = item.map_err(named)?.file_name();
        let name = name.to_str().ok_or_else(|| named(io::Error::other("holds a name that is not UTF-8")))?;
        let below = format!("{path}/{name}");
        if !is_litter(&below, name) {
            collect(root, &below, found)?;
        }
    }
    Ok(())
}

fn is_litter(path: &str, name: &str) -> bool {
    LITTER.contains(&name)
        || LITTER_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || (path.starts_with(HOST_CA.0) && name.ends_with(HOST_CA.1))
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &std::fs::Metadata) -> bool {
    false
}

/// A gzipped tar of these files, without owners and times.
pub fn pack(root: &Path, files: &[Packed]) -> io::Result<Vec<u8>> {
    let gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    let mut archive = tar::Builder::new(gzip);
    for file in files {
        let content = std::fs::read(root.join(&file.path))?;
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(if file.executable { 0o755 } else { 0o644 });
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        archive.append_data(&mut header, &file.path, content.as_slice())?;
    }
    archive.into_inner()?.finish()
}
