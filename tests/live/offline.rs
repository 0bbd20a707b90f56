//! A machine without a network: an engine of its own, in a network namespace that has nothing but loopback and the engine's
//! bridges. What is downloaded, looked up or asked outside there fails, whoever tries it: pipectl, the engine, a container.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::stack::{Ran, Stack, run};

const NAMESPACE: &str = "pipectl-live-offline";
/// The engine begins with an empty data root.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn up_without_a_network(stack: &Stack) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let island = match Island::new(directory.path()) {
        Ok(island) => island,
        Err(why) => return println!("      NOT RUN: {why}"),
    };
    stack.pipectl(&["images", "build"]).succeeded();
    // Two stacks at once are more than a laptop has memory for; the data stays.
    stack.pipectl(&["down"]).succeeded();
    let archive = directory.path().join("images.tar");
    let archive = archive.to_str().expect("UTF-8");
    stack.pipectl(&["images", "save", archive]).succeeded();

    assert_eq!(Island::inside("ip", &["route", "show", "default"]), "", "there is a way out");
    island.pipectl(stack, &["images", "load", archive]).succeeded();
    std::fs::remove_file(archive).expect("removed");
    let offline = island.pipectl(stack, &["up", "--plan", "--json"]).succeeded().stdout;
    assert!(!offline.contains("\"verb\": \"image\""), "an image is missing: {offline}");
    let up = island.pipectl(stack, &["up"]).succeeded();
    println!("      up without a network: {:.1} s", up.elapsed.as_secs_f32());
    island.pipectl(stack, &["verify"]).succeeded();
    // Again from empty volumes, as another person at this machine would.
    island.pipectl(stack, &["reset", "all", "--yes"]).succeeded();
    island.pipectl(stack, &["up", "postgres-dest", "kafka", "catalog"]).succeeded();
    island.pipectl(stack, &["reset", "all", "--yes"]).succeeded();
}

/// The engine, until it is dropped.
struct Island {
    engine: Child,
    socket: PathBuf,
}

impl Island {
    /// The error says what this machine lacks.
    fn new(directory: &Path) -> Result<Self, String> {
        for tool in ["dockerd", "ip", "nsenter"] {
            let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).stdout(Stdio::null()).status();
            if !found.is_ok_and(|status| status.success()) {
                return Err(format!("there is no {tool} here"));
            }
        }
        // What a killed run left. There is none as a rule, which is what `ip` complains about.
        let _ = Command::new("ip").args(["netns", "delete", NAMESPACE]).stderr(Stdio::null()).status();
        let made = Command::new("ip").args(["netns", "add", NAMESPACE]).output().expect("ip runs");
        if !made.status.success() {
            let why = String::from_utf8_lossy(&made.stderr);
            return Err(format!("a network namespace takes privileges: {}", why.trim()));
        }
        let path = |name: &str| directory.join(name);
        let log = std::fs::File::create(path("engine.log")).expect("a log");
        let socket = path("engine.sock");
        // Only the network is another one: with `ip netns exec` the engine would not see the control groups.
        let engine = entering()
            .arg("dockerd")
            .arg(format!("--host=unix://{}", socket.display()))
            .arg(format!("--data-root={}", path("data").display()))
            .arg(format!("--exec-root={}", path("exec").display()))
            .arg(format!("--pidfile={}", path("engine.pid").display()))
            .arg(format!("--containerd-namespace={NAMESPACE}"))
            .arg(format!("--containerd-plugins-namespace={NAMESPACE}-plugins"))
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("nsenter runs");
        let mut island = Self { engine, socket };
        Island::inside("ip", &["link", "set", "lo", "up"]);
        let began = Instant::now();
        while !island.answers() {
            let ended = island.engine.try_wait().expect("its state");
            if ended.is_some() || began.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(path("engine.log")).unwrap_or_default();
                let last = log.lines().last().unwrap_or_default().to_owned();
                return Err(format!("a second engine does not start here: {last}"));
            }
            std::thread::sleep(Duration::from_millis(100)); // between two polls
        }
        Ok(island)
    }

    fn answers(&self) -> bool {
        let mut docker = Command::new("docker");
        docker.arg(format!("--host=unix://{}", self.socket.display())).arg("version");
        docker.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Output of a program in the namespace.
    fn inside(program: &str, arguments: &[&str]) -> String {
        let output = entering().arg(program).args(arguments).output().expect("nsenter runs");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// pipectl on the stack's files, in the namespace and with its engine.
    fn pipectl(&self, stack: &Stack, arguments: &[&str]) -> Ran {
        let usual = stack.command(arguments);
        let mut command = entering();
        command.arg(usual.get_program()).args(usual.get_args()).stdin(Stdio::null());
        command.current_dir(stack.path()).env("DOCKER_HOST", format!("unix://{}", self.socket.display()));
        for (name, value) in usual.get_envs() {
            command.env(name, value.expect("a value"));
        }
        run(&mut command)
    }
}

impl Drop for Island {
    fn drop(&mut self) {
        // SIGTERM, so that it ends its containers and takes its mounts away; nsenter has become the engine.
        let _ = Command::new("kill").arg(self.engine.id().to_string()).status();
        let _ = self.engine.wait();
        let _ = Command::new("ip").args(["netns", "delete", NAMESPACE]).status();
    }
}

/// A command line that begins in the namespace.
fn entering() -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/var/run/netns/{NAMESPACE}"));
    command
}
