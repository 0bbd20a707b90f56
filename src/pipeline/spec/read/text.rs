//! Texts of pipeline.yml, and the names of files in it.

use std::path::PathBuf;

use super::super::Lookup;
use crate::model::yaml::{Fields, Node};
use crate::model::{ModelError, interpolate, paths};

/// A file that is named relative to pipeline.yml and exists.
pub(super) fn sql_file(node: &Node) -> Result<PathBuf, ModelError> {
    let name = node.string("a file name")?;
    if paths::resolve(&node.mark.source.base, &name).is_file() {
        return Ok(PathBuf::from(name));
    }
    Err(node.error(format!("no such file: {name}")).hint("the path is relative to this file's directory"))
}

/// Text that the jobs read as well: there, not empty, and without variables.
pub(super) fn text(fields: &mut Fields<'_>, key: &'static str) -> Result<String, ModelError> {
    let node = fields.require(key)?;
    let text = node.string(&fields.name(key))?;
    if text.contains("${") {
        return Err(node
            .error(format!("{} cannot have variables: the jobs read this file as it is", fields.name(key)))
            .hint("write the value itself; `source` and `connector` may have variables"));
    }
    if text.is_empty() { Err(node.error(format!("{} is empty", fields.name(key)))) } else { Ok(text) }
}

/// Text that only pipectl reads: there, variables put in, not empty.
pub(super) fn own_text(fields: &mut Fields<'_>, key: &'static str, lookup: Lookup<'_>) -> Result<String, ModelError> {
    let node = fields.require(key)?;
    let text = interpolate(&node.string(&fields.name(key))?, lookup)
        .map_err(|error| node.error(error.to_string()).hint(error.hint()))?;
    if text.is_empty() { Err(node.error(format!("{} is empty", fields.name(key)))) } else { Ok(text) }
}

/// The text, where only some characters are allowed in it.
pub(super) fn only(
    fields: &mut Fields<'_>,
    key: &'static str,
    text: String,
    allowed: fn(char) -> bool,
) -> Result<String, ModelError> {
    match text.chars().find(|c| !allowed(*c)) {
        Some(wrong) => Err(fields.require(key)?.error(format!("{} may not contain `{wrong}`", fields.name(key)))),
        None => Ok(text),
    }
}

/// Characters of a topic's name.
pub(super) fn is_topic(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// Characters of a replication slot's name.
pub(super) fn is_slot(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}
