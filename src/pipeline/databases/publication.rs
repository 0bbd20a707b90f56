//! The publication: a source hands out no change that it withholds, and nothing tells afterwards that there was one.

use super::problem::{Problem, plain, relation};
use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::postgres::{Database, quote};
use crate::pipeline::spec::PipelineSpec;

/// What a publication hands out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publication {
    /// Operations that it does not publish, of `insert`, `update`, `delete` and `truncate`.
    pub silent: Vec<String>,
    /// `publish_via_partition_root`: changes of partitions are told as changes of their table.
    pub via_root: bool,
    /// Declared tables that exist.
    pub tables: Vec<Published>,
    /// The connector's slot is there: changes have been captured already.
    pub has_slot: bool,
}

/// A declared table in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// `schema.table`.
    pub name: String,
    /// It is divided into partitions.
    pub is_partitioned: bool,
    /// The publication has it.
    pub is_listed: bool,
    /// The condition that its rows have to meet.
    pub row_filter: Option<String>,
    /// Columns that a column list leaves out.
    pub left_out: Vec<String>,
}

/// Settings and lists that older servers do not know are read by name: without them they are as if they were not set.
const PUBLICATION: &str = "SELECT array_remove(ARRAY[CASE WHEN NOT pubinsert THEN 'insert' END, CASE WHEN NOT pubupdate THEN 'update' END, \
     CASE WHEN NOT pubdelete THEN 'delete' END, \
     CASE WHEN NOT coalesce((to_jsonb(p)->>'pubtruncate')::boolean, true) THEN 'truncate' END], NULL), \
     coalesce((to_jsonb(p)->>'pubviaroot')::boolean, false), \
     EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $2::text) \
     FROM pg_publication p WHERE pubname = $1::text";

/// A list of columns can name no generated one, so those are not what it leaves out.
const TABLES: &str = "SELECT n.nspname::text || '.' || c.relname::text, c.relkind = 'p', p.tablename IS NOT NULL, \
     to_jsonb(p)->>'rowfilter', \
     ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
           AND a.attgenerated = '' AND NOT jsonb_exists(to_jsonb(p)->'attnames', a.attname::text) ORDER BY a.attnum) \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     LEFT JOIN pg_publication_tables p ON p.pubname = $2::text AND p.schemaname = n.nspname AND p.tablename = c.relname \
     WHERE c.relkind IN ('r', 'p') AND n.nspname::text || '.' || c.relname::text = ANY($1::text[]) ORDER BY 1";

/// Reads it, if it is there; two statements.
pub async fn read(database: &Database, spec: &PipelineSpec) -> Result<Option<Publication>, ClientError> {
    let (name, slot) = (&spec.source.publication, &spec.source.slot);
    let Some(row) = database.first(PUBLICATION, &[name, slot]).await? else { return Ok(None) };
    let names: Vec<String> = spec.tables.keys().cloned().collect();
    let tables = database.query(TABLES, &[&names, name]).await?;
    let published = |row: &tokio_postgres::Row| Published {
        name: row.get(0),
        is_partitioned: row.get(1),
        is_listed: row.get(2),
        row_filter: row.get(3),
        left_out: row.get(4),
    };
    Ok(Some(Publication {
        silent: row.get(0),
        via_root: row.get(1),
        has_slot: row.get(2),
        tables: tables.iter().map(published).collect(),
    }))
}

/// Everything that it withholds. Of the project's own source it may be missing, or lack tables: the steps behind this one make it whole.
pub fn compare(spec: &PipelineSpec, found: Option<&Publication>) -> Vec<Problem> {
    let is_own = spec.source.external.is_none();
    let place = spec.places.at(&["source", "publication"]);
    let name = &spec.source.publication;
    let Some(found) = found else {
        let tables: Vec<String> = spec.tables.keys().map(|table| relation(table)).collect();
        let create = format!("CREATE PUBLICATION {} FOR TABLE {};", quote(name), tables.join(", "));
        let problem = Problem::new(place, format!("the source has no publication {name}")).mend(create);
        return if is_own { Vec::new() } else { vec![problem] };
    };
    let publication = Comparison { name, place, found };
    let mut problems = Vec::new();
    problems.extend(publication.operations());
    problems.extend(publication.partitions());
    if !is_own {
        problems.extend(publication.missing());
    }
    problems.extend(found.tables.iter().filter_map(|table| publication.parts(table)));
    problems
}

struct Comparison<'s> {
    name: &'s str,
    place: String,
    found: &'s Publication,
}

impl Comparison<'_> {
    fn operations(&self) -> Option<Problem> {
        if self.found.silent.is_empty() {
            return None;
        }
        let what = format!("publication {} withholds every {}", self.name, self.found.silent.join(", "));
        Some(self.problem(what, "SET (publish = 'insert, update, delete, truncate')"))
    }

    /// Without this the changes of partitions have names of their own, and adding the table changes nothing of it.
    fn partitions(&self) -> Option<Problem> {
        let partitioned = self.found.tables.iter().filter(|table| table.is_partitioned);
        let names: Vec<&str> = partitioned.map(|table| table.name.as_str()).collect();
        if names.is_empty() || self.found.via_root {
            return None;
        }
        let what = format!(
            "publication {} tells changes of {} under the names of its partitions, which are not declared",
            self.name,
            names.join(", ")
        );
        Some(self.problem(what, "SET (publish_via_partition_root = true)"))
    }

    fn missing(&self) -> Option<Problem> {
        // With its partitions told under their own names, a table is listed in their place.
        let is_missing = |table: &&Published| !table.is_listed && (!table.is_partitioned || self.found.via_root);
        let missing: Vec<&str> = self.found.tables.iter().filter(is_missing).map(|table| table.name.as_str()).collect();
        if missing.is_empty() {
            return None;
        }
        let tables: Vec<String> = missing.iter().map(|table| relation(table)).collect();
        let what = format!("publication {} leaves out {}", self.name, missing.join(", "));
        let add = format!("ALTER PUBLICATION {} ADD TABLE {};", quote(self.name), tables.join(", "));
        Some(Problem::new(self.place.clone(), what).mend(add))
    }

    /// What it withholds of a table.
    fn parts(&self, table: &Published) -> Option<Problem> {
        let mut withheld = Vec::new();
        if let Some(filter) = &table.row_filter {
            withheld.push(format!("rows of {} that are not {filter}", table.name));
        }
        if !table.left_out.is_empty() {
            withheld.push(format!("{} of {}", plain(&table.left_out), table.name));
        }
        if withheld.is_empty() {
            return None;
        }
        let what = format!("publication {} withholds {}", self.name, withheld.join(", and "));
        let (publication, table) = (quote(self.name), relation(&table.name));
        let again = format!(
            "BEGIN; ALTER PUBLICATION {publication} DROP TABLE {table}; ALTER PUBLICATION {publication} ADD TABLE {table}; COMMIT;"
        );
        Some(Problem::new(self.place.clone(), what).mend(again))
    }

    fn problem(&self, what: String, change: &str) -> Problem {
        let alter = format!("ALTER PUBLICATION {} {change};", quote(self.name));
        Problem::new(self.place.clone(), what).mend(self.then_read_again(alter))
    }

    /// What was withheld while changes were captured is in no log. (A table that is added, or added again, is read anew by `up`.)
    fn then_read_again(&self, sql: String) -> String {
        if self.found.has_slot {
            return format!("{sql} and `pipectl repair resnapshot`, which reads what was withheld so far");
        }
        sql
    }
}
