//! The ingestion bot's token: kept in one file that only its owner can read, and never shown by accident.

use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Variable that takes the place of the stored token.
pub const VARIABLE: &str = "OM_JWT_TOKEN";
/// File below the catalog's state directory.
const FILE: &str = "ingestion-bot.jwt";

/// A secret. Its text is given out by [`Token::reveal`] alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// Where a token came from: what to say when it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The environment or `.env`.
    Variable,
    /// The state directory.
    File,
    /// The catalog, a moment ago.
    Login,
}

/// Why the token's file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}", path = path.display())]
pub struct StoreError {
    path: PathBuf,
    source: std::io::Error,
}

/// The file with the token of one catalog.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
}

impl Token {
    /// Takes the text of a token; nothing when it is empty or no header could carry it.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// First and last characters, enough to tell two tokens apart.
    pub fn masked(&self) -> String {
        match (self.0.get(..4), self.0.get(self.0.len().saturating_sub(4)..)) {
            (Some(start), Some(end)) if self.0.len() >= 24 => format!("{start}..{end}"),
            _ => "(short)".to_owned(),
        }
    }

    /// When it expires, seconds since 1970, if it is a JWT that says so. The signature is the server's business.
    pub fn expires(&self) -> Option<u64> {
        let payload = self.0.split('.').nth(1)?;
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()?;
        claims.get("exp")?.as_u64()
    }

    /// True once its own expiry has passed.
    pub fn is_expired(&self, now: u64) -> bool {
        self.expires().is_some_and(|expires| expires <= now)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Token({})", self.masked())
    }
}

impl Store {
    /// The store of a catalog with this state directory.
    pub fn new(state: &Path) -> Self {
        Self { path: state.join(FILE) }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes over the token that an earlier version kept in another directory, unless there is one here: none is left lying there. True where
    /// there was one.
    pub fn take_over(&self, from: &Path) -> Result<bool, StoreError> {
        let old = Self::new(from);
        let Some(token) = old.read()? else { return Ok(false) };
        if self.read()?.is_none() {
            self.write(&token)?;
        }
        std::fs::remove_file(&old.path).map_err(|source| old.error(source))?;
        Ok(true)
    }

    /// The stored token; nothing when there is none.
    pub fn read(&self) -> Result<Option<Token>, StoreError> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(Token::new(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.error(source)),
        }
    }

    /// Stores a token. It never exists under a mode that others can read, nor half written.
    pub fn write(&self, token: &Token) -> Result<(), StoreError> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(directory)?;
            std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))?;
            let fresh = self.path.with_extension("new");
            match std::fs::remove_file(&fresh) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
            file.write_all(token.reveal().as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&fresh, &self.path)
        };
        write().map_err(|source| self.error(source))
    }

    fn error(&self, source: std::io::Error) -> StoreError {
        StoreError { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"sub":"ingestion-bot","exp":1000}` without a signature.
    const JWT: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJpbmdlc3Rpb24tYm90IiwiZXhwIjoxMDAwfQ.c2ln";

    fn token(text: &str) -> Token {
        Token::new(text).expect("a token")
    }

    #[test]
    fn neither_debug_nor_mask_shows_the_secret() {
        let token = token(JWT);
        assert_eq!(token.masked(), "eyJh..c2ln");
        assert_eq!(format!("{token:?}"), "Token(eyJh..c2ln)");
        assert_eq!(self::token("secret").masked(), "(short)");
    }

    #[test]
    fn a_token_knows_when_it_expires() {
        assert_eq!(token(JWT).expires(), Some(1000));
        assert!(token(JWT).is_expired(1000) && !token(JWT).is_expired(999));
        assert_eq!(token("abc").expires(), None);
        assert_eq!(token("a.%%.c").expires(), None);
    }

    #[test]
    fn what_no_header_can_carry_is_no_token() {
        for text in ["", " \n", "two words", "line\nbreak", "ä"] {
            assert_eq!(Token::new(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_file_is_its_owners_alone() {
        let state = tempfile::tempdir().expect("a directory");
        let store = Store::new(&state.path().join("shop"));
        assert_eq!(store.read().expect("no file is no error"), None);
        for text in [JWT, "another-token-of-some-length"] {
            store.write(&token(text)).expect("written");
            assert_eq!(store.read().expect("readable"), Some(token(text)));
            let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
            assert_eq!(mode(store.path()), 0o600);
            assert_eq!(mode(store.path().parent().expect("a directory")), 0o700);
        }
    }

    #[test]
    fn a_token_of_an_earlier_version_moves_and_replaces_none() {
        let state = tempfile::tempdir().expect("a directory");
        let (old, store) = (Store::new(state.path()), Store::new(&state.path().join("catalog")));
        assert!(!store.take_over(state.path()).expect("nothing is there"));
        for kept in [JWT, JWT] {
            old.write(&token(if store.read().expect("readable").is_none() { JWT } else { "an-older-one" }))
                .expect("written");
            assert!(store.take_over(state.path()).expect("moved"));
            assert_eq!(store.read().expect("readable"), Some(token(kept)));
            assert!(!old.path().exists());
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let state = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(state.path().join(FILE)).expect("a directory in its place");
        let error = Store::new(state.path()).read().expect_err("a directory is no file").to_string();
        assert!(error.contains(FILE), "{error}");
    }
}
