//! JSON Web Tokens (RFC 7519) signed with HS256 (RFC 7518, section 3.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::super::error::{CatalogError, Result};
use crate::key::Key;

/// Who issues the tokens, as OpenMetadata names itself.
const ISSUER: &str = "open-metadata.org";

/// Whom a token was given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenKind {
    /// A person who logged in.
    #[serde(rename = "OM_USER")]
    User,
    /// A program.
    #[serde(rename = "BOT")]
    Bot,
}

/// What a token says. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Name of the user.
    pub sub: String,
    /// Address of the user.
    pub email: String,
    /// True for a program.
    pub is_bot: bool,
    /// Whom it was given to.
    pub token_type: TokenKind,
    /// Its own identity: a bot's token is refused once another one took its place.
    pub jti: String,
    /// When it was given out.
    pub iat: i64,
    /// When it ends; nothing for one that does not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exp: Option<i64>,
}

impl Claims {
    /// Claims of a new token.
    pub fn new(name: &str, email: &str, kind: TokenKind, issued: i64, expires: Option<i64>) -> Self {
        Self {
            iss: ISSUER.to_owned(),
            sub: name.to_owned(),
            email: email.to_owned(),
            is_bot: kind == TokenKind::Bot,
            token_type: kind,
            jti: uuid::Uuid::new_v4().to_string(),
            iat: issued,
            exp: expires,
        }
    }

    /// The token.
    pub fn sign(&self, key: &Key) -> Result<String> {
        let claims = serde_json::to_vec(self)
            .map_err(|error| CatalogError::internal(format!("a token cannot be written: {error}")))?;
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let code = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()));
        Ok(format!("{message}.{code}"))
    }

    /// The claims of a token that this key has signed and that has not ended. `now` is in seconds.
    pub fn verify(token: &str, key: &Key, now: i64) -> Result<Self> {
        let invalid = || CatalogError::unauthorized("Invalid token");
        let (message, code) = token.rsplit_once('.').ok_or_else(invalid)?;
        let (header, claims) = message.split_once('.').ok_or_else(invalid)?;
        let code = URL_SAFE_NO_PAD.decode(code).map_err(|_| invalid())?;
        // The algorithm is ours, whatever the header says: `none` and others are refused by their code.
        if header.is_empty() || !key.verifies(message.as_bytes(), &code) {
            return Err(invalid());
        }
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| invalid())?;
        let claims: Self = serde_json::from_slice(&claims).map_err(|_| invalid())?;
        if claims.exp.is_some_and(|end| end <= now) {
            return Err(CatalogError::unauthorized("Expired token!"));
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::random().expect("random")
    }

    fn claims(expires: Option<i64>) -> Claims {
        Claims::new("admin", "admin@open-metadata.org", TokenKind::User, 100, expires)
    }

    #[test]
    fn a_token_is_good_until_it_ends_and_for_its_key_only() {
        let (key, claims) = (key(), claims(Some(200)));
        let token = claims.sign(&key).expect("signed");
        assert_eq!(Claims::verify(&token, &key, 199), Ok(claims));
        assert_eq!(Claims::verify(&token, &key, 200).expect_err("ended").message, "Expired token!");
        let other = Key::random().expect("random");
        assert_eq!(Claims::verify(&token, &other, 199).expect_err("other key").message, "Invalid token");
    }

    #[test]
    fn a_changed_token_is_refused() {
        let key = key();
        let token = claims(None).sign(&key).expect("signed");
        let parts: Vec<&str> = token.split('.').collect();
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let root = URL_SAFE_NO_PAD
            .encode(r#"{"iss":"x","sub":"root","email":"","isBot":false,"tokenType":"OM_USER","jti":"","iat":0}"#);
        for forged in [
            format!("{none}.{}.", parts[1]),
            format!("{none}.{}.{}", parts[1], parts[2]),
            format!("{}.{root}.{}", parts[0], parts[2]),
            format!("{}.{}", parts[0], parts[1]),
            String::new(),
            "abc".to_owned(),
            "..".to_owned(),
        ] {
            let error = Claims::verify(&forged, &key, 0).expect_err(&forged);
            assert_eq!((error.status, error.message.as_str()), (401, "Invalid token"));
        }
    }
}
