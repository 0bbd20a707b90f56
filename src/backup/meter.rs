//! Counts, hashes and passes on what goes through; ends it when the user says so.

use std::io::{self, Read, Write};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

/// Told how many bytes have gone through so far.
pub type Tell = Arc<dyn Fn(u64) + Send + Sync>;

/// A reader that measures.
pub struct Meter<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
    tell: Tell,
    cancel: CancellationToken,
}

impl<R: Read> Meter<R> {
    /// Measures what is read from `inner`.
    pub fn new(inner: R, tell: Tell, cancel: CancellationToken) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0, tell, cancel }
    }

    /// Bytes and SHA-256 so far.
    pub fn total(&self) -> (u64, String) {
        (self.bytes, format!("{:x}", self.hash.clone().finalize()))
    }
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("interrupted"));
        }
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        (self.tell)(self.bytes);
        Ok(count)
    }
}

/// A reader that writes what it reads somewhere else too.
pub(super) struct Tee<R, W> {
    pub inner: R,
    pub copy: W,
}

impl<R: Read, W: Write> Read for Tee<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.copy.write_all(&buffer[..count])?;
        Ok(count)
    }
}
