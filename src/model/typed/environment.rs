//! `environment`, `env_file` and other mappings of names to text.

use std::collections::BTreeMap;

use super::Context;
use crate::model::error::ModelError;
use crate::model::yaml::{Fields, Node};
use crate::model::{dotenv, paths};

/// The environment of a service: its files, then its own variables on top.
pub(crate) fn read(fields: &mut Fields<'_>, context: &Context<'_>) -> Result<BTreeMap<String, String>, ModelError> {
    let mut environment = BTreeMap::new();
    if let Some(files) = fields.take("env_file") {
        let what = fields.name("env_file");
        for item in files.items().ok_or_else(|| files.mismatch(&what, "text or a list"))? {
            environment.extend(file(item, &what, context)?);
        }
    }
    if let Some(node) = fields.take("environment") {
        environment.extend(inherited(node, &fields.name("environment"), context)?);
    }
    Ok(environment)
}

/// A mapping in which a null value means: as in the environment of pipectl, left out where it is not set there.
pub(crate) fn inherited(
    node: &Node,
    what: &str,
    context: &Context<'_>,
) -> Result<BTreeMap<String, String>, ModelError> {
    let entries = node.mapping().ok_or_else(|| node.mismatch(what, "a mapping or a list"))?;
    let mut values = BTreeMap::new();
    for (name, entry) in entries {
        if name.is_empty() {
            return Err(ModelError::at(&entry.key, format!("{what} has an empty name")));
        }
        let value = if entry.node.is_null() {
            (context.lookup)(name)
        } else {
            Some(entry.node.loose(&format!("`{name}` in {what}"))?.to_owned())
        };
        values.extend(value.map(|value| (name.clone(), value)));
    }
    Ok(values)
}

fn file(node: &Node, what: &str, context: &Context<'_>) -> Result<BTreeMap<String, String>, ModelError> {
    let (path, required) = if let Some(path) = node.scalar() {
        (path.to_owned(), true)
    } else {
        let mut fields = Fields::of(node, format!("an item of {what}"))?;
        fields.unsupported(&["format"]);
        let path = fields.require("path")?.string(what)?;
        let required = fields.read("required", Node::boolean)?.unwrap_or(true);
        fields.finish()?;
        (path, required)
    };
    let path = paths::resolve(&node.mark.source.base, &path);
    if !path.is_file() {
        return if required {
            Err(node.error(format!("{}: no such file", path.display())))
        } else {
            Ok(BTreeMap::new())
        };
    }
    dotenv::read(&path, context.lookup)
}
