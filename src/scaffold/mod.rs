//! The stack that the binary carries, and how it becomes a project in a folder.
//!
//! `archive` reads what is carried, `disk` looks at a folder and writes into it, `decide` says file by file what happens,
//! `note` remembers what was written, so that a later version can tell a file of its own from one that somebody changed.

mod archive;
mod decide;
mod disk;
mod note;
mod path;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use archive::{ArchiveError, File, files};
pub use decide::{Action, Conflicts, Mode, Step};
pub use disk::DiskError;

use disk::Disk;
use note::Note;

/// Ending of a file that an upgrade puts beside one that somebody changed.
pub const OFFERED: &str = ".new";

/// Version of the stack that this binary carries: its own.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `.pipectl` holds state and a token besides the note; only the note belongs into a repository.
const IGNORE: (&str, &[u8]) = (".pipectl/.gitignore", b"*\n!.gitignore\n!stack.json\n");

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Version whose files were there before; only after an upgrade.
    pub from: Option<String>,
    /// Every file and what happened to it, sorted by path.
    pub steps: Vec<Step>,
}

/// Why a folder got no project.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// The binary is damaged.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The folder cannot be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Files are in the way; nothing was written.
    #[error("files are in the way in {}", folder.display())]
    Conflicts {
        /// The project's folder.
        folder: PathBuf,
        /// Which.
        conflicts: Conflicts,
        /// True when pipectl wrote a project here before.
        upgradable: bool,
    },
    /// There is nothing to upgrade.
    #[error("{} has no {}, so nobody knows which files pipectl wrote", folder.display(), note::PATH)]
    NoNote {
        /// The project's folder.
        folder: PathBuf,
    },
    /// The note is not what pipectl wrote.
    #[error("{} is damaged", path.display())]
    BadNote {
        /// The note.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// True for a folder without a single file of anybody's, in which a project may begin without being asked for. A folder
/// that cannot be read is none.
pub fn is_blank(folder: &Path) -> bool {
    disk::is_blank(folder).unwrap_or(false)
}

/// Writes the stack into a folder, which is made where it is not there. Decides on every file before it writes the first.
pub fn write(folder: &Path, mode: Mode) -> Result<Written, ScaffoldError> {
    let disk = Disk::new(folder);
    let known = read_note(&disk, folder)?;
    if mode == Mode::Upgrade && known.is_none() {
        return Err(ScaffoldError::NoNote { folder: folder.to_owned() });
    }
    let upgradable = known.is_some();
    let old = known.unwrap_or_default();
    let carried = files()?;
    let new = Note {
        version: VERSION.to_owned(),
        files: carried.iter().map(|file| (file.path.clone(), file.hash())).collect(),
    };
    let mut there = BTreeMap::new();
    for path in new.files.keys().chain(old.files.keys().filter(|_| mode == Mode::Upgrade)) {
        there.insert(path.clone(), disk.look(path)?);
    }
    let steps = decide::decide(mode, &new.files, &old, &there).map_err(|conflicts| ScaffoldError::Conflicts {
        folder: folder.to_owned(),
        conflicts,
        upgradable,
    })?;

    disk.make()?;
    let contents: BTreeMap<&str, &File> = carried.iter().map(|file| (file.path.as_str(), file)).collect();
    for step in &steps {
        carry_out(&disk, step, contents.get(step.path.as_str()).copied())?;
    }
    // Last: whoever repeats a run that was cut short is told the same as in the first one.
    let text = new.render().map_err(|source| ScaffoldError::BadNote { path: folder.join(note::PATH), source })?;
    disk.write(note::PATH, text.as_bytes(), false)?;
    disk.write(IGNORE.0, IGNORE.1, false)?;
    Ok(Written { from: (mode == Mode::Upgrade).then_some(old.version), steps })
}

fn read_note(disk: &Disk, folder: &Path) -> Result<Option<Note>, ScaffoldError> {
    let Some(text) = disk.read(note::PATH)? else { return Ok(None) };
    let note = Note::parse(&text).map_err(|source| ScaffoldError::BadNote { path: folder.join(note::PATH), source })?;
    Ok(Some(note))
}

fn carry_out(disk: &Disk, step: &Step, file: Option<&File>) -> Result<(), DiskError> {
    match (step.action, file) {
        (Action::Added | Action::Replaced | Action::Overwritten, Some(file)) => {
            disk.write(&step.path, &file.content, file.executable)
        }
        (Action::Offered, Some(file)) => disk.write(&format!("{}{OFFERED}", step.path), &file.content, file.executable),
        (Action::Removed, _) => disk.remove(&step.path),
        // What has to be written is carried, or nobody would have decided so.
        (Action::Kept | Action::LeftOut | Action::Unchanged, _) | (_, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn count(written: &Written, action: Action) -> usize {
        written.steps.iter().filter(|step| step.action == action).count()
    }

    /// A project as version 0.0.9 left it: `pipeline.yml` and one more file were different then.
    fn earlier() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        write(dir.path(), Mode::Fresh).expect("written");
        let path = dir.path().join(note::PATH);
        let mut note = Note::parse(&fs::read(&path).expect("there")).expect("a note");
        note.version = "0.0.9".into();
        for path in ["pipeline.yml", "spark/jobs/gone.py", "spark/jobs/job1_ingest.py"] {
            fs::write(dir.path().join(path), "as 0.0.9 wrote it\n").expect("written");
            note.files.insert(path.into(), archive::hash(b"as 0.0.9 wrote it\n"));
        }
        fs::write(&path, note.render().expect("JSON")).expect("written");
        dir
    }

    #[test]
    fn a_project_is_written_once_and_then_left_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("new/project");
        let first = write(&folder, Mode::Fresh).expect("written");
        assert_eq!(count(&first, Action::Added), files().expect("readable").len());
        let before = fs::metadata(folder.join("pipeline.yml")).expect("there").modified().expect("a time");
        let second = write(&folder, Mode::Fresh).expect("written");
        assert_eq!(count(&second, Action::Unchanged), first.steps.len());
        assert_eq!(fs::metadata(folder.join("pipeline.yml")).expect("there").modified().expect("a time"), before);
    }

    #[test]
    fn nothing_is_written_while_a_file_is_in_the_way() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("pipeline.yml"), "mine\n").expect("written");
        let error = write(dir.path(), Mode::Fresh).expect_err("refused");
        let ScaffoldError::Conflicts { conflicts, upgradable, .. } = error else { panic!("{error}") };
        assert_eq!((conflicts.differing, upgradable), (vec!["pipeline.yml".to_owned()], false));
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 1);
        let forced = write(dir.path(), Mode::Force).expect("written");
        assert_eq!(count(&forced, Action::Overwritten), 1);
    }

    #[test]
    fn an_upgrade_replaces_removes_and_offers() {
        let dir = earlier();
        fs::write(dir.path().join("pipeline.yml"), "mine\n").expect("written");
        fs::remove_file(dir.path().join("spark/transforms/regions.sql")).expect("removed");
        let upgraded = write(dir.path(), Mode::Upgrade).expect("written");
        assert_eq!(upgraded.from.as_deref(), Some("0.0.9"));
        let changed: Vec<(&str, Action)> = upgraded
            .steps
            .iter()
            .filter(|step| step.action != Action::Unchanged)
            .map(|step| (step.path.as_str(), step.action))
            .collect();
        assert_eq!(
            changed,
            [
                ("pipeline.yml", Action::Offered),
                ("spark/jobs/gone.py", Action::Removed),
                ("spark/jobs/job1_ingest.py", Action::Replaced),
                ("spark/transforms/regions.sql", Action::LeftOut),
            ]
        );
        let read = |path: &str| fs::read_to_string(dir.path().join(path));
        assert_eq!(read("pipeline.yml").expect("there"), "mine\n");
        assert!(read("pipeline.yml.new").expect("there").contains("version: 1"));
        assert!(read("spark/jobs/gone.py").is_err() && read("spark/transforms/regions.sql").is_err());

        let again = write(dir.path(), Mode::Upgrade).expect("written");
        assert_eq!(again.from.as_deref(), Some(VERSION));
        assert_eq!((count(&again, Action::Offered), count(&again, Action::Kept)), (0, 1), "what was offered is known");
    }

    #[test]
    fn a_note_that_leads_out_of_the_folder_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("project");
        write(&folder, Mode::Fresh).expect("written");
        let theirs = dir.path().join("theirs");
        fs::write(&theirs, "theirs").expect("written");
        let mut note = Note { version: "0.0.9".into(), ..Note::default() };
        note.files.insert("../theirs".into(), archive::hash(b"theirs"));
        fs::write(folder.join(note::PATH), note.render().expect("JSON")).expect("written");
        let error = write(&folder, Mode::Upgrade).expect_err("refused");
        assert_eq!(error.to_string(), r#""../theirs" is no path below a folder"#);
        assert!(theirs.is_file());
    }
}
