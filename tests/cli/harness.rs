//! A project directory, a fake engine, and the binary between them.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::fake_daemon::{FakeDaemon, World};

/// Two services, one after the other. Engine calls one at a time make the order of every line certain.
pub const SHOP: &str = r#"
name: shop
services:
  db:
    image: db:1
    healthcheck: {test: ["CMD", "true"]}
    volumes: ["data:/data"]
  web:
    image: web:1
    depends_on: {db: {condition: service_healthy}}
    x-pipectl:
      endpoint: {label: Shop, url: "http://127.0.0.1:8080"}
      credentials: {user: admin, password: secret}
volumes:
  data: {}
"#;

/// `up` with engine calls one at a time.
pub const UP: [&str; 3] = ["up", "--parallel", "1"];

/// A project and its engine.
pub struct Stage {
    daemon: FakeDaemon,
    dir: tempfile::TempDir,
}

impl Stage {
    /// A project with this Compose file; the engine has the images that [`SHOP`] needs.
    pub fn new(compose: &str) -> Self {
        let stage = Self { daemon: FakeDaemon::start(), dir: tempfile::tempdir().expect("a directory") };
        stage.write("compose/compose.yaml", compose);
        let mut world = stage.world();
        world.add_image("db:1");
        world.add_image("web:1");
        // A disk that is not of this machine is not judged; an uptime between one and two minutes reads `1m`.
        world.data_root = "elsewhere".into();
        let started = SystemTime::now() - Duration::from_secs(80);
        world.started_at = humantime::format_rfc3339_seconds(started).to_string();
        drop(world);
        stage
    }

    /// An empty folder: no project.
    pub fn bare() -> Self {
        let stage = Self::new(SHOP);
        std::fs::remove_dir_all(stage.dir().join("compose")).expect("removed");
        stage
    }

    /// [`SHOP`], running.
    pub fn up() -> Self {
        let stage = Self::new(SHOP);
        let up = stage.run(&UP);
        assert_eq!(up.code, 0, "{up}");
        stage.daemon.take_calls();
        stage
    }

    pub fn write(&self, path: &str, text: &str) {
        let file = self.dir().join(path);
        std::fs::create_dir_all(file.parent().expect("a parent")).expect("made");
        std::fs::write(file, text).expect("written");
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.daemon.world()
    }

    /// Calls that changed something since the last question.
    pub fn calls(&self) -> Vec<String> {
        self.daemon.take_calls()
    }

    /// What a command that was killed has asked and the engine has not done is never done.
    pub fn forget_clients(&self) {
        self.daemon.forget_clients();
    }

    /// The command in the project's directory, in an environment that holds nothing of whoever runs the tests.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("pipectl"));
        command.args(arguments).current_dir(self.dir()).env_clear().stdin(Stdio::null());
        command.env("HOME", self.dir()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("DOCKER_HOST", self.daemon.docker_host());
        command
    }

    /// Runs the command to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.finish(self.command(arguments))
    }

    pub fn finish(&self, mut command: Command) -> Run {
        self.read(&command.output().expect("the binary runs"))
    }

    /// Starts the command; see [`Self::wait_for_call`] and [`Self::ended`].
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs")
    }

    pub fn ended(&self, child: Child) -> Run {
        self.read(&child.wait_with_output().expect("the binary ends"))
    }

    /// Waits until the engine has got this call.
    pub fn wait_for_call(&self, call: &str) {
        wait_until(call, || self.world().calls.iter().any(|known| known == call));
    }

    /// Reads what the child says on standard error up to a line that begins so.
    pub fn first_line(child: &mut Child, start: &str) -> String {
        line_of(child.stderr.as_mut().expect("a pipe"), start)
    }

    /// The same on standard output.
    pub fn first_stdout_line(child: &mut Child, part: &str) -> String {
        line_of(child.stdout.as_mut().expect("a pipe"), part)
    }

    pub fn socket(&self) -> PathBuf {
        self.daemon.socket().to_owned()
    }

    fn read(&self, output: &Output) -> Run {
        let text = |bytes: &[u8]| self.normal(std::str::from_utf8(bytes).expect("UTF-8"));
        let code = output.status.code().expect("an exit code, not a signal");
        Run { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Without what differs from run to run.
    fn normal(&self, text: &str) -> String {
        let text = text.replace(&self.daemon.docker_host(), "unix:///SOCKET");
        let text = text.replace(&self.dir().display().to_string(), "DIR");
        let lines = text.lines().map(|line| match line.strip_prefix('[').and_then(|rest| rest.split_once("s] ")) {
            Some((time, rest)) if time.trim().parse::<f64>().is_ok() => format!("[time] {}", without_times(rest)),
            _ => without_times(line),
        });
        // How long a build took is told in tenths of a second.
        let lines = lines.map(|line| match line.split_once("(built in ") {
            Some((before, _)) => format!("{before}(built in TIME)"),
            None => line,
        });
        // So is how long a service had when it failed.
        let lines = lines.map(|line| match line.split_once("because: after ") {
            Some((before, rest)) => {
                let rest = rest.split_once(" of the ").map_or(rest, |(_, rest)| rest);
                format!("{before}because: after TIME of the {rest}")
            }
            None => line,
        });
        lines.map(|line| line + "\n").collect()
    }
}

/// Moments, such as `2026-01-02T03:04:05Z`.
fn without_dates(text: &str) -> String {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00Z";
    let is_date = |bytes: &[u8]| {
        bytes.iter().zip(SHAPE).all(|(byte, shape)| byte == shape || (*shape == b'0' && byte.is_ascii_digit()))
    };
    let mut text = text.to_owned();
    while let Some(at) = text.as_bytes().windows(SHAPE.len()).position(is_date) {
        text.replace_range(at..at + SHAPE.len(), "DATE");
    }
    text
}

/// Measured times, such as `12ms`, `1.5s` and `in 0.1 s`, and image hashes. Deadlines (`2 s`) are not measured.
fn without_times(line: &str) -> String {
    let mut text = String::new();
    for piece in line.split_inclusive([' ', '(', ')', ',', ':', '"']) {
        let end = piece.find([' ', '(', ')', ',', ':', '"']).unwrap_or(piece.len());
        let (word, rest) = piece.split_at(end);
        let number = word.strip_suffix("ms").or_else(|| word.strip_suffix('s'));
        let is_time = number.is_some_and(|number| number.parse::<f64>().is_ok());
        let is_hash = word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        text.push_str(if is_time {
            "TIME"
        } else if is_hash {
            "<image-hash>"
        } else {
            word
        });
        text.push_str(rest);
    }
    text
}

/// All that a person sees of a run.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON: {error}\n{self}"))
    }

    /// With the lines of operations that run side by side in the order of the alphabet.
    pub fn sorted(mut self) -> Self {
        let mut lines: Vec<&str> = self.stderr.lines().collect();
        let is_parallel = |line: &str| line.starts_with("[time] ") && !line.starts_with("[time] done");
        for lines in lines.chunk_by_mut(|one, other| is_parallel(one) && is_parallel(other)) {
            lines.sort_unstable();
        }
        self.stderr = lines.join("\n");
        self.stderr.push('\n');
        self
    }

    /// Without the moments at which things happened.
    pub fn undated(mut self) -> Self {
        self.stderr = without_dates(&self.stderr);
        self
    }

    /// Standard output as JSON objects, one a line.
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let value = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.stdout.lines().map(value).collect()
    }
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "exit code {}", self.code)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                write!(formatter, "--- {name}\n{text}")?;
            }
        }
        Ok(())
    }
}

/// Byte by byte, so that whoever reads on misses nothing.
fn line_of(pipe: &mut dyn Read, part: &str) -> String {
    let mut line = Vec::new();
    loop {
        let mut byte = [0];
        assert_eq!(pipe.read(&mut byte).expect("readable"), 1, "it ended without a line with `{part}`");
        if byte[0] != b'\n' {
            line.push(byte[0]);
            continue;
        }
        let text = String::from_utf8(std::mem::take(&mut line)).expect("UTF-8");
        if text.contains(part) {
            return text;
        }
    }
}

/// Tells why a test checked nothing.
#[expect(clippy::print_stderr, reason = "the test runner shows it with --nocapture")]
pub fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// Waits for a condition; fails after ten seconds.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(10), "in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
