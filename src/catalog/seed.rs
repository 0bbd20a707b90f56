//! What a new catalog holds: its two users, the ingestion bot with a token, and the tags for personal data and tiers.

use serde_json::{Value, json};

use super::access::{Expiry, MAIL_DOMAIN, Principal, Tokens};
use super::entity::{self, Mode, references};
use super::error::Result;
use super::kinds;
use super::store::{Entity, Space, View, Writing};

/// The user with the password.
pub const ADMIN: &str = "admin";

/// The user, and the bot, that ingests.
pub const BOT: &str = "ingestion-bot";

/// Name of the mark in the store that says that the first start has been.
const MARK: &[u8] = b"seeded";

/// Classifications: name, whether an entity has one tag of it at most, what it means.
const CLASSIFICATIONS: [(&str, bool, &str); 3] = [
    ("PersonalData", false, "Data about people, as data protection law means it."),
    ("PII", true, "Data that identifies a person, by how much harm its disclosure does."),
    ("Tier", true, "How important an asset is to the business, from 1 (most) to 5."),
];

/// Tags: classification, name, meaning.
const TAGS: [(&str, &str, &str); 10] = [
    ("PersonalData", "Personal", "Tells something about a person who is identified or can be."),
    ("PersonalData", "SpecialCategory", "Personal data under special protection: health, origin, beliefs, biometrics."),
    ("PII", "None", "Identifies nobody."),
    ("PII", "NonSensitive", "Identifies people, but is public anyway or does no harm."),
    ("PII", "Sensitive", "Identifies people and does them harm when it is disclosed."),
    ("Tier", "Tier1", "Critical: the business stands still without it."),
    ("Tier", "Tier2", "Important: decisions depend on it."),
    ("Tier", "Tier3", "Useful to more than one team."),
    ("Tier", "Tier4", "Useful to one team."),
    ("Tier", "Tier5", "Private or for trying something out."),
];

/// Makes what is missing at the first start. Later starts leave the store alone, so that nothing deleted comes back.
pub fn plant(writing: &Writing, tokens: &Tokens) -> Result<()> {
    if writing.get(Space::Meta, MARK)?.is_some() {
        return Ok(());
    }
    for (name, alone, meaning) in CLASSIFICATIONS {
        let body = json!({"name": name, "description": meaning, "mutuallyExclusive": alone, "provider": "system"});
        create(writing, "classification", body)?;
    }
    for (classification, name, meaning) in TAGS {
        let body =
            json!({"name": name, "classification": classification, "description": meaning, "provider": "system"});
        create(writing, "tag", body)?;
    }
    let address = |name: &str| format!("{name}@{MAIL_DOMAIN}");
    create(writing, "user", json!({"name": ADMIN, "email": address(ADMIN), "isAdmin": true}))?;
    let user = create(writing, "user", json!({"name": BOT, "email": address(BOT), "isBot": true}))?;
    let description = "Writes what the collectors and the lineage find.";
    let body = json!({"name": BOT, "description": description, "botUser": references::to(&user), "provider": "system"});
    create(writing, "bot", body)?;
    tokens.generate(writing, &user, Expiry::Unlimited)?;
    writing.put_meta("seeded", b"1")
}

fn create(writing: &Writing, kind: &str, body: Value) -> Result<Entity> {
    let who = Principal { name: ADMIN.to_owned(), is_admin: true, is_bot: false };
    Ok(entity::put(writing, kinds::named(kind)?, body, &who, Mode::Create)?.entity)
}
