//! `secrets` of a service: the name of one, or the long form.

use crate::model::SecretUse;
use crate::model::error::ModelError;
use crate::model::secret::SECRETS_DIR;
use crate::model::yaml::{Fields, Node};

/// Permission bits where none are given: those of Compose, because a service is often not the owner.
const MODE: u32 = 0o444;

/// One entry of `secrets` of a service.
pub(crate) fn read(node: &Node, what: &str) -> Result<SecretUse, ModelError> {
    if let Some(name) = node.scalar() {
        return Ok(SecretUse { source: name.to_owned(), target: name.to_owned(), uid: 0, gid: 0, mode: MODE });
    }
    let mut fields = Fields::of(node, format!("an item of {what}"))?;
    let source = fields.require("source")?.string(&fields.name("source"))?;
    let target = fields.read("target", file_name)?.unwrap_or_else(|| source.clone());
    let id = |node: &Node, what: &str| node.integer(what);
    let uid = fields.read("uid", id)?.unwrap_or(0);
    let gid = fields.read("gid", id)?.unwrap_or(0);
    let mode = fields.read("mode", mode)?.unwrap_or(MODE);
    fields.finish()?;
    Ok(SecretUse { source, target, uid, gid, mode })
}

/// Name of the file of an entry that need not be correct otherwise: what makes it unique when files are merged.
pub(crate) fn target(node: &Node) -> Option<&str> {
    let name = node.scalar().or_else(|| node.at(&["target"])?.scalar()).or_else(|| node.at(&["source"])?.scalar())?;
    Some(below(name))
}

fn below(target: &str) -> &str {
    target.strip_prefix(SECRETS_DIR).and_then(|name| name.strip_prefix('/')).unwrap_or(target)
}

fn file_name(node: &Node, what: &str) -> Result<String, ModelError> {
    let target = node.string(what)?;
    let name = below(&target);
    if name.is_empty() || name.contains('/') || name == "." || name == ".." {
        return Err(node
            .error(format!("{what}: `{target}` is no file directly below {SECRETS_DIR}"))
            .hint("give a name without a directory: other places are not supported by pipectl"));
    }
    Ok(name.to_owned())
}

/// Octal, in quotes or not, as people write permissions.
fn mode(node: &Node, what: &str) -> Result<u32, ModelError> {
    let text = node.loose(what)?;
    let digits = text.strip_prefix("0o").unwrap_or(text);
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err(node.mismatch(what, "permissions in octal, such as \"0440\"")),
    }
}
