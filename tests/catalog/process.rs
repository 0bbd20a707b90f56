//! The real binary as a server.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

/// A running `pipectl catalog serve`.
pub struct Process {
    pub child: Child,
    pub base: String,
    /// What it has said so far.
    pub said: Arc<Mutex<String>>,
}

impl Process {
    /// Starts it on a free port, in a directory; `limit` bounds the size of files it may write, in KiB.
    pub fn start(data: &Path, limit: Option<u32>) -> Self {
        let binary = assert_cmd::cargo::cargo_bin!("pipectl");
        let mut command = match limit {
            None => Command::new(binary),
            Some(limit) => {
                let mut shell = Command::new("sh");
                // Past the limit a write fails as on a full disk; unless ignored, a signal ends the process instead.
                shell.args(["-c", "trap '' XFSZ; ulimit -f $1; shift; exec \"$@\"", "sh", &(limit * 2).to_string()]);
                shell.arg(binary);
                shell
            }
        };
        command.args(["catalog", "serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        command.env_remove("PIPECTL_CATALOG_PASSWORD").env("PIPECTL_LOG", "trace").current_dir(data);
        let mut child = command.stderr(Stdio::piped()).stdin(Stdio::null()).spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut seen = String::new();
        let base = loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).expect("readable") > 0, "it ended: {seen}");
            if let Some(rest) = line.strip_prefix("catalog: ") {
                break rest.split_whitespace().next().expect("an address").to_owned();
            }
            seen.push_str(&line);
        };
        // Somebody must read on, or the server waits when the pipe is full.
        let said = Arc::new(Mutex::new(seen));
        let heard = said.clone();
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut said = heard.lock().unwrap_or_else(PoisonError::into_inner);
                said.push_str(&line);
                said.push('\n');
            }
        });
        Self { child, base, said }
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// A line of `/proc/PID/status` in KiB.
    #[cfg(target_os = "linux")]
    pub fn memory(&self, line: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
        found.and_then(|text| text.split_whitespace().next()).and_then(|text| text.parse().ok()).expect("a number")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already ended in most tests.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
