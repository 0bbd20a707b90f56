//! `pipectl init`, and the project that `up` begins in an empty folder.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Exit;
use super::context::Context;
use crate::cli::{Command, InitArgs};
use crate::exit;
use crate::failure::Failure;
use crate::scaffold::{self, Action, DiskError, Mode, OFFERED, ScaffoldError, Step, VERSION, Written};
use crate::ui::scaffold::{Change, render};

pub fn run(context: &Context, arguments: &InitArgs) -> Exit {
    let mode = match (arguments.force, arguments.upgrade) {
        (true, _) => Mode::Force,
        (_, true) => Mode::Upgrade,
        _ => Mode::Fresh,
    };
    let folder = absolute(&arguments.directory)?;
    let written = scaffold::write(&folder, mode).map_err(|error| failure(error, &arguments.directory))?;
    if arguments.json {
        context.json(&json!({
            "version": VERSION,
            "from": written.from,
            "directory": folder,
            "files": written.steps,
        }))?;
        return Ok(exit::OK);
    }
    context.out(&render(&changes(&written)))?;
    context.ui.note(&summary(&written));
    for step in written.steps.iter().filter(|step| step.action == Action::Offered) {
        let path = &step.path;
        context.ui.warning(
            &format!("{path} has your changes and stays; the new version of it is {path}{OFFERED}"),
            Some(&format!("take over what you need, then remove {path}{OFFERED}")),
        );
    }
    context.ui.note(&format!("next: {}", next(&arguments.directory)));
    Ok(exit::OK)
}

/// `up` in an empty folder begins a project there. True when it did: the project has to be looked for again.
pub fn begun(context: &Context, command: &Command) -> Result<bool, Failure> {
    let Command::Up(arguments) = command else { return Ok(false) };
    let here = Path::new(".");
    let folder = absolute(here)?;
    // A plan changes nothing, so it does not begin a project either.
    if context.load_options().is_ok() || arguments.plan || !scaffold::is_blank(&folder) {
        return Ok(false);
    }
    context.ui.note("no project here; writing the built-in one");
    let written = scaffold::write(&folder, Mode::Fresh).map_err(|error| failure(error, here))?;
    context.ui.note(&summary(&written));
    Ok(true)
}

/// The folder as messages name it.
fn absolute(directory: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(directory).map_err(|error| {
        Failure::usage(format!("the folder {} cannot be found", directory.display())).because(error.to_string())
    })
}

fn changes(written: &Written) -> Vec<Change> {
    let word = |action| match action {
        Action::Added => Some("added"),
        Action::Replaced => Some("replaced"),
        Action::Overwritten => Some("overwritten"),
        Action::Removed => Some("removed"),
        Action::Offered | Action::Kept => Some("kept"),
        Action::LeftOut => Some("left out"),
        Action::Unchanged => None,
    };
    let change = |step: &Step| Some(Change { word: word(step.action)?, path: step.path.clone() });
    written.steps.iter().filter_map(change).collect()
}

fn summary(written: &Written) -> String {
    let count = |actions: &[Action]| written.steps.iter().filter(|step| actions.contains(&step.action)).count();
    let changed = count(&[Action::Added, Action::Replaced, Action::Overwritten, Action::Offered, Action::Removed]);
    let rest = written.steps.len() - changed;
    match &written.from {
        Some(from) if from != VERSION => {
            format!("upgraded from {from} to {VERSION}: {changed} changed, {rest} as they were")
        }
        _ if changed == 0 => format!("every file is as pipectl {VERSION} has it, or as you made it: nothing changed"),
        _ if rest == 0 => format!("wrote {changed} files, the stack of pipectl {VERSION}"),
        _ => format!("wrote {changed} files, the stack of pipectl {VERSION}; {rest} were there already"),
    }
}

/// The command to type after this one.
fn next(directory: &Path) -> String {
    if directory == Path::new(".") {
        return "pipectl up".to_owned();
    }
    format!("cd {} && pipectl up", shell_word(&directory.display().to_string()))
}

/// A word as a shell reads it.
fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let dashed = if word.starts_with('-') { "-- " } else { "" };
    format!("{dashed}'{}'", word.replace('\'', r"'\''"))
}

/// What failed, where, and the next command. Only what the operating system refuses can happen half way.
fn failure(error: ScaffoldError, directory: &Path) -> Failure {
    let here = if directory == Path::new(".") {
        String::new()
    } else {
        format!(" {}", shell_word(&directory.display().to_string()))
    };
    match error {
        ScaffoldError::Conflicts { ref conflicts, upgradable, .. } => {
            let mut failure = Failure::usage(format!("{error}; nothing was written"));
            if !conflicts.differing.is_empty() {
                failure = failure.evidence("these hold something else", conflicts.differing.clone());
            }
            if !conflicts.foreign.is_empty() {
                return failure
                    .evidence("these are no files", conflicts.foreign.clone())
                    .hint("move them away, or name another folder: `pipectl init DIR`");
            }
            if upgradable {
                failure =
                    failure.hint(format!("keep what you changed and take the rest: `pipectl init --upgrade{here}`"));
            }
            failure
                .hint(format!("overwrite them: `pipectl init --force{here}`"))
                .hint("or name another folder: `pipectl init DIR`")
        }
        ScaffoldError::NoNote { .. } => Failure::usage(error.to_string())
            .hint(format!("`pipectl init{here}` writes the files that are missing and names those that differ")),
        ScaffoldError::BadNote { ref path, ref source } => Failure::usage(error.to_string())
            .because(source.to_string())
            .hint(format!("remove {} and run `pipectl init{here}`", path.display())),
        ScaffoldError::Disk(error @ DiskError::Refused { .. }) => Failure::from(anyhow::Error::from(error))
            .hint("run it again once that is repaired: what is written already is kept"),
        // Found while looking, before the first file is written.
        ScaffoldError::Disk(error @ (DiskError::Link { .. } | DiskError::NoFolder { .. })) => {
            Failure::usage(format!("{error}; nothing was written"))
                .hint("move it away, or name another folder: `pipectl init DIR`")
        }
        ScaffoldError::Disk(error @ DiskError::Outside { .. }) => {
            Failure::usage(format!("{error}; nothing was written")).hint("correct .pipectl/stack.json, which names it")
        }
        ScaffoldError::Archive(error) => {
            Failure::from(anyhow::Error::from(error)).hint("this program is damaged: install it again")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_command_can_be_typed_as_it_is() {
        assert_eq!(next(Path::new(".")), "pipectl up");
        assert_eq!(next(Path::new("my/shop")), "cd my/shop && pipectl up");
        assert_eq!(next(Path::new("my shop")), "cd 'my shop' && pipectl up");
        assert_eq!(next(Path::new("it's")), r"cd 'it'\''s' && pipectl up");
        assert_eq!(next(Path::new("-x")), "cd -- '-x' && pipectl up");
    }
}
