//! `volumes` and `tmpfs` of a service: `[source:]target[:options]`, or the long form.

use std::path::{Path, PathBuf};

use super::bytes;
use crate::model::error::ModelError;
use crate::model::paths;
use crate::model::yaml::{Fields, Node};
use crate::model::{Mount, MountKind};

/// Options of the short form that change nothing that we know of: they are for other platforms.
const NO_EFFECT: [&str; 6] = ["rw", "z", "Z", "cached", "delegated", "consistent"];

/// One entry of `volumes`; `home` is where `~` leads.
pub(crate) fn read(node: &Node, what: &str, home: Option<&str>) -> Result<Mount, ModelError> {
    let mount = match node.scalar() {
        Some(text) => short(node, text, home).map_err(|reason| {
            node.error(format!("{what}: invalid volume `{text}`: {reason}"))
                .hint("write [volume or ./path:]/path/inside[:ro]")
        })?,
        None => long(node, what, home)?,
    };
    if !mount.target.starts_with('/') {
        return Err(node.error(format!("{what}: the path inside must be absolute: `{}`", mount.target)));
    }
    Ok(mount)
}

/// One entry of `tmpfs`: `/path[:options]`.
pub(crate) fn tmpfs(node: &Node, what: &str) -> Result<Mount, ModelError> {
    let text = node.loose(what)?;
    let (target, options) = text.split_once(':').unwrap_or((text, ""));
    let mut size = None;
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some(("size", value)) if bytes::parse(value).is_some() => size = bytes::parse(value),
            _ => return Err(node.error(format!("{what}: option `{option}` is not supported by pipectl"))),
        }
    }
    if !target.starts_with('/') {
        return Err(node.error(format!("{what}: the path must be absolute: `{target}`")));
    }
    Ok(Mount { kind: MountKind::Tmpfs(size), target: target.to_owned(), read_only: false })
}

/// Path inside the container of an entry that need not be correct otherwise: what makes it unique when files are merged.
pub(crate) fn target(node: &Node) -> Option<&str> {
    match node.scalar() {
        None => node.at(&["target"])?.scalar(),
        Some(text) => {
            let mut parts = text.split(':');
            let first = parts.next()?;
            Some(parts.next().unwrap_or(first))
        }
    }
}

fn short(node: &Node, text: &str, home: Option<&str>) -> Result<Mount, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, options) = match parts[..] {
        [target] => (None, target, ""),
        [source, target] => (Some(source), target, ""),
        [source, target, options] => (Some(source), target, options),
        _ => return Err("too many parts".to_owned()),
    };
    let mut read_only = false;
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" => read_only = true,
            other if NO_EFFECT.contains(&other) => {}
            other => return Err(format!("option `{other}` is not supported by pipectl")),
        }
    }
    let kind = match source {
        None => MountKind::Anonymous,
        Some("") => return Err("the source is empty".to_owned()),
        Some(source) => match host_path(&node.mark.source.base, source, home)? {
            Some(path) => MountKind::Bind(path),
            None => MountKind::Volume(source.to_owned()),
        },
    };
    Ok(Mount { kind, target: target.to_owned(), read_only })
}

fn long(node: &Node, what: &str, home: Option<&str>) -> Result<Mount, ModelError> {
    let mut fields = Fields::of(node, format!("an item of {what}"))?;
    fields.unsupported(&["consistency", "image"]);
    let kind = fields.require("type")?;
    let source = fields.string("source")?;
    fields.require("target")?;
    let target = fields.string("target")?.unwrap_or_default();
    let read_only = fields.flag("read_only")?;
    let size = fields.read("tmpfs", |node, what| {
        let mut fields = Fields::of(node, what)?;
        fields.unsupported(&["mode"]);
        let size = fields.read("size", bytes::read)?;
        fields.finish().map(|()| size)
    })?;
    fields.read("bind", |node, what| {
        let mut fields = Fields::of(node, what)?;
        fields.unsupported(&["propagation", "selinux", "recursive"]);
        // The engine makes a missing directory, or refuses: the same in both cases for files that are part of a project.
        fields.flag("create_host_path")?;
        fields.finish()
    })?;
    fields.read("volume", |node, what| {
        let mut fields = Fields::of(node, what)?;
        fields.unsupported(&["nocopy", "subpath", "labels"]);
        fields.finish()
    })?;
    fields.finish()?;
    let kind = match (kind.loose(what)?, source) {
        ("volume", None) => MountKind::Anonymous,
        ("volume", Some(source)) => MountKind::Volume(source),
        ("bind", Some(source)) => {
            let path = host_path(&node.mark.source.base, &source, home).map_err(|reason| node.error(reason))?;
            MountKind::Bind(path.unwrap_or_else(|| paths::resolve(&node.mark.source.base, &source)))
        }
        ("bind", None) => return Err(node.error(format!("an item of {what} has no `source`"))),
        ("tmpfs", _) => MountKind::Tmpfs(size.flatten()),
        (other, _) => {
            let message = format!("an item of {what} has type `{other}`, which is not supported by pipectl");
            return Err(kind.error(message).hint("types are volume, bind and tmpfs"));
        }
    };
    Ok(Mount { kind, target, read_only })
}

/// The absolute path when `source` is a path at all, none when it is the name of a volume.
fn host_path(base: &Path, source: &str, home: Option<&str>) -> Result<Option<PathBuf>, String> {
    if let Some(below) = source.strip_prefix('~') {
        let home = home.ok_or("HOME is not set, so `~` leads nowhere")?;
        return Ok(Some(paths::resolve(Path::new(home), below.trim_start_matches('/'))));
    }
    Ok(source.starts_with(['.', '/']).then(|| paths::resolve(base, source)))
}
