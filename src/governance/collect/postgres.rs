//! A Postgres database as its own catalog describes it.

use std::collections::BTreeMap;

use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::postgres::Database;

/// A database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// By schema: its comment.
    pub schema_comments: BTreeMap<String, String>,
    /// Tables and views of every schema that is not the server's own.
    pub relations: Vec<Relation>,
}

/// Kinds of relations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RelationKind {
    /// An ordinary table.
    #[default]
    Table,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A table of another server.
    Foreign,
    /// A table in partitions; the partitions themselves are not listed.
    Partitioned,
}

/// A table or view.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relation {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: RelationKind,
    /// Its comment.
    pub comment: Option<String>,
    /// The planner's estimate of its rows; nothing before the first ANALYZE.
    pub rows: Option<i64>,
    /// A view's text.
    pub definition: Option<String>,
    /// Columns in order.
    pub columns: Vec<Column>,
    /// Columns of the primary key.
    pub primary_key: Vec<String>,
    /// Columns of each unique constraint.
    pub unique: Vec<Vec<String>>,
    /// Foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
}

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Type as `format_type` writes it.
    pub kind: String,
    /// NOT NULL.
    pub not_null: bool,
    /// Its comment.
    pub comment: Option<String>,
}

/// A foreign key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignKey {
    /// Columns of this table.
    pub columns: Vec<String>,
    /// Schema of the other table.
    pub schema: String,
    /// The other table.
    pub table: String,
    /// Columns of the other table.
    pub referred: Vec<String>,
}

/// Relations that the server does not own itself; the other statements join them.
const RELATIONS: &str = "SELECT c.oid::bigint, n.nspname::text, c.relname::text, c.relkind::text, \
     obj_description(c.oid, 'pg_class'), CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END, \
     CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition \
     AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' ORDER BY n.nspname, c.relname";
const COLUMNS: &str = "SELECT a.attrelid::bigint, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
     col_description(a.attrelid, a.attnum) \
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
     AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' ORDER BY a.attrelid, a.attnum";
const CONSTRAINTS: &str = "SELECT k.conrelid::bigint, k.contype::text, \
     ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS o(number, place) \
           JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = o.number ORDER BY o.place), \
     n.nspname::text, t.relname::text, \
     ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS o(number, place) \
           JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = o.number ORDER BY o.place) \
     FROM pg_constraint k LEFT JOIN pg_class t ON t.oid = k.confrelid LEFT JOIN pg_namespace n ON n.oid = t.relnamespace \
     WHERE k.contype IN ('p', 'u', 'f') AND k.conrelid <> 0 ORDER BY k.conrelid, k.conname";
const SCHEMAS: &str = "SELECT nspname::text, obj_description(oid, 'pg_namespace') FROM pg_namespace \
     WHERE obj_description(oid, 'pg_namespace') IS NOT NULL AND nspname !~ '^pg_' AND nspname <> 'information_schema'";

/// Reads a database: four statements, whatever its size.
pub async fn read(database: &Database) -> Result<DatabaseFacts, ClientError> {
    let mut relations: Vec<(i64, Relation)> = database
        .query(RELATIONS, &[])
        .await?
        .iter()
        .map(|row| {
            let relation = Relation {
                schema: row.get(1),
                name: row.get(2),
                kind: kind(row.get(3)),
                comment: row.get(4),
                rows: row.get(5),
                definition: row.get(6),
                ..Relation::default()
            };
            (row.get(0), relation)
        })
        .collect();
    let places: BTreeMap<i64, usize> = relations.iter().enumerate().map(|(place, (id, _))| (*id, place)).collect();
    for row in database.query(COLUMNS, &[]).await? {
        if let Some(place) = places.get(&row.get(0)) {
            let column = Column { name: row.get(1), kind: row.get(2), not_null: row.get(3), comment: row.get(4) };
            relations[*place].1.columns.push(column);
        }
    }
    for row in database.query(CONSTRAINTS, &[]).await? {
        let Some(place) = places.get(&row.get(0)) else { continue };
        let relation = &mut relations[*place].1;
        let (kind, columns): (String, Vec<String>) = (row.get(1), row.get(2));
        match kind.as_str() {
            "p" => relation.primary_key = columns,
            "u" => relation.unique.push(columns),
            _ => relation.foreign_keys.push(ForeignKey {
                columns,
                schema: row.get(3),
                table: row.get(4),
                referred: row.get(5),
            }),
        }
    }
    let schemas = database.query(SCHEMAS, &[]).await?;
    Ok(DatabaseFacts {
        schema_comments: schemas.iter().map(|row| (row.get(0), row.get(1))).collect(),
        relations: relations.into_iter().map(|(_, relation)| relation).collect(),
    })
}

fn kind(letter: &str) -> RelationKind {
    match letter {
        "v" => RelationKind::View,
        "m" => RelationKind::MaterializedView,
        "f" => RelationKind::Foreign,
        "p" => RelationKind::Partitioned,
        _ => RelationKind::Table,
    }
}
