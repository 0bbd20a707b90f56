//! TLS to a database that is there already, in the terms of libpq: its modes, and what each of them checks.

mod authorities;
mod refused;
mod verifier;

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, version};
use tokio_postgres_rustls::MakeRustlsConnect;

pub use authorities::{Authorities, Unusable};
pub(crate) use refused::{Refusal, handshake, unencrypted};
use verifier::{Checks, Verifier};

/// How a connection is protected: `sslmode` of pipeline.yml, with what `sslrootcert` names where that is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Tls {
    /// Not at all.
    Disable,
    /// Encrypted where the server offers it.
    #[default]
    Prefer,
    /// Encrypted, whoever answers.
    Require,
    /// Encrypted, with a server whose certificate comes from one of these.
    VerifyCa(Authorities),
    /// The same, and the certificate is for the name that was asked for.
    VerifyFull(Authorities),
}

impl Tls {
    /// Every mode by its name, the weakest first.
    pub const MODES: [&str; 5] = ["disable", "prefer", "require", "verify-ca", "verify-full"];

    /// Name of the mode.
    pub fn name(&self) -> &'static str {
        let index = match self {
            Self::Disable => 0,
            Self::Prefer => 1,
            Self::Require => 2,
            Self::VerifyCa(_) => 3,
            Self::VerifyFull(_) => 4,
        };
        Self::MODES[index]
    }

    /// The certificates that the server's is checked against, where it is checked.
    pub fn authorities(&self) -> Option<&Authorities> {
        match self {
            Self::Disable | Self::Prefer | Self::Require => None,
            Self::VerifyCa(authorities) | Self::VerifyFull(authorities) => Some(authorities),
        }
    }

    /// What makes such connections for the Postgres client.
    pub(crate) fn connector(&self) -> Result<MakeRustlsConnect, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier::new(Checks::of(self)?, provider.signature_verification_algorithms);
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
            // "Dangerous" because whoever gives a verifier of their own answers for it; libpq's modes are none of rustls' own.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(MakeRustlsConnect::new(config))
    }
}
