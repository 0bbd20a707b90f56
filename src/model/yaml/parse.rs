//! Text to tree: events of the YAML parser, anchors and merge keys resolved.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::node::{Entry, Mapping, Merge, Node, Scalar, Value};
use super::source::{Mark, Source};
use crate::model::error::ModelError;

/// Levels of nesting that a file may have. Compose needs about eight; the limit keeps recursion off the stack's end.
const DEPTH: usize = 64;
/// Nodes that a file may have once its aliases are expanded: a few lines of nested aliases can mean billions.
const NODES: usize = 200_000;

/// Parses a file that holds one document.
pub(crate) fn parse(source: &Arc<Source>) -> Result<Node, ModelError> {
    let mut builder = Builder { source, parser: Parser::new_from_str(&source.text), anchors: HashMap::new(), nodes: 0 };
    builder.document()
}

struct Builder<'s> {
    source: &'s Arc<Source>,
    parser: Parser<'s, StrInput<'s>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'s> Builder<'s> {
    fn document(&mut self) -> Result<Node, ModelError> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::StreamEnd => break,
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(ModelError::at(&self.mark(span), "a second document begins here")
                        .hint("keep one document in a file; `include` joins several files"));
                }
                Event::DocumentStart(_) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 0)?);
                }
                _ => return Err(ModelError::at(&self.mark(span), "unexpected content")),
            }
        }
        match root {
            Some(node) if !node.is_null() => Ok(node),
            _ => Err(ModelError::in_file(&self.source.shown, "the file is empty")),
        }
    }

    fn next(&mut self) -> Result<(Event<'s>, Span), ModelError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let marker = *error.marker();
                let mark = self.mark(Span::empty(marker));
                Err(ModelError::at(&mark, format!("invalid YAML: {}", error.info()))
                    .maybe_hint(syntax_hint(&mark, error.info())))
            }
            None => Err(ModelError::in_file(&self.source.shown, "the file ends too early")),
        }
    }

    fn node(&mut self, event: Event<'s>, span: Span, depth: usize) -> Result<Node, ModelError> {
        let mark = self.mark(span);
        if depth > DEPTH {
            return Err(ModelError::at(&mark, format!("nested more than {DEPTH} levels deep")));
        }
        self.count(1, &mark)?;
        let (anchor, node) = match event {
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(ModelError::at(&mark, "this alias is part of what it stands for"));
                };
                self.count(node.size(), &mark)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let (merge, forced) = read_tag(tag.as_deref(), &mark)?;
                let quoted = style != ScalarStyle::Plain || forced;
                let value = if !quoted && matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
                    Value::Null
                } else {
                    Value::Scalar(Scalar { text: text.into_owned(), quoted, interpolated: false })
                };
                (anchor, Node { mark, merge, value })
            }
            Event::SequenceStart(anchor, tag) => {
                let (merge, _) = read_tag(tag.as_deref(), &mark)?;
                (anchor, Node { mark, merge, value: Value::Sequence(self.sequence(depth)?) })
            }
            Event::MappingStart(anchor, tag) => {
                let (merge, _) = read_tag(tag.as_deref(), &mark)?;
                (anchor, Node { mark, merge, value: Value::Mapping(self.entries(depth)?) })
            }
            _ => return Err(ModelError::at(&mark, "a value is missing here")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn sequence(&mut self, depth: usize) -> Result<Vec<Node>, ModelError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Mapping, ModelError> {
        let mut entries = Mapping::new();
        let mut inherited = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => break,
                (event, span) => self.node(event, span, depth + 1)?,
            };
            let Value::Scalar(Scalar { text, quoted, .. }) = key.value else {
                return Err(ModelError::at(&key.mark, "a key must be text"));
            };
            let (event, span) = self.next()?;
            let mut node = self.node(event, span, depth + 1)?;
            // What begins below its key is found by its key. An empty value has no place of its own at all: the parser
            // reports where the next thing begins.
            if node.scalar().is_none() && (node.mark.line > key.mark.line || node.mark.width == 0) {
                node.mark = key.mark.clone();
            }
            if text == "<<" && !quoted {
                inherited.push(node);
            } else if let Some(first) = entries.get(&text) {
                let line = first.key.line;
                return Err(ModelError::at(&key.mark, format!("key `{text}` is given twice"))
                    .hint(format!("it is given first in line {line}")));
            } else {
                entries.insert(text, Entry { key: key.mark, node });
            }
        }
        for node in inherited {
            inherit(&mut entries, node)?;
        }
        Ok(entries)
    }

    fn count(&mut self, nodes: usize, mark: &Mark) -> Result<(), ModelError> {
        self.nodes += nodes;
        if self.nodes > NODES {
            return Err(ModelError::at(mark, "the aliases of this file expand to too much"));
        }
        Ok(())
    }

    fn mark(&self, span: Span) -> Mark {
        let line = span.start.line().max(1);
        let width = if span.end.line() == span.start.line() { span.len() } else { 1 };
        Mark { source: Arc::clone(self.source), line, column: span.start.col() + 1, width }
    }
}

/// What a tag asks for, and whether it makes a plain scalar text.
fn read_tag(tag: Option<&Tag>, mark: &Mark) -> Result<(Merge, bool), ModelError> {
    let Some(tag) = tag else { return Ok((Merge::Usual, false)) };
    match (tag.is_yaml_core_schema(), tag.suffix.as_str()) {
        (true, "str") => Ok((Merge::Usual, true)),
        (true, "int" | "float" | "bool" | "null" | "seq" | "map") => Ok((Merge::Usual, false)),
        (false, "reset") => Ok((Merge::Reset, false)),
        (false, "override") => Ok((Merge::Override, false)),
        (_, suffix) => {
            Err(ModelError::at(mark, format!("unknown tag `!{suffix}`"))
                .hint("known tags are `!reset` and `!override`"))
        }
    }
}

/// `<<`: takes over the keys that the mapping does not have itself.
fn inherit(entries: &mut Mapping, node: Node) -> Result<(), ModelError> {
    match node.value {
        Value::Mapping(parent) => {
            for (key, entry) in parent {
                entries.entry(key).or_insert(entry);
            }
            Ok(())
        }
        Value::Sequence(parents) => parents.into_iter().try_for_each(|parent| match parent.value {
            Value::Mapping(_) => inherit(entries, parent),
            _ => Err(ModelError::at(&parent.mark, "`<<` takes mappings only")),
        }),
        _ => Err(ModelError::at(&node.mark, "`<<` takes a mapping or a list of mappings")),
    }
}

/// The usual reasons for a syntax error.
fn syntax_hint(mark: &Mark, info: &str) -> Option<String> {
    let place = mark.place();
    if place.text.trim_start_matches(' ').starts_with('\t') {
        return Some("indent with spaces, YAML does not allow tabs".to_owned());
    }
    if info.contains("mapping values are not allowed") {
        return Some("quote text that has `: ` in it, and check the indentation".to_owned());
    }
    (info.contains("illegal placement") || info.contains("did not find expected"))
        .then(|| "look at the lines above too: a bracket or a quote may not be closed there".to_owned())
}
