//! What happens to each file: a pure function of what is carried, what was written before, and what is there.

use std::collections::BTreeMap;

use serde::Serialize;

use super::note::Note;

/// How far it may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Write what is missing; refuse when a file is there that differs.
    Fresh,
    /// Write everything, over files that differ too.
    Force,
    /// Bring an earlier version's files up to date and keep what somebody changed.
    Upgrade,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum There {
    /// Nothing.
    Nothing,
    /// A file with this SHA-256.
    File(String),
    /// A link, a folder, a device: nothing that pipectl wrote.
    Foreign,
}

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It was not there.
    Added,
    /// It was as an earlier version had written it.
    Replaced,
    /// It differed, and `--force` was given.
    Overwritten,
    /// It is no part of the stack any more, and was as an earlier version had written it.
    Removed,
    /// Somebody changed it, and so did the new version, whose file is beside it.
    Offered,
    /// Somebody changed it, and the new version did not; or the new version has no such file.
    Kept,
    /// Somebody removed it, and it stays away.
    LeftOut,
    /// It holds already what it should.
    Unchanged,
}

/// One file and what happens to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Path from the project's folder.
    pub path: String,
    /// What happens.
    pub action: Action,
}

/// Files that stand in the way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conflicts {
    /// Files that hold something else.
    pub differing: Vec<String>,
    /// What is no file at all.
    pub foreign: Vec<String>,
}

/// Decides for every file: `files` has what is carried, path and SHA-256.
pub(super) fn decide(
    mode: Mode,
    files: &BTreeMap<String, String>,
    note: &Note,
    there: &BTreeMap<String, There>,
) -> Result<Vec<Step>, Conflicts> {
    let at = |path: &str| there.get(path).unwrap_or(&There::Nothing);
    let step = |path: &String, action| Step { path: path.clone(), action };
    let mut conflicts = Conflicts::default();
    let mut steps = Vec::new();
    for (path, new) in files {
        match (mode, at(path)) {
            (_, There::File(old)) if old == new => steps.push(step(path, Action::Unchanged)),
            (Mode::Upgrade, there) => steps.push(step(path, upgraded(note.files.get(path), new, there))),
            (_, There::Nothing) => steps.push(step(path, Action::Added)),
            (Mode::Force, There::File(_)) => steps.push(step(path, Action::Overwritten)),
            (Mode::Fresh, There::File(_)) => conflicts.differing.push(path.clone()),
            (_, There::Foreign) => conflicts.foreign.push(path.clone()),
        }
    }
    if mode == Mode::Upgrade {
        for (path, written) in note.files.iter().filter(|(path, _)| !files.contains_key(*path)) {
            match at(path) {
                There::Nothing => {}
                There::File(old) if old == written => steps.push(step(path, Action::Removed)),
                There::File(_) | There::Foreign => steps.push(step(path, Action::Kept)),
            }
        }
    }
    steps.sort_by(|a, b| a.path.cmp(&b.path));
    if conflicts == Conflicts::default() { Ok(steps) } else { Err(conflicts) }
}

/// The fate of a file that is not as the new version has it.
fn upgraded(written: Option<&String>, new: &String, there: &There) -> Action {
    match (written, there) {
        (None, There::Nothing) => Action::Added,
        (Some(_), There::Nothing) => Action::LeftOut,
        (Some(written), There::File(old)) if old == written => Action::Replaced,
        (Some(written), _) if written == new => Action::Kept,
        (_, There::File(_) | There::Foreign) => Action::Offered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of a stack, each `path=content`.
    fn files(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter().map(|(path, hash)| ((*path).to_owned(), (*hash).to_owned())).collect()
    }

    fn note(list: &[(&str, &str)]) -> Note {
        Note { version: "0.0.9".into(), files: files(list) }
    }

    fn folder(list: &[(&str, &str)]) -> BTreeMap<String, There> {
        let there = |what: &str| if what == "link" { There::Foreign } else { There::File(what.to_owned()) };
        list.iter().map(|(path, what)| ((*path).to_owned(), there(what))).collect()
    }

    fn decided(mode: Mode, new: &[(&str, &str)], old: &[(&str, &str)], there: &[(&str, &str)]) -> String {
        match decide(mode, &files(new), &note(old), &folder(there)) {
            Ok(steps) => {
                let words = steps.iter().map(|step| format!("{} {:?}", step.path, step.action));
                words.collect::<Vec<_>>().join(", ")
            }
            Err(conflicts) => format!("differing {:?}, foreign {:?}", conflicts.differing, conflicts.foreign),
        }
    }

    #[test]
    fn a_fresh_project_writes_what_is_missing_and_refuses_what_differs() {
        let new = [("a", "1"), ("b", "1"), ("c", "1")];
        assert_eq!(decided(Mode::Fresh, &new, &[], &[]), "a Added, b Added, c Added");
        assert_eq!(decided(Mode::Fresh, &new, &[], &[("b", "1")]), "a Added, b Unchanged, c Added");
        let there = [("a", "mine"), ("b", "1"), ("c", "link")];
        assert_eq!(decided(Mode::Fresh, &new, &[], &there), r#"differing ["a"], foreign ["c"]"#);
    }

    #[test]
    fn force_overwrites_files_and_nothing_else() {
        let new = [("a", "1"), ("b", "1")];
        assert_eq!(decided(Mode::Force, &new, &[], &[("a", "mine"), ("b", "1")]), "a Overwritten, b Unchanged");
        assert_eq!(decided(Mode::Force, &new, &[], &[("b", "link")]), r#"differing [], foreign ["b"]"#);
    }

    #[test]
    fn an_upgrade_replaces_what_nobody_changed() {
        let upgrade = |old, there| decided(Mode::Upgrade, &[("a", "2")], old, there);
        assert_eq!(upgrade(&[("a", "1")], &[("a", "1")]), "a Replaced");
        assert_eq!(upgrade(&[("a", "1")], &[("a", "2")]), "a Unchanged", "an upgrade that was cut short goes on");
        assert_eq!(upgrade(&[], &[]), "a Added");
    }

    #[test]
    fn an_upgrade_keeps_what_somebody_changed() {
        let upgrade = |old, there| decided(Mode::Upgrade, &[("a", "2")], old, there);
        assert_eq!(upgrade(&[("a", "2")], &[("a", "mine")]), "a Kept", "there is nothing new to offer");
        assert_eq!(upgrade(&[("a", "1")], &[("a", "mine")]), "a Offered");
        assert_eq!(upgrade(&[], &[("a", "mine")]), "a Offered", "a file of theirs has the name of a new one");
        assert_eq!(upgrade(&[("a", "1")], &[("a", "link")]), "a Offered");
        assert_eq!(upgrade(&[("a", "2")], &[("a", "link")]), "a Kept");
        assert_eq!(upgrade(&[("a", "1")], &[]), "a LeftOut", "they removed it");
    }

    #[test]
    fn an_upgrade_removes_what_is_no_part_of_the_stack_any_more() {
        let upgrade = |there| decided(Mode::Upgrade, &[], &[("a", "1")], there);
        assert_eq!(upgrade(&[("a", "1")]), "a Removed");
        assert_eq!(upgrade(&[("a", "mine")]), "a Kept");
        assert_eq!(upgrade(&[]), "");
    }
}
