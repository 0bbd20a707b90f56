//! Marked rows at the source: a copy of an existing row under a new key, with a text column that names this run.
//!
//! Copying satisfies NOT NULL, CHECK and foreign keys of tables that nobody described to us. Only rows with our marker
//! are ever changed or removed, and rows that a killed run left behind are removed by a later one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::postgres::{Database, quote, quote_qualified};
use crate::pipeline::spec::Table;

/// Columns that take a marker, best first; else the first text column outside of key and unique indexes.
const PREFERRED: [&str; 5] = ["note", "email", "comment", "description", "name"];
/// Marked rows older than this belong to no run that is still alive.
const STALE: Duration = Duration::from_secs(600);
/// Tries against a template row that somebody else deletes meanwhile.
const TRIES: usize = 3;

/// Names one run; later runs sort after earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunId(String);

impl RunId {
    /// A new id.
    pub fn new() -> Self {
        // Two runs in one millisecond differ in the process id.
        Self(format!("{:012x}-{:x}", millis_since_1970(SystemTime::now()), std::process::id()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Sorts before every id of a run that may still be alive.
    fn stale_before() -> String {
        format!("{:012x}", millis_since_1970(SystemTime::now() - STALE))
    }
}

impl Default for RunId {
    fn default() -> Self {
        Self::new()
    }
}

fn millis_since_1970(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// How marked rows of one table are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    relation: String,
    /// The column that carries the marker.
    pub column: String,
    key: Vec<String>,
    /// Columns of the INSERT with the expression each gets from the template row.
    assignments: Vec<(String, String)>,
}

/// A column as the source's catalog describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SourceColumn {
    name: String,
    sql_type: String,
    has_default: bool,
    generated: bool,
    unique: bool,
}

const COLUMNS: &str = "
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.atthasdef OR a.attidentity <> '', a.attgenerated <> '',
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND a.attnum = ANY (i.indkey))
FROM pg_attribute a
WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum";

/// Whether rows of other tables may point at rows of this one.
const REFERENCED: &str = "
SELECT EXISTS (SELECT FROM pg_constraint c
               WHERE c.contype = 'f' AND c.confrelid = $1::text::regclass AND c.conrelid <> c.confrelid)";

impl Marker {
    /// Finds out how rows of a table can be marked; `Err` of the inner result says why they cannot.
    pub async fn of(source: &Database, name: &str, table: &Table) -> Result<Result<Self, String>, ClientError> {
        let (schema, relation) = name.split_once('.').unwrap_or(("public", name));
        let relation = quote_qualified(schema, relation);
        // Whoever writes to the source may pick a marked row as a parent, and then it could not be removed again.
        let referenced = source.first(REFERENCED, &[&relation]).await?.is_some_and(|row| row.get(0));
        if referenced {
            return Ok(Err(
                "foreign keys of other tables point at it, so a marked row might not be removable".to_owned()
            ));
        }
        let rows = source.query(COLUMNS, &[&relation]).await?;
        let columns = rows.iter().map(|row| SourceColumn {
            name: row.get(0),
            sql_type: row.get(1),
            has_default: row.get(2),
            generated: row.get(3),
            unique: row.get(4),
        });
        let made = Self::from_columns(relation, table, &columns.collect::<Vec<_>>());
        let Ok(marker) = &made else { return Ok(made) };
        // The template is looked for here, so that an empty table is known before anything is written.
        let template = source.first(&format!("SELECT 1 {}", marker.template()), &[]).await?;
        Ok(if template.is_some() { made } else { Err("it has no row to copy".to_owned()) })
    }

    fn from_columns(relation: String, table: &Table, columns: &[SourceColumn]) -> Result<Self, String> {
        let key = &table.key;
        let is_text = |column: &&SourceColumn| {
            let text = column.sql_type == "text" || column.sql_type.starts_with("character varying");
            // A marker that arrives as a hash would not be found again.
            let stays = !key.contains(&column.name) && !table.masked.contains(&column.name);
            text && !column.generated && stays
        };
        let preferred = PREFERRED.iter().find_map(|name| columns.iter().filter(is_text).find(|c| c.name == *name));
        let marked = preferred.or_else(|| columns.iter().filter(is_text).find(|column| !column.unique));
        let marked = marked.ok_or("it has no text column that a marker fits in")?;

        let mut assignments = Vec::new();
        for column in columns.iter().filter(|column| !column.generated) {
            let quoted = quote(&column.name);
            let expression = if column.name == marked.name {
                "$1::text".to_owned()
            } else if !column.unique && column.sql_type != "uuid" {
                format!("t.{quoted}")
            } else if column.has_default {
                continue;
            } else {
                match column.sql_type.as_str() {
                    "smallint" | "integer" | "bigint" => format!("(SELECT max({quoted}) + 1 FROM {relation})"),
                    "uuid" => "gen_random_uuid()".to_owned(),
                    "text" => "$1::text".to_owned(),
                    other => return Err(format!("no new value can be made for `{}` ({other})", column.name)),
                }
            };
            assignments.push((quoted, expression));
        }
        Ok(Self { relation, column: marked.name.clone(), key: key.clone(), assignments })
    }

    /// The text that marks a row of this run; `label` tells rows and states of one run apart.
    pub fn text(&self, run: &RunId, label: &str) -> String {
        let id = run.as_str();
        if self.is_email() {
            format!("verify+{id}-{label}@pipectl.invalid")
        } else {
            format!("pipectl verify {id} {label}")
        }
    }

    fn is_email(&self) -> bool {
        self.column == "email"
    }

    /// What every marker begins with, whatever the run.
    fn prefix(&self) -> &'static str {
        if self.is_email() { "verify+" } else { "pipectl verify " }
    }

    fn pattern(&self) -> &'static str {
        if self.is_email() { "verify+%@pipectl.invalid" } else { "pipectl verify %" }
    }

    fn template(&self) -> String {
        let (column, order) = (quote(&self.column), self.key_list("t."));
        let pattern = self.pattern();
        format!(
            "FROM {} t WHERE t.{column} IS NULL OR t.{column} NOT LIKE '{pattern}' ORDER BY {order} LIMIT 1",
            self.relation
        )
    }

    /// Inserts a marked row and returns its key as a JSON object.
    pub async fn insert(&self, source: &Database, text: &str) -> Result<Value, ClientError> {
        let columns: Vec<&str> = self.assignments.iter().map(|(column, _)| column.as_str()).collect();
        let values: Vec<&str> = self.assignments.iter().map(|(_, value)| value.as_str()).collect();
        let sql = format!(
            "INSERT INTO {} ({}) SELECT {} {} RETURNING {}",
            self.relation,
            columns.join(", "),
            values.join(", "),
            self.template(),
            self.key_object()
        );
        let mut tries = 0;
        loop {
            tries += 1;
            match source.first(&sql, &[&text]).await {
                // 23503: the row that the template refers to was deleted meanwhile; 23505: somebody took the same key.
                Err(ClientError::Refused { code, .. })
                    if tries < TRIES && matches!(code.as_str(), "23503" | "23505") => {}
                Err(error) => return Err(error),
                Ok(row) => return key_of(row.as_ref(), "insert"),
            }
        }
    }

    /// Gives the marked row another marker text.
    pub async fn update(&self, source: &Database, key: &Value, text: &str) -> Result<(), ClientError> {
        let (column, same_key, pattern) = (quote(&self.column), self.same_key("$2"), self.pattern());
        let sql = format!(
            "UPDATE {} t SET {column} = $1::text WHERE {same_key} AND t.{column} LIKE '{pattern}' RETURNING {}",
            self.relation,
            self.key_object()
        );
        key_of(source.first(&sql, &[&text, &key.to_string()]).await?.as_ref(), "update").map(drop)
    }

    /// Deletes the marked row; false when it was gone already.
    pub async fn delete(&self, source: &Database, key: &Value) -> Result<bool, ClientError> {
        let (column, same_key, pattern) = (quote(&self.column), self.same_key("$1"), self.pattern());
        let sql = format!("DELETE FROM {} t WHERE {same_key} AND t.{column} LIKE '{pattern}'", self.relation);
        Ok(source.execute(&sql, &[&key.to_string()]).await? > 0)
    }

    /// Deletes marked rows that a run which is long gone left behind, and says how many.
    pub async fn delete_stale(&self, source: &Database) -> Result<u64, ClientError> {
        let (column, pattern) = (quote(&self.column), self.pattern());
        let sql = format!(
            "DELETE FROM {} WHERE {column} LIKE '{pattern}' AND {column} COLLATE \"C\" < $1::text",
            self.relation
        );
        source.execute(&sql, &[&format!("{}{}", self.prefix(), RunId::stale_before())]).await
    }

    fn key_list(&self, prefix: &str) -> String {
        self.key.iter().map(|column| format!("{prefix}{}", quote(column))).collect::<Vec<_>>().join(", ")
    }

    /// SQL of the key as a JSON object.
    fn key_object(&self) -> String {
        let pairs: Vec<String> =
            self.key.iter().map(|column| format!("'{}', {}", column.replace('\'', "''"), quote(column))).collect();
        format!("jsonb_build_object({})::text", pairs.join(", "))
    }

    fn same_key(&self, parameter: &str) -> String {
        same_key(&self.relation, &self.key, parameter)
    }
}

/// SQL that is true for the row `t` of `relation` with the key in a JSON parameter; lets the key's index be used.
pub(super) fn same_key(relation: &str, key: &[String], parameter: &str) -> String {
    let list =
        |prefix: &str| key.iter().map(|column| format!("{prefix}{}", quote(column))).collect::<Vec<_>>().join(", ");
    format!(
        "({}) = (SELECT {} FROM jsonb_populate_record(NULL::{relation}, {parameter}::text::jsonb) k)",
        list("t."),
        list("k.")
    )
}

fn key_of(row: Option<&tokio_postgres::Row>, operation: &str) -> Result<Value, ClientError> {
    let row = row.ok_or_else(|| ClientError::Malformed {
        server: "Postgres",
        reason: format!("the {operation} of a marked row changed nothing; somebody else removed the row"),
    })?;
    serde_json::from_str(row.get(0))
        .map_err(|error| ClientError::Malformed { server: "Postgres", reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, sql_type: &str, has_default: bool, unique: bool) -> SourceColumn {
        SourceColumn { name: name.into(), sql_type: sql_type.into(), has_default, generated: false, unique }
    }

    fn marker(columns: &[SourceColumn]) -> Result<Marker, String> {
        let masked = ["iban".to_owned()].into();
        let table = Table { key: vec!["id".to_owned()], masked, ..Table::default() };
        Marker::from_columns("\"public\".\"t\"".into(), &table, columns)
    }

    #[test]
    fn a_masked_column_takes_no_marker() {
        let made = marker(&[column("id", "bigint", true, true), column("iban", "text", false, false)]);
        assert_eq!(made, Err("it has no text column that a marker fits in".to_owned()));
    }

    #[test]
    fn a_row_is_copied_under_a_new_key_with_the_marker_in_its_best_column() {
        let made = marker(&[
            column("id", "bigint", true, true),
            column("uid", "uuid", true, false),
            column("status", "text", true, false),
            column("note", "text", false, false),
        ])
        .expect("a table that can be marked");
        assert_eq!(made.column, "note");
        let expected = [("\"status\"", "t.\"status\""), ("\"note\"", "$1::text")];
        let assigned: Vec<_> = made.assignments.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(assigned, expected);
    }

    #[test]
    fn a_key_without_a_default_gets_the_next_number() {
        let made = marker(&[column("id", "integer", false, true), column("name", "text", false, true)]);
        let made = made.expect("a table that can be marked");
        assert_eq!(made.assignments[0].1, "(SELECT max(\"id\") + 1 FROM \"public\".\"t\")");
        assert_eq!(made.column, "name");
    }

    #[test]
    fn tables_that_cannot_be_marked_say_why() {
        assert_eq!(
            marker(&[column("id", "bigint", true, true)]),
            Err("it has no text column that a marker fits in".to_owned())
        );
        let range = marker(&[
            column("id", "bigint", true, true),
            column("note", "text", false, false),
            column("r", "int4range", false, true),
        ]);
        assert_eq!(range, Err("no new value can be made for `r` (int4range)".to_owned()));
    }

    #[test]
    fn markers_of_a_run_sort_after_the_stale_limit() {
        let made = marker(&[column("id", "bigint", true, true), column("email", "text", false, false)]);
        let made = made.expect("a table that can be marked");
        let text = made.text(&RunId::new(), "a");
        assert!(text.starts_with("verify+") && text.ends_with("@pipectl.invalid"));
        assert!(text > format!("{}{}", made.prefix(), RunId::stale_before()));
    }
}
