//! A port that accepts connections and keeps them.
//!
//! The engine publishes a port through a proxy of its own, which accepts connections before anything listens in the
//! container and closes them at once. So a connection counts once it has stayed open, or said something.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::short;
use crate::engine::work::Probed;

/// How long a connection has to stay open. The proxy closes one within a few milliseconds.
const STAYS: Duration = Duration::from_millis(100);

/// Asks once.
pub(super) async fn poll(address: &str) -> Probed {
    let mut stream = match TcpStream::connect(address).await {
        Ok(stream) => stream,
        Err(error) => return Probed::NotYet(short(&error)),
    };
    match tokio::time::timeout(STAYS, stream.read(&mut [0])).await {
        Err(_) | Ok(Ok(1..)) => Probed::Ready(format!("{address} accepts connections")),
        Ok(Ok(0)) => Probed::NotYet("the connection is closed at once: nothing listens in the container".to_owned()),
        Ok(Err(error)) => Probed::NotYet(short(&error)),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    async fn listener() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        (listener, address)
    }

    #[tokio::test]
    async fn a_server_that_waits_for_its_client_is_ready() {
        let (_listener, address) = listener().await;
        assert_eq!(poll(&address).await, Probed::Ready(format!("{address} accepts connections")));
    }

    #[tokio::test]
    async fn a_server_that_speaks_first_is_ready() {
        let (listener, address) = listener().await;
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            stream.write_all(b"220 hello").await.expect("written");
        });
        assert_eq!(poll(&address).await, Probed::Ready(format!("{address} accepts connections")));
        server.await.expect("the server");
    }

    #[tokio::test]
    async fn a_proxy_with_nothing_behind_it_is_not() {
        let (listener, address) = listener().await;
        let server = tokio::spawn(async move { drop(listener.accept().await.expect("a client")) });
        let Probed::NotYet(why) = poll(&address).await else { panic!("ready") };
        assert_eq!(why, "the connection is closed at once: nothing listens in the container");
        server.await.expect("the server");
    }

    #[tokio::test]
    async fn a_closed_port_is_not() {
        let (listener, address) = listener().await;
        drop(listener);
        assert_eq!(poll(&address).await, Probed::NotYet("connection refused".to_owned()));
    }
}
