//! Kafka's framing, for the few requests that are written by hand: a length, a header, a body, and the answer in the same form.
//! Protocol: <https://kafka.apache.org/protocol>, request header version 1 and response header version 0.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What an exchange can fail with.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The connection was refused, or broke.
    #[error(transparent)]
    Transport(#[from] std::io::Error),
    /// Whoever answered does not speak Kafka.
    #[error("not a Kafka answer: {0}")]
    Protocol(&'static str),
}

/// A connection to one broker. It has no deadline of its own: the caller knows how long it may wait.
pub struct Wire {
    stream: TcpStream,
    /// Size in bytes above which an answer is taken for none.
    largest: usize,
    /// Requests made so far.
    asked: i32,
}

impl Wire {
    /// Connects to the broker at `host:port`. An answer of more than `largest` bytes is refused before it is read.
    pub async fn connect(address: &str, largest: usize) -> Result<Self, WireError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, largest, asked: 0 })
    }

    /// Sends a request of this API (key, version) and returns the body of its answer.
    pub async fn ask(&mut self, api: (i16, i16), body: &[u8]) -> Result<Vec<u8>, WireError> {
        self.asked += 1;
        self.stream.write_all(&request(api, self.asked, body)).await?;
        let size = self.stream.read_i32().await?;
        let size = usize::try_from(size).ok().filter(|size| (4..=self.largest).contains(size));
        let mut answer = vec![0; size.ok_or(WireError::Protocol("its length is out of bounds"))?];
        self.stream.read_exact(&mut answer).await?;
        if answer[..4] != self.asked.to_be_bytes() {
            return Err(WireError::Protocol("another correlation id"));
        }
        Ok(answer.split_off(4))
    }
}

/// Length, then request header version 1 (key, version, correlation id, client id), then the body.
pub fn request(api: (i16, i16), correlation: i32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32);
    bytes.extend(api.0.to_be_bytes());
    bytes.extend(api.1.to_be_bytes());
    bytes.extend(correlation.to_be_bytes());
    text(&mut bytes, "pipectl");
    bytes.extend(body);
    let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    [&length.to_be_bytes()[..], &bytes].concat()
}

/// Appends a text as the protocol writes it: its length in two bytes, then itself.
pub fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(i16::try_from(text.len()).unwrap_or(i16::MAX).to_be_bytes());
    bytes.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// A broker that answers every request with this.
    async fn broker(answer: &'static [u8]) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener").to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            while let Ok(size) = stream.read_i32().await {
                let mut request = vec![0; usize::try_from(size).expect("a length")];
                stream.read_exact(&mut request).await.expect("a request");
                stream.write_all(answer).await.expect("the peer reads");
            }
        });
        Wire::connect(&address, 8).await.expect("the listener accepts")
    }

    #[tokio::test]
    async fn an_answer_belongs_to_its_request() {
        let mut wire = broker(&[0, 0, 0, 6, 0, 0, 0, 1, b'o', b'k']).await;
        assert_eq!(wire.ask((18, 0), &[]).await.expect("an answer"), b"ok");
        let late = wire.ask((18, 0), &[]).await.expect_err("the answer to the first request");
        assert_eq!(late.to_string(), "not a Kafka answer: another correlation id");
    }

    #[tokio::test]
    async fn a_length_out_of_bounds_is_not_believed() {
        for length in [&[0, 0, 0, 3], &[0, 0, 0, 9], &[255, 255, 255, 255]] {
            let error = broker(length).await.ask((18, 0), &[]).await.expect_err("no answer");
            assert_eq!(error.to_string(), "not a Kafka answer: its length is out of bounds");
        }
    }
}
