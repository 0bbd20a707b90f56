//! The help as the binary prints it, and completions that a shell accepts.

use std::collections::BTreeSet;
use std::process::Command;

use crate::harness::{SHOP, Stage, skipped};

const COMMANDS: [&str; 29] = [
    "up",
    "init",
    "status",
    "verify",
    "doctor",
    "bundle",
    "backup",
    "restore",
    "down",
    "reset",
    "stop",
    "start",
    "restart",
    "logs",
    "scale",
    "exec",
    "config",
    "graph",
    "images",
    "credentials",
    "critical-path",
    "connector",
    "jobs",
    "catalog",
    "ingest",
    "lineage",
    "token",
    "completions",
    "man",
];

/// Options in a text: words that begin with two dashes.
fn options(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter(|word| word.starts_with("--") && word.len() > 2).map(str::to_owned).collect()
}

#[test]
fn every_example_in_the_help_uses_real_options() {
    let stage = Stage::new(SHOP);
    for name in COMMANDS {
        let help = stage.run(&[name, "--help"]);
        assert_eq!((help.code, help.stderr.as_str()), (0, ""), "{name}");
        let (above, examples) = help.stdout.split_once("Examples:\n").unwrap_or_else(|| panic!("{name}: no example"));
        let known = options(above);
        for option in options(examples) {
            assert!(known.contains(&option), "{name}: the example uses {option}, which the help does not list");
        }
        assert!(known.contains("--quiet") && known.contains("--events"), "{name}: global options are listed");
    }
}

#[test]
fn the_first_screen_lists_every_command() {
    let stage = Stage::new(SHOP);
    let help = stage.run(&["-h"]);
    for name in COMMANDS {
        assert!(help.stdout.lines().any(|line| line.trim_start().starts_with(&format!("{name} "))), "no {name}");
    }
    let bare = stage.run(&[]);
    assert_eq!((bare.code, bare.stdout.as_str()), (2, ""), "help for a mistake goes to standard error");
}

#[test]
fn a_mistyped_command_or_option_gets_a_suggestion() {
    let stage = Stage::new(SHOP);
    let run = stage.run(&["stauts"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("'status'"), "{run}");
    let run = stage.run(&["up", "--pan"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("'--plan'"), "{run}");
}

#[test]
fn the_bash_completion_is_a_script_that_bash_accepts() {
    let stage = Stage::new(SHOP);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = stage.run(&["completions", shell]);
        assert_eq!((script.code, script.stderr.as_str()), (0, ""), "{shell}");
        assert!(script.stdout.contains("credentials"), "{shell}");
    }
    stage.write("completion.bash", &stage.run(&["completions", "bash"]).stdout);
    match Command::new("bash").args(["-n", "completion.bash"]).current_dir(stage.dir()).status() {
        Ok(status) => assert!(status.success()),
        Err(error) => skipped(&format!("bash does not run: {error}")),
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let stage = Stage::new(SHOP);
    let run = stage.run(&["man", "pages"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run}");
    let written: BTreeSet<String> = run.stdout.lines().map(str::to_owned).collect();
    for name in COMMANDS {
        assert!(written.contains(&format!("pages/pipectl-{name}.1")), "no page of {name}: {run}");
    }
    for path in ["pages/pipectl.1", "pages/pipectl-images-build.1", "pages/pipectl-catalog-serve.1"] {
        assert!(written.contains(path), "no {path}: {run}");
    }
    let on_disk: BTreeSet<String> = std::fs::read_dir(stage.dir().join("pages"))
        .expect("made")
        .map(|entry| format!("pages/{}", entry.expect("an entry").file_name().to_string_lossy()))
        .collect();
    assert_eq!(on_disk, written);
    let page = std::fs::read_to_string(stage.dir().join("pages/pipectl-init.1")).expect("there");
    for part in [".TH ", "pipectl\\-init", "\\-\\-upgrade", "\n.nf\nExamples:\n  pipectl init "] {
        assert!(page.contains(part), "the page of init has no {part}:\n{page}");
    }
    let own = stage.run(&["man"]);
    assert_eq!(own.code, 0);
    assert_eq!(own.stdout, std::fs::read_to_string(stage.dir().join("pages/pipectl.1")).expect("there"));
}

#[test]
fn a_folder_for_manual_pages_that_cannot_be_made_is_named() {
    let stage = Stage::new(SHOP);
    stage.write("pages", "a file");
    let run = stage.run(&["man", "pages"]);
    assert_eq!((run.code, run.stderr.lines().next()), (1, Some("error: manual pages cannot be written to pages")));
}
