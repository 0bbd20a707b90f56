//! Which paths may be written below a folder.

/// True for a relative path that stays below its folder whatever it is joined to: names with single slashes between them,
/// and neither `.` nor `..` among them.
pub(super) fn is_inside(path: &str) -> bool {
    let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(['\0', '\\']);
    path.split('/').all(is_name)
}

#[cfg(test)]
mod tests {
    use super::is_inside;

    #[test]
    fn only_names_with_single_slashes_between_them() {
        for inside in ["pipeline.yml", "compose/images/fetch/.gitignore", "a/..b", "a/b.."] {
            assert!(is_inside(inside), "{inside}");
        }
        for outside in ["", "/", "/etc/passwd", "..", "../x", "a/../x", "a/./x", "a//x", "a/", "a\\..\\x", "a\0"] {
            assert!(!is_inside(outside), "{outside:?}");
        }
    }
}
