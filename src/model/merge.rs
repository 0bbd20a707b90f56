//! Merges one canonical file onto another by the rules of Compose.
//!
//! Mappings merge key by key, lists are appended, everything else is replaced. Exceptions by place: commands are replaced
//! as a whole; ports, volumes and secrets with the same target replace each other; `!reset` and `!override` say so themselves.

use super::forms::{ports, secrets, volumes};
use super::yaml::{Entry, Mapping, Merge, Node, Value};

/// Lays `over` onto `base`.
pub(crate) fn merge(base: Node, over: Node) -> Node {
    at(base, over, &mut Vec::new())
}

/// Removes what `!reset` marks and forgets the marks, after the last file.
pub(crate) fn settle(node: &mut Node) {
    node.merge = Merge::Usual;
    match &mut node.value {
        Value::Mapping(entries) => {
            entries.retain(|_, entry| entry.node.merge != Merge::Reset);
            entries.values_mut().for_each(|entry| settle(&mut entry.node));
        }
        Value::Sequence(items) => {
            items.retain(|item| item.merge != Merge::Reset);
            items.iter_mut().for_each(settle);
        }
        Value::Null | Value::Scalar(_) => {}
    }
}

fn at(base: Node, over: Node, path: &mut Vec<String>) -> Node {
    if over.merge != Merge::Usual || base.merge == Merge::Reset || replaced_whole(path) {
        return over;
    }
    match (base.value, over.value) {
        (Value::Mapping(base), Value::Mapping(over_entries)) => {
            Node { value: Value::Mapping(mappings(base, over_entries, path)), mark: over.mark, merge: over.merge }
        }
        (Value::Sequence(base), Value::Sequence(over_items)) => {
            Node { value: Value::Sequence(sequences(base, over_items, path)), mark: over.mark, merge: over.merge }
        }
        // An empty value in the later file says nothing, as in Compose.
        (value, Value::Null) => Node { value, mark: base.mark, merge: base.merge },
        (_, value) => Node { value, mark: over.mark, merge: over.merge },
    }
}

fn mappings(mut base: Mapping, over: Mapping, path: &mut Vec<String>) -> Mapping {
    for (key, entry) in over {
        let merged = match base.get(&key) {
            Some(old) => {
                path.push(key.clone());
                let node = at(old.node.clone(), entry.node, path);
                path.pop();
                Entry { key: entry.key, node }
            }
            None => entry,
        };
        base.insert(key, merged);
    }
    base
}

fn sequences(mut base: Vec<Node>, over: Vec<Node>, path: &[String]) -> Vec<Node> {
    match below_service(path).as_slice() {
        ["ports"] => base.retain(|old| !over.iter().any(|new| same_port(old, new))),
        ["volumes"] => base.retain(|old| !over.iter().any(|new| same_target(old, new, volumes::target))),
        ["secrets"] => base.retain(|old| !over.iter().any(|new| same_target(old, new, secrets::target))),
        _ => base.retain(|old| !over.iter().any(|new| old.scalar().is_some() && old.same(new))),
    }
    base.extend(over);
    base
}

/// Places where the later file's value stands alone.
fn replaced_whole(path: &[String]) -> bool {
    matches!(
        below_service(path).as_slice(),
        ["command" | "entrypoint"] | ["healthcheck", "test"] | ["x-pipectl", "ready"]
    )
}

/// The path below a service; empty elsewhere.
fn below_service(path: &[String]) -> Vec<&str> {
    match path {
        [section, _, below @ ..] if section == "services" => below.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

fn same_port(left: &Node, right: &Node) -> bool {
    match (ports::read(left, ""), ports::read(right, "")) {
        (Ok(left), Ok(right)) => left == right,
        _ => false,
    }
}

fn same_target(left: &Node, right: &Node, target: fn(&Node) -> Option<&str>) -> bool {
    let of_left = target(left);
    of_left.is_some() && of_left == target(right)
}
