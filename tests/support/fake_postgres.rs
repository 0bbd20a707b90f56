//! A Postgres as far as to its greeting: it answers the wish for TLS, shakes hands, and lets a role in or sends it away. To those
//! whom it lets in it answers one kind of question, that for a list of names.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What a client that asks for TLS sends in the place of its greeting.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// Let in, and ready for a query.
const WELCOME: [u8; 15] = [b'R', 0, 0, 0, 8, 0, 0, 0, 0, b'Z', 0, 0, 0, 5, b'I'];

/// Which connections it lets in, as `pg_hba.conf` has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lets {
    /// `host`: all of them.
    All,
    /// `hostssl`: the encrypted ones.
    Encrypted,
    /// `hostnossl`: the others.
    Plain,
}

/// A server that runs until the test ends.
pub struct Running {
    /// Its port on 127.0.0.1.
    pub port: u16,
    admitted: Arc<Mutex<Vec<&'static str>>>,
}

impl Running {
    /// How those that were let in since the last time had come: `encrypted` or `plain`.
    pub fn admitted(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.admitted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Starts one on a free port, with a certificate of tests/cases/tls or without TLS.
pub async fn start(certificate: Option<&str>, lets: Lets) -> Running {
    start_with(certificate, lets, &[]).await
}

/// The same with the names that it answers whatever it is asked.
pub async fn start_with(certificate: Option<&str>, lets: Lets, names: &'static [&'static str]) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("a bound listener").port();
    let admitted = Arc::new(Mutex::new(Vec::new()));
    let (acceptor, seen) = (certificate.map(acceptor), admitted.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, seen) = (acceptor.clone(), seen.clone());
            // A client that does not like what it sees goes away in the middle of it; what it says of that is what is tested.
            tokio::spawn(async move { drop(serve(stream, acceptor, lets, names, &seen).await) });
        }
    });
    Running { port, admitted }
}

fn acceptor(certificate: &str) -> TlsAcceptor {
    let folder = "tests/cases/tls";
    let chain = CertificateDer::from_pem_file(format!("{folder}/{certificate}.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(format!("{folder}/server.key")).expect("the servers' key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("a key that fits");
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(
    mut stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    lets: Lets,
    names: &[&str],
    admitted: &Mutex<Vec<&'static str>>,
) -> std::io::Result<()> {
    let mut first = [0; 8];
    stream.read_exact(&mut first).await?;
    if first != SSL_REQUEST {
        let welcome = lets != Lets::Encrypted;
        return greet(stream, Some(first), welcome.then_some(names), "plain", admitted).await;
    }
    let Some(acceptor) = acceptor else {
        stream.write_all(b"N").await?;
        let welcome = lets != Lets::Encrypted;
        return greet(stream, None, welcome.then_some(names), "plain", admitted).await;
    };
    stream.write_all(b"S").await?;
    let stream = acceptor.accept(stream).await?;
    let welcome = lets != Lets::Plain;
    greet(stream, None, welcome.then_some(names), "encrypted", admitted).await
}

/// Reads the greeting, of which a part may have been read, and answers it; without `names` the role is sent away.
async fn greet(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    read: Option<[u8; 8]>,
    names: Option<&[&str]>,
    how: &'static str,
    admitted: &Mutex<Vec<&'static str>>,
) -> std::io::Result<()> {
    let mut first = read.unwrap_or_default();
    if read.is_none() {
        stream.read_exact(&mut first).await?;
    }
    let length = u32::from_be_bytes([first[0], first[1], first[2], first[3]]);
    let mut rest = vec![0; length.saturating_sub(8) as usize];
    stream.read_exact(&mut rest).await?;
    if let Some(names) = names {
        admitted.lock().unwrap_or_else(PoisonError::into_inner).push(how);
        stream.write_all(&WELCOME).await?;
        stream.flush().await?;
        return answer(stream, names).await;
    }
    let how = if how == "plain" { "no encryption" } else { "SSL encryption" };
    let text = format!("SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for host \"127.0.0.1\", user \"cdc\", {how}\0\0");
    let length = u32::try_from(text.len() + 4).expect("a short text");
    stream.write_all(&[&b"E"[..], &length.to_be_bytes(), text.as_bytes()].concat()).await?;
    stream.flush().await?;
    stream.shutdown().await
}

/// Answers the extended protocol's messages until the client goes: every statement has one parameter, a list of texts, and one column
/// of texts. One on publications has a text for its parameter, and no rows.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, names: &[&str]) -> std::io::Result<()> {
    let mut head = [0; 5];
    let mut on_publications = false;
    // The end of the stream is the client's way to go.
    while stream.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut rest = vec![0; length.saturating_sub(4) as usize];
        stream.read_exact(&mut rest).await?;
        if head[0] == b'P' {
            on_publications = String::from_utf8_lossy(&rest).contains("pg_publication");
        }
        let answers = match head[0] {
            b'P' => vec![message(b'1', &[])],
            b'D' => vec![message(b't', &parameter(on_publications)), message(b'T', &column())],
            b'B' => vec![message(b'2', &[])],
            b'E' if on_publications => vec![message(b'C', b"SELECT\0")],
            b'E' => names.iter().map(|name| row(name)).chain([message(b'C', b"SELECT\0")]).collect(),
            b'C' => vec![message(b'3', &[])],
            b'S' => vec![message(b'Z', b"I")],
            _ => Vec::new(),
        };
        stream.write_all(&answers.concat()).await?;
        stream.flush().await?;
    }
    Ok(())
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

/// One parameter of the type `text` or `text[]`.
fn parameter(is_text: bool) -> Vec<u8> {
    let kind: u32 = if is_text { 25 } else { 1009 };
    [&1_u16.to_be_bytes()[..], &kind.to_be_bytes()].concat()
}

/// One column `name` of the type `text`: no table, no length, no modifier.
fn column() -> Vec<u8> {
    let kind = [&25_u32.to_be_bytes()[..], &(-1_i16).to_be_bytes(), &(-1_i32).to_be_bytes()].concat();
    [&1_u16.to_be_bytes()[..], b"name\0", &[0; 6], &kind, &1_u16.to_be_bytes()].concat()
}

fn row(name: &str) -> Vec<u8> {
    let length = u32::try_from(name.len()).expect("a short name");
    message(b'D', &[&1_u16.to_be_bytes()[..], &length.to_be_bytes(), name.as_bytes()].concat())
}
