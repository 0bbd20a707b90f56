//! Faults, put into a stack from outside: nothing in it knows that it is being tested.

use std::path::Path;
use std::process::Command;

use crate::stack::{Stack, docker, eventually, run};

/// Tries to freeze a container, each of which the engine ends only after some time of its own.
const FREEZES: usize = 20;

/// A container of a service.
pub struct Target {
    id: String,
    /// Of its first process, on the machine that runs containers.
    pid: String,
    address: String,
}

impl Target {
    /// The running container of a service.
    pub fn of(stack: &Stack, service: &str) -> Self {
        let id = stack.containers(service).pop().unwrap_or_else(|| panic!("{service} runs"));
        let look = |format: &str| docker(&["inspect", "--format", format, &id]).trim().to_owned();
        let pid = look("{{.State.Pid}}");
        let address = look("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
        Self { id, pid, address }
    }

    /// `kill -9` of its first process, and so of all. Unlike after `docker kill`, which the engine takes for a wish, the restart policy
    /// applies.
    pub fn crash(&self) {
        let kill = format!("kill -9 {}", self.pid);
        docker(&["run", "--rm", "--pid=host", "--user", "root", "--entrypoint", "sh", "pipectl/base", "-c", &kill]);
    }

    /// Stops every process of it where it is. Control groups of version 1 give up ("unable to freeze") on a container that starts processes
    /// at the same moment, as one does that is being probed; a later try finds another moment.
    pub fn freeze(&self) {
        let pause = || run(Command::new("docker").args(["pause", &self.id]));
        let mut paused = pause();
        for _ in 1..FREEZES {
            if paused.code == Some(0) {
                break;
            }
            paused = pause();
        }
        paused.succeeded();
    }

    /// Takes `freeze` back.
    pub fn thaw(&self) {
        docker(&["unpause", &self.id]);
    }

    /// Drops every packet between the two, in both directions, without a word to either.
    pub fn cut_from(&self, other: &Self) {
        self.filter("-I", other);
    }

    /// Takes `cut_from` back.
    pub fn reconnect(&self, other: &Self) {
        self.filter("-D", other);
    }

    fn filter(&self, action: &str, other: &Self) {
        for rule in [["INPUT", "-s"], ["OUTPUT", "-d"]] {
            let [chain, side] = rule;
            let rule = ["-t", &self.pid, "-n", "iptables", action, chain, side, &other.address, "-j", "DROP"];
            let mut command = as_root("nsenter");
            run(command.args(rule)).succeeded();
        }
    }
}

/// A command with the rights of root, without asking for a password.
fn as_root(program: &str) -> Command {
    let id = run(Command::new("id").arg("-u")).stdout;
    if id.trim() == "0" {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}

/// A disk of a fixed size that a volume lies on. Its memory stays mounted as long as this exists, whoever restarts meanwhile.
pub struct SmallDisk {
    holder: String,
}

impl SmallDisk {
    /// Holds on to a volume of the tests' project.
    pub fn of(volume: &str) -> Self {
        let mount = format!("{volume}:/disk");
        let sleep = ["--entrypoint", "sleep", "pipectl/base", "infinity"];
        let holder = docker(&[&["run", "-d", "--user", "root", "-v", &mount][..], &sleep].concat());
        Self { holder: holder.trim().to_owned() }
    }

    /// Writes until nothing more goes in.
    pub fn fill(&self) {
        let until_full =
            "dd if=/dev/zero of=/disk/filler bs=1M 2>/dev/null; dd if=/dev/zero of=/disk/rest bs=512 2>/dev/null; true";
        docker(&["exec", &self.holder, "sh", "-c", until_full]);
    }

    /// Makes room again.
    pub fn make_room(&self) {
        docker(&["exec", &self.holder, "rm", "-f", "/disk/filler", "/disk/rest"]);
    }

    /// Lets go of the volume.
    pub fn release(self) {
        docker(&["rm", "-f", "-v", &self.holder]);
    }
}

/// Kills the container engine itself, and starts it as `make up` would.
pub fn crash_engine() {
    run(as_root("pkill").args(["-9", "-x", "dockerd"])).succeeded();
    // A new one refuses to start as long as the old one is listed among the processes.
    eventually("the engine has ended", || run(Command::new("pgrep").args(["-x", "dockerd"])).code != Some(0));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    run(Command::new("bash").arg(".make/engine.sh").current_dir(root)).succeeded();
}
