//! Lineage as text: for people, for Mermaid, for Graphviz.

use std::fmt::Write as _;

use super::{ColumnMap, Edge, Lineage, Node};
use crate::governance::fqn;

/// Indented text, one block an edge; `marks` says of an edge what is wrong with it.
pub fn text(lineage: &Lineage, marks: &dyn Fn(&Edge) -> Option<String>) -> String {
    let mut text = String::new();
    for edge in &lineage.edges {
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(text, "{} -> {}", edge.from.fqn, edge.to.fqn);
        let mark = marks(edge).map_or_else(String::new, |mark| format!("   {mark}"));
        let _ = writeln!(text, "  by {}{mark}", edge.pipeline);
        let width = edge.columns.iter().map(|map| sources(map).chars().count()).max().unwrap_or_default();
        for map in &edge.columns {
            let how = if map.plain { "" } else { "  (computed)" };
            let _ = writeln!(text, "    {:width$}  -> {}{how}", sources(map), last(&map.to));
        }
    }
    for note in &lineage.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

/// A Mermaid flow chart.
pub fn mermaid(lineage: &Lineage) -> String {
    let mut text = String::from("flowchart LR\n");
    let nodes = lineage.nodes();
    for (index, node) in nodes.iter().enumerate() {
        let name = node.fqn.replace('"', "#quot;");
        let _ = if node.entity_type == "topic" {
            writeln!(text, "  n{index}([\"{name}\"])")
        } else {
            writeln!(text, "  n{index}[\"{name}\"]")
        };
    }
    for edge in &lineage.edges {
        let (from, to) = (place(&nodes, &edge.from), place(&nodes, &edge.to));
        let _ = writeln!(text, "  n{from} -- \"{}\" --> n{to}", edge.pipeline.replace('"', "#quot;"));
    }
    text
}

/// A Graphviz graph.
pub fn dot(lineage: &Lineage) -> String {
    let mut text = String::from("digraph lineage {\n  rankdir=LR;\n  node [shape=box];\n");
    let quoted = |name: &str| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    for node in lineage.nodes().iter().filter(|node| node.entity_type == "topic") {
        let _ = writeln!(text, "  {} [shape=ellipse];", quoted(&node.fqn));
    }
    for edge in &lineage.edges {
        let label = quoted(&edge.pipeline);
        let _ = writeln!(text, "  {} -> {} [label={label}];", quoted(&edge.from.fqn), quoted(&edge.to.fqn));
    }
    text.push_str("}\n");
    text
}

fn place(nodes: &[&Node], node: &Node) -> usize {
    nodes.iter().position(|known| *known == node).unwrap_or_default()
}

fn sources(map: &ColumnMap) -> String {
    map.from.iter().map(|column| last(column)).collect::<Vec<_>>().join(", ")
}

/// The last part of a fully qualified name.
fn last(column: &str) -> String {
    fqn::parts(column).pop().unwrap_or_default()
}
