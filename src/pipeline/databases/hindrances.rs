//! What may stand on a destination's table and stop the flow. Changes arrive per table, so between two batches a row may be there
//! before the one that it points at, and two rows may have a value that only one of them has in the end.

use super::destination::Given;
use super::facts::{Own, Relation};
use super::problem::{Problem, plain, relation};
use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::postgres::{Database, quote};

/// A constraint, an index or a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hindrance {
    /// The table that it is part of, `schema.table`.
    pub table: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// What a hindrance is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A foreign key to a table, `schema.table`.
    ForeignKey(String),
    /// A unique constraint on these columns; none where they are expressions.
    Unique(Vec<String>),
    /// A unique index that is no constraint.
    UniqueIndex(Vec<String>),
    /// A trigger that fires.
    Trigger,
}

/// Foreign keys from and to the tables, unless deletes are passed on to those who point there; unique indexes; enabled triggers.
const HINDRANCES: &str = "WITH t AS (SELECT c.oid, n.nspname::text || '.' || c.relname::text AS name FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname::text || '.' || c.relname::text = ANY($1::text[])), \
     q AS (SELECT c.oid, n.nspname::text || '.' || c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace) \
     SELECT q.name, k.conname::text, 'f', ARRAY[f.name] FROM pg_constraint k JOIN q ON q.oid = k.conrelid JOIN q f ON f.oid = k.confrelid \
     WHERE k.contype = 'f' AND k.conparentid = 0 \
     AND (k.conrelid IN (SELECT oid FROM t) OR k.confrelid IN (SELECT oid FROM t) AND k.confdeltype IN ('a', 'r')) \
     UNION ALL SELECT t.name, x.relname::text, \
     CASE WHEN EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u')) THEN 'u' ELSE 'i' END, \
     ARRAY(SELECT a.attname::text FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS c(number, place) \
           JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.number WHERE c.place <= i.indnkeyatts ORDER BY c.place) \
     FROM pg_index i JOIN t ON t.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indisunique \
     UNION ALL SELECT t.name, g.tgname::text, 't', '{}' FROM pg_trigger g JOIN t ON t.oid = g.tgrelid \
     WHERE NOT g.tgisinternal AND g.tgenabled IN ('O', 'A') ORDER BY 1, 3, 2";

/// Reads what stands on these tables; one statement.
pub async fn read(database: &Database, names: &[String]) -> Result<Vec<Hindrance>, ClientError> {
    let hindrance = |row: &tokio_postgres::Row| {
        let columns: Vec<String> = row.get(3);
        let kind = match row.get(2) {
            "f" => Kind::ForeignKey(columns.concat()),
            "u" => Kind::Unique(columns),
            "i" => Kind::UniqueIndex(columns),
            _ => Kind::Trigger,
        };
        Hindrance { table: row.get(0), name: row.get(1), kind }
    };
    Ok(database.query(HINDRANCES, &[&names]).await?.iter().map(hindrance).collect())
}

/// What is allowed and yet good to know: a trigger that refuses a row stops the flow, and one that changes it is found by `verify`.
pub fn remarks(found: &[Hindrance]) -> Vec<String> {
    let triggers = found.iter().filter(|hindrance| hindrance.kind == Kind::Trigger);
    triggers
        .map(|Hindrance { table, name, .. }| format!("trigger {name} of {table} fires with what the jobs write"))
        .collect()
}

/// A table that the jobs write.
pub(super) struct Written<'w> {
    /// `schema.table`.
    pub name: &'w str,
    /// Where it is declared.
    pub place: &'w str,
    /// Its columns there.
    pub there: &'w Relation,
    /// The key that its rows are found by.
    pub key: &'w [String],
    /// What its statement gives, where that is known.
    pub gift: Option<&'w Vec<Given>>,
}

impl Written<'_> {
    /// Everything on it that stops the flow. A foreign key between two tables of the jobs' own is told once, where it stands.
    pub fn problems(&self, found: &[Hindrance], is_written: &dyn Fn(&str) -> bool) -> Vec<Problem> {
        let is_elsewhere = |hindrance: &&Hindrance| hindrance.table == self.name || !is_written(&hindrance.table);
        found.iter().filter(is_elsewhere).filter_map(|hindrance| self.problem(hindrance)).collect()
    }

    fn problem(&self, hindrance: &Hindrance) -> Option<Problem> {
        let Hindrance { table, name, kind } = hindrance;
        let is_here = table == self.name;
        let drop = |what: &str| format!("ALTER TABLE {} {what} {};", relation(table), quote(name));
        let (what, mend) = match kind {
            Kind::ForeignKey(to) if is_here || to == self.name => {
                let why = "changes arrive per table, and a row may come before the one that it points at";
                (
                    format!("foreign key {name} of {table} points at {to}: {why}, or go after it"),
                    drop("DROP CONSTRAINT"),
                )
            }
            Kind::Unique(columns) if is_here && self.is_violated(columns) => {
                (self.twice(name, columns), drop("DROP CONSTRAINT"))
            }
            Kind::UniqueIndex(columns) if is_here && self.is_violated(columns) => {
                let (schema, _) = table.split_once('.').unwrap_or(("public", table));
                (self.twice(name, columns), format!("DROP INDEX {}.{};", quote(schema), quote(name)))
            }
            _ => return None,
        };
        Some(Problem::new(self.place.to_owned(), what).mend(mend))
    }

    fn twice(&self, name: &str, columns: &[String]) -> String {
        let on = if columns.is_empty() { "expressions".to_owned() } else { format!("({})", plain(columns)) };
        format!(
            "{name} keeps {on} of {} unique beside the key ({}): between two batches two rows may have the same",
            self.name,
            plain(self.key)
        )
    }

    /// One that has the whole key is kept by the key, and of columns that the destination fills nothing arrives twice.
    fn is_violated(&self, columns: &[String]) -> bool {
        let has_key = self.key.iter().all(|column| columns.contains(column));
        let is_given = |column: &String| match self.gift {
            Some(gift) => gift.iter().any(|given| given.name == *column),
            None => self.there.column(column).is_some_and(|found| found.own == Own::Nothing),
        };
        (!has_key || columns.is_empty()) && columns.iter().all(is_given)
    }
}
