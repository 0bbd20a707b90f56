//! A stack of the tests' own: a copy of the project, its own name and ports, and the commands run against it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What of the repository a project directory holds.
const PROJECT: &[&str] =
    &["compose", "data_generator", "debezium", "hive-metastore", "pipeline.yml", "postgresql", "spark"];

/// Name of the tests' project.
const NAME: &str = "pipectl-live";

pub struct Stack {
    directory: tempfile::TempDir,
    /// Docker filter for what belongs to this stack.
    pub label: String,
}

/// What a run of pipectl left.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub elapsed: Duration,
}

impl Stack {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let stack = Self { directory, label: format!("label=com.docker.compose.project={NAME}") };
        stack.restore_files();
        // What an aborted earlier run left would make "from nothing" untrue.
        stack.pipectl(&["reset", "all", "--yes"]).succeeded();
        stack
    }

    /// The project directory of the tests.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Puts every project file back to what the repository has.
    pub fn restore_files(&self) {
        for entry in PROJECT {
            let copied = Command::new("cp")
                .args(["-a", "--no-target-directory"])
                .arg(repository().join(entry))
                .arg(self.path().join(entry))
                .status()
                .expect("cp runs");
            assert!(copied.success(), "copying {entry} failed");
        }
    }

    /// A command line of pipectl on this stack.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null()).env("PIPECTL_PROJECT", NAME);
        for (name, value) in ports() {
            command.env(name, value);
        }
        command
    }

    /// A command line on another project with the same files and nothing of this one's settings.
    pub fn command_of(&self, project: &str, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.env("PIPECTL_PROJECT", project);
        for (name, _) in ports() {
            command.env_remove(name);
        }
        command
    }

    /// Runs pipectl to its end.
    pub fn pipectl(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments))
    }

    /// Brings everything up, which must succeed.
    pub fn up(&self) -> Ran {
        self.pipectl(&["up"]).succeeded()
    }

    /// `pipectl status --json`, whatever its verdict.
    pub fn status(&self) -> Value {
        let ran = self.pipectl(&["status", "--json"]);
        serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("status --json: {error}\n{}{}", ran.stdout, ran.stderr))
    }

    /// One value from a database of the stack.
    pub fn sql(&self, service: &str, statement: &str) -> String {
        self.sql_as("admin", service, statement)
    }

    /// Changes a row at the source: the name of a region.
    pub fn rename_region(&self, region: u32, name: &str) {
        self.sql("postgres-source", &format!("UPDATE regions SET name = '{name}' WHERE region_id = {region}"));
    }

    /// The name of a region in the destination.
    pub fn region(&self, region: u32) -> String {
        self.sql("postgres-dest", &format!("SELECT name FROM regions WHERE region_id = {region}"))
    }

    /// Waits until the destination has this name of a region.
    pub fn await_region(&self, region: u32, name: &str) {
        eventually(&format!("region {region} is {name:?} in the destination"), || self.region(region) == name);
    }

    /// The same as [`Self::sql`] for a certain user.
    pub fn sql_as(&self, user: &str, service: &str, statement: &str) -> String {
        self.psql(user, service, statement).succeeded().stdout.trim().to_owned()
    }

    /// One value, or nothing while the database does not answer.
    pub fn try_sql(&self, service: &str, statement: &str) -> Option<String> {
        let ran = self.psql("admin", service, statement);
        (ran.code == Some(0)).then(|| ran.stdout.trim().to_owned())
    }

    fn psql(&self, user: &str, service: &str, statement: &str) -> Ran {
        let psql = ["psql", "-v", "ON_ERROR_STOP=1", "-qAtX", "-U", user, "-d", "jadc2_db", "-c", statement];
        self.pipectl(&[&["exec", service, "--"][..], &psql].concat())
    }

    /// Ids of the running containers of a service.
    pub fn containers(&self, service: &str) -> Vec<String> {
        let output = docker(&[
            "ps",
            "-q",
            "--no-trunc",
            "--filter",
            &self.label,
            "--filter",
            &format!("label=com.docker.compose.service={service}"),
        ]);
        output.split_whitespace().map(str::to_owned).collect()
    }

    /// Every container of the stack with its id and start time: equal before and after means that nothing was touched.
    pub fn fingerprint(&self) -> String {
        let ids = docker(&["ps", "-aq", "--filter", &self.label]);
        let mut lines: Vec<String> = ids
            .split_whitespace()
            .map(|id| docker(&["inspect", "--format", "{{.Name}} {{.Id}} {{.State.StartedAt}}", id]))
            .collect();
        lines.sort();
        lines.concat()
    }

    /// Collects what helps to understand a failure; returns the folder.
    pub fn evidence(&self, scenario: &str) -> PathBuf {
        let folder = repository().join("target/live-evidence").join(scenario.replace(' ', "-"));
        std::fs::create_dir_all(&folder).expect("the evidence folder");
        let keep = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("evidence is written");
        let status = self.pipectl(&["status"]);
        keep("status.txt", &format!("{}{}", status.stdout, status.stderr));
        keep("containers.txt", &docker(&["ps", "-a", "--filter", &self.label]));
        let logs = self.pipectl(&["logs", "--tail", "300"]);
        keep("logs.txt", &format!("{}{}", logs.stdout, logs.stderr));
        println!("{}{}", status.stdout, status.stderr);
        let jobs = self.pipectl(&["logs", "--tail", "15", "spark-job-ingest", "spark-job-process"]);
        println!("{}{}", jobs.stdout, jobs.stderr);
        folder
    }

    /// Removes the stack, whatever its state.
    pub fn remove(&self) {
        self.restore_files();
        self.pipectl(&["reset", "all", "--yes"]).succeeded();
    }
}

impl Ran {
    /// Exit code 0, or a panic that shows everything.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        self.exited(0)
    }

    /// This exit code, or a panic that shows everything.
    #[track_caller]
    pub fn exited(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// The text is among what was printed.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        let said = format!("{}{}", self.stdout, self.stderr);
        assert!(said.contains(text), "{text:?} is not in\n{said}");
        self
    }
}

/// Waits until a condition holds; the deadline is a bound on a hang, not a verdict on speed.
pub fn eventually(what: &str, condition: impl FnMut() -> bool) {
    looking_every(Duration::from_millis(250), what, condition);
}

/// The same for what lasts so short a time that it needs more looks.
pub fn looking_every(pause: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(240);
    while !condition() {
        assert!(Instant::now() < deadline, "after four minutes still not: {what}");
        std::thread::sleep(pause);
    }
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Ran {
    let started = Instant::now();
    let Output { status, stdout, stderr } = command.output().expect("pipectl runs");
    Ran {
        code: status.code(),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
        elapsed: started.elapsed(),
    }
}

/// Runs the engine's own client, as an independent witness of what pipectl says.
pub fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("the docker client runs");
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a shell command as root over a volume of a service, mounted at /v, in a container of that service's image; the service itself has
/// to be stopped.
pub fn in_volume(service: &str, volume: &str, command: &str) {
    let image = docker(&["inspect", "--format", "{{.Config.Image}}", &format!("{NAME}-{service}-1")]);
    let mount = format!("{NAME}_{volume}:/v");
    let container = ["run", "--rm", "--network", "none", "--user", "0", "-v", &mount, "--entrypoint", "sh"];
    docker(&[&container[..], &[image.trim(), "-c", command]].concat());
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The release binary: what users run, and what the figures are about.
fn binary() -> PathBuf {
    repository().join("target/release/pipectl")
}

/// A port of this stack on 127.0.0.1, by the name of its variable.
pub fn port(variable: &str) -> String {
    let found = ports().into_iter().find(|(name, _)| name == variable);
    found.unwrap_or_else(|| panic!("ports.env has no {variable}")).1
}

fn ports() -> Vec<(String, String)> {
    include_str!("ports.env")
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
