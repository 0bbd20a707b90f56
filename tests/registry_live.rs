//! Prebuilt images and a real registry on loopback, which wants a login. Not part of plain `cargo test`:
//! `cargo test --test registry_live`. The registry is built from its Go module, once; without Go this is not run.

#[path = "support/fake_registry.rs"]
mod fake_registry;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fake_registry::FakeRegistry;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

const MODULE: &str = "github.com/distribution/distribution/v3";
const VERSION: &str = "v3.1.2";
/// User ann with the password s3cret: the registry takes bcrypt only.
const HTPASSWD: &str = "ann:$2b$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK\n";
const GOOD: &str = r#"{"auth": "YW5uOnMzY3JldA=="}"#;
const WRONG: &str = r#"{"auth": "YW5uOmd1ZXNz"}"#;
/// Bytes of the image that is pushed: random, so that they stay as many on the wire, and enough for the engine to tell of.
const SIZE: usize = 4 << 20;

/// The registry's program, built where it is not there yet; the error says why it cannot be had.
fn program() -> Result<PathBuf, String> {
    static BUILDING: Mutex<()> = Mutex::new(());
    let _one = BUILDING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools");
    let program = folder.join(format!("registry-{VERSION}"));
    if program.is_file() {
        return Ok(program);
    }
    let go = |arguments: &[&str], directory: &Path| {
        let output = Command::new("go").args(arguments).current_dir(directory).output();
        let output = output.map_err(|_| "there is no Go here to build the registry with".to_owned())?;
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(output.stdout) } else { Err(format!("the registry cannot be built: {words}")) }
    };
    let work = tempfile::tempdir().expect("a folder");
    let found = go(&["mod", "download", "-json", &format!("{MODULE}@{VERSION}")], work.path())?;
    let found: Value = serde_json::from_slice(&found).expect("JSON");
    // Building in a copy of the module takes its own go.sum; `go install` refuses modules with exclude directives.
    let source = work.path().join("source");
    let copied = Command::new("cp").args(["-r", found["Dir"].as_str().expect("a folder")]).arg(&source).status();
    assert!(copied.expect("cp runs").success());
    let writable = Command::new("chmod").args(["-R", "u+w"]).arg(&source).status();
    assert!(writable.expect("chmod runs").success());
    std::fs::create_dir_all(&folder).expect("a folder");
    go(&["build", "-o", program.to_str().expect("UTF-8"), "./cmd/registry"], &source)?;
    Ok(program)
}

/// A registry with no images, until it is dropped.
struct Registry {
    process: Child,
    port: u16,
}

impl Registry {
    async fn start(directory: &Path) -> Result<Self, String> {
        let program = tokio::task::spawn_blocking(program).await.expect("it ends")?;
        let port = TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().expect("bound").port();
        let path = |name: &str| directory.join(name).display().to_string();
        std::fs::write(path("htpasswd"), HTPASSWD).expect("written");
        let config = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: '127.0.0.1:{port}'}}\nauth: {{htpasswd: {{realm: tests, path: {}}}}}\n",
            path("registry"),
            path("htpasswd")
        );
        std::fs::write(path("config.yml"), config).expect("written");
        let log = std::fs::File::create(path("registry.log")).expect("a log");
        let process = Command::new(program)
            .args(["serve", &path("config.yml")])
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the registry starts");
        let registry = Self { process, port };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            let log = std::fs::read_to_string(path("registry.log")).unwrap_or_default();
            assert!(began.elapsed() < Duration::from_secs(30), "the registry does not listen: {log}");
            tokio::time::sleep(Duration::from_millis(50)).await; // between two polls
        }
        Ok(registry)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A project with one image that is built from nothing but a file.
struct Project(tempfile::TempDir);

impl Project {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &[u8]| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("written");
        };
        let service = format!("{{image: pipectl-test-registry/{name}, build: app, command: [none]}}");
        write("compose/compose.yaml", format!("name: pipectl-test-registry\nservices:\n  app: {service}\n").as_bytes());
        write("compose/app/Dockerfile", b"FROM scratch\nCOPY data /data\n");
        let mut data = vec![0; SIZE];
        std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom").expect("random bytes"), &mut data)
            .expect("read");
        write("compose/app/data", &data);
        Self(folder)
    }

    /// Runs pipectl with what Docker's configuration says of a registry.
    fn run(&self, arguments: &[&str], login: Option<(u16, &str)>) -> Ran {
        let docker = self.0.path().join("docker");
        std::fs::create_dir_all(&docker).expect("a folder");
        let auths = login.map(|(port, auth)| format!("\"127.0.0.1:{port}\": {auth}")).unwrap_or_default();
        std::fs::write(docker.join("config.json"), format!("{{\"auths\": {{{auths}}}}}")).expect("written");
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("pipectl"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null()).env("DOCKER_CONFIG", docker);
        command.env_remove("PIPECTL_REGISTRY").env_remove("PIPECTL_PROJECT");
        let Output { status, stdout, stderr } = command.output().expect("pipectl runs");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// `name:hash`.
    fn image(&self) -> Value {
        let listed = self.run(&["images", "list", "--json"], None);
        let rows: Vec<Value> = serde_json::from_str(&listed.stdout).unwrap_or_else(|_| panic!("{listed:?}"));
        rows.into_iter().next().expect("one image")
    }

    /// Takes the image away from the engine, under all its names.
    fn forget(&self) {
        let reference = self.image()["reference"].as_str().expect("a name").to_owned();
        let listed =
            Command::new("docker").args(["images", "--no-trunc", "-q", &reference]).output().expect("docker runs");
        let id = String::from_utf8_lossy(&listed.stdout).trim().to_owned();
        if !id.is_empty() {
            let removed = Command::new("docker").args(["rmi", "--force", &id]).output().expect("docker runs");
            assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
        }
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.forget();
    }
}

#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// It failed, and says so in these words.
    fn refused(&self, words: &str) {
        assert!(self.code == Some(1) && self.stderr.contains(words), "no `{words}` in {self:?}");
    }
}

/// Tells why a test checked nothing.
#[expect(clippy::print_stderr, reason = "the test runner shows it with --nocapture")]
fn not_run(why: &str) {
    eprintln!("NOT RUN: {why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_pushed_and_pulled_with_the_login_of_dockers_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = match Registry::start(folder.path()).await {
        Ok(registry) => registry,
        Err(why) => return not_run(&why),
    };
    let (port, project) = (registry.port, Project::new("login"));
    let prefix = format!("127.0.0.1:{port}/team");
    let push = ["images", "push", "--registry", &prefix];
    let pull = ["images", "pull", "--registry", &prefix];
    project.run(&push, None).refused("`pipectl images build` makes them");
    project.run(&["images", "build"], None).succeeded();

    project
        .run(&push, None)
        .refused(&format!("registry 127.0.0.1:{port} wants a login, and Docker's configuration has none for it"));
    project.run(&push, Some((port, WRONG))).refused(&format!("registry 127.0.0.1:{port} refuses the login of ann"));
    project.run(&push, Some((port, GOOD))).succeeded();

    project.forget();
    assert_eq!(project.image()["present"], false);
    project.run(&pull, None).refused(&format!("hint: log in: `docker login 127.0.0.1:{port}`"));
    let wrong = project.run(&["images", "build", "--registry", &prefix], Some((port, WRONG)));
    wrong.refused(&format!("registry 127.0.0.1:{port} refuses the login of ann"));
    let pulled = project.run(&[&["--events", "json"][..], &pull].concat(), Some((port, GOOD))).succeeded();
    let progress = pulled.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let totals: Vec<u64> = progress.filter_map(|event| event["total"].as_u64()).collect();
    assert!(totals.iter().any(|total| *total >= SIZE as u64), "bytes were told of: {}", pulled.stdout);
    assert_eq!(project.image()["present"], true);
    for ran in [&wrong, &pulled] {
        assert!(!ran.stdout.contains("s3cret") && !ran.stderr.contains("guess"), "{ran:?}");
    }

    // Other sources are another image, which nobody has pushed.
    project.forget();
    std::fs::write(project.0.path().join("compose/app/data"), "other").expect("written");
    assert_eq!(project.run(&pull, Some((port, GOOD))).code, Some(1));
    let built = project.run(&["-v", "images", "build", "--registry", &prefix], Some((port, GOOD))).succeeded();
    assert!(built.stderr.contains("building pipectl-test-registry/login instead"), "{built:?}");
}

#[test]
fn a_registry_that_is_out_of_service_for_a_while_is_asked_again_later_each_time() {
    let (registry, project) = (FakeRegistry::out_of_service_for(2), Project::new("outage"));
    let prefix = format!("127.0.0.1:{}/team", registry.port);
    let began = Instant::now();
    let pulled = project.run(&["--events", "json", "images", "pull", "--registry", &prefix], None).succeeded();
    assert_eq!(registry.attempts(), 3, "{pulled:?}");
    assert!(began.elapsed() >= Duration::from_secs(3), "1 s and then 2 s: {:?}", began.elapsed());
    assert_eq!(project.image()["present"], true);
    for words in ["trying again in 1 s", "trying again in 2 s", "503"] {
        assert!(pulled.stdout.contains(words), "no `{words}` in {pulled:?}");
    }
}

#[test]
fn a_registry_that_stays_out_of_service_is_given_up_and_named() {
    let (registry, project) = (FakeRegistry::out_of_service_for(usize::MAX), Project::new("gone"));
    let prefix = format!("127.0.0.1:{}/team", registry.port);
    let failed = project.run(&["images", "pull", "--registry", &prefix], None);
    assert_eq!(registry.attempts(), 4, "{failed:?}");
    failed.refused("503 Service Unavailable");
    failed.refused(&format!("failed to pull {prefix}/gone:"));
    failed.refused("hint: ");
    // Where it may be built, it is.
    let built = project.run(&["-v", "images", "build", "--registry", &prefix], None).succeeded();
    assert!(built.stderr.contains("503") && built.stderr.contains("building"), "{built:?}");
    assert_eq!(project.image()["present"], true);
}
