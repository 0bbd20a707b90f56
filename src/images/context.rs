//! The files of a build context, in a fixed order.

use std::path::{Path, PathBuf};

use super::ignore::Ignore;

/// Directory of a context into which the host's certificate authorities are put when it is sent.
pub(super) const HOST_CA: &str = "host-ca";

/// One file of a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Path within the context, with slashes.
    pub path: String,
    /// Where it is.
    pub source: PathBuf,
    /// What it is.
    pub kind: Kind,
}

/// Kinds of entries; empty directories are left out, git knows none either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file.
    File {
        /// Its executable bit: all that a checkout keeps of the mode.
        executable: bool,
    },
    /// A symbolic link and where it points.
    Link(PathBuf),
}

/// Lists what `.dockerignore` leaves, sorted by path. The Dockerfile is always part of it.
pub(super) fn entries(context: &Path, dockerfile: &str) -> std::io::Result<Vec<Entry>> {
    let ignore = match std::fs::read_to_string(context.join(".dockerignore")) {
        Ok(text) => Ignore::parse(&text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ignore::default(),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    walk(context, "", &mut found)?;
    found.retain(|entry| entry.path == dockerfile || !(ignore.covers(&entry.path) || is_foreign_ca(&entry.path)));
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Adds this program under a name, as an input like any other file. On a system whose programs no container runs there is
/// nothing to add, and building says so.
pub(super) fn add_executable(entries: &mut Vec<Entry>, name: &str) -> std::io::Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let source = std::env::current_exe()?;
    entries.retain(|entry| entry.path != name);
    entries.push(Entry { path: name.to_owned(), source, kind: Kind::File { executable: true } });
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(())
}

/// Certificates that somebody put there by hand: they differ from machine to machine, so they are not an input.
fn is_foreign_ca(path: &str) -> bool {
    path.strip_prefix(HOST_CA)
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|name| !name.starts_with("README") && !name.starts_with('.'))
}

fn walk(dir: &Path, prefix: &str, found: &mut Vec<Entry>) -> std::io::Result<()> {
    for item in std::fs::read_dir(dir)? {
        let item = item?;
        let name = item.file_name();
        let name = name
            .to_str()
            .ok_or_else(|| std::io::Error::other(format!("the file name {} is not UTF-8", item.path().display())))?;
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        let source = item.path();
        let kind = item.file_type()?;
        if kind.is_dir() {
            walk(&source, &path, found)?;
        } else if kind.is_symlink() {
            let target = std::fs::read_link(&source)?;
            found.push(Entry { path, source, kind: Kind::Link(target) });
        } else if kind.is_file() {
            let executable = is_executable(&item.metadata()?);
            found.push(Entry { path, source, kind: Kind::File { executable } });
        }
    }
    Ok(())
}

fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_files_and_certificates_are_left_out() {
        let dir = tempfile::tempdir().expect("temporary directory");
        for path in ["b.sh", "a/x", "skip.log", "Dockerfile", "host-ca/README.md", "host-ca/own.crt", ".dockerignore"] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
            std::fs::write(path, "*.log\nDockerfile\n").expect("write");
        }
        let paths: Vec<_> =
            entries(dir.path(), "Dockerfile").expect("entries").into_iter().map(|entry| entry.path).collect();
        assert_eq!(paths, [".dockerignore", "Dockerfile", "a/x", "b.sh", "host-ca/README.md"]);
    }
}
