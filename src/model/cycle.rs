//! Finds a cycle among services and steps and prints it as a path.

use std::collections::BTreeMap;

use super::error::ModelError;
use super::ext::ProjectExt;
use super::validate::{service_mark, step_mark};
use super::yaml::{Mark, Node};
use super::{Service, ext};

/// How far the search has come with a node.
#[derive(Clone, Copy, PartialEq)]
enum Visit {
    Open,
    Closed,
}

/// Refuses a project in which something waits for itself.
pub(crate) fn check(tree: &Node, services: &BTreeMap<String, Service>, ext: &ProjectExt) -> Result<(), ModelError> {
    let edges = edges(services, &ext.steps);
    let mut visits = BTreeMap::new();
    for name in edges.keys() {
        let mut path = Vec::new();
        if let Some(cycle) = search(name, &edges, &mut visits, &mut path) {
            // The entry that closes the cycle is the one that a person would take out.
            let (last, first) = (cycle[cycle.len() - 2], cycle[cycle.len() - 1]);
            let mark = mark(tree, services, last, first);
            return Err(ModelError::at(&mark, format!("dependency cycle: {}", cycle.join(" -> ")))
                .hint("each of them waits for the next one; take one of these dependencies out"));
        }
    }
    Ok(())
}

fn edges<'m>(
    services: &'m BTreeMap<String, Service>,
    steps: &'m BTreeMap<String, ext::Step>,
) -> BTreeMap<&'m str, Vec<&'m str>> {
    let services = services.iter().map(|(name, service)| {
        (name.as_str(), service.depends_on.keys().chain(&service.ext.after).map(String::as_str).collect())
    });
    let steps = steps.iter().map(|(name, step)| (name.as_str(), step.after.iter().map(String::as_str).collect()));
    services.chain(steps).collect()
}

/// Depth first; the cycle begins and ends with the same name. Recursion is as deep as the longest chain of services.
fn search<'m>(
    name: &'m str,
    edges: &BTreeMap<&'m str, Vec<&'m str>>,
    visits: &mut BTreeMap<&'m str, Visit>,
    path: &mut Vec<&'m str>,
) -> Option<Vec<&'m str>> {
    match visits.get(name) {
        Some(Visit::Closed) => return None,
        Some(Visit::Open) => {
            let start = path.iter().position(|other| *other == name).unwrap_or_default();
            let mut cycle = path[start..].to_vec();
            cycle.push(name);
            return Some(cycle);
        }
        None => {}
    }
    visits.insert(name, Visit::Open);
    path.push(name);
    for next in edges.get(name).into_iter().flatten() {
        if let Some(cycle) = search(next, edges, visits, path) {
            return Some(cycle);
        }
    }
    path.pop();
    visits.insert(name, Visit::Closed);
    None
}

fn mark(tree: &Node, services: &BTreeMap<String, Service>, from: &str, to: &str) -> Mark {
    match services.get(from) {
        Some(service) if service.depends_on.contains_key(to) => service_mark(tree, from, &["depends_on"], to),
        Some(_) => service_mark(tree, from, &["x-pipectl", "after"], to),
        None => step_mark(tree, from, &["after"], to),
    }
}
