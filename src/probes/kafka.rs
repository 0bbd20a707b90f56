//! Kafka: ApiVersions tells that the broker speaks, Metadata that it has joined its cluster. Both on one connection,
//! written by hand: a client library would wait and retry inside, which is the gate's business.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::short;
use crate::engine::work::Probed;

/// (API key, version) of the two requests.
const API_VERSIONS: (i16, i16) = (18, 0);
const METADATA: (i16, i16) = (3, 1);
/// An answer larger than this is none.
const LARGEST: usize = 1 << 20;

/// What can be wrong with an exchange.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{}", short(.0))]
    Transport(#[from] std::io::Error),
    #[error("not a Kafka answer: {0}")]
    Protocol(&'static str),
    #[error("error code {0}")]
    Code(i16),
}

pub(super) async fn poll(address: &str) -> Probed {
    match ask(address).await {
        Ok(0) => Probed::NotYet("no broker has joined the cluster".to_owned()),
        Ok(brokers) => Probed::Ready(format!("ApiVersions ok, {brokers} broker")),
        Err(trouble) => Probed::NotYet(trouble.to_string()),
    }
}

async fn ask(address: &str) -> Result<i32, Trouble> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    check_api_versions(&exchange(&mut stream, API_VERSIONS, &[], 1).await?)?;
    // An empty list of topics: with version 1 that means none, not all.
    let metadata = exchange(&mut stream, METADATA, &0_i32.to_be_bytes(), 2).await?;
    broker_count(&metadata)
}

async fn exchange(stream: &mut TcpStream, api: (i16, i16), body: &[u8], correlation: i32) -> Result<Vec<u8>, Trouble> {
    stream.write_all(&request(api, body, correlation)).await?;
    let size = stream.read_i32().await?;
    let size = usize::try_from(size).ok().filter(|size| (4..=LARGEST).contains(size));
    let mut answer = vec![0; size.ok_or(Trouble::Protocol("its length is out of bounds"))?];
    stream.read_exact(&mut answer).await?;
    if answer[..4] != correlation.to_be_bytes() {
        return Err(Trouble::Protocol("another correlation id"));
    }
    Ok(answer.split_off(4))
}

/// Length, then request header version 1 (key, version, correlation id, client id), then the body.
fn request(api: (i16, i16), body: &[u8], correlation: i32) -> Vec<u8> {
    const CLIENT: &[u8] = b"pipectl";
    let mut bytes = Vec::with_capacity(32);
    bytes.extend(api.0.to_be_bytes());
    bytes.extend(api.1.to_be_bytes());
    bytes.extend(correlation.to_be_bytes());
    bytes.extend([0, u8::try_from(CLIENT.len()).unwrap_or_default()]);
    bytes.extend(CLIENT);
    bytes.extend(body);
    let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    [&length.to_be_bytes()[..], &bytes].concat()
}

fn check_api_versions(answer: &[u8]) -> Result<(), Trouble> {
    match answer {
        [high, low, ..] => match i16::from_be_bytes([*high, *low]) {
            0 => Ok(()),
            code => Err(Trouble::Code(code)),
        },
        _ => Err(Trouble::Protocol("it is too short")),
    }
}

/// The answer begins with the array of brokers.
fn broker_count(answer: &[u8]) -> Result<i32, Trouble> {
    let count = answer.first_chunk::<4>().ok_or(Trouble::Protocol("it is too short"))?;
    Ok(i32::from_be_bytes(*count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_versions_request_byte_by_byte() {
        let expected = [
            0, 0, 0, 17, // length
            0, 18, 0, 0, // ApiVersions, version 0
            0, 0, 0, 1, // correlation id
            0, 7, b'p', b'i', b'p', b'e', b'c', b't', b'l', // client id
        ];
        assert_eq!(request(API_VERSIONS, &[], 1), expected);
    }

    #[test]
    fn answers_are_judged() {
        assert!(check_api_versions(&[0, 0, 0, 0, 0, 0]).is_ok());
        assert_eq!(check_api_versions(&[0, 35]).expect_err("a code").to_string(), "error code 35");
        assert_eq!(broker_count(&[0, 0, 0, 1, 9]).expect("a count"), 1);
        assert_eq!(broker_count(&[0]).expect_err("short").to_string(), "not a Kafka answer: it is too short");
    }

    async fn listen(answer: &'static [u8]) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener").to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut received = [0; 21];
            stream.read_exact(&mut received).await.expect("the request");
            stream.write_all(answer).await.expect("the peer reads");
        });
        address
    }

    #[tokio::test]
    async fn something_that_is_not_kafka_is_told_apart() {
        let address = listen(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let waits = poll(&address).await;
        assert_eq!(waits, Probed::NotYet("not a Kafka answer: its length is out of bounds".into()));
    }

    #[tokio::test]
    async fn a_closed_port_is_refused() {
        assert_eq!(poll("127.0.0.1:1").await, Probed::NotYet("connection refused".into()));
    }
}
