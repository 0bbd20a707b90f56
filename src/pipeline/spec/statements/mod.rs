//! What can be told of the SQL files without a database: that each is one SELECT, that a transformation names columns which are
//! there and makes each row of its own row alone, that results have the key, and that aggregates are renewed by whatever they read.
//!
//! What this parser does not know is left to the database that runs it: the jobs refuse it with file and line when they start.

mod aggregates;
mod rows;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use sqlparser::ast::Query;

use super::problems::Problems;
use super::{PipelineSpec, Table, function, lake_name};
use crate::model::ModelError;
use crate::model::paths;
use crate::model::suggest;
use crate::model::yaml::{Mark, Source};
use crate::pipeline::sql::names::{Stray, strays};
use crate::pipeline::sql::{Flavour, Reading, Relation, read, result};

/// Words that a statement which gives rows can begin with.
const BEGINNINGS: [&str; 6] = ["select", "with", "from", "values", "table", "("];

pub(super) fn check(pipeline: &Source, spec: &PipelineSpec, problems: &mut Problems) {
    let checker = Checker { base: &pipeline.base };
    for (name, table) in &spec.tables {
        checker.transformation(name, table, problems);
    }
    aggregates::check(&checker, spec, problems);
}

/// Reads the files.
struct Checker<'s> {
    /// Directory of pipeline.yml.
    base: &'s Path,
}

impl Checker<'_> {
    fn transformation(&self, name: &str, table: &Table, problems: &mut Problems) {
        if table.destination.is_function() {
            if let Some(file) = self.file(&table.destination.transform, problems) {
                function::check(&file, name, table, problems);
            }
            return;
        }
        let what = format!("the transformation of table `{name}`");
        let Some((file, query)) = self.select(&table.destination.transform, &what, Flavour::Spark, problems) else {
            return;
        };
        // Nothing is known of a table whose columns could not be read.
        if table.columns.is_empty() {
            return;
        }
        let relation = Relation::table(lake_name(name), table.columns.keys());
        let strays = strays(&query, std::slice::from_ref(&relation));
        problems.extend(strays.iter().map(|stray| unknown(&file, stray, name)));
        // A key that is no column at all was told of already.
        let key: Vec<String> = table.key.iter().filter(|column| table.columns.contains_key(*column)).cloned().collect();
        results(&file, &query, std::slice::from_ref(&relation), &key, &what, problems);
        rows::check(&file, &query, &relation, &key, &what, problems);
    }

    fn file(&self, path: &Path, problems: &mut Problems) -> Option<Arc<Source>> {
        // One that is missing was told of with its place in pipeline.yml.
        let path = path.to_str().filter(|path| !path.is_empty())?;
        problems.keep(Source::read(&paths::resolve(self.base, path), self.base))
    }

    /// The file and its SELECT, where it is one.
    fn select(
        &self,
        path: &Path,
        what: &str,
        flavour: Flavour,
        problems: &mut Problems,
    ) -> Option<(Arc<Source>, Box<Query>)> {
        let file = self.file(path, problems)?;
        let reason = match read(&file.text, flavour) {
            Reading::Select(query) => return Some((file, query)),
            Reading::Other(reason) => reason,
            Reading::Unknown(_) if begins_well(&file.text) => return None,
            Reading::Unknown(reason) => format!("it is not a SELECT ({reason})"),
        };
        let hint = "a file holds one SELECT and nothing else; put what comes before it into a WITH";
        problems.add(ModelError::at(&beginning(&file), format!("{what} cannot be used: {reason}")).hint(hint));
        None
    }
}

/// Checks the names of the result's columns, as far as they can be told.
fn results(
    file: &Arc<Source>,
    query: &Query,
    relations: &[Relation],
    key: &[String],
    what: &str,
    problems: &mut Problems,
) {
    let Some(result) = result(query, relations) else { return };
    let names = || result.names.iter().map(String::as_str);
    let missing = key.iter().filter(|column| result.complete && !names().any(|name| name == column.as_str()));
    for missing in missing {
        let hint = match suggest::nearest(missing, names()) {
            Some(near) => format!("its result has `{near}`; write `{near} AS {missing}`"),
            None => format!("add `{missing}` to its list: rows are found again by it"),
        };
        let message = format!("{what} does not have the key column `{missing}` in its result");
        problems.add(ModelError::at(&beginning(file), message).hint(hint));
    }
    let mut seen = BTreeSet::new();
    for twice in names().filter(|name| !seen.insert(*name)) {
        let message = format!("{what} has two columns named `{twice}` in its result");
        problems.add(ModelError::at(&beginning(file), message).hint("give one of them another name with AS"));
    }
}

/// A name that means nothing, at its place in the file.
fn unknown(file: &Arc<Source>, stray: &Stray, table: &str) -> ModelError {
    let mark = at(file, stray.line, stray.column, stray.name.chars().count());
    let known = stray.known.iter().map(String::as_str);
    ModelError::at(&mark, format!("{} (table `{table}`)", stray.problem)).maybe_hint(suggest::hint(&stray.name, known))
}

/// A place that the parser told.
fn at(file: &Arc<Source>, line: u64, column: u64, width: usize) -> Mark {
    let number = |number: u64| usize::try_from(number).unwrap_or(1);
    Mark { source: Arc::clone(file), line: number(line), column: number(column), width }
}

/// The first line that is neither empty nor a comment.
fn beginning(file: &Arc<Source>) -> Mark {
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("--");
    let line = file.text.lines().position(|line| is_code(&line)).unwrap_or_default();
    let text = file.text.lines().nth(line).unwrap_or_default();
    let indent = text.chars().take_while(|sign| sign.is_whitespace()).count();
    let width = text.trim().chars().count();
    Mark { source: Arc::clone(file), line: line + 1, column: indent + 1, width }
}

/// True for what looks like a SELECT.
fn begins_well(sql: &str) -> bool {
    let code =
        sql.lines().map(str::trim_start).find(|line| !line.is_empty() && !line.starts_with("--")).unwrap_or_default();
    let word: String = code.chars().take_while(|sign| sign.is_alphabetic()).collect();
    let word = if word.is_empty() { code.chars().take(1).collect() } else { word.to_lowercase() };
    // A comment of the other kind may stand before anything.
    code.starts_with("/*") || BEGINNINGS.contains(&word.as_str())
}
