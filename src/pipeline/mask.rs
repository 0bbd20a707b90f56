//! Masked columns: Debezium replaces their values by a keyed hash before anything leaves the source, so that topics, lake and
//! destination never hold them. Equal values have equal hashes: joins and counts still work.
//!
//! The hash is Debezium's `column.mask.hash.v2`: SHA-256 over salt and UTF-8 text, as hexadecimal digits, cut to the length of a
//! `varchar(n)`; NULL stays NULL. The salt stands in the name of a connector setting, which no configuration provider of Kafka Connect
//! fills in. What is there is therefore not the key itself but derived from it, and whoever may read the connector's
//! configuration could try guesses against the hashes, as could whoever reads the source.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::clients::connect::ConnectorConfig;
use super::clients::postgres::{quote, quote_qualified};
use super::new_tables;
use super::spec::PipelineSpec;

/// The variable with the key: at least as secret as the values it hides, and the same for as long as hashes are compared.
pub const KEY: &str = "PIPECTL_MASK_KEY";
/// What is derived from the key is good for nothing else.
const PURPOSE: &[u8] = b"pipectl column mask";

/// The salt that a key stands for: HMAC-SHA-256, hexadecimal digits.
pub fn salt(key: &str) -> String {
    // HMAC takes a key of any length, so there is nothing to fail.
    let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    hmac.update(PURPOSE);
    format!("{:x}", hmac.finalize().into_bytes())
}

/// How the name of the connector's setting begins; the salt follows.
const SETTING: &str = "column.mask.hash.v2.SHA-256.with.salt.";

/// What is masked otherwise than by the connector that is there, of the tables that it has captured; one line each.
///
/// What it has captured is in topics, change log, Delta tables and destination as it was: no transformation makes values of hashes, and
/// none of those stores may keep values that are to be hidden.
pub fn changed(existing: &ConnectorConfig, wanted: &ConnectorConfig, spec: &PipelineSpec) -> Vec<String> {
    let ((before, salt_before), (now, salt_now)) = (masked(existing), masked(wanted));
    let mut found = Vec::new();
    for (name, table) in spec.tables.iter().filter(|(name, _)| new_tables::is_captured(existing, name)) {
        for column in table.columns.keys() {
            let place = pattern(&format!("{name}.{column}"));
            let (was, is) = (before.contains(&place.as_str()), now.contains(&place.as_str()));
            let how = match (was, is) {
                (false, true) => "is to be masked, and was not",
                (true, false) => "was masked, and is not to be",
                (true, true) if salt_before != salt_now => "was masked with another key",
                _ => continue,
            };
            found.push(format!("{name}.{column} {how}"));
        }
    }
    found
}

/// Patterns of masked columns in a configuration, and the salt.
fn masked(config: &ConnectorConfig) -> (Vec<&str>, Option<&str>) {
    let setting = config.iter().find_map(|(key, columns)| Some((key.strip_prefix(SETTING)?, columns)));
    setting.map_or_else(Default::default, |(salt, columns)| (columns.split(',').collect(), Some(salt)))
}

/// The connector's setting for all masked columns; nothing where there are none.
pub fn setting(spec: &PipelineSpec, salt: &str) -> Option<(String, String)> {
    let columns: Vec<String> = spec
        .tables
        .iter()
        .flat_map(|(name, table)| table.masked.iter().map(move |column| pattern(&format!("{name}.{column}"))))
        .collect();
    let setting = format!("{SETTING}{salt}");
    (!columns.is_empty()).then(|| (setting, columns.join(",")))
}

/// A name as the regular expression that matches it alone.
pub(super) fn pattern(name: &str) -> String {
    let mut pattern = String::new();
    for sign in name.chars() {
        if !sign.is_alphanumeric() && sign != '_' {
            pattern.push('\\');
        }
        pattern.push(sign);
    }
    pattern
}

/// SQL for what becomes of a column of the source; `table` is `schema.table`.
pub fn sql(table: &str, column: &str, salt: &str) -> String {
    let (schema, relation) = table.split_once('.').unwrap_or(("public", table));
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    // The length of a varchar is only known there, as its type's modifier less 4.
    let length = format!(
        "(SELECT CASE WHEN atttypmod > 4 THEN atttypmod - 4 ELSE 64 END FROM pg_attribute WHERE attrelid = {}::regclass \
         AND attname = {})",
        text(&quote_qualified(schema, relation)),
        text(column)
    );
    format!("left(encode(sha256(convert_to({} || {}::text, 'UTF8')), 'hex'), {length})", text(salt), quote(column))
}

#[cfg(test)]
mod tests {
    use sha2::Digest;

    use super::*;
    use crate::pipeline::spec::Table;

    #[test]
    fn the_hash_is_debeziums() {
        // Vectors of Debezium's own test of `column.mask.hash.v2` with SHA-256 and the salt `salt`.
        let vectors = [
            ("hello", "cd31b3b98ece60cb739c0bf770b2de892ae0ad133f645513c3d83f08757a843a"),
            ("world", "e84ac3142870113ddc6710c06f76421befc8e8ca6de64e98d2993ed8d41f4085"),
        ];
        for (value, hash) in vectors {
            // What the SQL does: sha256(convert_to(salt || value, 'UTF8')).
            assert_eq!(format!("{:x}", Sha256::digest(format!("salt{value}"))), hash, "{value}");
        }
    }

    #[test]
    fn the_sql_hashes_salt_and_value() {
        assert_eq!(
            sql("public.people", "email", "5a17"),
            "left(encode(sha256(convert_to('5a17' || \"email\"::text, 'UTF8')), 'hex'), (SELECT CASE WHEN atttypmod > 4 \
             THEN atttypmod - 4 ELSE 64 END FROM pg_attribute WHERE attrelid = '\"public\".\"people\"'::regclass \
             AND attname = 'email'))"
        );
    }

    #[test]
    fn the_salt_follows_from_the_key_and_does_not_tell_it() {
        // printf 'pipectl column mask' | openssl dgst -sha256 -hmac 'correct horse'
        assert_eq!(salt("correct horse"), "c3e470584e95b6b1dda0eb605f7f841471bd00651200be89b56032e3ceda79c7");
        assert_ne!(salt("correct horse"), salt("correct horsf"));
    }

    #[test]
    fn the_setting_names_every_masked_column_and_no_other() {
        let mut spec = PipelineSpec::default();
        let table = |masked: &[&str]| Table {
            masked: masked.iter().map(|column| (*column).to_owned()).collect(),
            ..Table::default()
        };
        assert_eq!(setting(&spec, "5a17"), None);
        spec.tables.insert("public.people".to_owned(), table(&["email", "last-name"]));
        spec.tables.insert("crm.notes".to_owned(), table(&["text"]));
        spec.tables.insert("crm.days".to_owned(), table(&[]));
        let (name, columns) = setting(&spec, "5a17").expect("masked columns");
        assert_eq!(name, "column.mask.hash.v2.SHA-256.with.salt.5a17");
        assert_eq!(columns, r"public\.people\.email,public\.people\.last\-name,crm\.notes\.text");
    }

    #[test]
    fn another_mask_on_what_was_captured_is_told() {
        let people = |masked: &[&str]| {
            let columns = ["id", "email", "phone"].map(|name| (name.to_owned(), "text".to_owned()));
            let masked = masked.iter().map(|&name| name.to_owned()).collect();
            Table { columns: columns.into_iter().collect(), masked, ..Table::default() }
        };
        let spec = |masked: &[&str], new: &[&str]| PipelineSpec {
            tables: [("public.people".to_owned(), people(masked)), ("public.new".to_owned(), people(new))]
                .into_iter()
                .collect(),
            ..PipelineSpec::default()
        };
        let config = |spec: &PipelineSpec, salt: &str| setting(spec, salt).into_iter().collect::<ConnectorConfig>();
        let mut existing = config(&spec(&["email"], &[]), "s");
        existing.insert("table.include.list".to_owned(), "public.people".to_owned());
        let told = |now: &PipelineSpec, salt: &str| changed(&existing, &config(now, salt), now);
        assert_eq!(told(&spec(&["email"], &["phone"]), "s"), Vec::<String>::new());
        assert_eq!(
            told(&spec(&["phone"], &[]), "s"),
            ["public.people.email was masked, and is not to be", "public.people.phone is to be masked, and was not"]
        );
        assert_eq!(told(&spec(&["email"], &[]), "t"), ["public.people.email was masked with another key"]);
    }
}
