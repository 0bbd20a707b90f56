//! Lineage as text: for people, for Mermaid, for Graphviz.

use std::fmt::Write as _;

use super::{ColumnMap, Edge, Lineage, Node};
use crate::governance::client::{FoundEdge, FoundEnd};
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

/// An edge of a drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where data comes from: type and fully qualified name.
    from: (&'a str, &'a str),
    /// Where it goes.
    to: (&'a str, &'a str),
    /// The pipeline that moves it, and what is wrong with it.
    label: String,
    style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Wanted, and as it should be.
    Plain,
    /// Wanted, and missing in the catalog or different there.
    Dashed,
    /// In the catalog, and not wanted.
    Bold,
}

/// What there is to draw: the wanted edges, with what `marks` says is wrong with them, then those that the catalog holds too many.
pub fn lines<'a>(
    lineage: &'a Lineage,
    marks: &dyn Fn(&Edge) -> Option<String>,
    orphans: &[&'a FoundEdge],
) -> Vec<Line<'a>> {
    let wanted = lineage.edges.iter().map(|edge| {
        let (label, style) = match marks(edge) {
            Some(what) => (format!("{}: {what}", edge.pipeline), Style::Dashed),
            None => (edge.pipeline.clone(), Style::Plain),
        };
        let end = |node: &'a Node| (node.entity_type, node.fqn.as_str());
        Line { from: end(&edge.from), to: end(&edge.to), label, style }
    });
    let left_over = orphans.iter().map(|edge| {
        let end = |end: &'a FoundEnd| (end.entity_type.as_str(), end.fqn.as_str());
        let label = format!("{}: orphaned", edge.pipeline.as_deref().unwrap_or_default());
        Line { from: end(&edge.from), to: end(&edge.to), label, style: Style::Bold }
    });
    wanted.chain(left_over).collect()
}

/// A Mermaid flow chart.
pub fn mermaid(lines: &[Line<'_>]) -> String {
    let mut text = String::from("flowchart LR\n");
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "#quot;"));
    let nodes = nodes(lines);
    for (index, (entity_type, name)) in nodes.iter().enumerate() {
        let name = quoted(name);
        let _ = if *entity_type == "topic" {
            writeln!(text, "  n{index}([{name}])")
        } else {
            writeln!(text, "  n{index}[{name}]")
        };
    }
    let place = |node| nodes.iter().position(|known| *known == node).unwrap_or_default();
    for line in lines {
        let (begin, end) = match line.style {
            Style::Plain => ("--", "-->"),
            Style::Dashed => ("-.", ".->"),
            Style::Bold => ("==", "==>"),
        };
        let _ = writeln!(text, "  n{} {begin} {} {end} n{}", place(line.from), quoted(&line.label), place(line.to));
    }
    text
}

/// A Graphviz graph.
pub fn dot(lines: &[Line<'_>]) -> String {
    let mut text = String::from("digraph lineage {\n  rankdir=LR;\n  node [shape=box];\n");
    let quoted = |name: &str| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    for (_, name) in nodes(lines).iter().filter(|(entity_type, _)| *entity_type == "topic") {
        let _ = writeln!(text, "  {} [shape=ellipse];", quoted(name));
    }
    for line in lines {
        let style = match line.style {
            Style::Plain => "",
            Style::Dashed => " style=dashed",
            Style::Bold => " style=bold",
        };
        let (from, to, label) = (quoted(line.from.1), quoted(line.to.1), quoted(&line.label));
        let _ = writeln!(text, "  {from} -> {to} [label={label}{style}];");
    }
    text.push_str("}\n");
    text
}

/// Every end, in the order in which it is met.
fn nodes<'a>(lines: &[Line<'a>]) -> Vec<(&'a str, &'a str)> {
    let mut nodes = Vec::new();
    for node in lines.iter().flat_map(|line| [line.from, line.to]) {
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    nodes
}

fn sources(map: &ColumnMap) -> String {
    map.from.iter().map(|column| last(column)).collect::<Vec<_>>().join(", ")
}

/// The last part of a fully qualified name.
fn last(column: &str) -> String {
    fqn::parts(column).pop().unwrap_or_default()
}
