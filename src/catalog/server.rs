//! Starting and stopping: the data directory, the port, the first content.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

use super::access::Tokens;
use super::http::{self, App};
use super::seed;
use super::store::{self, Store};
use crate::failure::Failure;
use crate::key;

/// How long open connections may take to end after the signal to stop.
const GRACE: Duration = Duration::from_secs(5);
/// Key of the tokens, in the data directory.
const SIGNING_KEY: &str = "signing.key";

/// What a catalog needs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Directory of the store and the signing key; made if it is not there.
    pub data: PathBuf,
    /// Password of the admin.
    pub password: String,
}

/// A catalog that has its port and its store, and answers once it runs.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: App,
}

impl Server {
    /// Takes the port, opens the store, fills it if it is new.
    pub async fn bind(options: Options) -> Result<Self, Failure> {
        let Options { listen, data, password } = options;
        let opened = tokio::task::spawn_blocking(move || open(&data)).await;
        let (store, tokens) =
            opened.map_err(|error| anyhow::Error::from(error).context("the store cannot be opened"))??;
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            Failure::stack(format!("the catalog cannot listen on {listen}")).because(error.to_string()).hint(
                "another program may have the port: `ss -ltnp` tells which; `--listen ADDRESS:PORT` takes another",
            )
        })?;
        let address = listener.local_addr().map_err(anyhow::Error::from)?;
        let app = App::new(store, tokens, password, address.to_string());
        Ok(Self { listener, address, app })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is over; requests that are being worked on are finished.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), Failure> {
        // Small answers must not wait for more to come.
        let listener = self.listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection keeps its delay");
            }
        });
        let (asked, stopping) = tokio::sync::oneshot::channel::<()>();
        let signal = async move {
            stop.await;
            // The receiver is gone only when the server has ended already.
            let _ = asked.send(());
        };
        let serving = axum::serve(listener, http::router(self.app)).with_graceful_shutdown(signal);
        let deadline = async move {
            if stopping.await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            ended = async { serving.await } => ended.map_err(|error| anyhow::Error::from(error).context("the catalog stopped").into()),
            () = deadline => {
                tracing::warn!("connections were still open when the catalog stopped");
                Ok(())
            }
        }
    }
}

/// What contradicts itself in the store of a data directory, one line each. The catalog must not run.
pub fn check(data: &Path) -> Result<Vec<String>, Failure> {
    if !data.join(store::FILE).is_file() {
        return Err(Failure::usage(format!("there is no catalog in {}", data.display()))
            .hint("name its directory: `pipectl catalog check --data DIR`"));
    }
    let store = Store::open(data).map_err(|error| unusable(data, &error))?;
    store::check(&store).map_err(|error| Failure::stack(error.message))
}

fn open(data: &Path) -> Result<(Store, Tokens), Failure> {
    std::fs::create_dir_all(data).map_err(|error| {
        Failure::usage(format!("the data directory {} cannot be made", data.display()))
            .because(error.to_string())
            .hint("name another one: `--data DIR`")
    })?;
    let store = Store::open(data).map_err(|error| unusable(data, &error))?;
    let tokens = Tokens::new(key::load_or_create(&data.join(SIGNING_KEY), "tokens given out before are refused")?);
    store
        .write(|writing| seed::plant(writing, &tokens))
        .map_err(|error| Failure::stack("the catalog's first content cannot be written").because(error.message))?;
    Ok((store, tokens))
}

fn unusable(data: &Path, error: &redb::Error) -> Failure {
    let failure = Failure::stack(format!("the catalog's store in {} cannot be opened", data.display()));
    let failure = failure.because(error.to_string());
    match error {
        redb::Error::DatabaseAlreadyOpen => {
            failure.hint("another catalog uses it: stop that one, or name another `--data DIR`")
        }
        redb::Error::Io(_) => failure.hint("see that the directory is writable and its disk is not full (`df -h`)"),
        _ => failure.hint("move the file away; the next start makes a new one, and `pipectl ingest` fills it again"),
    }
}
