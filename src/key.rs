//! A random key in a file: made when it is first needed, readable by its owner only.

use std::io::Write as _;
use std::path::Path;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::failure::Failure;

/// Length in bytes: that of the hash.
const LENGTH: usize = 32;

/// A secret for HMAC with SHA-256.
#[derive(Clone)]
pub struct Key([u8; LENGTH]);

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Key(..)")
    }
}

impl Key {
    /// A new random key.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The code of a message.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.mac(message).finalize().into_bytes().to_vec()
    }

    /// Whether a code is that of the message; takes as long for a wrong one as for the right one.
    pub fn verifies(&self, message: &[u8], code: &[u8]) -> bool {
        self.mac(message).verify_slice(code).is_ok()
    }

    fn mac(&self, message: &[u8]) -> Hmac<Sha256> {
        // Named as `new_from_slice` may refuse a length; a fixed one cannot be refused, any is allowed for HMAC.
        let mut mac = <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block(&self.0));
        mac.update(message);
        mac
    }
}

/// The key padded to the block of the hash, as HMAC does with a shorter one.
fn block(key: &[u8; LENGTH]) -> hmac::digest::Key<Hmac<Sha256>> {
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    block[..LENGTH].copy_from_slice(key);
    block
}

/// The key in a file, which is made where there is none. `loss` says what comes of another key: "tokens given out before are refused".
pub fn load_or_create(path: &Path, loss: &str) -> Result<Key, Failure> {
    match std::fs::read(path) {
        Ok(bytes) => <[u8; LENGTH]>::try_from(bytes.as_slice()).map(Key).map_err(|_| {
            Failure::usage(format!("{} is no key: {} bytes, not {LENGTH}", path.display(), bytes.len()))
                .hint(format!("remove the file; a new one is made, and {loss}"))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(path),
        Err(error) => Err(Failure::stack(format!("{} cannot be read", path.display())).because(error.to_string())),
    }
}

fn create(path: &Path) -> Result<Key, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::stack(format!("a key cannot be written to {}", path.display())).because(error.to_string())
    };
    let key = Key::random().map_err(|error| failed(&error))?;
    // A temporary file has mode 0600, and the rename leaves no half-written key behind.
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory).map_err(|error| failed(&error))?;
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(|error| failed(&error))?;
    file.write_all(&key.0).and_then(|()| file.as_file().sync_all()).map_err(|error| failed(&error))?;
    file.persist(path).map_err(|error| failed(&error))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const LOSS: &str = "tokens are refused";

    #[test]
    fn a_key_is_made_once_and_for_its_owner() {
        let directory = tempfile::tempdir().expect("a directory");
        let first = load_or_create(&directory.path().join("a.key"), LOSS).expect("made");
        let second = load_or_create(&directory.path().join("a.key"), LOSS).expect("read");
        assert!(second.verifies(b"text", &first.sign(b"text")));
        let mode = std::fs::metadata(directory.path().join("a.key")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = Key::random().expect("random");
        assert!(!other.verifies(b"text", &first.sign(b"text")));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("a.key"), "short").expect("written");
        let failure = load_or_create(&directory.path().join("a.key"), LOSS).expect_err("no key");
        assert!(failure.message.ends_with("is no key: 5 bytes, not 32"), "{failure}");
        assert_eq!(failure.hints, ["remove the file; a new one is made, and tokens are refused"]);
    }

    #[test]
    fn codes_are_those_of_rfc_4231() {
        // Test case 1: the key is 20 bytes of 0x0b; shorter keys are padded with zeros, as ours would be.
        let mut bytes = [0; LENGTH];
        bytes[..20].fill(0x0b);
        let code = Key(bytes).sign(b"Hi There");
        let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        let pairs = (0..LENGTH).map(|at| u8::from_str_radix(&expected[2 * at..2 * at + 2], 16).expect("hex"));
        assert_eq!(code, pairs.collect::<Vec<u8>>());
    }
}
