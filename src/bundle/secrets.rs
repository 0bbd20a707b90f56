//! What must not leave the machine: values that are known, values whose name tells, and values that look like it.
//!
//! It removes too much rather than too little.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::scan;

/// Stands in the place of what was removed.
pub const REMOVED: &str = "[removed]";
/// A value shorter than this is removed where its name stands beside it, not wherever it occurs: `1` is in every line.
const SHORTEST: usize = 4;
/// Settings that are no secret, whatever they are called.
const WORDS: [&str; 4] = ["true", "false", "null", "none"];

/// Everything that is known to be secret.
#[derive(Debug, Default)]
pub struct Secrets {
    /// Every spelling of every value.
    spellings: Vec<String>,
}

impl Secrets {
    /// Adds a value with the ways in which it may be spelled.
    pub fn add(&mut self, value: &str) {
        let value = value.trim();
        if value.len() < SHORTEST || WORDS.contains(&value.to_ascii_lowercase().as_str()) {
            return;
        }
        let encoded = utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
        let escaped = Value::from(value).to_string();
        let escaped = escaped.trim_matches('"').to_owned();
        for spelling in [value.to_owned(), encoded, escaped, STANDARD.encode(value)] {
            if !self.spellings.contains(&spelling) {
                self.spellings.push(spelling);
            }
        }
        // A value that contains another one goes as a whole.
        self.spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    }

    /// Adds those variables whose names tell that they are secret.
    pub fn add_variables<'a>(&mut self, variables: impl IntoIterator<Item = (&'a String, &'a String)>) {
        for (name, value) in variables {
            if scan::names_a_secret(name) {
                self.add(value);
            }
        }
    }

    /// Adds what a container's inspection tells in its `NAME=value` variables.
    pub fn add_inspection(&mut self, inspection: &Value) {
        let variables = inspection["Config"]["Env"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for (name, value) in variables.filter_map(|variable| variable.split_once('=')) {
            if scan::names_a_secret(name) {
                self.add(value);
            }
        }
    }

    /// A text without secrets.
    pub fn clean(&self, text: &str) -> String {
        self.without_values(scan::without_shapes(&scan::without_named(text)))
    }

    /// Data without secrets: what a secret was called stays, so that the reader sees that it was there.
    pub fn clean_value(&self, value: Value) -> Value {
        match value {
            Value::Object(entries) => Value::Object(
                entries
                    .into_iter()
                    .map(|(key, value)| {
                        let is_scalar = matches!(value, Value::String(_) | Value::Number(_));
                        let secret = is_scalar && scan::names_a_secret(&key);
                        // A key that names a secret is no secret, even where a password is `password`.
                        let key = if scan::names_a_secret(&key) { key } else { self.without_values(key) };
                        let value = if secret { Value::from(REMOVED) } else { self.clean_value(value) };
                        (key, value)
                    })
                    .collect(),
            ),
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.clean_value(item)).collect()),
            Value::String(text) => Value::String(self.clean_string(&text)),
            Value::Number(number) if self.spellings.contains(&number.to_string()) => Value::from(REMOVED),
            plain => plain,
        }
    }

    /// One string of data: a variable is a secret up to its end, whatever characters it has.
    fn clean_string(&self, text: &str) -> String {
        match text.split_once('=') {
            Some((name, value)) if !value.is_empty() && scan::is_name(name) && scan::names_a_secret(name) => {
                format!("{name}={REMOVED}")
            }
            _ => self.clean(text),
        }
    }

    fn without_values(&self, mut text: String) -> String {
        for spelling in &self.spellings {
            if text.contains(spelling.as_str()) {
                text = text.replace(spelling.as_str(), REMOVED);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn knowing(values: &[&str]) -> Secrets {
        let mut secrets = Secrets::default();
        for value in values {
            secrets.add(value);
        }
        secrets
    }

    #[test]
    fn a_value_is_removed_in_every_spelling() {
        let secrets = knowing(&["p@ss\"word/1"]);
        let spelled = [
            "raw p@ss\"word/1".to_owned(),
            r#"{"a": "p@ss\"word/1"}"#.to_owned(),
            "postgresql://host?x=p%40ss%22word%2F1".to_owned(),
            STANDARD.encode("p@ss\"word/1"),
        ];
        for text in spelled {
            let clean = secrets.clean(&text);
            assert!(clean.contains(REMOVED) && !clean.contains("word"), "{text} became {clean}");
        }
    }

    #[test]
    fn the_longer_of_two_values_goes_as_a_whole() {
        assert_eq!(knowing(&["abcd", "abcdefgh"]).clean("abcdefgh abcd"), "[removed] [removed]");
    }

    #[test]
    fn short_values_and_plain_settings_go_only_beside_their_name() {
        let secrets = knowing(&["1", "abc", "true", "FALSE"]);
        assert_eq!(secrets.clean("1 abc true FALSE"), "1 abc true FALSE");
        assert_eq!(secrets.clean("MY_KEY=abc"), "MY_KEY=[removed]");
    }

    #[test]
    fn data_keeps_its_shape() {
        let secrets = knowing(&["s3cret-value", "123456"]);
        let clean = secrets.clean_value(json!({
            "Env": ["DB_PASSWORD=two words", "PATH=/bin", "DSN=postgresql://a:other@h/d"],
            "password": "anything", "api_token": 77, "key": ["order_id"], "ok": false, "pin": 123_456,
            "nested": {"text": "has s3cret-value inside", "s3cret-value": true}
        }));
        assert_eq!(
            clean,
            json!({
                "Env": ["DB_PASSWORD=[removed]", "PATH=/bin", "DSN=postgresql://a:[removed]@h/d"],
                "password": "[removed]", "api_token": "[removed]", "key": ["order_id"], "ok": false, "pin": "[removed]",
                "nested": {"text": "has [removed] inside", "[removed]": true}
            })
        );
    }

    #[test]
    fn variables_and_inspections_tell_values_by_their_names() {
        let mut secrets = Secrets::default();
        let variables =
            [("A_SECRET".to_owned(), "from-a-variable".to_owned()), ("PATH".to_owned(), "/usr/bin".to_owned())];
        secrets.add_variables(variables.iter().map(|(name, value)| (name, value)));
        secrets.add_inspection(&json!({"Config": {"Env": ["OLD_PASSWORD=from-a-container", "HOME=/root-dir"]}}));
        let text = "from-a-variable from-a-container /usr/bin /root-dir";
        assert_eq!(secrets.clean(text), "[removed] [removed] /usr/bin /root-dir");
    }
}
