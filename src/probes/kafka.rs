//! Kafka: ApiVersions tells that the broker speaks, Metadata that it has joined its cluster. Both on one connection,
//! written by hand: a client library would wait and retry inside, which is the gate's business.

use super::short;
use crate::engine::work::Probed;
use crate::pipeline::clients::kafka_wire::{Wire, WireError};

/// (API key, version) of the two requests.
const API_VERSIONS: (i16, i16) = (18, 0);
const METADATA: (i16, i16) = (3, 1);
/// An answer larger than this is none.
const LARGEST: usize = 1 << 20;

/// What can be wrong with an exchange.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{}", short(.0))]
    Transport(std::io::Error),
    #[error("not a Kafka answer: {0}")]
    Protocol(&'static str),
    #[error("error code {0}")]
    Code(i16),
}

impl From<WireError> for Trouble {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Transport(error) => Self::Transport(error),
            WireError::Protocol(what) => Self::Protocol(what),
        }
    }
}

pub(super) async fn poll(address: &str) -> Probed {
    match ask(address).await {
        Ok(0) => Probed::NotYet("no broker has joined the cluster".to_owned()),
        Ok(brokers) => Probed::Ready(format!("ApiVersions ok, {brokers} broker")),
        Err(trouble) => Probed::NotYet(trouble.to_string()),
    }
}

async fn ask(address: &str) -> Result<i32, Trouble> {
    let mut wire = Wire::connect(address, LARGEST).await?;
    check_api_versions(&wire.ask(API_VERSIONS, &[]).await?)?;
    // An empty list of topics: with version 1 that means none, not all.
    broker_count(&wire.ask(METADATA, &0_i32.to_be_bytes()).await?)
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
    use crate::pipeline::clients::kafka_wire;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn an_api_versions_request_byte_by_byte() {
        let expected = [
            0, 0, 0, 17, // length
            0, 18, 0, 0, // ApiVersions, version 0
            0, 0, 0, 1, // correlation id
            0, 7, b'p', b'i', b'p', b'e', b'c', b't', b'l', // client id
        ];
        assert_eq!(kafka_wire::request(API_VERSIONS, 1, &[]), expected);
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
