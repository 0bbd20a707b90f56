//! What is checked of a server's certificate: as much as libpq checks in the same mode.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::{Authorities, Tls};

/// rustls' own check of a signature, which is one for each version of TLS.
type SignatureCheck = fn(
    &[u8],
    &CertificateDer<'_>,
    &DigitallySignedStruct,
    &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error>;

/// How much is checked.
#[derive(Debug)]
pub(super) enum Checks {
    /// Nothing: the connection is encrypted, with whoever answers.
    Nothing,
    /// That the certificate comes from an authority, and where `name` is set that it is for the name asked for.
    Chain { authorities: Authorities, store: RootCertStore, name: bool },
}

impl Checks {
    /// What a mode asks for.
    pub(super) fn of(tls: &Tls) -> Result<Self, Error> {
        let Some(authorities) = tls.authorities() else { return Ok(Self::Nothing) };
        let name = matches!(tls, Tls::VerifyFull(_));
        Ok(Self::Chain { store: authorities.store()?, authorities: authorities.clone(), name })
    }
}

/// Does it for rustls.
#[derive(Debug)]
pub(super) struct Verifier {
    checks: Checks,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(checks: Checks, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { checks, algorithms }
    }

    /// Whether the server has the key of its certificate.
    fn check_signature(
        &self,
        verify: SignatureCheck,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.checks {
            // Of a certificate that may be anybody's a signature proves nothing, and old ones (X.509 version 1) could not be read.
            Checks::Nothing => Ok(HandshakeSignatureValid::assertion()),
            Checks::Chain { .. } => verify(message, certificate, signed, &self.algorithms),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Checks::Chain { authorities, store, name } = &self.checks else {
            return Ok(ServerCertVerified::assertion());
        };
        let certificate = ParsedCertificate::try_from(end_entity)?;
        match verify_server_cert_signed_by_trust_anchor(&certificate, store, intermediates, now, self.algorithms.all) {
            Ok(()) => {}
            // A server that has signed its own certificate, as Postgres' manual shows it: an authority by its own words, and trusted
            // because it is in the file. That it is valid at this time has been checked before this.
            Err(Error::InvalidCertificate(wrong)) if is_authority(&wrong) && authorities.hold(end_entity) => {}
            Err(error) => return Err(error),
        }
        if *name {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(verify_tls12_signature, message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(verify_tls13_signature, message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// True for an authority's certificate where a server's is expected. The error is known by its name only: its type is that of a crate
/// which rustls does not show.
pub(super) fn is_authority(error: &CertificateError) -> bool {
    matches!(error, CertificateError::Other(other) if other.0.to_string() == "CaUsedAsEndEntity")
}
