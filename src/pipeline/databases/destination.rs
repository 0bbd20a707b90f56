//! The destination's tables against what the transformations and aggregates give. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Own, Relation, Relations};
use super::hindrances::{Hindrance, Written};
use super::kinds::{holds, takes};
use super::problem::{Problem, list, plain, relation, sql_kind};
use crate::pipeline::clients::postgres::quote;
use crate::pipeline::spec::PipelineSpec;

/// Tables of the pipeline's own records, see `postgresql/init_dest.sql`.
pub const OWN: [&str; 2] = ["pipectl.applied", "pipectl.ledger"];

/// A column that a statement gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Name.
    pub name: String,
    /// The column of the source, where it is passed on as it is.
    pub from: Option<String>,
    /// That column's declared type.
    pub kind: Option<String>,
}

/// By destination table: the columns it is given; absent where its statement could not be read.
pub type Gifts = BTreeMap<String, Vec<Given>>;

/// Everything that differs, in the order of the declaration. `source` has the tables that rows come from.
pub fn compare(
    spec: &PipelineSpec,
    gifts: &Gifts,
    source: &Relations,
    found: &Relations,
    hindrances: &[Hindrance],
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let written: BTreeSet<String> =
        spec.destination_tables().iter().map(|table| format!("{}.{table}", spec.destination.schema)).collect();
    let there = There { found, hindrances, is_written: &|table| written.contains(table) };
    let schema = &spec.destination.schema;
    for (name, table) in &spec.tables {
        let path = ["tables", name, "destination", "table"];
        let target = Target {
            name: format!("{schema}.{}", table.destination.table),
            place: spec.places.at(&path),
            what: format!("the transformation of {name}"),
            key: &table.key,
            gift: gifts.get(&table.destination.table),
            source: source.get(name),
            fills_everything: false,
        };
        problems.extend(target.problems(&there));
    }
    for (name, aggregate) in &spec.aggregates {
        let target = Target {
            name: format!("{schema}.{}", aggregate.table),
            place: spec.places.at(&["aggregates", name, "table"]),
            what: format!("the query of aggregate {name}"),
            key: &aggregate.key,
            gift: gifts.get(&aggregate.table),
            source: None,
            fills_everything: true,
        };
        problems.extend(target.problems(&there));
    }
    let place = spec.places.at(&["destination"]);
    for own in OWN.iter().filter(|own| !found.contains_key(**own)) {
        let what = format!("the destination has no table {own}, where the jobs note how far they are");
        let mend = "run what postgresql/init_dest.sql says of schema `pipectl` in the destination";
        problems.push(Problem::new(place.clone(), what).mend(mend));
    }
    problems
}

/// What the destination has.
struct There<'f> {
    found: &'f Relations,
    hindrances: &'f [Hindrance],
    /// Whether the jobs write a table.
    is_written: &'f dyn Fn(&str) -> bool,
}

struct Target<'s> {
    /// `schema.table`.
    name: String,
    place: String,
    /// What fills it, for people.
    what: String,
    key: &'s [String],
    gift: Option<&'s Vec<Given>>,
    /// The table that its rows come from.
    source: Option<&'s Relation>,
    /// Groups of an aggregate are inserted with all columns of the table.
    fills_everything: bool,
}

impl Target<'_> {
    fn problems(&self, destination: &There<'_>) -> Vec<Problem> {
        let Some(there) = destination.found.get(&self.name) else {
            let problem = self.problem(format!("the destination has no table {}", self.name));
            return vec![match self.create() {
                Some(create) => problem.mend(create),
                None => problem.mend("create it with the columns that its statement gives"),
            }];
        };
        let mut problems = Vec::new();
        for given in self.gift.into_iter().flatten() {
            problems.extend(self.column(there, given));
        }
        problems.extend(self.left_empty(there));
        problems.extend(self.key(there));
        let (name, place) = (&self.name, &self.place);
        let written = Written { name, place, there, key: self.key, gift: self.gift };
        problems.extend(written.problems(destination.hindrances, destination.is_written));
        problems
    }

    /// Rows are found again by the key, and groups of an aggregate, which are deleted and inserted, would double without one.
    fn key(&self, there: &Relation) -> Option<Problem> {
        let (name, key) = (&self.name, plain(self.key));
        let alter = |change: String| format!("ALTER TABLE {} {change};", relation(name));
        if there.unique_on(self.key).is_none() {
            let what =
                format!("{name} has no unique constraint on ({key}) in the destination, which rows are found again by");
            let add = if there.primary().is_some() { "UNIQUE" } else { "PRIMARY KEY" };
            return Some(self.problem(what).mend(alter(format!("ADD {add} ({})", list(self.key)))));
        }
        let can_be_null = |column: &&String| there.column(column).is_some_and(|found| !found.not_null);
        let column = self.key.iter().filter(|_| self.fills_everything).find(can_be_null)?;
        let what = format!(
            "key column `{column}` of {name} can be NULL: such a group would be inserted again with each of its changes"
        );
        let set = alter(format!("ALTER COLUMN {} SET NOT NULL", quote(column)));
        Some(self.problem(what).mend(format!("{set} and leave groups without a `{column}` out of the query")))
    }

    fn column(&self, there: &Relation, given: &Given) -> Option<Problem> {
        let (name, column) = (&self.name, &given.name);
        let Some(found) = there.column(column) else {
            let kind = sql_kind(given.kind.as_deref());
            let what = format!("{name} has no column `{column}` in the destination, which {} gives", self.what);
            let add = format!("ALTER TABLE {} ADD COLUMN {} {kind};", relation(name), quote(column));
            return Some(self.problem(what).mend(add).mend("leave it out of the SELECT"));
        };
        if matches!(found.own, Own::Always | Own::Generated) {
            let what =
                format!("column `{column}` of {name} is generated by the destination, and {} gives it", self.what);
            return Some(self.problem(what).mend("leave it out of the SELECT"));
        }
        let kind = given.kind.as_deref()?;
        let exact = given.from.as_ref().and_then(|from| self.source?.column(from)).map(|column| column.kind.as_str());
        let kind = match exact {
            _ if !takes(kind, &found.kind, found.is_enum) => kind,
            Some(exact) if !found.is_enum && !holds(exact, &found.kind) => exact,
            _ => return None,
        };
        let what =
            format!("column `{column}` of {name} is {} in the destination and cannot take every {kind}", found.kind);
        let alter = format!("ALTER TABLE {} ALTER COLUMN {} TYPE {kind};", relation(name), quote(column));
        Some(self.problem(what).mend(alter).mend(format!("`CAST({column} AS ..) AS {column}` in the SELECT")))
    }

    /// Columns that must have a value and get none.
    fn left_empty(&self, there: &Relation) -> Vec<Problem> {
        let Some(gift) = self.gift else { return Vec::new() };
        let given = |name: &str| gift.iter().any(|given| given.name == name);
        let mut problems = Vec::new();
        for column in there.columns.iter().filter(|column| !given(&column.name)) {
            let needs = column.not_null && column.own == Own::Nothing;
            if !needs && !self.fills_everything {
                continue;
            }
            let (name, column) = (&self.name, &column.name);
            let what = format!("column `{column}` of {name} gets no value: {} does not give it", self.what);
            let problem = self.problem(what).mend(format!("add `{column}` to the SELECT"));
            let alter = if self.fills_everything { "DROP COLUMN" } else { "ALTER COLUMN" };
            let end = if self.fills_everything { "" } else { " DROP NOT NULL" };
            problems.push(problem.mend(format!("ALTER TABLE {} {alter} {}{end};", relation(name), quote(column))));
        }
        problems
    }

    /// The table as its statement gives it, where all types are known.
    fn create(&self) -> Option<String> {
        let gift = self.gift?;
        let column = |given: &Given| format!("{} {}", quote(&given.name), sql_kind(given.kind.as_deref()));
        let columns: Vec<String> = gift.iter().map(column).collect();
        let key = list(self.key);
        Some(format!("CREATE TABLE {} ({}, PRIMARY KEY ({key}));", relation(&self.name), columns.join(", ")))
    }

    fn problem(&self, what: String) -> Problem {
        Problem::new(self.place.clone(), what)
    }
}
