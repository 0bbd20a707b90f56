//! A container engine without containers: speaks the engine's HTTP API on a Unix socket and keeps containers, networks,
//! volumes and images in memory. Serves tests of `docker` and, through `DOCKER_HOST`, tests of the whole binary.
//!
//! ```no_run
//! let daemon = FakeDaemon::start();
//! daemon.world().add_image("web:1");
//! daemon.world().fates.insert("web".into(), Fate::NeverHealthy("connection refused".into()));
//! let host = daemon.docker_host(); // unix:///tmp/.../docker.sock
//! ```
#![allow(dead_code, reason = "every test binary uses another part of it")]

#[path = "fake_daemon/archives.rs"]
mod archives;
#[path = "fake_daemon/containers.rs"]
mod containers;
#[path = "fake_daemon/http.rs"]
mod http;
#[path = "fake_daemon/images.rs"]
mod images;
#[path = "fake_daemon/objects.rs"]
mod objects;
#[path = "fake_daemon/world.rs"]
mod world;

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

#[allow(unused_imports, reason = "every test binary uses another part of it")]
pub use archives::{Node, Tree};
use http::{Answer, Request};
pub use world::{BuildFailure, ExecScript, Fate, World};

/// The running fake; stops when dropped.
pub struct FakeDaemon {
    world: Arc<Mutex<World>>,
    socket: PathBuf,
    stopping: Arc<AtomicBool>,
    _dir: tempfile::TempDir,
}

impl FakeDaemon {
    /// Starts an engine that looks like Docker 20.10 and has nothing.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let socket = dir.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).expect("bind the socket");
        let world = Arc::new(Mutex::new(World::default()));
        let stopping = Arc::new(AtomicBool::new(false));
        let (served, stop) = (Arc::clone(&world), Arc::clone(&stopping));
        std::thread::spawn(move || {
            for (number, connection) in listener.incoming().enumerate() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (connection, world) = (connection.expect("a connection"), Arc::clone(&served));
                world.lock().expect("not poisoned").accepted = number + 1;
                std::thread::spawn(move || serve(connection, number, &world));
            }
        });
        Self { world, socket, stopping, _dir: dir }
    }

    /// Value for `DOCKER_HOST` and `--host`.
    pub fn docker_host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Where it listens.
    pub fn socket(&self) -> &std::path::Path {
        &self.socket
    }

    /// What is there: look at it, prepare it, change it. Do not hold it while the engine is to answer.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("not poisoned")
    }

    /// Whatever clients have asked until now and is not done is never done: they were killed.
    pub fn forget_clients(&self) {
        // Connections are accepted in their order: once this one is answered, all that came before it are known.
        let mut connection = UnixStream::connect(&self.socket).expect("the fake listens");
        connection.write_all(b"GET /_ping HTTP/1.1\r\nHost: fake\r\n\r\n").expect("it reads");
        connection.read_to_end(&mut Vec::new()).expect("it answers");
        let mut world = self.world();
        world.gone = world.accepted;
    }

    /// Calls that change something, in order, such as `POST /containers/p-web-1/start`; forgets them.
    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.world().calls)
    }
}

impl Drop for FakeDaemon {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the listener; when it is gone already there is nothing to wake.
        let _ = UnixStream::connect(&self.socket);
    }
}

/// One request per connection, like a server without keep-alive.
fn serve(mut connection: UnixStream, number: usize, world: &Arc<Mutex<World>>) {
    // A client that hangs up before it has sent a request wants nothing: `connect` checks the socket that way.
    let Some(request) = Request::read(&connection) else { return };
    let call = call_of(&request, &world.lock().expect("not poisoned"));
    let Some(answer) = unless_deaf(&request, number, world) else { return };
    while world.lock().expect("not poisoned").held.contains(&call) {
        std::thread::sleep(Duration::from_millis(5));
    }
    // Whoever went away before the answer does not miss it.
    let _ = answer.write(&mut connection, world);
}

/// The answer; none of an engine that has turned deaf, once its client is gone, and none for a client that is known to be.
fn unless_deaf(request: &Request, number: usize, world: &Arc<Mutex<World>>) -> Option<Answer> {
    let reached = |world: &World| world.deaf_after.is_some_and(|calls| world.calls.len() >= calls);
    let changes = request.method != "GET";
    let mut known = world.lock().expect("not poisoned");
    if number < known.gone {
        return None;
    }
    let answer = (!changes || !reached(&known)).then(|| route(request, &mut known));
    if !changes || !reached(&known) {
        return answer;
    }
    drop(known);
    while reached(&world.lock().expect("not poisoned")) {
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

fn call_of(request: &Request, world: &World) -> String {
    format!("{} {}", request.method, world.readable(&request.path))
}

fn route(request: &Request, world: &mut World) -> Answer {
    if request.method != "GET" {
        let call = call_of(request, world);
        world.calls.push(call);
    }
    if let Some((status, message)) = world.refusals.get(&format!("{} {}", request.method, request.path)) {
        return Answer::error(*status, message);
    }
    let segments: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET" | "HEAD", ["_ping"]) => Answer::text("OK"),
        ("GET", ["version"]) => Answer::json(200, &objects::version(world)),
        ("GET", ["info"]) => Answer::json(200, &objects::info(world)),
        (method, ["containers", rest @ ..]) => containers::answer(world, method, rest, request),
        (method, ["exec", rest @ ..]) => containers::answer_exec(world, method, rest),
        (method, ["networks", rest @ ..]) => objects::networks(world, method, rest, request),
        (method, ["volumes", rest @ ..]) => objects::volumes(world, method, rest, request),
        (method, ["images", rest @ ..]) => images::answer(world, method, rest, request),
        ("POST", ["build"]) => images::build(world, request),
        _ => Answer::error(404, "page not found"),
    }
}
