//! What the queries of aggregates read: the groups that they are asked for, and nothing that could change without them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sqlparser::ast::Query;

use super::super::problems::Problems;
use super::super::{Aggregate, PipelineSpec};
use super::{Checker, at, beginning, results};
use crate::model::ModelError;
use crate::model::yaml::{Mark, Source};
use crate::pipeline::sql::Flavour;
use crate::pipeline::sql::reads::{Read, reads};

/// Checks the queries of all aggregates.
pub(super) fn check(checker: &Checker<'_>, spec: &PipelineSpec, problems: &mut Problems) {
    let places: BTreeMap<&str, usize> =
        spec.aggregates.values().enumerate().map(|(place, aggregate)| (aggregate.table.as_str(), place)).collect();
    let tables = spec.tables.values().map(|table| table.destination.table.as_str()).collect();
    for (place, (name, aggregate)) in spec.aggregates.iter().enumerate() {
        let check = Check { spec, tables: &tables, places: &places, place, name, aggregate };
        check.query(checker, problems);
        check.affected(checker, problems);
    }
}

/// One aggregate, and what its queries may read.
struct Check<'s> {
    spec: &'s PipelineSpec,
    /// Tables of the destination that transformations fill.
    tables: &'s BTreeSet<&'s str>,
    /// Tables of aggregates, with their place among them.
    places: &'s BTreeMap<&'s str, usize>,
    place: usize,
    name: &'s str,
    aggregate: &'s Aggregate,
}

impl Check<'_> {
    fn query(&self, checker: &Checker<'_>, problems: &mut Problems) {
        let what = format!("the query of aggregate `{}`", self.name);
        let Some((file, query)) = checker.select(&self.aggregate.query, &what, Flavour::Postgres, problems) else {
            return;
        };
        results(&file, &query, &[], &self.aggregate.key, &what, problems);
        let hint = "it would compute every group with every batch; select from `affected`, which has the key of each group to compute";
        needs(&file, &query, "affected", &what, hint, problems);
        let mut seen = BTreeSet::new();
        for read in reads(&query).iter().filter(|read| self.is_here(read) && seen.insert(read.name.clone())) {
            match self.places.get(read.name.as_str()) {
                Some(other) if *other >= self.place => problems.add(self.later(&file, read, &what)),
                Some(other) => {
                    let below = self.spec.aggregates.values().nth(*other);
                    let tables = below.into_iter().flat_map(|below| below.affected.keys());
                    self.renewed(&file, read, tables.map(String::as_str), &what, problems);
                }
                None if self.tables.contains(read.name.as_str()) => {
                    self.renewed(&file, read, std::iter::once(read.name.as_str()), &what, problems);
                }
                None => {}
            }
        }
    }

    fn affected(&self, checker: &Checker<'_>, problems: &mut Problems) {
        for (table, path) in &self.aggregate.affected {
            let what = format!("`affected.{table}` of aggregate `{}`", self.name);
            let Some((file, query)) = checker.select(path, &what, Flavour::Postgres, problems) else { continue };
            results(&file, &query, &[], &self.aggregate.key, &what, problems);
            let hint = format!(
                "it would find every group with every batch; select from `changed`, which has the key of each row of {table} that changed"
            );
            needs(&file, &query, "changed", &what, &hint, problems);
        }
    }

    /// True for what lies in the destination's schema.
    fn is_here(&self, read: &Read) -> bool {
        read.schema.as_ref().is_none_or(|schema| *schema == self.spec.destination.schema)
    }

    /// What is read has to be listed, or its changes leave the groups as they were.
    fn renewed<'t>(
        &self,
        file: &Arc<Source>,
        read: &Read,
        tables: impl Iterator<Item = &'t str>,
        what: &str,
        problems: &mut Problems,
    ) {
        for table in tables.filter(|table| !self.aggregate.affected.contains_key(*table)) {
            let through = if table == read.name { String::new() } else { format!(", which changes with `{table}`") };
            let message =
                format!("{what} reads `{}`{through}, and is not renewed when rows of `{table}` change", read.name);
            let hint = format!(
                "list it: `affected: {{{table}: FILE}}`, whose SELECT finds the groups that the rows in `changed` belong to"
            );
            problems.add(ModelError::at(&place(file, read), message).hint(hint));
        }
    }

    fn later(&self, file: &Arc<Source>, read: &Read, what: &str) -> ModelError {
        let table = &read.name;
        let message = if *table == self.aggregate.table {
            format!("{what} reads `{table}`, the table that it computes")
        } else {
            format!("{what} reads `{table}`, which is computed after it")
        };
        ModelError::at(&place(file, read), message).hint(
            "aggregates are computed in the order of pipeline.yml: an aggregate can read the tables, and the aggregates above it",
        )
    }
}

/// Refuses a query that does not read what names its groups or rows.
fn needs(file: &Arc<Source>, query: &Query, relation: &str, what: &str, hint: &str, problems: &mut Problems) {
    if !reads(query).iter().any(|read| read.schema.is_none() && read.name == relation) {
        let message = format!("{what} does not select from `{relation}`");
        problems.add(ModelError::at(&beginning(file), message).hint(hint));
    }
}

fn place(file: &Arc<Source>, read: &Read) -> Mark {
    at(file, read.line, read.column, read.name.chars().count())
}
