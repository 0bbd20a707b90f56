//! `include`: other files whose services, networks, volumes and secrets become part of this one.

use std::path::{Path, PathBuf};

use super::error::ModelError;
use super::paths;
use super::yaml::{Fields, Mapping, Mark, Node, Value};

/// One entry of `include`.
pub(crate) struct Include {
    /// Files, each later one laid over those before it.
    pub files: Vec<PathBuf>,
    /// Files with variables; `.env` of the directory when there are none.
    pub env_files: Vec<PathBuf>,
    /// Directory against which relative paths in them are resolved, absolute.
    pub dir: PathBuf,
    /// Where it is written.
    pub mark: Mark,
}

/// Sections that an included file adds to. In `x-pipectl` these are the steps.
const SECTIONS: [(&[&str], &str); 5] = [
    (&["services"], "service"),
    (&["networks"], "network"),
    (&["volumes"], "volume"),
    (&["secrets"], "secret"),
    (&["x-pipectl", "steps"], "step"),
];

/// Reads the value of `include`.
pub(crate) fn read(node: &Node) -> Result<Vec<Include>, ModelError> {
    let items = node.items().ok_or_else(|| node.mismatch("`include`", "a list"))?;
    items.iter().map(one).collect()
}

fn one(node: &Node) -> Result<Include, ModelError> {
    let (named, env_files, dir) = if let Some(path) = node.scalar() {
        (vec![path.to_owned()], Vec::new(), None)
    } else {
        let mut fields = Fields::of(node, "an item of `include`")?;
        fields.require("path")?;
        let named = fields.read("path", Node::one_or_many)?.unwrap_or_default();
        let env_files = fields.read("env_file", Node::one_or_many)?.unwrap_or_default();
        let dir = fields.string("project_directory")?;
        fields.finish()?;
        (named, env_files, dir)
    };
    if let Some(remote) = named.iter().find(|path| path.contains("://") || path.starts_with("git@")) {
        return Err(node.error(format!("`{remote}`: remote files are not supported by pipectl")));
    }
    let base = &node.mark.source.base;
    let Some(first) = named.first() else { return Err(node.error("an item of `include` names no file")) };
    let dir = match dir {
        Some(dir) => paths::resolve(base, &dir),
        None => paths::resolve(base, first).parent().unwrap_or(base).to_owned(),
    };
    let env_files = env_files.iter().map(|file| paths::resolve(base, file)).collect();
    let files = named.iter().map(|file| shown(&node.mark, file)).collect();
    Ok(Include { files, env_files, dir, mark: node.mark.clone() })
}

/// The path for messages: beside the including file as that one was named.
fn shown(mark: &Mark, file: &str) -> PathBuf {
    let beside = mark.source.shown.parent().unwrap_or(Path::new(""));
    // With `project_directory` the base may be elsewhere; then only the absolute path leads there.
    if paths::absolute(beside) == mark.source.base {
        beside.join(file.trim_start_matches("./"))
    } else {
        paths::resolve(&mark.source.base, file)
    }
}

/// Adds what an included file defines; two different definitions of one name are refused.
pub(crate) fn import(tree: &mut Node, included: &Node) -> Result<(), ModelError> {
    for (path, kind) in SECTIONS {
        let Some(entries) = included.at(path).and_then(Node::mapping).cloned() else { continue };
        let target = section(tree, path, included)?;
        for (name, entry) in entries {
            if let Some(here) = target.get(&name) {
                if !here.node.same(&entry.node) {
                    let elsewhere = &entry.key;
                    return Err(ModelError::at(&here.key, format!("{kind} `{name}` is defined twice")).hint(format!(
                        "the other definition is at {elsewhere:?}; change it in a file of its own (-f)"
                    )));
                }
                continue;
            }
            target.insert(name, entry);
        }
    }
    if let Some(entry) = included.at(&["x-pipectl"]).and_then(|node| node.entry("pipeline")) {
        section(tree, &["x-pipectl"], included)?.entry("pipeline".to_owned()).or_insert(entry.clone());
    }
    Ok(())
}

/// The mapping at `path` of the including file, made where it is not there yet.
fn section<'t>(tree: &'t mut Node, path: &[&str], included: &Node) -> Result<&'t mut Mapping, ModelError> {
    let mut node = tree;
    for key in path {
        let mark = included.mark_of(key).clone();
        let Value::Mapping(entries) = &mut node.value else {
            return Err(ModelError::at(&node.mark, "this must be a mapping"));
        };
        let entry = entries.entry((*key).to_owned()).or_insert_with(|| super::yaml::Entry {
            key: mark.clone(),
            node: Node::new(mark, Value::Mapping(Mapping::new())),
        });
        if entry.node.is_null() {
            entry.node.value = Value::Mapping(Mapping::new());
        }
        node = &mut entry.node;
    }
    let mark = node.mark.clone();
    node.mapping_mut().ok_or_else(|| ModelError::at(&mark, "this must be a mapping"))
}
