//! The certificates of `sslrootcert`.

use std::path::PathBuf;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Certificates that a server's own has to come from; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorities {
    /// Their file, as pipeline.yml names it.
    pub file: PathBuf,
    /// Its text.
    pub pem: String,
    certificates: Vec<CertificateDer<'static>>,
}

/// Why a file cannot be used for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// There is no certificate in it, or a part of it is cut off or changed.
    #[error("is no certificate in PEM")]
    NoCertificate,
    /// One of the certificates cannot be read.
    #[error("cannot be used: its certificate number {number} is broken ({reason})")]
    Broken {
        /// Which, from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A key is no business of those who check certificates, and the file is handed to a container.
    #[error("has a private key in it")]
    HasKey,
}

impl Authorities {
    /// Reads the text of a file: one certificate, or a provider's bundle of several.
    pub fn read(file: impl Into<PathBuf>, pem: String) -> Result<Self, Unusable> {
        if pem.contains("PRIVATE KEY-----") {
            return Err(Unusable::HasKey);
        }
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        let certificates = certificates.map_err(|_| Unusable::NoCertificate)?;
        if certificates.is_empty() {
            return Err(Unusable::NoCertificate);
        }
        let mut store = RootCertStore::empty();
        for (index, certificate) in certificates.iter().enumerate() {
            let broken = |error: rustls::Error| Unusable::Broken { number: index + 1, reason: error.to_string() };
            store.add(certificate.clone()).map_err(broken)?;
        }
        Ok(Self { file: file.into(), pem, certificates })
    }

    /// The certificates, for those who check a chain.
    pub(super) fn store(&self) -> Result<RootCertStore, rustls::Error> {
        let mut store = RootCertStore::empty();
        for certificate in &self.certificates {
            store.add(certificate.clone())?;
        }
        Ok(store)
    }

    /// True when the certificate itself is among them, as a server's is that has signed its own.
    pub(super) fn hold(&self, certificate: &CertificateDer<'_>) -> bool {
        self.certificates.iter().any(|known| known == certificate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CA: &str = include_str!("../../../tests/cases/tls/ca.pem");

    #[test]
    fn one_certificate_or_several_with_text_between_them() {
        let several = format!("# ours\n{CA}\n# and the new one\n{CA}");
        let read = |text: &str| Authorities::read("ca.pem", text.to_owned()).expect("usable").certificates.len();
        assert_eq!((read(CA), read(&several), read(&CA.replace('\n', "\r\n"))), (1, 2, 1));
    }

    #[test]
    fn what_is_no_certificate_is_told_from_one_that_is_broken() {
        let read = |text: String| Authorities::read("ca.pem", text).expect_err("unusable");
        assert_eq!(read(String::new()), Unusable::NoCertificate);
        assert_eq!(read(CA.replace("CERTIFICATE", "PUBLIC KEY")), Unusable::NoCertificate);
        assert_eq!(read(CA[..CA.len() / 2].to_owned()), Unusable::NoCertificate);
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(read(format!("{CA}{broken}")), Unusable::Broken { number: 2, .. }));
        let key = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
        assert_eq!(read(format!("{CA}{key}")), Unusable::HasKey);
    }
}
