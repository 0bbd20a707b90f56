//! Texts of pipeline.yml, and the names of files in it.

use std::path::PathBuf;
use std::time::Duration;

use super::super::Lookup;
use crate::model::yaml::{Fields, Node};
use crate::model::{ModelError, interpolate, paths};

/// The file of a transformation: a SELECT, or a Python function.
pub(super) fn transformation(node: &Node) -> Result<PathBuf, ModelError> {
    let file = file(node)?;
    if file.extension().is_some_and(|extension| extension == "sql" || extension == "py") {
        return Ok(file);
    }
    let message = format!("a transformation is a file that ends in .sql or .py, not {}", file.display());
    Err(node.error(message).hint(".sql: one SELECT; .py: a function `transform(rows: DataFrame) -> DataFrame`"))
}

/// A file with a statement for the destination.
pub(super) fn sql_file(node: &Node) -> Result<PathBuf, ModelError> {
    let file = file(node)?;
    if file.extension().is_some_and(|extension| extension == "py") {
        let hint = "the destination computes aggregates, in its own SQL; only `transform` can be a Python function";
        return Err(node.error(format!("{} is no SQL", file.display())).hint(hint));
    }
    Ok(file)
}

/// A file that is named relative to pipeline.yml and exists.
fn file(node: &Node) -> Result<PathBuf, ModelError> {
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

/// `retention`: whole hours or days, which is what the jobs read.
pub(super) fn retention(fields: &mut Fields<'_>) -> Result<Option<Duration>, ModelError> {
    let Some(node) = fields.take("retention") else { return Ok(None) };
    let what = fields.name("retention");
    let text = node.loose(&what)?;
    let unit = [('h', 3600), ('d', 24 * 3600)]
        .into_iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    let seconds =
        unit.and_then(|(number, seconds)| number.parse::<u32>().ok().map(|number| u64::from(number) * seconds));
    match seconds {
        Some(seconds) if seconds > 0 => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(node.error(format!("{what} is no time in hours or days: `{text}`")).hint("write it like 12h or 7d")),
    }
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
