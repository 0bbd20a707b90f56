//! `healthcheck`.

use super::{command, duration};
use crate::model::Healthcheck;
use crate::model::error::ModelError;
use crate::model::yaml::{Fields, Node};

/// A health check in a file; `what` is the service.
pub(crate) fn read(node: &Node, what: &str) -> Result<Healthcheck, ModelError> {
    let mut fields = Fields::of(node, format!("`healthcheck` of {what}"))?;
    let disabled = fields.flag("disable")?;
    let test = fields.read("test", test)?.unwrap_or_default();
    let healthcheck = Healthcheck {
        test: if disabled { vec!["NONE".to_owned()] } else { test },
        interval: fields.read("interval", duration::read)?,
        timeout: fields.read("timeout", duration::read)?,
        retries: fields.read("retries", Node::integer)?,
        start_period: fields.read("start_period", duration::read)?,
        start_interval: fields.read("start_interval", duration::read)?,
    };
    fields.finish()?;
    Ok(healthcheck)
}

fn test(node: &Node, what: &str) -> Result<Vec<String>, ModelError> {
    if let Some(text) = node.scalar() {
        return Ok(vec!["CMD-SHELL".to_owned(), text.to_owned()]);
    }
    let words = command::read(node, what)?;
    let (first, rest) = words.split_first().map_or(("", 0), |(first, rest)| (first.as_str(), rest.len()));
    match (first, rest) {
        ("NONE", 0) | ("CMD-SHELL", 1) | ("CMD", 1..) => Ok(words),
        ("NONE" | "CMD-SHELL" | "CMD", _) => Err(node
            .error(format!("{what} has the wrong number of items"))
            .hint("write [\"CMD\", program, argument ..] or [\"CMD-SHELL\", \"line for the shell\"]")),
        _ => Err(node
            .error(format!("{what} must begin with CMD, CMD-SHELL or NONE, not `{first}`"))
            .hint("as text instead of a list it is run by the shell")),
    }
}
