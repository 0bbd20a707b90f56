//! A catalog that goes away in the middle of being filled: the next run goes on, and what was written before is still ours.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pipectl::governance::client::CatalogError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::lineage::{own_lineage, own_spec};
use crate::shop::facts;
use crate::stage::{Stage, lite};

#[tokio::test]
async fn what_was_written_before_the_catalog_went_away_is_still_ours() {
    let (way, passed) = cut_after(lite().await, usize::MAX).await;
    let whole = Stage::at(&way.to_string()).await;
    whole.ingest(&own_spec(), &facts(&own_spec()), &own_lineage()).await.expect("nothing is cut");
    let all = passed.load(Ordering::Relaxed);
    assert!(all > 50, "only {all} writes");
    for patience in [1, all / 4, all / 2, all * 3 / 4, all - 1] {
        let (server, spec, lineage) = (lite().await, own_spec(), own_lineage());
        let mut stage = Stage::at(&server.to_string()).await;
        let cut = Stage::at(&cut_after(server, patience).await.0.to_string()).await;
        let whole = std::mem::replace(&mut stage.bot, cut.bot);
        let error = stage.ingest(&spec, &facts(&spec), &lineage).await.expect_err("the catalog went away");
        assert!(matches!(error, CatalogError::Unreachable { .. }), "{patience} writes: {error:?}");
        assert!(error.hint().is_some_and(|hint| hint.contains("`pipectl up`")), "{error:?}");

        // It is back, and meanwhile pipeline.yml has other words and one tag less.
        stage.bot = whole;
        let mut renewed = spec.clone();
        let customers = &mut renewed.governance.tables["public.customers"];
        customers.description = Some("Other words.".into());
        customers.columns["email"].tags.clear();
        let report = stage.ingest(&renewed, &facts(&spec), &lineage).await.expect("a catalog that works");
        assert_eq!(report.problems, [""; 0]);
        assert_eq!(stage.differences(&spec, &lineage).await, [""; 0]);
        let customers = stage.bot.find("tables", "postgres_source.jadc2_db.public.customers", "columns,tags").await;
        let customers = customers.expect("readable").expect("catalogued");
        assert_eq!(customers["description"], "Other words.", "after {patience} writes");
        let columns = customers["columns"].as_array().expect("columns");
        let email = columns.iter().find(|column| column["name"] == "email").expect("a column");
        assert_eq!(email["tags"].as_array().map_or(0, Vec::len), 0, "after {patience} writes: {email:#}");
        let again = stage.ingest(&renewed, &facts(&spec), &lineage).await.expect("a catalog that works");
        assert_eq!(again.changes, [""; 0]);
    }
}

/// A way to a catalog that is cut when so many writes have passed: the next one gets no answer, and then nobody listens.
/// With it, the number of writes that came.
async fn cut_after(server: SocketAddr, writes: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener");
    let passed = Arc::new(AtomicUsize::new(0));
    let seen = passed.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if seen.load(Ordering::Relaxed) > writes {
                return;
            }
            tokio::spawn(forward(client, server, seen.clone(), writes));
        }
    });
    (address, passed)
}

/// Both directions of one connection, until it is cut or an end closes it.
async fn forward(mut client: TcpStream, server: SocketAddr, passed: Arc<AtomicUsize>, writes: usize) {
    let mut server = TcpStream::connect(server).await.expect("the catalog");
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            size = client.read(&mut asked) => match size {
                Ok(size) if size > 0 => {
                    // The client sends one request after the other, each from its first byte on.
                    let write = asked.starts_with(b"PUT ") || asked.starts_with(b"PATCH ");
                    if passed.load(Ordering::Relaxed) > writes
                        || (write && passed.fetch_add(1, Ordering::Relaxed) == writes)
                        || server.write_all(&asked[..size]).await.is_err()
                    {
                        return;
                    }
                }
                _ => return,
            },
            size = server.read(&mut answered) => match size {
                Ok(size) if size > 0 && client.write_all(&answered[..size]).await.is_ok() => {}
                _ => return,
            },
        }
    }
}
