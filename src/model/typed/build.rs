//! `build`.

use super::Context;
use super::environment::inherited;
use crate::model::error::ModelError;
use crate::model::yaml::{Fields, Node};
use crate::model::{Build, paths};

/// Keys that would change the image.
const UNSUPPORTED: [&str; 12] = [
    "additional_contexts",
    "dockerfile_inline",
    "entitlements",
    "extra_hosts",
    "isolation",
    "network",
    "platforms",
    "privileged",
    "provenance",
    "sbom",
    "secrets",
    "ssh",
];
/// Keys that change only how it is built.
const WITHOUT_EFFECT: [&str; 8] =
    ["cache_from", "cache_to", "labels", "no_cache", "pull", "shm_size", "tags", "ulimits"];

/// How a service's image is built; `what` is the service.
pub(crate) fn read(node: &Node, what: &str, context: &mut Context<'_>) -> Result<Build, ModelError> {
    let mut fields = Fields::of(node, format!("`build` of {what}"))?;
    fields.unsupported(&UNSUPPORTED);
    let given = fields.take("context");
    let path = match given {
        Some(node) => node.string(&fields.name("context"))?,
        None => ".".to_owned(),
    };
    if path.contains("://") || path.starts_with("git@") {
        let message = format!("`{path}`: remote build contexts are not supported by pipectl");
        return Err(given.unwrap_or(node).error(message));
    }
    let build = Build {
        context: paths::resolve(&given.unwrap_or(node).mark.source.base, &path),
        dockerfile: fields.string("dockerfile")?,
        target: fields.string("target")?,
        args: fields.read("args", |node, what| inherited(node, what, context))?.unwrap_or_default(),
        executable: fields.read("x-pipectl", own)?.flatten(),
    };
    fields.ignore(&WITHOUT_EFFECT, &mut context.warnings);
    fields.finish()?;
    Ok(build)
}

/// `x-pipectl` of a build.
fn own(node: &Node, what: &str) -> Result<Option<String>, ModelError> {
    let mut fields = Fields::of(node, what)?;
    let executable = fields.string("executable")?;
    if let (Some(name), Some(node)) = (&executable, fields.take("executable")) {
        if name.is_empty() || name.contains('/') {
            return Err(node.error(format!("`{name}` is no name of a file in the build context")));
        }
    }
    fields.finish()?;
    Ok(executable)
}
