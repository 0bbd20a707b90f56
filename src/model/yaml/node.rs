//! The tree.

use indexmap::IndexMap;

use super::source::Mark;

/// A node with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Where it begins.
    pub mark: Mark,
    /// What it asks for when it is merged onto another.
    pub merge: Merge,
    /// The value.
    pub value: Value,
}

/// How a node is merged onto the one it meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Merge {
    /// By the rules of its place.
    #[default]
    Usual,
    /// `!reset`: the other is removed.
    Reset,
    /// `!override`: the other is replaced as a whole.
    Override,
}

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Nothing was written, or `null`.
    Null,
    /// Text, a number, a truth value.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping.
    Mapping(Mapping),
}

/// Keys in the order of the file.
pub(crate) type Mapping = IndexMap<String, Entry>;

/// A value of a mapping.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Where the key is.
    pub key: Mark,
    /// The value.
    pub node: Node,
}

/// A scalar as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    /// The text, quotes and escapes resolved.
    pub text: String,
    /// Written in quotes or as a block: text, whatever it looks like.
    pub quoted: bool,
    /// A variable was put in: text or a number, as its place wants it.
    pub interpolated: bool,
}

impl Node {
    /// A plain node.
    pub fn new(mark: Mark, value: Value) -> Self {
        Self { mark, merge: Merge::Usual, value }
    }

    /// A scalar of text.
    pub fn text(mark: Mark, text: impl Into<String>) -> Self {
        Self::new(mark, Value::Scalar(Scalar { text: text.into(), quoted: true, interpolated: false }))
    }

    /// True for null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The entries, when it is a mapping.
    pub fn mapping(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entries, when it is a mapping.
    pub fn mapping_mut(&mut self) -> Option<&mut Mapping> {
        match &mut self.value {
            Value::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items, when it is a list.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The text, when it is a scalar of any kind.
    pub fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// The entry of a mapping.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.mapping()?.get(key)
    }

    /// The node at a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.entry(key).map(|entry| &entry.node))
    }

    /// Where `name` is named in this node: as a key of a mapping or an item of a list; else the node itself.
    pub fn mark_of(&self, name: &str) -> &Mark {
        let found = match &self.value {
            Value::Mapping(entries) => entries.get(name).map(|entry| &entry.key),
            Value::Sequence(items) => items.iter().find(|item| item.scalar() == Some(name)).map(|item| &item.mark),
            _ => None,
        };
        found.unwrap_or(&self.mark)
    }

    /// Number of nodes in it.
    pub fn size(&self) -> usize {
        match &self.value {
            Value::Null | Value::Scalar(_) => 1,
            Value::Sequence(items) => items.iter().map(Self::size).sum::<usize>() + 1,
            Value::Mapping(entries) => entries.values().map(|entry| entry.node.size()).sum::<usize>() + 1,
        }
    }

    /// The same content, wherever it was written.
    pub fn same(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Scalar(left), Value::Scalar(right)) => left.text == right.text,
            (Value::Sequence(left), Value::Sequence(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.same(right))
            }
            (Value::Mapping(left), Value::Mapping(right)) => {
                left.len() == right.len()
                    && left.iter().all(|(key, entry)| right.get(key).is_some_and(|other| entry.node.same(&other.node)))
            }
            _ => false,
        }
    }
}
