//! Looks at a project's folder and writes into it, never outside of it and never through a link.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::archive::hash;
use super::decide::There;
use super::path::is_inside;

/// Containers read these files as users of their own, so a strict umask must not hide them.
const FOLDER_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;
const PROGRAM_MODE: u32 = 0o755;

/// Why a folder cannot be looked at or written.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The operating system refused.
    #[error("{} cannot be {what}", path.display())]
    Refused {
        /// What was to be done, as a participle.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Writing there would follow a link to somewhere else.
    #[error("{} is a symbolic link, and pipectl does not write through one", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A file has the name of a folder.
    #[error("{} is no folder", path.display())]
    NoFolder {
        /// The file.
        path: PathBuf,
    },
    /// The path leads out of the folder.
    #[error("{path:?} is no path below a folder")]
    Outside {
        /// The path.
        path: String,
    },
}

fn refused(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
    move |source| DiskError::Refused { what, path: path.to_owned(), source }
}

/// A project's folder.
#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
}

impl Disk {
    /// The folder itself may be reached through links: whoever named it meant where they lead.
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// What is at a path.
    pub(super) fn look(&self, path: &str) -> Result<There, DiskError> {
        let target = self.target(path)?;
        match fs::symlink_metadata(&target) {
            Ok(metadata) if metadata.is_file() => {
                fs::read(&target).map(|content| There::File(hash(&content))).map_err(refused("read", &target))
            }
            Ok(_) => Ok(There::Foreign),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(There::Nothing),
            Err(error) => Err(refused("read", &target)(error)),
        }
    }

    /// The content of a file; nothing when there is none.
    pub(super) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, DiskError> {
        let target = self.target(path)?;
        match fs::read(&target) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refused("read", &target)(error)),
        }
    }

    /// Makes the folder, where it is not there yet.
    pub(super) fn make(&self) -> Result<(), DiskError> {
        fs::create_dir_all(&self.root).map_err(refused("made", &self.root))
    }

    /// Writes a file, whole or not at all. What is there is replaced; a link would be replaced itself, not what it leads to.
    pub(super) fn write(&self, path: &str, content: &[u8], executable: bool) -> Result<(), DiskError> {
        let target = self.target(path)?;
        let folder = self.folder_of(path)?;
        let write = || -> io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(&folder)?;
            file.write_all(content)?;
            let mode = if executable { PROGRAM_MODE } else { FILE_MODE };
            file.as_file().set_permissions(Permissions::from_mode(mode))?;
            file.persist(&target).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(refused("written", &target))
    }

    /// Removes a file.
    pub(super) fn remove(&self, path: &str) -> Result<(), DiskError> {
        let target = self.target(path)?;
        fs::remove_file(&target).map_err(refused("removed", &target))
    }

    /// Where a path is, once it is certain that it is below the folder.
    fn target(&self, path: &str) -> Result<PathBuf, DiskError> {
        if !is_inside(path) {
            return Err(DiskError::Outside { path: path.to_owned() });
        }
        for (end, _) in path.match_indices('/') {
            let folder = self.root.join(&path[..end]);
            match fs::symlink_metadata(&folder) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(metadata) if metadata.is_symlink() => return Err(DiskError::Link { path: folder }),
                Ok(_) => return Err(DiskError::NoFolder { path: folder }),
                Err(error) if error.kind() == ErrorKind::NotFound => break,
                Err(error) => return Err(refused("read", &folder)(error)),
            }
        }
        Ok(self.root.join(path))
    }

    /// Makes the folders that a path goes through.
    fn folder_of(&self, path: &str) -> Result<PathBuf, DiskError> {
        let mut folder = self.root.clone();
        for (end, _) in path.match_indices('/') {
            folder = self.root.join(&path[..end]);
            let made = match DirBuilder::new().mode(FOLDER_MODE).create(&folder) {
                Ok(()) => fs::set_permissions(&folder, Permissions::from_mode(FOLDER_MODE)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                Err(error) => Err(error),
            };
            made.map_err(refused("made", &folder))?;
        }
        Ok(folder)
    }
}

/// True for a folder in which nobody keeps anything yet: nothing is there but what begins a repository, or settings.
pub(super) fn is_blank(folder: &Path) -> io::Result<bool> {
    for item in fs::read_dir(folder)? {
        if !matches!(item?.file_name().to_str(), Some(".env" | ".git" | ".gitignore")) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> (tempfile::TempDir, Disk) {
        let dir = tempfile::tempdir().expect("a folder");
        let disk = Disk::new(dir.path());
        (dir, disk)
    }

    #[test]
    fn files_are_readable_for_containers_and_programs_can_be_run() {
        let (dir, disk) = disk();
        disk.write("spark/bin/run", b"x", true).expect("written");
        disk.write("spark/lib.py", b"y", false).expect("written");
        let mode = |path: &str| fs::metadata(dir.path().join(path)).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode("spark/bin/run"), mode("spark/lib.py"), mode("spark/bin")), (0o755, 0o644, 0o755));
        assert_eq!(disk.look("spark/lib.py").expect("looked"), There::File(hash(b"y")));
        assert_eq!(disk.look("spark/none/x").expect("looked"), There::Nothing);
        assert_eq!(disk.look("spark/bin").expect("looked"), There::Foreign);
    }

    #[test]
    fn a_link_to_elsewhere_is_not_followed() {
        let (dir, disk) = disk();
        let elsewhere = tempfile::tempdir().expect("a folder");
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("spark")).expect("linked");
        let expected =
            format!("{}/spark is a symbolic link, and pipectl does not write through one", dir.path().display());
        for error in [
            disk.write("spark/x", b"x", false).expect_err("refused"),
            disk.look("spark/x").expect_err("refused"),
            disk.remove("spark/x").expect_err("refused"),
        ] {
            assert_eq!(error.to_string(), expected);
        }
        assert_eq!(fs::read_dir(elsewhere.path()).expect("there").count(), 0);
    }

    #[test]
    fn a_link_in_place_of_a_file_is_replaced_itself() {
        let (dir, disk) = disk();
        let elsewhere = dir.path().join("elsewhere");
        fs::write(&elsewhere, "theirs").expect("written");
        std::os::unix::fs::symlink(&elsewhere, dir.path().join("x")).expect("linked");
        disk.write("x", b"ours", false).expect("written");
        assert_eq!(fs::read(&elsewhere).expect("there"), b"theirs");
        assert_eq!(fs::read(dir.path().join("x")).expect("there"), b"ours");
    }

    #[test]
    fn paths_that_lead_out_and_files_in_place_of_folders_are_refused() {
        let (dir, disk) = disk();
        let error = disk.write("../x", b"x", false).expect_err("refused");
        assert_eq!(error.to_string(), r#""../x" is no path below a folder"#);
        fs::write(dir.path().join("spark"), "").expect("written");
        let error = disk.write("spark/x", b"x", false).expect_err("refused");
        assert_eq!(error.to_string(), format!("{}/spark is no folder", dir.path().display()));
    }

    #[test]
    fn a_folder_with_a_repository_and_settings_is_still_blank() {
        let (dir, _) = disk();
        fs::create_dir(dir.path().join(".git")).expect("made");
        fs::write(dir.path().join(".env"), "").expect("written");
        assert!(is_blank(dir.path()).expect("looked"));
        fs::write(dir.path().join("notes.txt"), "").expect("written");
        assert!(!is_blank(dir.path()).expect("looked"));
    }
}
