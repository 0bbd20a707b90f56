//! The graph as text, Mermaid, Graphviz DOT and JSON, for `pipectl graph`.

use std::fmt::Write as _;

use serde_json::json;

use super::{Edge, Graph, Kind, Need};

/// Output format of [`Graph::render`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One line per node, in start order.
    Text,
    /// A Mermaid flowchart.
    Mermaid,
    /// Graphviz.
    Dot,
    /// Nodes with what they need.
    Json,
}

impl Need {
    /// The condition in one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Ready => "ready",
            Self::Completed => "completed",
            Self::Succeeded => "succeeded",
        }
    }
}

impl Graph {
    /// The whole graph in a format.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Text => self.text(),
            Format::Mermaid => self.mermaid(),
            Format::Dot => self.dot(),
            Format::Json => format!("{:#}\n", self.json()),
        }
    }

    fn edges(&self) -> impl Iterator<Item = (&String, &Edge)> {
        self.order.iter().flat_map(|name| self.needs(name).iter().map(move |edge| (name, edge)))
    }

    fn label(&self, name: &str) -> String {
        if self.kind(name) == Some(Kind::Step) { format!("step {name}") } else { name.to_owned() }
    }

    fn text(&self) -> String {
        let width = self.order.iter().map(|name| self.label(name).len()).max().unwrap_or(0);
        let mut text = String::new();
        for name in &self.order {
            let describe = |edge: &Edge| {
                let optional = if edge.required { "" } else { ", optional" };
                format!("{} ({}{optional})", edge.to, edge.need.word())
            };
            let needs: Vec<_> = self.needs(name).iter().map(describe).collect();
            let line = match needs.as_slice() {
                [] => self.label(name),
                needs => format!("{:width$}  after {}", self.label(name), needs.join(", ")),
            };
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    fn mermaid(&self) -> String {
        let mut text = "flowchart LR\n".to_owned();
        for name in &self.order {
            let (open, close) = if self.kind(name) == Some(Kind::Step) { ("([", "])") } else { ("[", "]") };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "    {}{open}\"{name}\"{close}", identifier(name));
        }
        for (from, edge) in self.edges() {
            let arrow = if edge.required { "-->" } else { "-.->" };
            let _ = writeln!(text, "    {} {arrow}|{}| {}", identifier(&edge.to), edge.need.word(), identifier(from));
        }
        text
    }

    fn dot(&self) -> String {
        let mut text = "digraph pipeline {\n    rankdir=LR;\n    node [shape=box];\n".to_owned();
        for name in self.order.iter().filter(|name| self.kind(name) == Some(Kind::Step)) {
            let _ = writeln!(text, "    \"{name}\" [shape=oval];");
        }
        for name in self.order.iter().filter(|name| self.kind(name) == Some(Kind::Service)) {
            let _ = writeln!(text, "    \"{name}\";");
        }
        for (from, edge) in self.edges() {
            let style = if edge.required { "" } else { ", style=dashed" };
            let _ = writeln!(text, "    \"{}\" -> \"{from}\" [label=\"{}\"{style}];", edge.to, edge.need.word());
        }
        text.push_str("}\n");
        text
    }

    fn json(&self) -> serde_json::Value {
        let node = |name: &String| {
            let kind = if self.kind(name) == Some(Kind::Step) { "step" } else { "service" };
            let needs: Vec<_> = self
                .needs(name)
                .iter()
                .map(|edge| json!({"name": edge.to, "condition": edge.need.word(), "required": edge.required}))
                .collect();
            json!({"name": name, "kind": kind, "after": needs})
        };
        json!({ "nodes": self.order.iter().map(node).collect::<Vec<_>>() })
    }
}

/// A Mermaid identifier: dashes would read as arrows.
fn identifier(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::project;
    use super::*;

    fn render(format: Format) -> String {
        let mut project = project(&["db:", "my-web: db healthy, seed after", "step seed: db"]);
        let web = project.services.get_mut("my-web").unwrap();
        web.depends_on.get_mut("db").unwrap().required = false;
        Graph::new(&project).unwrap().render(format)
    }

    #[test]
    fn text_lists_nodes_in_start_order() {
        assert_eq!(
            render(Format::Text),
            "db\n\
             step seed  after db (ready)\n\
             my-web     after db (ready, optional), seed (succeeded)\n"
        );
    }

    #[test]
    fn mermaid_has_safe_identifiers() {
        let text = render(Format::Mermaid);
        assert!(text.contains("my_web[\"my-web\"]"), "{text}");
        assert!(text.contains("db -.->|ready| my_web"), "{text}");
        assert!(text.contains("seed([\"seed\"])"), "{text}");
    }

    #[test]
    fn dot_and_json_hold_every_edge() {
        assert!(render(Format::Dot).contains("\"seed\" -> \"my-web\" [label=\"succeeded\"];"));
        let json: serde_json::Value = serde_json::from_str(&render(Format::Json)).unwrap();
        assert_eq!(json["nodes"][2]["after"][1]["name"], "seed");
    }
}
