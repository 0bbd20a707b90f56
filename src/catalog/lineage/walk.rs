//! Follows edges from an entity, breadth first, upstream and downstream.

use std::collections::HashSet;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::error::Result;
use super::super::store::{Entity, View};

/// An edge that was met.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Where the data comes from.
    pub from: Uuid,
    /// Where it goes.
    pub to: Uuid,
    /// The edge as stored.
    pub document: Map<String, Value>,
}

/// What can be reached from an entity.
#[derive(Debug, Default)]
pub struct Walk {
    /// Entities with the number of edges to them, nearest first, without the one it began at.
    pub nodes: Vec<(Entity, usize)>,
    /// Edges on the way up.
    pub upstream: Vec<Edge>,
    /// Edges on the way down.
    pub downstream: Vec<Edge>,
}

/// How far to go.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    /// Edges upstream.
    pub upstream: usize,
    /// Edges downstream.
    pub downstream: usize,
    /// Whether deleted entities are passed.
    pub deleted: bool,
}

/// Walks both ways.
pub fn from(view: &impl View, root: &Entity, reach: Reach) -> Result<Walk> {
    let mut walk = Walk::default();
    let mut known = HashSet::from([root.id()]);
    walk.upstream = direction(view, root, true, reach, &mut known, &mut walk.nodes)?;
    walk.downstream = direction(view, root, false, reach, &mut known, &mut walk.nodes)?;
    Ok(walk)
}

fn direction(
    view: &impl View,
    root: &Entity,
    upstream: bool,
    reach: Reach,
    known: &mut HashSet<Uuid>,
    nodes: &mut Vec<(Entity, usize)>,
) -> Result<Vec<Edge>> {
    let depth = if upstream { reach.upstream } else { reach.downstream };
    let mut edges = Vec::new();
    let mut passed = HashSet::from([root.id()]);
    let mut layer = vec![root.id()];
    for distance in 1..=depth {
        let mut next = Vec::new();
        for here in layer {
            for there in view.neighbours(here, upstream)? {
                let Some(entity) = view.entity(there)?.filter(|entity| reach.deleted || !entity.is_deleted()) else {
                    continue;
                };
                let (from, to) = if upstream { (there, here) } else { (here, there) };
                edges.push(Edge { from, to, document: view.edge(from, to)?.unwrap_or_default() });
                if known.insert(there) {
                    nodes.push((entity, distance));
                }
                // A circle is closed by its last edge and not followed again.
                if passed.insert(there) {
                    next.push(there);
                }
            }
        }
        if next.is_empty() {
            break;
        }
        layer = next;
    }
    Ok(edges)
}
