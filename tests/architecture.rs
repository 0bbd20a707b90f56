//! Rules of the code base that the compiler does not know: who may use whom, who may print, how large a file may be.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Lines that a file may have. What grows beyond it has more than one job.
const MOST_LINES: usize = 600;

/// Top-level modules that a top-level module may use besides itself. `exit` is a table of constants and free for all.
const MAY_USE: [(&str, &[&str]); 20] = [
    (
        "commands",
        &[
            "backup",
            "bundle",
            "catalog",
            "cli",
            "docker",
            "engine",
            "event",
            "failure",
            "governance",
            "images",
            "key",
            "model",
            "pipeline",
            "preflight",
            "probes",
            "scaffold",
            "steps",
            "ui",
        ],
    ),
    ("backup", &["engine", "model"]),
    ("bundle", &[]),
    ("catalog", &["failure", "fqn", "key"]),
    ("cli", &["event", "failure", "ui"]),
    ("docker", &["engine", "model"]),
    ("engine", &["event", "failure", "model"]),
    ("event", &[]),
    ("exit", &[]),
    ("failure", &[]),
    ("fqn", &[]),
    ("governance", &["engine", "fqn", "model", "pipeline"]),
    ("images", &["engine", "model"]),
    ("key", &["failure"]),
    ("model", &[]),
    ("pipeline", &["engine", "model"]),
    ("preflight", &["engine", "failure", "images", "model"]),
    ("probes", &["engine", "model", "pipeline"]),
    ("scaffold", &[]),
    ("steps", &["engine", "governance", "model", "pipeline"]),
];

/// What `ui` may use: it shows events and failures and knows nothing of what makes them.
const UI_MAY_USE: &[&str] = &["event", "failure"];

/// Parts of `engine` that those outside of it may use, where not all of it is open to them.
const ENGINE_PARTS: [(&str, &[&str]); 7] = [
    ("backup", &["backend", "observed", "transfer"]),
    ("docker", &["backend", "observed", "transfer"]),
    ("governance", &["work"]),
    ("images", &["backend", "observed", "work"]),
    ("pipeline", &["backend", "observed", "work"]),
    ("probes", &["backend", "observed", "work"]),
    ("steps", &["backend", "observed", "work"]),
];

/// Words that `engine` and `model` do not know: they are the same for any stack and any container engine.
const FOREIGN: [&str; 8] = ["bollard", "reqwest", "clap", "kafka", "spark", "debezium", "hdfs", "openmetadata"];

/// A file of src/ with what the checks need of it.
struct File {
    /// Path from src/.
    path: PathBuf,
    /// Its whole text.
    text: String,
    /// Its lines with their numbers, without comments and without the tests at its end.
    code: Vec<(usize, String)>,
}

impl File {
    /// The top-level module: `engine` for src/engine/plan.rs.
    fn module(&self) -> String {
        let first = self.path.components().next().expect("a path has a component").as_os_str().to_string_lossy();
        first.trim_end_matches(".rs").to_owned()
    }

    fn place(&self, line: usize) -> String {
        format!("src/{}:{line}", self.path.display())
    }
}

fn files() -> Vec<File> {
    // Cargo runs tests in the package's directory.
    let root = std::env::current_dir().unwrap().join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    assert!(paths.len() > 10, "the sources are elsewhere than in {}", root.display());
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            File { path: path.strip_prefix(&root).unwrap().to_owned(), code: code(&text), text }
        })
        .collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// Tests stand at the end of a file, behind `#[cfg(test)]`; a test module of its own file is all tests.
fn code(text: &str) -> Vec<(usize, String)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let tested = lines.take_while(|(_, line)| line.trim() != "#[cfg(test)]" || !line.starts_with('#'));
    tested
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number, line.split(" // ").next().unwrap_or_default().to_owned()))
        .collect()
}

/// Fails with every finding at once.
fn report(rule: &str, findings: &[String]) {
    let mut text = String::new();
    for finding in findings {
        writeln!(text, "  {finding}").unwrap();
    }
    assert!(findings.is_empty(), "{rule}:\n{text}");
}

/// Paths that follow `crate::`: `use crate::{event::X, model}` names `event::X` and `model`.
fn uses(statement: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in statement.match_indices("crate::") {
        let before = statement[..at].chars().next_back();
        if !before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            expand(&[], &statement[at + "crate::".len()..], &mut found);
        }
    }
    found
}

/// Adds the paths of `a::b` or `a::{b, c::d}` below a prefix.
fn expand(prefix: &[String], tree: &str, found: &mut Vec<Vec<String>>) {
    let tree = tree.trim_start();
    if let Some(list) = tree.strip_prefix('{') {
        let mut depth = 0_usize;
        let mut start = 0;
        for (at, character) in list.char_indices() {
            match character {
                '{' => depth += 1,
                ',' | '}' if depth == 0 => {
                    expand(prefix, &list[start..at], found);
                    start = at + 1;
                }
                '}' => depth -= 1,
                _ => {}
            }
            if character == '}' && depth == 0 && start == at + 1 {
                return;
            }
        }
        return;
    }
    let name: String = tree.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut path = prefix.to_vec();
    match tree[name.len()..].strip_prefix("::") {
        _ if name.is_empty() => {}
        Some(rest) if rest.starts_with(|c: char| c == '{' || c.is_alphabetic()) => {
            path.push(name);
            expand(&path, rest, found);
        }
        _ => {
            path.push(name);
            found.push(path);
        }
    }
}

/// Lines of code, a `use` over several lines as one.
fn statements(code: &[(usize, String)]) -> Vec<(usize, String)> {
    let mut statements: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in code {
        match statements.last_mut() {
            Some((_, statement)) if open => statement.push_str(line.trim()),
            _ => {
                let start = line.trim_start();
                open = start.starts_with("use ") || start.starts_with("pub use ");
                statements.push((*number, line.clone()));
            }
        }
        open = open && !line.contains(';');
    }
    statements
}

fn allowed(module: &str) -> Option<&'static [&'static str]> {
    if module == "ui" {
        return Some(UI_MAY_USE);
    }
    MAY_USE.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed)
}

#[test]
fn modules_use_only_what_lies_below_them() {
    let mut findings = Vec::new();
    for file in files() {
        let module = file.module();
        // lib.rs and main.rs wire everything together.
        if matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        let Some(allowed) = allowed(&module) else {
            findings.push(format!("{}: module `{module}` is not in this test's table", file.place(1)));
            continue;
        };
        for (line, text) in &statements(&file.code) {
            for path in uses(text) {
                let used = path[0].as_str();
                if used != module && used != "exit" && !allowed.contains(&used) && is_module(used) {
                    findings.push(format!("{}: `{module}` uses `{used}`", file.place(*line)));
                }
                let parts = ENGINE_PARTS.iter().find(|(name, _)| *name == module).map(|(_, parts)| *parts);
                if let (Some(parts), "engine", Some(part)) = (parts, used, path.get(1)) {
                    if !parts.contains(&part.as_str()) {
                        findings.push(format!("{}: `{module}` uses `engine::{part}`", file.place(*line)));
                    }
                }
            }
        }
    }
    report("dependencies point down only", &findings);
}

fn is_module(name: &str) -> bool {
    name == "ui" || MAY_USE.iter().any(|(module, _)| *module == name)
}

#[test]
fn engine_and_model_know_no_product() {
    let mut findings = Vec::new();
    for file in files().iter().filter(|file| matches!(file.module().as_str(), "engine" | "model")) {
        for (line, text) in &file.code {
            let lower = text.to_lowercase();
            for word in FOREIGN.iter().filter(|word| names(&lower, word)) {
                findings.push(format!("{}: names `{word}`", file.place(*line)));
            }
        }
    }
    report("engine and model work for any stack", &findings);
}

/// True when `word` stands in `line` as a word: `clap` is not in `clapper`.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !letter(line[..at].chars().next_back()) && !letter(line[at + word.len()..].chars().next())
    })
}

#[test]
fn only_ui_prints() {
    let mut findings = Vec::new();
    for file in files().iter().filter(|file| file.module() != "ui") {
        for (line, text) in &file.code {
            for call in ["println!", "eprintln!", "print!(", "eprint!(", "dbg!", "io::stdout()", "io::stderr()"] {
                if text.contains(call) {
                    findings.push(format!("{}: {call}", file.place(*line)));
                }
            }
        }
    }
    report("everything that a person sees goes through ui", &findings);
}

#[test]
fn files_are_small() {
    let too_long = |file: &File| file.text.lines().count() > MOST_LINES;
    let findings: Vec<String> = files()
        .iter()
        .filter(|file| too_long(file))
        .map(|file| format!("{} has {} lines", file.place(1), file.text.lines().count()))
        .collect();
    report(&format!("a file has at most {MOST_LINES} lines"), &findings);
}

#[test]
fn every_module_says_what_it_is_for() {
    let findings: Vec<String> =
        files().iter().filter(|file| !file.text.starts_with("//! ")).map(|file| file.place(1)).collect();
    report("a file begins with a `//!` header", &findings);
}

#[test]
fn the_reader_of_use_lines_finds_every_form() {
    let paths = |line| uses(line).iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!(paths("use crate::model::ext::Ready;"), ["model::ext::Ready"]);
    assert_eq!(paths("use crate::{event::Events, model};"), ["event::Events", "model"]);
    assert_eq!(paths("    let x = crate::ui::out(crate::exit::OK);"), ["ui::out", "exit::OK"]);
    assert_eq!(paths("use crate::{engine::{plan::Plan, work}, ui};"), ["engine::plan::Plan", "engine::work", "ui"]);
    assert!(paths("pub(crate) fn x() {}").is_empty());
    assert!(paths("use other_crate::ui;").is_empty());
}
