//! Where in pipeline.yml each part stands, for what is found out later than when it is read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::model::yaml::{Node, Source};

/// Lines of pipeline.yml by the path of keys that leads to them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    file: PathBuf,
    lines: BTreeMap<Vec<String>, usize>,
}

impl Places {
    pub(super) fn of(source: &Source, tree: &Node) -> Self {
        let mut places = Self { file: source.shown.clone(), lines: BTreeMap::new() };
        places.add(&mut Vec::new(), tree);
        places
    }

    fn add(&mut self, path: &mut Vec<String>, node: &Node) {
        for (key, entry) in node.mapping().into_iter().flatten() {
            path.push(key.clone());
            self.lines.insert(path.clone(), entry.key.line);
            self.add(path, &entry.node);
            path.pop();
        }
    }

    /// Line of the key at a path, or of the last of the keys before it that is there; 0 where there is none.
    pub fn line(&self, path: &[&str]) -> usize {
        let known = |length: usize| {
            let path: Vec<String> = path[..length].iter().map(|key| (*key).to_owned()).collect();
            self.lines.get(&path).copied()
        };
        (1..=path.len()).rev().find_map(known).unwrap_or_default()
    }

    /// `file:line` of it.
    pub fn at(&self, path: &[&str]) -> String {
        match self.line(path) {
            0 => self.file.display().to_string(),
            line => format!("{}:{line}", self.file.display()),
        }
    }
}
