//! Top-level `networks` and `volumes`.

use std::collections::BTreeMap;

use super::Context;
use crate::model::error::ModelError;
use crate::model::yaml::{Fields, Node};
use crate::model::{Network, Volume};

/// One network; its engine name is filled in where the file gives none.
pub(crate) fn network(key: &str, node: &Node, prefix: &str, context: &mut Context<'_>) -> Result<Network, ModelError> {
    let default = format!("{prefix}_{key}");
    if node.is_null() {
        return Ok(Network { name: default, ..Network::default() });
    }
    let mut fields = Fields::of(node, format!("network `{key}`"))?;
    fields.unsupported(&["driver_opts", "ipam", "enable_ipv4", "enable_ipv6"]);
    fields.ignore(&["attachable"], &mut context.warnings);
    let (external, external_name) = external(&mut fields)?;
    let name = fields.string("name")?.or(external_name);
    let network = Network {
        name: name.unwrap_or_else(|| if external { key.to_owned() } else { default }),
        driver: fields.string("driver")?,
        external,
        internal: fields.flag("internal")?,
        labels: labels(&mut fields)?,
    };
    fields.finish()?;
    Ok(network)
}

/// One volume; its engine name is filled in where the file gives none.
pub(crate) fn volume(key: &str, node: &Node, prefix: &str) -> Result<Volume, ModelError> {
    let default = format!("{prefix}_{key}");
    if node.is_null() {
        return Ok(Volume { name: default, ..Volume::default() });
    }
    let mut fields = Fields::of(node, format!("volume `{key}`"))?;
    let (external, external_name) = external(&mut fields)?;
    let name = fields.string("name")?.or(external_name);
    let volume = Volume {
        name: name.unwrap_or_else(|| if external { key.to_owned() } else { default }),
        driver: fields.string("driver")?,
        driver_opts: fields.read("driver_opts", Node::string_map)?.unwrap_or_default(),
        external,
        labels: labels(&mut fields)?,
    };
    fields.finish()?;
    Ok(volume)
}

/// `labels` of anything.
pub(crate) fn labels(fields: &mut Fields<'_>) -> Result<BTreeMap<String, String>, ModelError> {
    Ok(fields.read("labels", Node::string_map)?.unwrap_or_default())
}

/// `external: true`, or the older `external: {name: x}`.
fn external(fields: &mut Fields<'_>) -> Result<(bool, Option<String>), ModelError> {
    let read = fields.read("external", |node, what| {
        if node.mapping().is_none() {
            return Ok((node.boolean(what)?, None));
        }
        let mut fields = Fields::of(node, what)?;
        let name = fields.string("name")?;
        fields.finish().map(|()| (true, name))
    })?;
    Ok(read.unwrap_or_default())
}
