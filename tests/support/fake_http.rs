//! An HTTP server with scripted answers, for clients of REST interfaces.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Answers by `METHOD /path?query`. Several answers to one request are given in turn, the last one for ever.
#[derive(Default)]
pub struct FakeHttp {
    answers: BTreeMap<String, VecDeque<(u16, String)>>,
    hang: bool,
}

/// A server that runs until the test ends.
pub struct Running {
    /// Its port on 127.0.0.1.
    pub port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl FakeHttp {
    /// Adds an answer.
    #[must_use]
    pub fn on(mut self, request: &str, status: u16, body: &str) -> Self {
        self.answers.entry(request.to_owned()).or_default().push_back((status, body.to_owned()));
        self
    }

    /// Takes connections and never answers.
    pub fn hanging() -> Self {
        Self { hang: true, ..Self::default() }
    }

    /// Starts it on a free port.
    pub async fn start(self) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("a bound listener").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answers, hang) = (requests.clone(), Arc::new(Mutex::new(self.answers)), self.hang);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answers) = (seen.clone(), answers.clone());
                tokio::spawn(async move {
                    if hang {
                        tokio::time::sleep(Duration::from_secs(3600)).await;
                    }
                    serve(stream, &seen, &answers).await;
                });
            }
        });
        Running { port, requests }
    }
}

impl Running {
    /// Requests so far, each `METHOD /path?query` with its body behind it.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often a request came.
    pub fn count(&self, request: &str) -> usize {
        self.requests().iter().filter(|seen| seen.starts_with(request)).count()
    }
}

/// Serves one connection until the peer closes it.
async fn serve(
    stream: TcpStream,
    seen: &Mutex<Vec<String>>,
    answers: &Mutex<BTreeMap<String, VecDeque<(u16, String)>>>,
) {
    let mut stream = BufReader::new(stream);
    while let Some((request, body)) = read(&mut stream).await {
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{request} {body}").trim_end().to_owned());
        let (status, text) = {
            let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
            match answers.get_mut(&request) {
                Some(queue) if queue.len() > 1 => queue.pop_front().expect("two answers or more"),
                Some(queue) => queue[0].clone(),
                None => (404, format!("no answer scripted for {request}")),
            }
        };
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|size| *size > 0)?;
    let request = line.rsplit_once(' ')?.0.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok().filter(|size| *size > 0)?;
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((request, String::from_utf8_lossy(&body).into_owned()))
}
