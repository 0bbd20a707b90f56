//! Memory of a container straight from the kernel, where the engine runs on this machine.
//!
//! The engine's own statistics come once a second, which would make `status` take longer than everything else it asks.
//! Layout: <https://docs.kernel.org/admin-guide/cgroup-v2.html> and, for version 1, `cgroup-v1/memory.rst` beside it.

use std::fs;
use std::path::Path;

/// Bytes in use without the page cache that can be dropped, as the engine's statistics count. Nothing where `pid` is
/// not a process of this container here: then the engine runs elsewhere, and its process numbers mean nothing.
pub(super) fn memory(root: &Path, pid: u64, container: &str) -> Option<u64> {
    let groups = fs::read_to_string(root.join(format!("proc/{pid}/cgroup"))).ok()?;
    // `hierarchy:controllers:path`; version 2 has a single line without controllers.
    let path = |wanted: &str| {
        let line = groups.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            controllers.split(',').any(|name| name == wanted).then_some(path)
        });
        line.filter(|path| !container.is_empty() && path.contains(container)).map(|path| path.trim_start_matches('/'))
    };
    if let Some(path) = path("memory") {
        return used(&root.join("sys/fs/cgroup/memory").join(path), "memory.usage_in_bytes", "total_inactive_file");
    }
    used(&root.join("sys/fs/cgroup").join(path("")?), "memory.current", "inactive_file")
}

fn used(group: &Path, usage: &str, cache: &str) -> Option<u64> {
    let usage: u64 = fs::read_to_string(group.join(usage)).ok()?.trim().parse().ok()?;
    let figures = fs::read_to_string(group.join("memory.stat")).ok()?;
    let cache = figures.lines().find_map(|line| line.strip_prefix(cache)?.strip_prefix(' ')?.parse().ok());
    Some(usage.saturating_sub(cache.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            fs::write(path, text).expect("a file");
        }
        root
    }

    #[test]
    fn version_2_has_one_group() {
        let group = "sys/fs/cgroup/system.slice/docker-abc.scope";
        let root = machine(&[
            ("proc/7/cgroup", "0::/system.slice/docker-abc.scope\n"),
            (&format!("{group}/memory.current"), "100\n"),
            (&format!("{group}/memory.stat"), "anon 60\ninactive_file 30\nactive_file 10\n"),
        ]);
        assert_eq!(memory(root.path(), 7, "abc"), Some(70));
        assert_eq!(memory(root.path(), 7, "another"), None, "the process belongs to something else");
        assert_eq!(memory(root.path(), 7, ""), None, "the engine did not tell which container it is");
        assert_eq!(memory(root.path(), 8, "abc"), None, "no such process: the engine runs elsewhere");
    }

    #[test]
    fn version_1_has_a_group_for_memory() {
        let group = "sys/fs/cgroup/memory/docker/abc";
        let root = machine(&[
            ("proc/7/cgroup", "9:name=systemd:/docker/abc\n4:memory:/docker/abc\n0::/docker/abc\n"),
            (&format!("{group}/memory.usage_in_bytes"), "100\n"),
            (&format!("{group}/memory.stat"), "inactive_file 1\ntotal_inactive_file 30\n"),
        ]);
        assert_eq!(memory(root.path(), 7, "abc"), Some(70));
    }
}
