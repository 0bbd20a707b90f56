//! Tokens given out: a bot has one at a time, whose claims are stored and whose text is signed anew whenever it is asked for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::clock;
use super::super::error::{CatalogError, Result};
use super::super::kinds;
use super::super::store::{Entity, Space, View, Writing};
use super::Principal;
use super::token::{Claims, TokenKind};
use crate::key::Key;

/// How long a login lasts, in seconds.
const LOGIN: i64 = 3600;

/// How long a login can be renewed, in milliseconds.
const RENEWAL: i64 = 7 * 24 * 3600 * 1000;

/// How long a bot's token lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Expiry {
    /// An hour.
    OneHour,
    /// A day.
    #[serde(rename = "1")]
    Days1,
    /// A week.
    #[serde(rename = "7")]
    Days7,
    /// 30 days.
    #[serde(rename = "30")]
    Days30,
    /// 60 days.
    #[serde(rename = "60")]
    Days60,
    /// 90 days.
    #[serde(rename = "90")]
    Days90,
    /// For ever.
    Unlimited,
}

impl Expiry {
    fn seconds(self) -> Option<i64> {
        const DAY: i64 = 24 * 3600;
        match self {
            Self::OneHour => Some(3600),
            Self::Days1 => Some(DAY),
            Self::Days7 => Some(7 * DAY),
            Self::Days30 => Some(30 * DAY),
            Self::Days60 => Some(60 * DAY),
            Self::Days90 => Some(90 * DAY),
            Self::Unlimited => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::OneHour => "OneHour",
            Self::Days1 => "1",
            Self::Days7 => "7",
            Self::Days30 => "30",
            Self::Days60 => "60",
            Self::Days90 => "90",
            Self::Unlimited => "Unlimited",
        }
    }
}

/// Gives tokens out and checks them.
#[derive(Debug)]
pub struct Tokens {
    key: Key,
}

impl Tokens {
    /// With this key.
    pub fn new(key: Key) -> Self {
        Self { key }
    }

    /// The key that signs.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Who a token belongs to.
    pub fn principal(&self, view: &impl View, token: &str) -> Result<Principal> {
        let claims = Claims::verify(token, &self.key, clock::now() / 1000)?;
        let refused = || CatalogError::unauthorized("Not Authorized! Invalid Token");
        let user = user(view, &claims.sub)?.ok_or_else(refused)?;
        if claims.token_type == TokenKind::Bot {
            let current = stored(view, &user)?.ok_or_else(refused)?;
            if current.claims.jti != claims.jti {
                return Err(refused());
            }
        }
        let flag = |name: &str| user.document.get(name).and_then(Value::as_bool).unwrap_or_default();
        Ok(Principal { name: claims.sub, is_admin: flag("isAdmin"), is_bot: flag("isBot") })
    }

    /// The answer to a login.
    pub fn log_in(&self, writing: &Writing, name: &str) -> Result<Value> {
        let user = user(writing, name)?.ok_or_else(|| CatalogError::missing("user", name))?;
        let now = clock::now();
        let end = now / 1000 + LOGIN;
        let claims = Claims::new(name, user.text("email"), TokenKind::User, now / 1000, Some(end));
        let renewal = uuid::Uuid::new_v4().to_string();
        forget_old_renewals(writing, now)?;
        let value = json!({"user": name, "expires": now + RENEWAL}).to_string();
        writing.put_meta(&renewal_key(&renewal), value.as_bytes())?;
        Ok(json!({
            "accessToken": claims.sign(&self.key)?,
            "refreshToken": renewal,
            "tokenType": "Bearer",
            "expiryDuration": end * 1000,
        }))
    }

    /// A new login for a token that renews one; it is good once.
    pub fn renew(&self, writing: &Writing, renewal: &str) -> Result<Value> {
        let refused = || CatalogError::unauthorized("the refresh token is unknown or has expired; log in again");
        let key = renewal_key(renewal);
        let value = writing.get(Space::Meta, key.as_bytes())?.ok_or_else(refused)?;
        let value: Value = serde_json::from_slice(&value).map_err(|_| refused())?;
        writing.remove_meta(&key)?;
        match (value["user"].as_str(), value["expires"].as_i64()) {
            (Some(name), Some(end)) if end > clock::now() => self.log_in(writing, name),
            _ => Err(refused()),
        }
    }

    /// Gives a bot a new token; the one before is refused from now on.
    pub fn generate(&self, writing: &Writing, bot: &Entity, expiry: Expiry) -> Result<Value> {
        let now = clock::now() / 1000;
        let end = expiry.seconds().map(|seconds| now + seconds);
        let claims = Claims::new(bot.text("name"), bot.text("email"), TokenKind::Bot, now, end);
        let value = json!({"claims": claims, "expiry": expiry.word()}).to_string();
        writing.put_meta(&token_key(bot), value.as_bytes())?;
        self.answer(&claims, expiry.word())
    }

    /// The token that a bot has, in the form of the interface's `JWTAuthMechanism`.
    pub fn current(&self, view: &impl View, bot: &Entity) -> Result<Value> {
        let stored = stored(view, bot)?.ok_or_else(|| {
            let hint = "give it one with PUT /api/v1/users/generateToken";
            CatalogError::new(404, format!("{} has no token; {hint}/{}", bot.text("name"), bot.id()))
        })?;
        self.answer(&stored.claims, &stored.expiry)
    }

    /// Takes a bot's token away.
    pub fn revoke(&self, writing: &Writing, bot: &Entity) -> Result<bool> {
        writing.remove_meta(&token_key(bot))
    }

    fn answer(&self, claims: &Claims, expiry: &str) -> Result<Value> {
        let mut answer = json!({"JWTToken": claims.sign(&self.key)?, "JWTTokenExpiry": expiry});
        if let Some(end) = claims.exp {
            answer["JWTTokenExpiresAt"] = json!(end * 1000);
        }
        Ok(answer)
    }
}

#[derive(Deserialize)]
struct Stored {
    claims: Claims,
    expiry: String,
}

fn stored(view: &impl View, bot: &Entity) -> Result<Option<Stored>> {
    let bytes = view.get(Space::Meta, token_key(bot).as_bytes())?;
    bytes
        .map(|bytes| serde_json::from_slice(&bytes))
        .transpose()
        .map_err(|error| CatalogError::internal(format!("the token of {} cannot be read: {error}", bot.text("name"))))
}

fn user(view: &impl View, name: &str) -> Result<Option<Entity>> {
    let kind = kinds::named("user")?;
    Ok(view.named(kind, &super::super::fqn::quote(name))?.filter(|user| !user.is_deleted()))
}

fn token_key(bot: &Entity) -> String {
    format!("token/{}", bot.id())
}

/// Only the hash of what renews a login is stored: who reads the file cannot log in with it.
fn renewal_key(renewal: &str) -> String {
    format!("renewal/{}", URL_SAFE_NO_PAD.encode(Sha256::digest(renewal)))
}

fn forget_old_renewals(writing: &Writing, now: i64) -> Result<()> {
    let mut old = Vec::new();
    writing.scan_prefix(Space::Meta, b"renewal/", &mut |key, value| {
        let value: Value = serde_json::from_slice(value).unwrap_or_default();
        if value["expires"].as_i64().is_none_or(|end| end <= now) {
            old.push(String::from_utf8_lossy(key).into_owned());
        }
        Ok(true)
    })?;
    for key in old {
        writing.remove_meta(&key)?;
    }
    Ok(())
}
