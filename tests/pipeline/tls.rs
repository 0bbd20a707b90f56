//! The modes of TLS against servers that shake hands for real: what each lets through, and the words for what it refuses.

use std::time::Duration;

use insta::assert_snapshot;
use pipectl::pipeline::clients::ClientError;
use pipectl::pipeline::clients::postgres::{Database, Login};
use pipectl::pipeline::tls::{Authorities, Tls};

use crate::fake_postgres::{Lets, Running, start};

fn authorities(name: &str) -> Authorities {
    let pem = std::fs::read_to_string(format!("tests/cases/tls/{name}.pem")).expect("a certificate");
    Authorities::read(format!("{name}.pem"), pem).expect("usable")
}

fn verify_ca(name: &str) -> Tls {
    Tls::VerifyCa(authorities(name))
}

fn verify_full(name: &str) -> Tls {
    Tls::VerifyFull(authorities(name))
}

async fn connect(server: &Running, tls: Option<Tls>) -> Result<Database, ClientError> {
    let (user, password) = ("cdc".to_owned(), "s3cret".to_owned());
    let address = format!("127.0.0.1:{}", server.port);
    let login = Login { address, database: "shop".to_owned(), user, password, tls };
    Database::connect(&login, Duration::from_secs(20)).await
}

/// How the server was reached, each way in turn; what was refused in its words.
async fn outcomes(server: &Running, ways: impl IntoIterator<Item = Tls>) -> String {
    let mut lines = Vec::new();
    for tls in ways {
        let name = tls.name();
        let outcome = match connect(server, Some(tls)).await {
            Ok(_) => server.admitted().join(", "),
            Err(error) => {
                assert!(matches!(error, ClientError::Insecure { .. }) && !error.is_transient(), "{error:?}");
                error.to_string().replace(&server.port.to_string(), "PORT")
            }
        };
        lines.push(format!("{name}: {outcome}"));
    }
    lines.join("\n")
}

#[tokio::test]
async fn every_mode_reaches_a_server_with_a_certificate_of_the_authority() {
    let server = start(Some("server"), Lets::All).await;
    let ways = [Tls::Disable, Tls::Prefer, Tls::Require, verify_ca("ca"), verify_full("ca")];
    assert_snapshot!(outcomes(&server, ways).await, @r"
    disable: plain
    prefer: encrypted
    require: encrypted
    verify-ca: encrypted
    verify-full: encrypted
    ");
    connect(&server, None).await.expect("a service of the project is reached as ever");
    assert_eq!(server.admitted(), ["plain"]);
}

#[tokio::test]
async fn a_server_without_tls_is_reached_by_those_who_do_not_insist() {
    let server = start(None, Lets::All).await;
    assert_snapshot!(outcomes(&server, [Tls::Disable, Tls::Prefer, Tls::Require, verify_full("ca")]).await, @r"
    disable: plain
    prefer: plain
    require: Postgres at 127.0.0.1:PORT: it does not offer TLS, and `sslmode` is require; turn `ssl` on at the server, or say `sslmode: disable` where nobody can listen in between
    verify-full: Postgres at 127.0.0.1:PORT: it does not offer TLS, and `sslmode` is verify-full; turn `ssl` on at the server, or say `sslmode: disable` where nobody can listen in between
    ");
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_without_tls_is_told_by_it() {
    let server = start(Some("server"), Lets::Encrypted).await;
    assert_snapshot!(outcomes(&server, [Tls::Disable, Tls::Prefer]).await, @r#"
    disable: Postgres at 127.0.0.1:PORT: it lets nobody in without TLS, or not this role: no pg_hba.conf entry for host "127.0.0.1", user "cdc", no encryption; say `sslmode: verify-full` with its `sslrootcert`, or `sslmode: require`, beside `host`
    prefer: encrypted
    "#);
}

#[tokio::test]
async fn to_prefer_is_not_to_insist() {
    let server = start(Some("server"), Lets::Plain).await;
    assert_snapshot!(outcomes(&server, [Tls::Prefer]).await, @r"prefer: plain");
    let refused = connect(&server, Some(Tls::Require)).await.err().expect("no plain connection").to_string();
    assert_snapshot!(refused, @r#"Postgres answered 28000: no pg_hba.conf entry for host "127.0.0.1", user "cdc", SSL encryption"#);
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_not_trusted() {
    let server = start(Some("server"), Lets::All).await;
    let ways = [Tls::Require, verify_ca("another-ca"), verify_full("another-ca")];
    assert_snapshot!(outcomes(&server, ways).await, @r"
    require: encrypted
    verify-ca: Postgres at 127.0.0.1:PORT: its certificate comes from no authority that is trusted here; `sslrootcert` (another-ca.pem) has to have the authority that the server's certificate comes from
    verify-full: Postgres at 127.0.0.1:PORT: its certificate comes from no authority that is trusted here; `sslrootcert` (another-ca.pem) has to have the authority that the server's certificate comes from
    ");
}

#[tokio::test]
async fn the_name_is_checked_where_it_is_asked_for() {
    let server = start(Some("other-name"), Lets::All).await;
    assert_snapshot!(outcomes(&server, [verify_ca("ca"), verify_full("ca")]).await, @r"
    verify-ca: encrypted
    verify-full: Postgres at 127.0.0.1:PORT: its certificate is for db.example.com, 192.0.2.1, not for 127.0.0.1; write such a name as `host`; `sslmode: verify-ca` checks everything but the name
    ");
    let server = start(Some("no-name"), Lets::All).await;
    assert_snapshot!(outcomes(&server, [verify_ca("ca"), verify_full("ca")]).await, @r"
    verify-ca: encrypted
    verify-full: Postgres at 127.0.0.1:PORT: its certificate has no name for 127.0.0.1 (a subject alternative name; the common name does not count); write such a name as `host`; `sslmode: verify-ca` checks everything but the name
    ");
}

#[tokio::test]
async fn an_expired_certificate_is_told_with_its_day() {
    let server = start(Some("expired"), Lets::All).await;
    assert_snapshot!(outcomes(&server, [Tls::Require, verify_ca("ca"), verify_full("ca")]).await, @r"
    require: encrypted
    verify-ca: Postgres at 127.0.0.1:PORT: its certificate has expired on 2021-01-01; give the server a new one; `sslmode: require` goes on without any check
    verify-full: Postgres at 127.0.0.1:PORT: its certificate has expired on 2021-01-01; give the server a new one; `sslmode: require` goes on without any check
    ");
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_trusted_where_it_is_in_the_file() {
    let server = start(Some("self-signed"), Lets::All).await;
    assert_snapshot!(outcomes(&server, [verify_ca("self-signed"), verify_full("self-signed"), verify_ca("ca")]).await, @r"
    verify-ca: encrypted
    verify-full: encrypted
    verify-ca: Postgres at 127.0.0.1:PORT: its certificate is an authority's own, as one that has signed itself is; `sslrootcert` (ca.pem) has to have that certificate itself
    ");
    let server = start(Some("self-signed-expired"), Lets::All).await;
    assert_snapshot!(outcomes(&server, [verify_ca("self-signed-expired")]).await, @r"verify-ca: Postgres at 127.0.0.1:PORT: its certificate has expired on 2021-01-01; give the server a new one; `sslmode: require` goes on without any check");
}
