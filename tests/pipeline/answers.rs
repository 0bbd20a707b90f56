//! Connect, the job server and the NameNode answer with a few things wrong: an error in words or a value, and what is made
//! of the value for `pipectl status` does not fall over either.

use std::time::Duration;

use pipectl::pipeline::clients::connect::{Connect, ConnectorConfig};
use pipectl::pipeline::clients::hdfs::Hdfs;
use pipectl::pipeline::clients::jobserver::JobServer;
use pipectl::pipeline::clients::{ClientError, Http};
use pipectl::pipeline::status::gather;
use pipectl::pipeline::{CONNECT, JOB_SERVER};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::fake_http::FakeHttp;
use crate::mutate::{cases, ends, mutate, twist, twists};
use crate::scene::Scene;

const CONNECTOR: &str = r#"{"name":"shop-pg","connector":{"state":"RUNNING","worker_id":"debezium:8083"},
    "tasks":[{"id":0,"state":"FAILED","worker_id":"debezium:8083","trace":"org.apache.kafka.connect.errors.ConnectException: no\n\tat A.b(C.java:1)\nCaused by: java.lang.X: y"}],"type":"source"}"#;
const CONFIG: &str =
    r#"{"connector.class":"io.debezium.connector.postgresql.PostgresConnector","tasks.max":"1","name":"shop-pg"}"#;
const VALIDATION: &str = r#"{"name":"x","error_count":1,"groups":["a"],"configs":[{"definition":{"name":"database.hostname"},
    "value":{"name":"database.hostname","value":null,"recommended_values":[],"errors":["Unable to connect"],"visible":true}}]}"#;
const OFFSETS: &str =
    r#"{"offsets":[{"partition":{"server":"shop"},"offset":{"lsn":26813408,"txId":738,"ts_usec":1795351880613}}]}"#;
const JOBS: &str = r#"{"jobs":[{"name":"ingest","state":"running","since_ms":1795351880613,"detail":null,"warning":null,
    "batches":{"count":2,"last":{"batch":1,"rows":1,"duration_ms":9.5,"committed_ms":7,"offsets":{"shop.public.orders":4},"version":null},
    "recent":[{"batch":0,"rows":3,"duration_ms":12,"committed_ms":5,"offsets":{"shop.public.orders":3},"version":1}]},
    "merge":{"orders":{"version":3,"rows_merged":3,"committed_ms":7,"offsets":{"shop.public.orders":3}}}}]}"#;
const TABLES: &str = r#"{"tables":{"orders":{"version":3,"rows":3,"path":"hdfs://nn:9000/delta/orders","files":1}}}"#;
const SCHEMA: &str = r#"{"version":3,"schema":{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}},
    {"name":"tags","type":{"type":"array","elementType":"string","containsNull":true},"nullable":true,"metadata":{}}]}}"#;
const ROWS: &str = r#"{"version":3,"rows":[{"id":"1","note":null}]}"#;
const FINGERPRINT: &str = r#"{"version":3,"rows":1,"checksum":"12345678901234567890"}"#;
const READY: &str = r#"{"state":"starting","detail":"the first micro-batch has not been committed"}"#;
const BEANS: &str =
    r#"{"beans":[{"name":"Hadoop:service=NameNode","FSState":"Operational","NumLiveDataNodes":1,"CapacityTotal":5}]}"#;
const SUMMARY: &str =
    r#"{"ContentSummary":{"directoryCount":2,"fileCount":1,"length":24930,"quota":-1,"spaceConsumed":24930}}"#;
const REFUSAL: &str = r#"{"error_code":409,"message":"Cannot complete request because of a conflicting operation"}"#;

/// One request of a client, without its answer's value.
type Ask = fn(Http) -> futures_util::future::BoxFuture<'static, Result<(), ClientError>>;

macro_rules! ask {
    ($client:ident . $call:ident ( $($argument:expr),* )) => {
        |http| Box::pin(async move { $client::new(http).$call($($argument),*).await.map(drop) })
    };
}

/// Every question that reads an answer, with what the real server answers.
const QUESTIONS: &[(&str, Ask)] = &[
    (r#"["shop-pg"]"#, ask!(Connect.names())),
    (CONNECTOR, |http| {
        Box::pin(async move {
            if let Some(status) = Connect::new(http).status("shop-pg").await? {
                drop((status.is_running(), status.failed().cloned(), status.summary(), status.connector.reasons()));
            }
            Ok(())
        })
    }),
    (CONFIG, ask!(Connect.config("shop-pg"))),
    (VALIDATION, ask!(Connect.validate(&ConnectorConfig::new()))),
    (OFFSETS, ask!(Connect.offsets("shop-pg"))),
    (JOBS, |http| {
        Box::pin(async move {
            for job in JobServer::new(http).jobs().await? {
                let _ = (job.covers("shop.public.orders", 3), job.position("shop.public.orders"));
            }
            Ok(())
        })
    }),
    (TABLES, ask!(JobServer.tables())),
    (SCHEMA, ask!(JobServer.schema("orders"))),
    (ROWS, ask!(JobServer.rows("orders", &1.into()))),
    (FINGERPRINT, ask!(JobServer.fingerprint("orders"))),
    (READY, ask!(JobServer.readiness("ingest"))),
    (BEANS, ask!(Hdfs.state())),
    (SUMMARY, ask!(Hdfs.summary("/delta"))),
    (REFUSAL, ask!(Connect.restart("shop-pg"))),
];

/// A server that sends these bytes to whoever connects and hangs up.
async fn answering(bytes: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("a bound listener").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            // A client that left has its answer.
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

/// In a thread and a runtime of its own.
fn run<F: Future<Output = ()> + Send + 'static>(work: F) {
    ends(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(work);
    });
}

async fn asked(ask: Ask, port: u16) {
    let http = Http::new("the server", format!("127.0.0.1:{port}")).deadline(Duration::from_secs(5));
    if let Err(error) = ask(http).await {
        assert!(!error.to_string().is_empty());
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn a_document_twisted(question in prop::sample::select(QUESTIONS), status in prop::sample::select(vec![200, 200, 200, 404, 409, 500, 599]), twists in twists()) {
        let (document, ask) = question;
        let body = twist(document, &twists);
        run(async move {
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            asked(ask, answering([head.into_bytes(), body].concat()).await).await;
        });
    }

    #[test]
    fn an_answer_changed_from_its_first_byte_on(question in prop::sample::select(QUESTIONS), changes in crate::mutate::changes()) {
        let (document, ask) = question;
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{document}",
            document.len()
        );
        let chunked = b"HTTP/1.1 503 Busy\r\ntransfer-encoding: chunked\r\nretry-after: 1\r\n\r\n5\r\n[1,2]\r\n0\r\n\r\n";
        let bytes = mutate(answer.as_bytes(), chunked, &changes);
        run(async move { asked(ask, answering(bytes).await).await });
    }
}

proptest! {
    #![proptest_config(cases(20))]

    #[test]
    fn a_status_of_twisted_answers(connector in twists(), jobs in twists(), tables in twists()) {
        let text = |document, twists| String::from_utf8_lossy(&twist(document, twists)).into_owned();
        let (connector, jobs, tables) = (text(CONNECTOR, &connector), text(JOBS, &jobs), text(TABLES, &tables));
        run(async move {
            let connect = FakeHttp::default().on("GET /connectors/shop%2Dpg/status", 200, &connector).start().await;
            let server = FakeHttp::default().on("GET /jobs", 200, &jobs).on("GET /tables", 200, &tables).start().await;
            let scene = Scene::new(&[(CONNECT, connect.port), (JOB_SERVER, server.port)]).await;
            let status = Box::pin(gather(&scene.pipeline)).await;
            assert!(!status.healthy && serde_json::to_string(&status).is_ok());
        });
    }
}

#[test]
fn an_answer_without_an_end_is_refused() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("a bound listener").port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            // Before the request is there, an answer is none.
            assert!(stream.read(&mut [0; 4096]).await.expect("a request") > 0);
            let block = [&b"100000\r\n"[..], &vec![b' '; 0x10_0000], b"\r\n"].concat();
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.expect("sent");
            while stream.write_all(&block).await.is_ok() {}
        });
        let http = Http::new("Kafka Connect", format!("127.0.0.1:{port}")).deadline(Duration::from_secs(50));
        let error = Connect::new(http).names().await.expect_err("it has no end").to_string();
        assert_eq!(error, "Kafka Connect sent an unexpected answer: it is larger than 64 MiB");
    });
}
