//! A fake image registry on loopback: it holds one image, whatever it is asked for by, and is out of service as often as it is told.
//! The engine that pulls from it is a real one.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use serde_json::json;
use sha2::{Digest, Sha256};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// The registry, until it is dropped.
pub struct FakeRegistry {
    pub port: u16,
    state: Arc<State>,
    server: Option<JoinHandle<()>>,
}

struct State {
    /// Attempts that are answered with 503.
    outages: usize,
    /// Greetings: the engine begins each attempt to pull with one.
    attempts: AtomicUsize,
    ended: AtomicBool,
    manifest: Vec<u8>,
    config: Vec<u8>,
    layer: Vec<u8>,
}

impl FakeRegistry {
    /// Answers the first `outages` attempts with 503 Service Unavailable.
    pub fn out_of_service_for(outages: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let state = Arc::new(State::with_an_image(outages));
        let shared = state.clone();
        let server = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.ended.load(Ordering::SeqCst) {
                    return;
                }
                let (state, stream) = (shared.clone(), stream.expect("a connection"));
                // One a connection: the engine asks for layers side by side. A client that goes away is no failure of the registry.
                std::thread::spawn(move || drop(state.serve(stream)));
            }
        });
        Self { port, state, server: Some(server) }
    }

    /// How often the engine has begun to pull.
    pub fn attempts(&self) -> usize {
        self.state.attempts.load(Ordering::SeqCst)
    }
}

impl Drop for FakeRegistry {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        // Wakes it up, so that it sees that its time is over; it may have ended by itself.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(server) = self.server.take() {
            server.join().expect("the fake registry has not panicked");
        }
    }
}

impl State {
    fn with_an_image(outages: usize) -> Self {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(6);
        header.set_mode(0o644);
        tar.append_data(&mut header, "data", &b"pulled"[..]).expect("a layer");
        let tar = tar.into_inner().expect("a layer");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&tar).expect("packed");
        let layer = packed.finish().expect("packed");
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let config = json!({"architecture": architecture, "os": "linux", "config": {"Cmd": ["none"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(&tar)]}});
        let config = config.to_string().into_bytes();
        let part = |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "size": bytes.len(), "digest": digest(bytes)});
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST,
            "config": part("application/vnd.docker.container.image.v1+json", &config),
            "layers": [part("application/vnd.docker.image.rootfs.diff.tar.gzip", &layer)]});
        Self {
            outages,
            attempts: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            manifest: manifest.to_string().into_bytes(),
            config,
            layer,
        }
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut request = Vec::new();
        let mut part = [0; 1024];
        while !request.ends_with(b"\r\n\r\n") {
            let read = stream.read(&mut part)?;
            request.extend_from_slice(&part[..read]);
            // The engine tries TLS first, which this registry does not speak.
            if read == 0 || request.first() == Some(&0x16) {
                stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n")?;
                return stream.shutdown(Shutdown::Both);
            }
        }
        let request = String::from_utf8_lossy(&request).into_owned();
        let path = request.split_whitespace().nth(1).unwrap_or_default();
        let (status, kind, body): (_, _, &[u8]) = match path.rsplit('/').next().unwrap_or_default() {
            "" => {
                self.attempts.fetch_add(1, Ordering::SeqCst);
                ("200 OK", "application/json", b"{}")
            }
            _ if path.contains("/manifests/") && self.attempts.load(Ordering::SeqCst) <= self.outages => {
                ("503 Service Unavailable", "text/plain", b"out of service")
            }
            _ if path.contains("/manifests/") => ("200 OK", MANIFEST, &self.manifest),
            name if name == digest(&self.config) => ("200 OK", "application/octet-stream", &self.config),
            name if name == digest(&self.layer) => ("200 OK", "application/octet-stream", &self.layer),
            _ => ("404 Not Found", "text/plain", b"not here"),
        };
        let digest = digest(body);
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nDocker-Content-Digest: {digest}\r\n\
             Docker-Distribution-Api-Version: registry/2.0\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        // Of a HEAD request the head is the answer.
        if !request.starts_with("HEAD ") {
            stream.write_all(body)?;
        }
        stream.shutdown(Shutdown::Write)
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}
