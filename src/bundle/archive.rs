//! Writes the archive: complete or not at all, readable by its owner only.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Directory in the archive that holds everything.
const FOLDER: &str = "pipectl-bundle";

/// Why it could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub struct WriteError {
    path: PathBuf,
    source: io::Error,
}

/// Writes a gzipped tar of these files, path and text each; returns its size in bytes.
pub fn write(path: &Path, files: &[(String, String)]) -> Result<u64, WriteError> {
    let failed = |source| WriteError { path: path.to_owned(), source };
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Says of a directory that is not there what a temporary file would say with a name that nobody knows.
    std::fs::read_dir(directory).map_err(failed)?;
    // Temporary files are their owner's alone from the beginning.
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    pack(file.as_file_mut(), files).map_err(failed)?;
    let size = file.as_file().metadata().map_err(failed)?.len();
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(size)
}

fn pack(output: &mut impl Write, files: &[(String, String)]) -> io::Result<()> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut archive = tar::Builder::new(GzEncoder::new(output, Compression::default()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(now);
        archive.append_data(&mut header, Path::new(FOLDER).join(path), text.as_bytes())?;
    }
    archive.into_inner()?.finish()?.flush()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_written_can_be_unpacked_and_is_its_owners_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("b.tar.gz");
        let size = write(&path, &[("a/b.txt".into(), "text\n".into())]).expect("written");
        let metadata = std::fs::metadata(&path).expect("there");
        assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (size, 0o600));
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(std::fs::File::open(&path).expect("opened")));
        let mut entry = archive.entries().expect("entries").next().expect("one").expect("readable");
        assert_eq!(entry.path().expect("a path").to_str(), Some("pipectl-bundle/a/b.txt"));
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("text");
        assert_eq!(text, "text\n");
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = write(Path::new("/nowhere/b.tar.gz"), &[]).expect_err("no such directory");
        assert_eq!(error.to_string(), "cannot write /nowhere/b.tar.gz");
    }
}
