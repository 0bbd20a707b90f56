//! Short forms that stand for a mapping become that mapping, so that files can be merged key by key.
//!
//! `environment: [A=1]` -> `{A: "1"}`, `depends_on: [db]` -> `{db: {condition: service_started}}`, `build: .` ->
//! `{context: .}` and so on. Values that are not understood are left for the typed reading to refuse.

use super::error::ModelError;
use super::yaml::{Entry, Mapping, Node, Value};

/// Keys of a service that may be a list of `NAME=value`.
const ASSIGNMENTS: [&str; 5] = ["environment", "labels", "sysctls", "annotations", "driver_opts"];
/// Keys of a service that may be one text instead of a list.
const LISTS: [&str; 2] = ["env_file", "tmpfs"];

/// Makes a whole file canonical.
pub(crate) fn file(root: &mut Node) -> Result<(), ModelError> {
    for section in ["services", "networks", "volumes"] {
        let Some(entries) = child(root, section).and_then(Node::mapping_mut) else { continue };
        for entry in entries.values_mut() {
            resource(&mut entry.node)?;
        }
    }
    Ok(())
}

fn resource(node: &mut Node) -> Result<(), ModelError> {
    for key in ASSIGNMENTS {
        with(node, key, assignments)?;
    }
    for key in LISTS {
        with(node, key, |node| {
            if node.scalar().is_some() {
                let item = Node { merge: super::yaml::Merge::Usual, ..node.clone() };
                node.value = Value::Sequence(vec![item]);
            }
            Ok(())
        })?;
    }
    with(node, "extra_hosts", hosts)?;
    with(node, "depends_on", |node| {
        names(node, |mark| {
            let condition = Node::text(mark.clone(), "service_started");
            Value::Mapping(Mapping::from([("condition".to_owned(), Entry { key: mark, node: condition })]))
        })
    })?;
    with(node, "networks", |node| names(node, |_| Value::Null))?;
    with(node, "build", |node| {
        if node.scalar().is_some() {
            let context = Node { merge: super::yaml::Merge::Usual, ..node.clone() };
            let key = node.mark.clone();
            node.value = Value::Mapping(Mapping::from([("context".to_owned(), Entry { key, node: context })]));
        }
        with(node, "args", assignments)?;
        with(node, "labels", assignments)
    })?;
    if let Some(deploy) = child(node, "deploy") {
        with(deploy, "labels", assignments)?;
    }
    Ok(())
}

/// A list of `NAME=value` or `NAME` becomes a mapping; a name alone has the value null.
fn assignments(node: &mut Node) -> Result<(), ModelError> {
    pairs(node, |text| match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    })
}

/// `host:ip` or `host=ip`.
fn hosts(node: &mut Node) -> Result<(), ModelError> {
    pairs(node, |text| match text.split_once('=').or_else(|| text.split_once(':')) {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    })
}

fn pairs(node: &mut Node, split: impl Fn(&str) -> (&str, Option<&str>)) -> Result<(), ModelError> {
    let Value::Sequence(items) = &node.value else { return Ok(()) };
    let mut entries = Mapping::new();
    for item in items {
        let text = item.scalar().ok_or_else(|| item.mismatch("an item of this list", "text like NAME=value"))?;
        let (name, value) = split(text);
        let mark = item.mark.clone();
        let value = match value {
            Some(value) => Node::text(mark.clone(), value),
            None => Node::new(mark.clone(), Value::Null),
        };
        // As in Compose, the last of several wins.
        entries.insert(name.to_owned(), Entry { key: mark, node: value });
    }
    node.value = Value::Mapping(entries);
    Ok(())
}

/// A list of names becomes a mapping from each to a value.
fn names(node: &mut Node, value: impl Fn(super::yaml::Mark) -> Value) -> Result<(), ModelError> {
    let Value::Sequence(items) = &node.value else { return Ok(()) };
    let mut entries = Mapping::new();
    for item in items {
        let name = item.scalar().ok_or_else(|| item.mismatch("an item of this list", "a name"))?;
        let key = item.mark.clone();
        entries.insert(name.to_owned(), Entry { node: Node::new(key.clone(), value(key.clone())), key });
    }
    node.value = Value::Mapping(entries);
    Ok(())
}

fn child<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    node.mapping_mut()?.get_mut(key).map(|entry| &mut entry.node)
}

fn with(
    node: &mut Node,
    key: &str,
    change: impl FnOnce(&mut Node) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    child(node, key).map_or(Ok(()), change)
}
