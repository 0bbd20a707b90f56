//! The admin's login: a password that is given at every start and never stored.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::super::error::{CatalogError, Result};
use super::super::seed;
use crate::key::Key;

/// Domain of the built-in users' addresses, the default of OpenMetadata's configuration.
pub const MAIL_DOMAIN: &str = "open-metadata.org";

/// What a login sends. The password is base64, as the interface demands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    email: String,
    password: String,
}

impl Login {
    /// Refuses anything but the admin with the right password.
    pub fn check(&self, password: &str, key: &Key) -> Result<()> {
        let given = STANDARD
            .decode(&self.password)
            .map_err(|_| CatalogError::bad("Password needs to be encoded in Base-64."))?;
        let email = format!("{}@{MAIL_DOMAIN}", seed::ADMIN);
        // Compared by their codes, so that the time it takes tells nothing of the password.
        let same = key.verifies(password.as_bytes(), &key.sign(&given));
        if same && self.email.eq_ignore_ascii_case(&email) {
            return Ok(());
        }
        Err(CatalogError::bad("You have entered an invalid username or password."))
    }
}
