//! Hive Metastore: `getStatus` of fb303, the base of its Thrift service, over the unframed binary protocol.
//!
//! A connection alone proves nothing: where the engine forwards ports by a proxy, that accepts before the server listens.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::short;
use crate::engine::work::Probed;

/// Version 1 of the binary protocol, message type 1 (call).
const CALL: u32 = 0x8001_0001;
/// The same, message type 2 (reply).
const REPLY: u32 = 0x8001_0002;
const METHOD: &[u8] = b"getStatus";
/// `fb_status.ALIVE` of fb303.thrift.
const ALIVE: i32 = 2;
/// A result struct with one field: type i32, id 0 (the return value).
const RETURNED_I32: [u8; 3] = [8, 0, 0];

pub(super) async fn poll(address: &str) -> Probed {
    match ask(address).await {
        Ok(Some(ALIVE)) => Probed::Ready("getStatus ALIVE".to_owned()),
        Ok(Some(status)) => Probed::NotYet(format!("getStatus {status}")),
        Ok(None) => Probed::NotYet("not a Thrift answer".to_owned()),
        Err(error) => Probed::NotYet(short(&error)),
    }
}

async fn ask(address: &str) -> std::io::Result<Option<i32>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(&message(CALL, &[])).await?;
    let mut answer = vec![0; message(REPLY, &[]).len() + RETURNED_I32.len() - 1 + size_of::<i32>()];
    stream.read_exact(&mut answer).await?;
    Ok(status(&answer))
}

/// Type, method, sequence id 1, then a struct: its fields and the stop byte.
fn message(kind: u32, fields: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend(u32::try_from(METHOD.len()).unwrap_or_default().to_be_bytes());
    bytes.extend(METHOD);
    bytes.extend(1_u32.to_be_bytes());
    bytes.extend(fields);
    bytes.push(0);
    bytes
}

fn status(answer: &[u8]) -> Option<i32> {
    let reply = message(REPLY, &[]);
    let fields = answer.strip_prefix(&reply[..reply.len() - 1])?;
    let value = fields.strip_prefix(&RETURNED_I32)?;
    Some(i32::from_be_bytes(*value.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_byte_by_byte() {
        let expected = b"\x80\x01\x00\x01\x00\x00\x00\x09getStatus\x00\x00\x00\x01\x00";
        assert_eq!(message(CALL, &[]), expected);
    }

    #[test]
    fn a_reply_holds_the_status() {
        assert_eq!(status(&message(REPLY, &[8, 0, 0, 0, 0, 0, 2])), Some(ALIVE));
        assert_eq!(status(&message(REPLY, &[])), None);
        assert_eq!(status(b"HTTP/1.1 400 Bad Request"), None);
    }

    #[tokio::test]
    async fn a_closed_port_is_refused() {
        assert_eq!(poll("127.0.0.1:1").await, Probed::NotYet("connection refused".into()));
    }
}
