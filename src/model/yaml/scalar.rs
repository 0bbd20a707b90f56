//! Typed reading of one node. `what` names it in messages: "`image` of service `web`".

use std::collections::BTreeMap;

use super::node::{Node, Scalar, Value};
use crate::model::error::ModelError;

impl Scalar {
    /// True for an unquoted truth value of YAML 1.2.
    fn is_bool(&self) -> bool {
        !self.quoted && matches!(self.text.as_str(), "true" | "false" | "True" | "False" | "TRUE" | "FALSE")
    }

    /// True for an unquoted number.
    fn is_number(&self) -> bool {
        !self.quoted && number(&self.text).is_some()
    }
}

impl Node {
    /// A mistake in this node.
    pub fn error(&self, message: impl Into<String>) -> ModelError {
        ModelError::at(&self.mark, message)
    }

    /// The mistake of a wrong type.
    pub fn mismatch(&self, what: &str, expected: &str) -> ModelError {
        let found = match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Sequence(_) => "a list".to_owned(),
            Value::Mapping(_) => "a mapping".to_owned(),
            Value::Scalar(scalar) => format!("`{}`", shorten(&scalar.text)),
        };
        self.error(format!("{what} must be {expected}, not {found}"))
    }

    /// Text. Numbers and truth values must be quoted, as Compose wants it.
    pub fn string(&self, what: &str) -> Result<String, ModelError> {
        match &self.value {
            Value::Scalar(scalar) if scalar.interpolated || !(scalar.is_bool() || scalar.is_number()) => {
                Ok(scalar.text.clone())
            }
            Value::Scalar(scalar) => {
                Err(self.mismatch(what, "text").hint(format!("put it in quotes: \"{}\"", scalar.text)))
            }
            _ => Err(self.mismatch(what, "text")),
        }
    }

    /// Any scalar, as text.
    pub fn loose(&self, what: &str) -> Result<&str, ModelError> {
        self.scalar().ok_or_else(|| self.mismatch(what, "text or a number"))
    }

    /// A truth value.
    pub fn boolean(&self, what: &str) -> Result<bool, ModelError> {
        match self.scalar().map(str::to_lowercase).as_deref() {
            Some("true" | "yes" | "on" | "y") => Ok(true),
            Some("false" | "no" | "off" | "n") => Ok(false),
            _ => Err(self.mismatch(what, "true or false")),
        }
    }

    /// A whole number of the wanted type.
    pub fn integer<N: std::str::FromStr>(&self, what: &str) -> Result<N, ModelError> {
        self.scalar().and_then(|text| text.trim().parse().ok()).ok_or_else(|| self.mismatch(what, "a whole number"))
    }

    /// A list of scalars.
    pub fn strings(&self, what: &str) -> Result<Vec<String>, ModelError> {
        let items = self.items().ok_or_else(|| self.mismatch(what, "a list"))?;
        items.iter().map(|item| item.loose(&format!("an item of {what}")).map(str::to_owned)).collect()
    }

    /// One scalar or a list of them.
    pub fn one_or_many(&self, what: &str) -> Result<Vec<String>, ModelError> {
        match self.scalar() {
            Some(text) => Ok(vec![text.to_owned()]),
            None if self.items().is_some() => self.strings(what),
            None => Err(self.mismatch(what, "text or a list")),
        }
    }

    /// A mapping of scalars; a null value is empty text.
    pub fn string_map(&self, what: &str) -> Result<BTreeMap<String, String>, ModelError> {
        let entries = self.mapping().ok_or_else(|| self.mismatch(what, "a mapping"))?;
        entries
            .iter()
            .map(|(key, entry)| {
                let value = match &entry.node.value {
                    Value::Null => "",
                    _ => entry.node.loose(&format!("`{key}` in {what}"))?,
                };
                Ok((key.clone(), value.to_owned()))
            })
            .collect()
    }

    /// The node as JSON: unquoted numbers and truth values become such.
    pub fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Sequence(items) => items.iter().map(Self::json).collect(),
            Value::Mapping(entries) => {
                serde_json::Value::Object(entries.iter().map(|(key, entry)| (key.clone(), entry.node.json())).collect())
            }
            Value::Scalar(scalar) if scalar.is_bool() => scalar.text.eq_ignore_ascii_case("true").into(),
            Value::Scalar(scalar) => match number(&scalar.text) {
                Some(number) if !scalar.quoted => serde_json::Value::Number(number),
                _ => scalar.text.clone().into(),
            },
        }
    }
}

/// A number of YAML 1.2 that JSON can hold.
fn number(text: &str) -> Option<serde_json::Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    if let Some(hex) = digits.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok().map(Into::into);
    }
    text.parse::<f64>().ok().and_then(serde_json::Number::from_f64)
}

/// The beginning of a text, for a message.
fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() > 40 { line.chars().take(40).chain("..".chars()).collect() } else { line.to_owned() }
}
