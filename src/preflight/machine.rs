//! What the kernel of this machine tells, for engines whose containers run on it. Sources: proc(5), and
//! Documentation/admin-guide/sysctl of the kernel.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use ipnet::Ipv4Net;

/// Limits and routes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// `vm.max_map_count`: memory mappings that a process may have.
    pub max_map_count: Option<u64>,
    /// `fs.inotify.max_user_instances`.
    pub inotify_instances: Option<u64>,
    /// `fs.inotify.max_user_watches`.
    pub inotify_watches: Option<u64>,
    /// Files that a process of a container may open: the hard limit of the engine's own process.
    pub engine_open_files: Option<u64>,
    /// Routes but the default one.
    pub routes: Vec<Route>,
    /// Architectures whose programs the kernel hands to an emulator, as QEMU names them: `aarch64`.
    pub emulates: Vec<String>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where it leads.
    pub to: Ipv4Net,
    /// Through which interface.
    pub interface: String,
    /// True when that is a bridge, as those of the engine's own networks are.
    pub bridge: bool,
}

/// Release of this machine's kernel.
pub(super) fn kernel(root: &Path) -> Option<String> {
    Some(read(root, "proc/sys/kernel/osrelease")?.trim().to_owned())
}

/// Reads everything; what this system does not have is absent.
pub(super) fn machine(root: &Path) -> Machine {
    Machine {
        max_map_count: number(root, "proc/sys/vm/max_map_count"),
        inotify_instances: number(root, "proc/sys/fs/inotify/max_user_instances"),
        inotify_watches: number(root, "proc/sys/fs/inotify/max_user_watches"),
        engine_open_files: engine_process(root).and_then(|process| Some(open_files(root, &process)?.1)),
        routes: routes(root),
        emulates: emulates(root),
    }
}

/// Soft and hard limit of open files of a process, `self` for this one.
pub(super) fn open_files(root: &Path, process: &str) -> Option<(u64, u64)> {
    let limits = read(root, &format!("proc/{process}/limits"))?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let mut values =
        line.split_whitespace().map(|word| if word == "unlimited" { Some(u64::MAX) } else { word.parse().ok() });
    Some((values.next()??, values.next()??))
}

/// The engine's process, by its name.
fn engine_process(root: &Path) -> Option<String> {
    let processes =
        fs::read_dir(root.join("proc")).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut numbers = processes.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    numbers.find(|process| read(root, &format!("proc/{process}/comm")).is_some_and(|name| name.trim() == "dockerd"))
}

/// `/proc/net/route`: a header, then interface, destination, .., mask (the eighth), addresses as the bytes lie in memory.
fn routes(root: &Path) -> Vec<Route> {
    let table = read(root, "proc/net/route").unwrap_or_default();
    let address = |word: &str| Some(Ipv4Addr::from(u32::from_str_radix(word, 16).ok()?.to_ne_bytes()));
    let route = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let to = Ipv4Net::with_netmask(address(words.get(1)?)?, address(words.get(7)?)?).ok()?;
        let interface = (*words.first()?).to_owned();
        let bridge = root.join("sys/class/net").join(&interface).join("bridge").exists();
        (to.prefix_len() > 0).then_some(Route { to, interface, bridge })
    };
    table.lines().skip(1).filter_map(route).collect()
}

fn emulates(root: &Path) -> Vec<String> {
    let Ok(handlers) = fs::read_dir(root.join("proc/sys/fs/binfmt_misc")) else { return Vec::new() };
    let names = handlers.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.strip_prefix("qemu-").map(str::to_owned)).collect()
}

fn number(root: &Path, path: &str) -> Option<u64> {
    read(root, path)?.trim().parse().ok()
}

/// A file's text. A kernel without it, or another operating system, is no error: the check says that it did not look.
fn read(root: &Path, path: &str) -> Option<String> {
    fs::read_to_string(root.join(path)).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn route(to: &str, interface: &str, bridge: bool) -> Route {
        Route { to: to.parse().expect("a network"), interface: interface.to_owned(), bridge }
    }

    /// A directory with these files, in the place of `/`.
    pub(crate) fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            fs::write(path, text).expect("a file");
        }
        root
    }

    const LIMITS: &str = "\
Limit                     Soft Limit           Hard Limit           Units
Max processes             unlimited            unlimited            processes
Max open files            1024                 524288               files
";

    #[test]
    fn limits_are_read_where_the_kernel_tells_them() {
        let root = root(&[
            ("proc/sys/kernel/osrelease", "6.1.0-test\n"),
            ("proc/sys/vm/max_map_count", "65530\n"),
            ("proc/sys/fs/inotify/max_user_instances", "128\n"),
            ("proc/sys/fs/binfmt_misc/qemu-aarch64", "enabled\n"),
            ("proc/sys/fs/binfmt_misc/status", "enabled\n"),
            ("proc/12/comm", "bash\n"),
            ("proc/77/comm", "dockerd\n"),
            ("proc/77/limits", LIMITS),
        ]);
        assert_eq!(kernel(root.path()).as_deref(), Some("6.1.0-test"));
        let seen = machine(root.path());
        assert_eq!((seen.max_map_count, seen.inotify_instances, seen.inotify_watches), (Some(65_530), Some(128), None));
        assert_eq!(seen.engine_open_files, Some(524_288));
        assert_eq!(seen.emulates, ["aarch64"]);
        assert_eq!(open_files(root.path(), "77"), Some((1_024, 524_288)));
    }

    #[test]
    fn routes_are_read_without_the_default_one() {
        // The kernel prints addresses as its bytes lie in memory.
        let hex = |address: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(address));
        let line = |interface: &str, to: [u8; 4], mask: [u8; 4]| {
            format!("{interface}\t{}\t00000000\t0001\t0\t0\t0\t{}\t0\t0\t0\n", hex(to), hex(mask))
        };
        let table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n".to_owned()
            + &line("eth0", [0; 4], [0; 4])
            + &line("tun0", [172, 16, 0, 0], [255, 240, 0, 0])
            + &line("br-1", [172, 18, 0, 0], [255, 255, 0, 0]);
        let root = root(&[("proc/net/route", &table), ("sys/class/net/br-1/bridge/x", "")]);
        assert_eq!(
            machine(root.path()).routes,
            [route("172.16.0.0/12", "tun0", false), route("172.18.0.0/16", "br-1", true)]
        );
    }

    #[test]
    fn another_operating_system_tells_nothing() {
        let root = root(&[]);
        assert_eq!(kernel(root.path()), None);
        assert_eq!(machine(root.path()), Machine::default());
    }
}
