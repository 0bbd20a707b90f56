//! What `make install` and `make dist` leave behind, with the program that was built for the tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A program that behaves like pipectl and is small to pack: a script that calls it.
fn program(directory: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = directory.join("pipectl");
    let script = format!("#!/bin/sh\nexec '{}' \"$@\"\n", assert_cmd::cargo::cargo_bin!("pipectl").display());
    std::fs::write(&path, script).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("made a program");
    path
}

fn script(name: &str) -> Command {
    let mut command = Command::new("bash");
    // Cargo runs tests in the package's directory.
    command.arg(format!(".make/{name}.sh")).env_remove("DESTDIR").env_remove("DIST").env_remove("PROGRAM");
    command
}

fn ran(command: &mut Command) -> Output {
    let output = command.output().expect("bash runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every file below a folder, by its path from there.
fn files(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("readable") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(root).expect("below").display().to_string());
            }
        }
    }
    found
}

/// The host's Rust target; nothing where there is no rustc, as in a packager's test run.
fn host() -> Option<String> {
    let output = Command::new("rustc").arg("-vV").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}

#[test]
fn install_puts_everything_where_systems_look_for_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let prefix = dir.path().join("usr");
    ran(script("install").arg(program(dir.path())).arg(&prefix));
    let found = files(&prefix);
    let (pages, rest): (BTreeSet<_>, BTreeSet<_>) = found.iter().partition(|path| path.starts_with("share/man/man1/"));
    let rest: Vec<&str> = rest.into_iter().map(String::as_str).collect();
    assert_eq!(
        rest,
        [
            "bin/pipectl",
            "share/bash-completion/completions/pipectl",
            "share/doc/pipectl/CHANGELOG.md",
            "share/doc/pipectl/LICENSE",
            "share/doc/pipectl/README.md",
            "share/elvish/lib/pipectl.elv",
            "share/fish/vendor_completions.d/pipectl.fish",
            "share/zsh/site-functions/_pipectl",
        ]
    );
    assert!(pages.len() > 25 && pages.contains(&"share/man/man1/pipectl-init.1".to_owned()), "{pages:?}");
    let installed = ran(Command::new(prefix.join("bin/pipectl")).arg("--version"));
    assert_eq!(String::from_utf8_lossy(&installed.stdout), format!("pipectl {}\n", env!("CARGO_PKG_VERSION")));
    ran(script("install").arg(program(dir.path())).arg(&prefix));
    assert_eq!(files(&prefix), found, "a second time leaves nothing else");
}

#[test]
fn install_says_what_to_type_when_there_is_no_program() {
    let output = script("install").args(["/nowhere/pipectl", "/nowhere"]).output().expect("bash runs");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "error: there is no program at /nowhere/pipectl\nhint: build it first: make build\n");
}

#[test]
fn dist_packs_the_same_bytes_twice_and_sums_that_hold() {
    let (Some(host), Ok(_)) = (host(), Command::new("python3").arg("--version").output()) else {
        return skipped("there is no rustc or no python3");
    };
    let dir = tempfile::tempdir().expect("a folder");
    let program = program(dir.path());
    let make = |name: &str| {
        let dist = dir.path().join(name);
        ran(script("dist").env("PROGRAM", &program).env("DIST", &dist));
        dist
    };
    let (one, two) = (make("one"), make("two"));
    let name = format!("pipectl-{}-{host}", env!("CARGO_PKG_VERSION"));
    let expected = [format!("{name}.cdx.json"), format!("{name}.tar.gz"), "SHA256SUMS".to_owned()];
    assert_eq!(files(&one), expected.into_iter().collect());
    for file in files(&one) {
        let read = |dist: &Path| std::fs::read(dist.join(&file)).expect("there");
        assert!(read(&one) == read(&two), "{file} differs from run to run");
    }
    ran(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&one));

    let archive = std::fs::File::open(one.join(format!("{name}.tar.gz"))).expect("there");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let packed: BTreeSet<String> = archive
        .entries()
        .expect("entries")
        .map(|entry| entry.expect("an entry").path().expect("a path").display().to_string())
        .collect();
    for file in ["pipectl", "LICENSE", "README.md", "CHANGELOG.md", "docs/ci.md", "man/man1/pipectl-up.1"] {
        assert!(packed.contains(&format!("{name}/{file}")), "{file} is not among {packed:?}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(packed.contains(&format!("{name}/completions/pipectl.{shell}")), "{shell}");
    }
    let bill = std::fs::read(one.join(format!("{name}.cdx.json"))).expect("there");
    let bill: serde_json::Value = serde_json::from_slice(&bill).expect("JSON");
    assert_eq!((&bill["bomFormat"], &bill["metadata"]["component"]["name"]), (&"CycloneDX".into(), &"pipectl".into()));
}

#[test]
fn a_target_that_is_not_installed_is_named_with_what_to_type() {
    if host().is_none() {
        return skipped("there is no rustc");
    }
    // A target that rustc knows and nobody has: no standard library is published for it.
    let output = script("dist").arg("avr-none").output().expect("bash runs");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.starts_with("error: Rust's standard library for avr-none is not installed\nhint: "), "{said}");
    assert!(said.trim_end().ends_with("rustup target add avr-none"), "{said}");
}

/// Tells why a test checked nothing.
#[expect(clippy::print_stderr, reason = "the test runner shows it with --nocapture")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}
