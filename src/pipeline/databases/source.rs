//! The source's tables against their declaration. Pure.

use super::facts::{Relation, Relations, same};
use super::problem::{Problem, list, plain, relation, sql_kind};
use crate::pipeline::clients::postgres::quote;
use crate::pipeline::spec::{PipelineSpec, Table, canonical_type, type_name};

/// Everything that differs, in the order of the declaration.
pub fn compare(spec: &PipelineSpec, found: &Relations) -> Vec<Problem> {
    let tables = spec.tables.iter();
    tables.flat_map(|(name, table)| Comparison { spec, name, table }.problems(found.get(name))).collect()
}

struct Comparison<'s> {
    spec: &'s PipelineSpec,
    name: &'s str,
    table: &'s Table,
}

impl Comparison<'_> {
    fn problems(&self, found: Option<&Relation>) -> Vec<Problem> {
        let name = self.name;
        let Some(found) = found else {
            let problem = Problem::new(self.place(&[]), format!("the source has no table {name}"));
            return vec![problem.mend(self.create()).mend("correct its name, or take it out of `tables`")];
        };
        if !found.is_table {
            let problem =
                Problem::new(self.place(&[]), format!("{name} is not a table in the source: it has no changes"));
            return vec![problem.mend("declare the tables that it is made of")];
        }
        let mut problems: Vec<Problem> =
            self.table.columns.iter().filter_map(|(column, declared)| self.column(found, column, declared)).collect();
        problems.extend(found.columns.iter().filter(|column| !self.table.columns.contains_key(&column.name)).map(
            |column| {
                let what = format!("column `{}` of {name} is not declared, the jobs would stop at it", column.name);
                let kind = if column.is_enum { "enum".to_owned() } else { type_name(&column.kind) };
                let line = format!("add `{}: {kind}` to `columns`", column.name);
                Problem::new(self.place(&["columns"]), what).mend(line)
            },
        ));
        problems.extend(self.key(found));
        // What an update leaves alone and is large is not in its change; its stand-in would be hashed and taken for the value.
        if let Some(column) = self.table.masked.first().filter(|_| found.replica_identity != 'f') {
            let what = format!("column `{column}` of {name} is masked, which needs whole rows in every change");
            let alter = format!("ALTER TABLE {} REPLICA IDENTITY FULL;", relation(name));
            problems.push(Problem::new(self.place(&["columns", column]), what).mend(alter));
        }
        problems
    }

    fn column(&self, found: &Relation, column: &str, declared: &str) -> Option<Problem> {
        let (name, place) = (self.name, self.place(&["columns", column]));
        let Some(there) = found.column(column) else {
            let what = format!("{name} has no column `{column}` in the source, declared as {declared}");
            let add =
                format!("ALTER TABLE {} ADD COLUMN {} {};", relation(name), quote(column), sql_kind(Some(declared)));
            return Some(Problem::new(place, what).mend("correct its name, or take the line out").mend(add));
        };
        let kind = if there.is_enum { "enum".to_owned() } else { type_name(&there.kind) };
        if kind == declared {
            return None;
        }
        let what = format!("column `{column}` of {name} is {} in the source, declared as {declared}", there.kind);
        Some(Problem::new(place, what).mend(match canonical_type(&kind) {
            Ok(kind) => format!("write `{column}: {kind}`"),
            Err(reason) => {
                format!("the column cannot be carried as it is ({reason}); give it another type in the source")
            }
        }))
    }

    /// Debezium tells rows apart by the primary key, or by the index that is the replica identity.
    fn key(&self, found: &Relation) -> Option<Problem> {
        let (name, key) = (self.name, &self.table.key);
        let place = self.place(&["key"]);
        if found.replica_identity == 'n' {
            let what = format!("{name} has REPLICA IDENTITY NOTHING: its updates and deletes do not tell their row");
            return Some(
                Problem::new(place, what).mend(format!("ALTER TABLE {} REPLICA IDENTITY FULL;", relation(name))),
            );
        }
        let identity = found.unique.iter().find(|index| index.is_identity);
        let told = identity.or_else(|| found.primary());
        match told {
            Some(index) if same(&index.columns, key) => None,
            Some(index) => {
                let called = if index.is_primary { "primary key" } else { "replica identity" };
                let what = format!(
                    "the {called} of {name} is ({}) in the source, the declared key is ({})",
                    plain(&index.columns),
                    plain(key)
                );
                Some(Problem::new(place, what).mend(format!("write `key: [{}]`", plain(&index.columns))))
            }
            None => Some(self.without_key(found, place)),
        }
    }

    fn without_key(&self, found: &Relation, place: String) -> Problem {
        let (name, key) = (self.name, &self.table.key);
        let what = format!("{name} has no primary key in the source: its updates and deletes cannot be told apart");
        let problem = Problem::new(place, what);
        let is_certain = |column: &String| found.column(column).is_some_and(|column| column.not_null);
        match found.unique_on(key) {
            // The index is there, and only has to be named.
            Some(index) if key.iter().all(is_certain) => problem.mend(format!(
                "ALTER TABLE {} REPLICA IDENTITY USING INDEX {};",
                relation(name),
                quote(&index.name)
            )),
            _ => problem.mend(format!("ALTER TABLE {} ADD PRIMARY KEY ({});", relation(name), list(key))),
        }
    }

    fn create(&self) -> String {
        let columns =
            self.table.columns.iter().map(|(column, kind)| format!("{} {}", quote(column), sql_kind(Some(kind))));
        let columns = columns.collect::<Vec<_>>().join(", ");
        format!("CREATE TABLE {} ({columns}, PRIMARY KEY ({}));", relation(self.name), list(&self.table.key))
    }

    fn place(&self, path: &[&str]) -> String {
        self.spec.places.at(&[&["tables", self.name], path].concat())
    }
}
