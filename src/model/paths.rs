//! Paths: made absolute without asking the file system, and the reason of a failed read.

use std::path::{Component, Path, PathBuf};

/// `path` seen from `base` (absolute), with `.` and `..` folded away.
pub(crate) fn resolve(base: &Path, path: &str) -> PathBuf {
    clean(&base.join(path))
}

/// Folds `.` and `..` away, by the letters alone as Compose does it.
pub(crate) fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                cleaned.pop();
            }
            other => cleaned.push(other),
        }
    }
    cleaned
}

/// Absolute and clean.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    // Fails only for an empty path or without a current directory; the path as given is then the best there is.
    clean(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
}

/// What the operating system said, without its number.
pub(crate) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_dots() {
        assert_eq!(resolve(Path::new("/repo/compose"), "../spark/./jobs"), Path::new("/repo/spark/jobs"));
        assert_eq!(resolve(Path::new("/repo"), "/data"), Path::new("/data"));
        assert_eq!(resolve(Path::new("/"), "../.."), Path::new("/"));
    }
}
