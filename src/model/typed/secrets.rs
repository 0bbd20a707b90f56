//! Top-level `secrets`: read for every one, its value fetched for those that are used.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;

use super::Context;
use crate::model::error::ModelError;
use crate::model::paths;
use crate::model::yaml::{Fields, Node};
use crate::model::{Secret, SecretBytes, SecretSource, Service};

/// Largest secret in bytes: what swarm takes.
const MAX_BYTES: u64 = 500 << 10;

/// Where one secret comes from.
pub(crate) fn source(key: &str, node: &Node, context: &mut Context<'_>) -> Result<SecretSource, ModelError> {
    let mut fields = Fields::of(node, format!("secret `{key}`"))?;
    fields.unsupported(&["driver", "driver_opts", "external", "template_driver"]);
    fields.ignore(&["labels", "name"], &mut context.warnings);
    let file = fields.read("file", |node, what| Ok(paths::resolve(&node.mark.source.base, &node.string(what)?)))?;
    let variable = fields.string("environment")?;
    let default = fields.read("x-pipectl", |node, what| {
        let mut fields = Fields::of(node, what)?;
        let default = fields.string("default")?;
        fields.finish().map(|()| default)
    })?;
    fields.finish()?;
    match (file, variable, default.flatten()) {
        (Some(path), None, None) => Ok(SecretSource::File(path)),
        (None, Some(name), default) => Ok(SecretSource::Variable { name, default }),
        (Some(_), None, Some(_)) => Err(node.error(format!("secret `{key}` is a file, which has no default"))),
        _ => Err(node
            .error(format!("secret `{key}` must have either `file` or `environment`"))
            .hint("name the file that holds it, or the variable")),
    }
}

/// Those that services use, with their values.
pub(crate) fn fetch(
    tree: &Node,
    sources: BTreeMap<String, SecretSource>,
    services: &BTreeMap<String, Service>,
    context: &Context<'_>,
) -> Result<BTreeMap<String, Secret>, ModelError> {
    let used: BTreeSet<&str> =
        services.values().flat_map(|service| &service.secrets).map(|used| used.source.as_str()).collect();
    let mut secrets = BTreeMap::new();
    for (key, source) in sources.into_iter().filter(|(key, _)| used.contains(key.as_str())) {
        let place = tree.at(&["secrets", &key]).unwrap_or(tree);
        let value = content(&key, &source, place, context)?;
        secrets.insert(key, Secret { source, content: value });
    }
    Ok(secrets)
}

fn content(key: &str, source: &SecretSource, place: &Node, context: &Context<'_>) -> Result<SecretBytes, ModelError> {
    match source {
        SecretSource::Variable { name, default } => {
            let value = (context.lookup)(name);
            let is_given = |value: &String| default.is_none() || !value.is_empty();
            value.filter(is_given).or_else(|| default.clone()).map(SecretBytes::from).ok_or_else(|| {
                place
                    .error(format!("secret `{key}` is the value of variable `{name}`, which is not set"))
                    .hint(format!("set it in the environment or in .env: {name}=value"))
            })
        }
        SecretSource::File(path) => {
            let refused = |why: String| place.error(format!("secret `{key}`: {}: {why}", path.display()));
            let mut bytes = Vec::new();
            let file = fs::File::open(path).map_err(|error| refused(paths::reason(&error)))?;
            let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
            read.map_err(|error| refused(paths::reason(&error)))?;
            if bytes.len() as u64 > MAX_BYTES {
                return Err(refused(format!("it is larger than {} KiB", MAX_BYTES >> 10)));
            }
            Ok(bytes.into())
        }
    }
}
