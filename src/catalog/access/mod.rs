//! Who asks, and what they may: an admin does everything, a bot everything but users, bots, tags and tokens.

mod login;
mod token;
mod tokens;

use super::error::{CatalogError, Result};
use super::kinds::Kind;

pub use login::{Login, MAIL_DOMAIN};
pub use token::{Claims, TokenKind};
pub use tokens::{Expiry, Tokens};

/// Who a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Name of the user.
    pub name: String,
    /// May do everything.
    pub is_admin: bool,
    /// A program: what people wrote is safe from it.
    pub is_bot: bool,
}

impl Principal {
    /// Refuses a write that is for admins only.
    pub fn may_write(&self, kind: &Kind) -> Result<()> {
        if kind.guarded { self.must_be_admin(&format!("write {}", kind.collection)) } else { Ok(()) }
    }

    /// Refuses everyone but an admin.
    pub fn must_be_admin(&self, what: &str) -> Result<()> {
        if self.is_admin {
            return Ok(());
        }
        let name = &self.name;
        Err(CatalogError::forbidden(format!(
            "Principal: CatalogPrincipal{{name='{name}'}} is not admin and may not {what}"
        )))
    }
}
