//! The stack that the binary carries is the repository's, file by file, and packing it again gives the same bytes.

#[path = "../build/pack.rs"]
mod pack;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use pipectl::scaffold;

/// Cargo runs tests in the package's directory.
fn root() -> &'static Path {
    Path::new(".")
}

/// Copies these files, as a fresh clone would have them: other times, another order of creation.
fn copy(files: &[pack::Packed], to: &Path) {
    for file in files.iter().rev() {
        let target = to.join(&file.path);
        std::fs::create_dir_all(target.parent().expect("a parent")).expect("made");
        std::fs::copy(root().join(&file.path), &target).expect("copied");
        let earlier = SystemTime::now() - Duration::from_secs(86_400);
        std::fs::File::options().write(true).open(&target).expect("opened").set_modified(earlier).expect("dated");
    }
}

#[test]
fn the_binary_carries_the_files_of_the_repository() {
    let carried = scaffold::files().expect("readable");
    let listed = pack::list(root()).expect("listed");
    let paths: Vec<&str> = carried.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, listed.iter().map(|file| file.path.as_str()).collect::<Vec<_>>());
    for (file, packed) in carried.iter().zip(&listed) {
        assert_eq!(file.executable, packed.executable, "{}", file.path);
        assert!(file.content == std::fs::read(root().join(&file.path)).expect("read"), "{} differs", file.path);
    }
    // What only an installed project would miss.
    for needed in ["compose/images/rootfs/make.sh", "compose/images/fetch/host-ca/README.md", "spark/.dockerignore"] {
        assert!(paths.contains(&needed), "{needed} is not carried");
    }
}

#[test]
fn nothing_that_git_ignores_is_carried_and_nothing_else_is_left_out() {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]).args(pack::PARTS);
    let Ok(output) = git.current_dir(root()).output() else { return skipped("there is no git") };
    if !output.status.success() {
        return skipped("this is no clone");
    }
    let listed = String::from_utf8(output.stdout).expect("UTF-8");
    let mut known: Vec<&str> = listed.split_terminator('\0').collect();
    known.sort_unstable();
    // Once for every stage, in the middle of a merge.
    known.dedup();
    let packed = pack::list(root()).expect("listed");
    assert_eq!(packed.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), known);
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let files = pack::list(root()).expect("listed");
    let copied = tempfile::tempdir().expect("a folder");
    copy(&files, copied.path());
    let again = pack::list(copied.path()).expect("listed");
    assert_eq!(again, files);
    assert!(pack::pack(copied.path(), &again).expect("packed") == pack::pack(root(), &files).expect("packed"));
}

#[test]
fn what_tools_leave_behind_is_no_part_of_the_stack() {
    let files = pack::list(root()).expect("listed");
    let copied = tempfile::tempdir().expect("a folder");
    copy(&files, copied.path());
    for litter in ["spark/lib/__pycache__/x.pyc", "spark/x.pyc", "compose/images/fetch/host-ca/mine.crt"] {
        let path = copied.path().join(litter);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, "litter").expect("written");
    }
    assert_eq!(pack::list(copied.path()).expect("listed"), files);
}

#[test]
fn a_link_among_the_files_stops_the_build() {
    let files = pack::list(root()).expect("listed");
    let copied = tempfile::tempdir().expect("a folder");
    copy(&files, copied.path());
    let link = copied.path().join("spark/elsewhere");
    std::os::unix::fs::symlink("/etc/hostname", &link).expect("linked");
    let error = pack::list(copied.path()).expect_err("refused");
    let expected = "is neither a file nor a folder, and the archive holds nothing else";
    assert_eq!(error.to_string(), format!("{}: {expected}", link.display()));
}

#[test]
fn every_file_has_its_own_hash() {
    let files = scaffold::files().expect("readable");
    let hashes: BTreeMap<String, &[u8]> = files.iter().map(|file| (file.hash(), file.content.as_slice())).collect();
    let contents: BTreeSet<&[u8]> = files.iter().map(|file| file.content.as_slice()).collect();
    assert_eq!(hashes.len(), contents.len());
    assert!(hashes.keys().all(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())));
}

/// Tells why a test checked nothing.
#[expect(clippy::print_stderr, reason = "the test runner shows it with --nocapture")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}
