//! Catalogs that refuse, fail, are slow, or are something else: each said in its own words. Answers are those that a real
//! server was recorded with.

use std::time::Duration;

use pipectl::governance::client::{Catalog, CatalogError, NewEdge};
use pipectl::governance::token::Token;
use pipectl::pipeline::clients::Http;

use crate::fake_http::{FakeHttp, Running};
use crate::stage::EMAIL;

const VERSION: &str = r#"{"version":"1.2.0-SNAPSHOT","revision":"332af8b","timestamp":1795351880613}"#;
const LIST: &str = "GET /api/v1/services/databaseServices?limit=1";

fn at(server: &Running) -> Http {
    Http::new("the catalog", format!("127.0.0.1:{}", server.port))
}

async fn served(fake: FakeHttp) -> (Catalog, Running) {
    let server = fake.on("GET /api/v1/system/version", 200, VERSION).start().await;
    (Catalog::connect(at(&server), 2).await.expect("a version"), server)
}

/// The error without the port, which differs from run to run.
fn words(error: &CatalogError, server: &Running) -> String {
    error.to_string().replace(&format!("127.0.0.1:{}", server.port), "HOST")
}

#[tokio::test]
async fn a_wrong_password() {
    let refusal = r#"{"code":400,"message":"You have entered an invalid username or password."}"#;
    let (catalog, server) = served(FakeHttp::default().on("POST /api/v1/users/login", 400, refusal)).await;
    let error = catalog.login(EMAIL, "wrong").await.expect_err("refused");
    assert_eq!(words(&error, &server), "the catalog at HOST refuses the password of admin@open-metadata.org");
    assert!(error.hint().is_some_and(|hint| hint.contains("OM_ADMIN_PASSWORD")));
    let sent = server.requests().into_iter().find(|request| request.contains("login")).expect("a login");
    assert!(sent.contains(r#""password":"d3Jvbmc=""#), "in base64: {sent}");
    assert_eq!(server.count("POST"), 1, "a refusal is not tried again");
}

#[tokio::test]
async fn a_refused_token_never_appears_in_words() {
    let refusal = r#"{"code":401,"message":"Not Authorized! Invalid Token"}"#;
    let (catalog, server) = served(FakeHttp::default().on(LIST, 401, refusal)).await;
    let token = Token::new("eyJhbGciOiJub25lIn0.secret-part-of-the-token.c2ln").expect("a token");
    let catalog = catalog.with_token(&token);
    let error = catalog.check_token().await.expect_err("refused");
    assert_eq!(words(&error, &server), "the catalog at HOST refuses the token: Not Authorized! Invalid Token");
    for text in [format!("{error:?}"), format!("{catalog:?}"), format!("{token:?}")] {
        assert!(!text.contains("secret-part"), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_fails_is_asked_again_and_then_reported() {
    let failing =
        r#"{"responseMessage":"An exception with message [Connection refused] was thrown while processing request."}"#;
    let (catalog, server) = served(FakeHttp::default().on(LIST, 500, failing)).await;
    let error = catalog.check_token().await.expect_err("it fails");
    assert_eq!(
        words(&error, &server),
        "the catalog answered 500 to GET /services/databaseServices?limit=1: An exception with message [Connection refused] \
         was thrown while processing request."
    );
    assert_eq!(server.count(LIST), 3, "once, and two repetitions");

    let healed = FakeHttp::default().on(LIST, 503, "").on(LIST, 200, r#"{"data":[],"paging":{"total":0}}"#);
    let (catalog, server) = served(healed).await;
    catalog.check_token().await.expect("the second answer is good");
    assert_eq!(server.count(LIST), 2);
}

#[tokio::test]
async fn an_unknown_route_is_not_a_failure() {
    let wrapped =
        r#"{"responseMessage":"An exception with message [HTTP 404 Not Found] was thrown while processing request."}"#;
    let (catalog, server) = served(FakeHttp::default().on("GET /api/v1/nosuch/name/x", 500, wrapped)).await;
    let error = catalog.find("nosuch", "x", "").await.expect_err("no such route");
    assert_eq!(error.to_string(), "the catalog (version 1.2) does not know GET /nosuch/name/x");
    assert_eq!(server.count("GET /api/v1/nosuch"), 1, "a repetition would not help");
}

#[tokio::test]
async fn html_in_place_of_an_answer() {
    let page = "<!doctype html><html><head><title>Sign in to the WiFi</title></head></html>";
    let server = FakeHttp::default().on("GET /api/v1/system/version", 200, page).start().await;
    let error = Catalog::connect(at(&server), 0).await.expect_err("a page");
    assert_eq!(
        words(&error, &server),
        "HOST does not speak like a catalog: GET /system/version was answered with `Sign in to the WiFi`"
    );
    let server = FakeHttp::default().on("GET /api/v1/system/version", 200, "hello").start().await;
    let error = Catalog::connect(at(&server), 0).await.expect_err("a text");
    assert_eq!(
        words(&error, &server),
        "HOST does not speak like a catalog: GET /system/version was answered with `hello`"
    );
}

#[tokio::test]
async fn a_server_that_does_not_answer() {
    let server = FakeHttp::hanging().start().await;
    let http = at(&server).deadline(Duration::from_millis(200));
    let error = Catalog::connect(http, 0).await.expect_err("no answer");
    assert_eq!(words(&error, &server), "the catalog at HOST did not answer GET /system/version within 1 s");
    let nobody = Http::new("the catalog", "127.0.0.1:1");
    let error = Catalog::connect(nobody, 0).await.expect_err("nobody there");
    assert_eq!(error.to_string(), "the catalog at 127.0.0.1:1 is unreachable: connection refused");
}

#[tokio::test]
async fn an_answer_that_stops_in_the_middle() {
    // Half of it, and then silence, or the end.
    for (ends, expected) in [
        (false, "the catalog at HOST did not answer GET /system/version within 1 s"),
        (true, "the catalog at HOST is unreachable: "),
    ] {
        let server = half_an_answer(ends).await;
        let http = Http::new("the catalog", server.to_string()).deadline(Duration::from_millis(300));
        let error = Catalog::connect(http, 0).await.expect_err("half an answer");
        let words = error.to_string().replace(&server.to_string(), "HOST");
        assert!(words.starts_with(expected) && words.len() >= expected.len(), "{words}");
        assert!(error.hint().is_some(), "{error:?}");
    }
}

/// Announces more than it sends; then it closes the connection, or leaves it open.
async fn half_an_answer(ends: bool) -> std::net::SocketAddr {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener");
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let asked = stream.read(&mut [0; 4096]).await.expect("a request");
            assert!(asked > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"version\":").await.expect("sent");
            if !ends {
                open.push(stream);
            }
        }
    });
    address
}

#[tokio::test]
async fn a_page_in_the_middle_of_work_is_no_success() {
    let page = "<html><head><title>502 Bad Gateway</title></head></html>";
    let edge =
        NewEdge { from: ("table", "a"), to: ("table", "b"), pipeline: "p", sql: None, description: "", columns: &[] };
    // Of a write only the status would be looked at.
    for status in [200, 502] {
        let (catalog, server) = served(FakeHttp::default().on("PUT /api/v1/lineage", status, page)).await;
        let error = catalog.put_edge(&edge).await.expect_err("a page");
        assert_eq!(
            words(&error, &server),
            "HOST does not speak like a catalog: PUT /lineage was answered with `502 Bad Gateway`"
        );
    }
    let (catalog, server) = served(FakeHttp::default().on("POST /api/v1/users/login", 200, page)).await;
    let error = catalog.login(EMAIL, "admin").await.expect_err("a page");
    assert!(words(&error, &server).contains("POST /users/login was answered with `502 Bad Gateway`"), "{error}");
}

#[tokio::test]
async fn a_full_disk_there_is_told_at_once() {
    let full = r#"{"code":507,"message":"the disk of the catalog is full; nothing was changed"}"#;
    let (catalog, server) = served(FakeHttp::default().on("PUT /api/v1/tables", 507, full)).await;
    let error = catalog.put("tables", &serde_json::json!({"name": "t"})).await.expect_err("full");
    assert_eq!(
        error.to_string(),
        "the catalog answered 507 to PUT /tables: the disk of the catalog is full; nothing was changed"
    );
    assert!(error.hint().is_some_and(|hint| hint.contains("`docker system df`") && hint.contains("`pipectl ingest`")));
    assert_eq!(server.count("PUT"), 1, "a repetition would not help");
}

#[tokio::test]
async fn versions_apart() {
    for (version, expected) in [
        ("3.0.1", "the catalog has version 3.0.1; this release of pipectl works with 1.2 up to 2.x"),
        ("0.13.2", "the catalog has version 0.13.2; this release of pipectl works with 1.2 up to 2.x"),
        ("newest", "the catalog's answer to GET /system/version has no version"),
    ] {
        let body = format!(r#"{{"version":"{version}"}}"#);
        let server = FakeHttp::default().on("GET /api/v1/system/version", 200, &body).start().await;
        let error = Catalog::connect(at(&server), 0).await.expect_err("too far apart");
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn the_bots_token_is_read_and_only_made_when_there_is_none() {
    let user = r#"{"id":"6de8ae1a","name":"ingestion-bot"}"#;
    let has = r#"{"config":{"JWTToken":"the-old-token","JWTTokenExpiry":"Unlimited"},"authType":"JWT"}"#;
    let bot = || FakeHttp::default().on("GET /api/v1/users/name/ingestion-bot", 200, user);
    let path = "GET /api/v1/users/auth-mechanism/6de8ae1a";
    let (catalog, server) = served(bot().on(path, 200, has)).await;
    assert_eq!(catalog.bot_token().await.expect("a token").reveal(), "the-old-token");
    assert_eq!(server.count("PUT"), 0, "a new token would be refused by old servers");
    let made = r#"{"JWTToken":"the-new-token","JWTTokenExpiry":"Unlimited"}"#;
    let none = bot().on(path, 200, r#"{"authType":"JWT"}"#).on("PUT /api/v1/users/generateToken/6de8ae1a", 200, made);
    let (catalog, _server) = served(none).await;
    assert_eq!(catalog.bot_token().await.expect("a token").reveal(), "the-new-token");
}
