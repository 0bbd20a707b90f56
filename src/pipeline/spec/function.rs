//! Transformations that are Python functions: what pipeline.yml says of their results, and what can be told of the file without
//! running it.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;

use super::Table;
use super::problems::Problems;
use crate::model::ModelError;
use crate::model::suggest;
use crate::model::yaml::{Fields, Mark, Node, Source};

/// The function's name.
const NAME: &str = "transform";

/// What is said of a function's result. The jobs hold it against the function when they start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Results {
    /// Its columns, all of them; empty where nothing is said.
    pub columns: IndexMap<String, Made>,
    /// Each row makes exactly one.
    pub keeps_rows: bool,
}

/// What a column of a result is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// The source's column of this name, as it is.
    Same,
    /// Computed from these columns of the source.
    From(Vec<String>),
}

/// True for the file of a function.
pub(super) fn is_function(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "py")
}

/// Reads `columns` and `keeps_rows` of a table's destination.
pub(super) fn results(
    fields: &mut Fields<'_>,
    transform: &Path,
    source: &IndexMap<String, String>,
    key: &[String],
    problems: &mut Problems,
) -> Results {
    let (columns, keeps) = (fields.take("columns"), fields.take("keeps_rows"));
    if !is_function(transform) {
        for node in [columns, keeps].into_iter().flatten().filter(|_| !transform.as_os_str().is_empty()) {
            problems.add(
                node.error("only a Python function has its result declared")
                    .hint("a SELECT tells itself which columns it gives, and what each is made of"),
            );
        }
        return Results::default();
    }
    let keeps_rows = keeps.map_or(Ok(false), |node| node.boolean(&fields.name("keeps_rows")));
    let keeps_rows = problems.or_default(keeps_rows);
    let columns = columns.map(|node| made(node, &fields.name("columns"), source, key, problems)).unwrap_or_default();
    Results { columns, keeps_rows }
}

fn made(
    node: &Node,
    what: &str,
    source: &IndexMap<String, String>,
    key: &[String],
    problems: &mut Problems,
) -> IndexMap<String, Made> {
    let mut columns = IndexMap::new();
    let Some(entries) = node.mapping() else {
        problems.add(node.mismatch(what, "a mapping of the result's columns to those they are made of"));
        return columns;
    };
    for (name, entry) in entries {
        let node = &entry.node;
        let Some(from) = problems.keep(node.one_or_many(&format!("`{name}` in {what}"))) else { continue };
        let same = node.items().is_none();
        for unknown in from.iter().filter(|column| !source.is_empty() && !source.contains_key(*column)) {
            let known = source.keys().map(String::as_str);
            let message = format!("`{name}` is made of `{unknown}`, which is not a column of the table");
            problems.add(ModelError::at(node.mark_of(unknown), message).maybe_hint(suggest::hint(unknown, known)));
        }
        if same && from.iter().any(|column| column != name) {
            let message = format!("`{name}` cannot be passed on as it is under another name");
            problems
                .add(node.error(message).hint(format!("write `{name}: [{}]`: made of that column", from.join(", "))));
        }
        columns.insert(name.clone(), if same { Made::Same } else { Made::From(from) });
    }
    for column in key.iter().filter(|column| columns.get(*column) != Some(&Made::Same)) {
        let message = format!("the key column `{column}` has to be passed on as it is");
        problems.add(node.error(message).hint(format!("write `{column}: {column}`: rows are found again by it")));
    }
    columns
}

/// Whether the file has the function. Everything else about it is known when it runs.
pub(super) fn check(file: &Arc<Source>, name: &str, table: &Table, problems: &mut Problems) {
    let is_it = |line: &str| {
        line.strip_prefix("def ")
            .and_then(|rest| rest.trim_start().strip_prefix(NAME))
            .is_some_and(|rest| rest.trim_start().starts_with('('))
    };
    if file.text.lines().any(is_it) {
        return;
    }
    let near = file.text.lines().position(|line| line.starts_with("def ") || line.starts_with("async def "));
    let line = near.unwrap_or_default();
    let text = file.text.lines().nth(line).unwrap_or_default();
    let mark = Mark { source: Arc::clone(file), line: line + 1, column: 1, width: text.trim_end().chars().count() };
    let shown = table.destination.transform.display();
    let message = format!("{shown}, the transformation of table `{name}`, has no function `{NAME}`");
    problems.add(ModelError::at(&mark, message).hint(format!("write `def {NAME}(rows: DataFrame) -> DataFrame:`")));
}
