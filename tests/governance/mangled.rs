//! A catalog one of whose answers has a few things wrong: what is read from it is refused in words or taken, and the run ends.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use pipectl::governance::assets::services::services;
use pipectl::governance::client::{Catalog, CatalogError};
use pipectl::governance::reconcile::{Reconciler, read_edges};
use pipectl::governance::{assets, names};
use pipectl::pipeline::clients::Http;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::fake_http::FakeHttp;
use crate::lineage::{own_lineage, own_spec};
use crate::mutate::{Change, Twist, cases, ends, twist, twists};
use crate::shop::facts;
use crate::stage::{EMAIL, Stage, lite};

type Twists = (Vec<Twist>, Vec<Change>);

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime"))
}

/// A lite catalog that knows everything already.
fn filled() -> SocketAddr {
    static CATALOG: OnceLock<SocketAddr> = OnceLock::new();
    *CATALOG.get_or_init(|| {
        runtime().block_on(async {
            let address = lite().await;
            let (stage, spec) = (Stage::at(&address.to_string()).await, own_spec());
            stage.ingest(&spec, &facts(&spec), &own_lineage()).await.expect("a catalog that works");
            address
        })
    })
}

/// Hands requests on to the catalog, and its answers back, the `nth` of them twisted.
async fn between(catalog: SocketAddr, nth: usize, twists: Twists) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener");
    let (seen, twists) = (Arc::new(AtomicUsize::new(0)), Arc::new(twists));
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (seen, twists) = (seen.clone(), twists.clone());
            tokio::spawn(async move {
                let request = whole(&mut client).await;
                let mut server = TcpStream::connect(catalog).await.expect("the catalog runs");
                server.write_all(&request).await.expect("sent");
                let answer = whole(&mut server).await;
                let (head, body) = apart(&answer).expect("an answer of HTTP");
                let body = String::from_utf8_lossy(body).into_owned();
                let chosen = seen.fetch_add(1, Ordering::SeqCst) == nth;
                let body = if chosen { twist(&body, &twists) } else { body.into_bytes() };
                let status = String::from_utf8_lossy(head).lines().next().unwrap_or_default().to_owned();
                let head = format!("{status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                // Who asked may have left.
                let _ = client.write_all(&[head.as_bytes(), &body].concat()).await;
            });
        }
    });
    address
}

/// One message with its body, as long as its head says.
async fn whole(stream: &mut TcpStream) -> Vec<u8> {
    let mut message = Vec::new();
    loop {
        if let Some((head, body)) = apart(&message) {
            let head = String::from_utf8_lossy(head).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            if body.len() >= length.unwrap_or(0_usize) {
                return message;
            }
        }
        if stream.read_buf(&mut message).await.unwrap_or(0) == 0 {
            return message;
        }
    }
}

fn apart(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = message.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((&message[..end], &message[end + 4..]))
}

/// Login, ingestion and a look at the lineage, as `pipectl ingest` and `pipectl lineage` do them.
async fn visit(address: SocketAddr) -> Result<(), CatalogError> {
    let (spec, lineage) = (own_spec(), own_lineage());
    let catalog = Catalog::connect(Http::new("the catalog", address.to_string()), 0).await?;
    let admin = catalog.with_token(&catalog.login(EMAIL, "admin").await?);
    let bot = catalog.with_token(&admin.bot_token().await?);
    bot.check_token().await?;
    let state = tempfile::tempdir().expect("a directory");
    let facts = facts(&spec);
    let version = bot.version();
    let holdings = assets::wanted(&spec, &facts, &lineage, version);
    let pipelines = names::pipelines(&spec);
    let reconciler = Reconciler::new(&bot, state.path()).expect("a memory");
    let whole = Some((&lineage, pipelines.as_slice()));
    let report = reconciler.run(&services(&spec, "admin", version), &holdings, whole, &|_| ()).await;
    match report {
        Ok(report) => assert!(report.problems.iter().all(|problem| !problem.is_empty())),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let graph = read_edges(&bot).await?;
    drop(graph.differences(&bot, &lineage, &pipelines));
    Ok(())
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn one_answer_of_many_twisted(nth in 0..90_usize, twists in twists()) {
        let catalog = filled();
        ends(move || runtime().block_on(async move {
            if let Err(error) = visit(between(catalog, nth, twists).await).await {
                assert!(!error.to_string().is_empty());
            }
        }));
    }
}

#[tokio::test]
async fn pages_without_an_end_are_refused() {
    let page = r#"{"data":[{"id":"1"}],"paging":{"after":"next","total":2}}"#;
    let first = "GET /api/v1/topics?service=s&limit=1000";
    let server = FakeHttp::default()
        .on("GET /api/v1/system/version", 200, r#"{"version":"2.0.5"}"#)
        .on(first, 200, page)
        .on(&format!("{first}&after=next"), 200, page)
        .start()
        .await;
    let http = Http::new("the catalog", format!("127.0.0.1:{}", server.port));
    let catalog = Catalog::connect(http, 0).await.expect("a version");
    let error = catalog.list("topics", "service=s", "").await.expect_err("the second page is followed by itself");
    assert!(error.to_string().contains("no end of its pages"), "{error}");
}
