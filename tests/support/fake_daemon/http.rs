//! As much HTTP/1.1 as the engine's API needs.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::world::World;

/// A request with its whole body.
pub struct Request {
    pub method: String,
    /// Without the `/v1.41` that some clients put in front.
    pub path: String,
    pub query: BTreeMap<String, String>,
    /// The same with what is given more than once.
    pub pairs: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// Reads one request; `None` when the client says nothing.
    pub fn read(connection: &UnixStream) -> Option<Self> {
        let mut reader = BufReader::new(connection);
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let (mut length, mut chunked, mut expects) = (0, false, false);
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let header = header.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            chunked |= header == "transfer-encoding: chunked";
            expects |= header == "expect: 100-continue";
        }
        if expects {
            let mut writer = connection;
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        let body = if chunked { read_chunks(&mut reader)? } else { read_exact(&mut reader, length)? };
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let pairs = parse_query(query);
        let query = pairs.iter().cloned().collect();
        Some(Self { method, path: without_version(&decode(path)), query, pairs, body })
    }

    /// The body as JSON; `null` when there is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A query parameter; empty when absent.
    pub fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// Whether an object's labels satisfy `filters={"label":[..]}`.
    pub fn admits(&self, labels: &BTreeMap<String, String>) -> bool {
        let filters: Value = serde_json::from_str(self.parameter("filters")).unwrap_or(Value::Null);
        let wanted: Vec<String> = match &filters["label"] {
            Value::Array(list) => list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
            Value::Object(map) => map.keys().cloned().collect(),
            _ => Vec::new(),
        };
        wanted.iter().all(|filter| match filter.split_once('=') {
            Some((key, value)) => labels.get(key).is_some_and(|found| found == value),
            None => labels.contains_key(filter),
        })
    }
}

fn without_version(path: &str) -> String {
    let versioned = path.strip_prefix("/v").and_then(|rest| rest.split_once('/'));
    match versioned {
        Some((version, rest)) if version.starts_with(|c: char| c.is_ascii_digit()) => format!("/{rest}"),
        _ => path.to_owned(),
    }
}

fn read_exact(reader: &mut impl std::io::Read, length: usize) -> Option<Vec<u8>> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

fn read_chunks(reader: &mut BufReader<&UnixStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        let chunk = read_exact(reader, size)?;
        let mut end = String::new();
        reader.read_line(&mut end).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend(chunk);
    }
}

fn parse_query(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(&value.replace('+', " "))))
        .collect()
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// What is sent back.
pub enum Answer {
    /// A complete answer.
    Whole { status: u16, content_type: &'static str, body: Vec<u8> },
    /// An answer that ends before its promised length.
    Cut { body: Vec<u8>, promised: usize },
    /// JSON objects, one a line, each in its own chunk.
    Stream(Vec<Value>),
    /// Output of an exec: the connection leaves HTTP.
    Hijacked(Vec<u8>),
    /// Log frames that go on until the container with this id no longer runs.
    Follow { container: String, frames: Vec<u8> },
}

impl Answer {
    pub fn json(status: u16, value: &Value) -> Self {
        Self::Whole { status, content_type: "application/json", body: value.to_string().into_bytes() }
    }

    pub fn text(text: &str) -> Self {
        Self::Whole { status: 200, content_type: "text/plain", body: text.as_bytes().to_vec() }
    }

    pub fn error(status: u16, message: &str) -> Self {
        Self::json(status, &json!({"message": message}))
    }

    pub fn empty(status: u16) -> Self {
        Self::Whole { status, content_type: "application/json", body: Vec::new() }
    }

    pub fn write(self, connection: &mut UnixStream, world: &Arc<Mutex<World>>) -> std::io::Result<()> {
        match self {
            Self::Whole { status, content_type, body } => {
                let length = if status == 204 || status == 304 {
                    String::new()
                } else {
                    format!("Content-Type: {content_type}\r\nContent-Length: {}\r\n", body.len())
                };
                write!(connection, "HTTP/1.1 {status} Fake\r\nConnection: close\r\n{length}\r\n")?;
                connection.write_all(&body)
            }
            Self::Cut { body, promised } => {
                write!(connection, "HTTP/1.1 200 Fake\r\nConnection: close\r\nContent-Length: {promised}\r\n\r\n")?;
                connection.write_all(&body)
            }
            Self::Stream(values) => {
                begin_chunked(connection, "application/json")?;
                for value in values {
                    write_chunk(connection, format!("{value}\r\n").as_bytes())?;
                }
                connection.write_all(b"0\r\n\r\n")
            }
            Self::Hijacked(frames) => {
                connection.write_all(
                    b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\
                      Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
                )?;
                connection.write_all(&frames)
            }
            Self::Follow { container, frames } => {
                begin_chunked(connection, "application/vnd.docker.raw-stream")?;
                if !frames.is_empty() {
                    write_chunk(connection, &frames)?;
                }
                while world.lock().expect("not poisoned").is_running(&container) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                connection.write_all(b"0\r\n\r\n")
            }
        }
    }
}

fn begin_chunked(connection: &mut UnixStream, content_type: &str) -> std::io::Result<()> {
    write!(
        connection,
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
}

fn write_chunk(connection: &mut UnixStream, bytes: &[u8]) -> std::io::Result<()> {
    write!(connection, "{:x}\r\n", bytes.len())?;
    connection.write_all(bytes)?;
    connection.write_all(b"\r\n")
}

/// A frame of the multiplexed stream that logs and execs use.
pub fn frame(stderr: bool, text: &str) -> Vec<u8> {
    let mut bytes = vec![if stderr { 2 } else { 1 }, 0, 0, 0];
    bytes.extend(u32::try_from(text.len()).expect("a short text").to_be_bytes());
    bytes.extend(text.as_bytes());
    bytes
}
