//! Which variables of the Compose files say where a port is published, and which secrets are still those of the files.
//!
//! Read before variables are put in, because afterwards nobody can tell a default from a decision.

use std::cell::RefCell;

use super::environment::Environment;
use super::forms::ports;
use super::interpolate::interpolate;
use super::yaml::{Node, Value};

/// A variable that decides on a published port: the `KAFKA_PORT` of `${KAFKA_PORT:-9092}:29092`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortVariable {
    /// The service.
    pub service: String,
    /// The variable.
    pub name: String,
    /// The published port that it stands for now.
    pub port: u16,
    /// True when the environment or an `.env` file sets it: nobody but the user changes it then.
    pub set: bool,
}

/// A secret of a service that everybody knows, because it is the one in the Compose files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownSecret {
    /// The service.
    pub service: String,
    /// The variable that would replace it; nothing where the file leaves no choice.
    pub variable: Option<String>,
}

/// Words in the names of variables that hold secrets.
const SECRET: [&str; 4] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN"];
/// A value that no file would give to a port.
const PROBE: u16 = 1;

/// The variables behind the published ports of a file.
pub(super) fn variables(tree: &Node, environment: &Environment) -> Vec<PortVariable> {
    let mut found = Vec::new();
    for (service, node) in services(tree) {
        for item in node.at(&["ports"]).and_then(Node::items).unwrap_or_default() {
            let Some(text) = item.scalar().or_else(|| item.at(&["published"])?.scalar()) else { continue };
            let is_short = item.scalar().is_some();
            let published = |lookup: &dyn Fn(&str) -> Option<String>| {
                let text = interpolate(text, lookup).ok()?;
                if is_short { ports::published(&text) } else { text.parse().ok() }
            };
            let asked = RefCell::new(Vec::new());
            let noting = |name: &str| {
                asked.borrow_mut().push(name.to_owned());
                environment.get(name)
            };
            let Some(port) = published(&noting) else { continue };
            // The one whose value is the published port, whatever else the text names.
            let decides = |name: &String| {
                let probe = |asked: &str| if asked == name { Some(PROBE.to_string()) } else { environment.get(asked) };
                published(&probe) == Some(PROBE)
            };
            if let Some(name) = asked.take().into_iter().find(decides) {
                let set = environment.is_set(&name);
                found.push(PortVariable { service: service.to_owned(), name, port, set });
            }
        }
    }
    found
}

/// The secrets of a file that have not been replaced by others.
pub(super) fn known_secrets(tree: &Node, environment: &Environment) -> Vec<KnownSecret> {
    let mut found = Vec::new();
    for (service, node) in services(tree) {
        let mut note = |variable| found.push(KnownSecret { service: service.to_owned(), variable });
        let password = node.at(&["x-pipectl", "credentials", "password"]).and_then(Node::scalar);
        if password.is_some_and(|text| !text.contains('$')) {
            note(None);
        }
        let mut look = |text: &str| {
            let asked = RefCell::new(Vec::new());
            let noting = |name: &str| {
                asked.borrow_mut().push(name.to_owned());
                environment.get(name)
            };
            let now = interpolate(text, &noting);
            let without = |asked: &str| if is_secret(asked) { None } else { environment.get(asked) };
            // Setting it to what the file has anyway makes no secret of it.
            if now.as_ref().is_ok_and(|now| !now.is_empty()) && now == interpolate(text, &without) {
                asked.take().into_iter().filter(|name| is_secret(name)).for_each(|name| note(Some(name)));
            }
        };
        each_scalar(node, &mut look);
        for used in node.at(&["secrets"]).and_then(Node::items).unwrap_or_default() {
            let source = used.scalar().or_else(|| used.at(&["source"])?.scalar());
            let Some(secret) = source.and_then(|source| tree.at(&["secrets", source])) else { continue };
            let of = |path: &[&str]| secret.at(path).and_then(Node::scalar);
            if let (Some(name), Some(default)) = (of(&["environment"]), of(&["x-pipectl", "default"])) {
                look(&format!("${{{name}:-{default}}}"));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn is_secret(variable: &str) -> bool {
    let variable = variable.to_ascii_uppercase();
    SECRET.iter().any(|word| variable.contains(word))
}

fn services(tree: &Node) -> impl Iterator<Item = (&str, &Node)> {
    let entries = tree.at(&["services"]).and_then(Node::mapping);
    entries.into_iter().flatten().map(|(name, entry)| (name.as_str(), &entry.node))
}

fn each_scalar(node: &Node, see: &mut impl FnMut(&str)) {
    match &node.value {
        Value::Scalar(scalar) if scalar.text.contains('$') => see(&scalar.text),
        Value::Scalar(_) | Value::Null => {}
        Value::Sequence(items) => items.iter().for_each(|item| each_scalar(item, see)),
        Value::Mapping(entries) => entries.values().for_each(|entry| each_scalar(&entry.node, see)),
    }
}
