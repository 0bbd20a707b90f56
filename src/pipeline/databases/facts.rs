//! Tables as Postgres' own catalog describes them, those that were asked for only.

use std::collections::BTreeMap;

use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::postgres::Database;

/// Tables by `schema.table`; one that does not exist is absent.
pub type Relations = BTreeMap<String, Relation>;

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relation {
    /// False for views and their like, which have no changes.
    pub is_table: bool,
    /// Columns in order.
    pub columns: Vec<Column>,
    /// Unique indexes of plain columns that hold for every row at any time; the primary key is one.
    pub unique: Vec<Unique>,
    /// What an update and a delete tell of the old row: `d` the primary key, `f` everything, `i` an index, `n` nothing.
    pub replica_identity: char,
}

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Type as `format_type` writes it; that of a domain is the one it is made of.
    pub kind: String,
    /// True for an enum.
    pub is_enum: bool,
    /// NOT NULL.
    pub not_null: bool,
    /// What the database itself puts into it.
    pub own: Own,
}

/// What the database itself puts into a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Own {
    /// Nothing.
    #[default]
    Nothing,
    /// A default or a number, where no value is given.
    Default,
    /// A number that nobody else may give: `GENERATED ALWAYS AS IDENTITY`.
    Always,
    /// A value that it computes of the row's other columns, and that its change stream leaves out.
    Generated,
}

/// A unique index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unique {
    /// Its name.
    pub name: String,
    /// Its columns, in its order.
    pub columns: Vec<String>,
    /// It is the primary key.
    pub is_primary: bool,
    /// `REPLICA IDENTITY USING INDEX` names it.
    pub is_identity: bool,
}

impl Relation {
    /// The column with this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The primary key, where there is one.
    pub fn primary(&self) -> Option<&Unique> {
        self.unique.iter().find(|index| index.is_primary)
    }

    /// Whether the database computes the column itself.
    pub fn is_generated(&self, name: &str) -> bool {
        self.column(name).is_some_and(|column| column.own == Own::Generated)
    }

    /// The unique index on these columns, in any order.
    pub fn unique_on(&self, key: &[String]) -> Option<&Unique> {
        self.unique.iter().find(|index| same(&index.columns, key))
    }
}

/// The same columns in any order.
pub fn same(one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && one.iter().all(|column| other.contains(column))
}

const COLUMNS: &str = "SELECT n.nspname::text || '.' || c.relname::text, c.relkind IN ('r', 'p'), c.relreplident::text, a.attname::text, \
     CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE format_type(a.atttypid, a.atttypmod) END, \
     coalesce(t.typtype = 'e', false), coalesce(a.attnotnull, false), \
     coalesce(a.atthasdef OR a.attidentity <> '', false), coalesce(a.attidentity = 'a', false), \
     coalesce(a.attgenerated <> '', false) \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
     LEFT JOIN pg_type t ON t.oid = a.atttypid \
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname::text || '.' || c.relname::text = ANY($1::text[]) ORDER BY 1, a.attnum";

/// A partial index, one of expressions and a deferrable one do not serve: rows are found by it at once or not at all.
const UNIQUE: &str = "SELECT n.nspname::text || '.' || c.relname::text, x.relname::text, i.indisprimary, i.indisreplident, \
     ARRAY(SELECT a.attname::text FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(number, place) \
           JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number WHERE k.place <= i.indnkeyatts ORDER BY k.place) \
     FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     JOIN pg_class x ON x.oid = i.indexrelid \
     WHERE i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL \
     AND n.nspname::text || '.' || c.relname::text = ANY($1::text[]) ORDER BY 1, i.indisprimary DESC, 2";

/// Reads the tables with these names: two statements, however many there are.
pub async fn read(database: &Database, names: &[String]) -> Result<Relations, ClientError> {
    let mut relations = Relations::new();
    for row in database.query(COLUMNS, &[&names]).await? {
        let relation = relations.entry(row.get(0)).or_default();
        relation.is_table = row.get(1);
        relation.replica_identity = row.get::<_, String>(2).chars().next().unwrap_or('d');
        if let Some(name) = row.get::<_, Option<String>>(3) {
            relation.columns.push(Column {
                name,
                kind: row.get(4),
                is_enum: row.get(5),
                not_null: row.get(6),
                own: match (row.get(7), row.get(8), row.get(9)) {
                    (_, _, true) => Own::Generated,
                    (_, true, false) => Own::Always,
                    (true, false, false) => Own::Default,
                    (false, false, false) => Own::Nothing,
                },
            });
        }
    }
    for row in database.query(UNIQUE, &[&names]).await? {
        if let Some(relation) = relations.get_mut(row.get::<_, &str>(0)) {
            let (name, is_primary, is_identity, columns) = (row.get(1), row.get(2), row.get(3), row.get(4));
            relation.unique.push(Unique { name, columns, is_primary, is_identity });
        }
    }
    Ok(relations)
}
