//! Why there is no connection, or none to be trusted: named for what it is, with the setting that changes it.

use std::error::Error as StdError;
use std::io;

use chrono::DateTime;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error};

use super::Tls;
use super::verifier::is_authority;

/// What is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// In one line, about the server.
    pub problem: String,
    /// What to change.
    pub advice: String,
}

fn refusal(problem: impl Into<String>, advice: impl Into<String>) -> Refusal {
    Refusal { problem: problem.into(), advice: advice.into() }
}

/// What the driver says of a server that answers the wish for encryption with no.
const NO_TLS: &str = "server does not support TLS";

/// Explains an error of connecting; nothing where it is not about TLS.
pub(crate) fn handshake(tls: &Tls, host: &str, error: &tokio_postgres::Error) -> Option<Refusal> {
    let mut cause: &(dyn StdError + 'static) = error;
    loop {
        if let Some(error) = of_rustls(cause) {
            return Some(refused(tls, host, error));
        }
        if cause.to_string() == NO_TLS {
            return Some(refusal(
                format!("it does not offer TLS, and `sslmode` is {}", tls.name()),
                "turn `ssl` on at the server, or say `sslmode: disable` where nobody can listen in between",
            ));
        }
        cause = cause.source()?;
    }
}

/// rustls' own error, also inside of one of the operating system's, which does not name it as its source.
fn of_rustls<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e Error> {
    let inside = || error.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref();
    error.downcast_ref().or_else(inside)
}

/// Explains why a server sends a connection away that is not encrypted; nothing where it has another reason. Its words are in its own
/// language, the name of its file is not.
pub(crate) fn unencrypted(tls: &Tls, message: &str) -> Option<Refusal> {
    (*tls == Tls::Disable && message.contains("pg_hba.conf")).then(|| {
        refusal(
            format!("it lets nobody in without TLS, or not this role: {message}"),
            "say `sslmode: verify-full` with its `sslrootcert`, or `sslmode: require`, beside `host`",
        )
    })
}

fn refused(tls: &Tls, host: &str, error: &Error) -> Refusal {
    let roots = tls.authorities().map(|authorities| authorities.file.display().to_string()).unwrap_or_default();
    let another = format!("`sslrootcert` ({roots}) has to have the authority that the server's certificate comes from");
    match error {
        Error::InvalidCertificate(wrong) => match wrong {
            CertificateError::UnknownIssuer => {
                refusal("its certificate comes from no authority that is trusted here", another)
            }
            CertificateError::BadSignature => {
                refusal("its certificate is not signed by the authority that it names", another)
            }
            CertificateError::NotValidForName => wrong_name(host, &[]),
            CertificateError::NotValidForNameContext { presented, .. } => wrong_name(host, presented),
            CertificateError::Expired => refusal("its certificate has expired", RENEW),
            CertificateError::ExpiredContext { not_after, .. } => {
                refusal(format!("its certificate has expired on {}", day(*not_after)), RENEW)
            }
            CertificateError::NotValidYet => refusal("its certificate is not valid yet", CLOCK),
            CertificateError::NotValidYetContext { not_before, .. } => {
                refusal(format!("its certificate is not valid before {}", day(*not_before)), CLOCK)
            }
            other if is_authority(other) => refusal(
                "its certificate is an authority's own, as one that has signed itself is",
                format!("`sslrootcert` ({roots}) has to have that certificate itself"),
            ),
            CertificateError::Other(other) => unchecked(&other.0.to_string()),
            other => unchecked(&other.to_string()),
        },
        Error::AlertReceived(AlertDescription::CertificateRequired) => refusal(
            "it asks for a certificate of the client, and pipectl has none",
            "let the role log in with a password",
        ),
        other => refusal(
            format!("no TLS connection comes about ({other})"),
            "the server has to allow TLS 1.2 or 1.3 (`ssl_min_protocol_version`, `ssl_ciphers`)",
        ),
    }
}

const RENEW: &str = "give the server a new one; `sslmode: require` goes on without any check";
const CLOCK: &str = "look at the clocks here and there; `sslmode: require` goes on without any check";

fn unchecked(reason: &str) -> Refusal {
    refusal(
        format!("its certificate cannot be checked ({reason})"),
        "give the server one of X.509 version 3 with a usual algorithm; `sslmode: require` goes on without any check",
    )
}

/// Names come from the certificate's subject alternative names, as rustls shows them: `DnsName("db")`, `IpAddress(192.0.2.1)`.
fn wrong_name(host: &str, presented: &[String]) -> Refusal {
    let bare = |name: &String| name.split(['(', ')']).nth(1).unwrap_or(name).trim_matches('"').to_owned();
    let names: Vec<String> = presented.iter().map(bare).collect();
    let problem = if names.is_empty() {
        format!("its certificate has no name for {host} (a subject alternative name; the common name does not count)")
    } else {
        format!("its certificate is for {}, not for {host}", names.join(", "))
    };
    refusal(problem, "write such a name as `host`; `sslmode: verify-ca` checks everything but the name")
}

/// A day of the calendar.
fn day(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).ok();
    let known = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    known.map_or_else(|| format!("second {}", time.as_secs()), |time| time.format("%Y-%m-%d").to_string())
}
