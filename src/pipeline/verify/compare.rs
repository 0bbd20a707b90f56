//! Compares whole tables: source with merged Delta table, source with destination, aggregates with their definition.
//!
//! The source may be written to all the while. So nobody is asked to hold still: the source is summed up whenever one
//! of its topics has moved, each time in one snapshot, and a copy is right when it equals the source as of one of
//! these moments. Equal checksums are equal contents; a copy that lags for good equals none of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::follow::Route;
use super::report::Check;
use crate::engine::work::SayFn;
use crate::pipeline::canonical::{self, comparable, row_of, row_text, summary_query};
use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::jobserver::TableFingerprint;
use crate::pipeline::clients::postgres::Database;
use crate::pipeline::mask;
use crate::pipeline::spec::Table;
use crate::pipeline::transform::Shape;
use crate::pipeline::wait::elapsed_ms;

/// How often positions and copies are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Contents of a table as numbers: equal numbers, equal contents.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Summary {
    rows: i64,
    /// Checksum over the whole rows.
    whole: String,
    /// Checksums over the key and over each compared column together with the key.
    parts: Vec<String>,
}

/// A column with its declared type.
type Typed = (String, String);

/// What is compared of one table.
struct Comparison {
    name: String,
    lake_table: String,
    topic: String,
    source_query: String,
    destination_query: String,
    destination_table: String,
    /// Columns that the destination must have as the source has them.
    columns: Vec<String>,
    /// False when the transformation decides which rows exist.
    keeps_rows: bool,
}

/// Source summaries by table, in the order they were taken.
type History = Mutex<Vec<BTreeMap<String, Summary>>>;

/// Checks of all tables; `notes` gets what was left out and why.
pub(super) async fn tables(
    route: &Route<'_>,
    source: &mut Database,
    destination: &mut Database,
    shapes: &BTreeMap<String, Shape>,
    deadline: Instant,
    notes: &mut Vec<String>,
    say: &SayFn,
) -> Result<Vec<Check>, ClientError> {
    let mut comparisons = Vec::new();
    for (name, table) in &route.spec.tables {
        let types = column_types(destination, &route.spec.destination.schema, &table.destination.table).await?;
        comparisons.push(Comparison::plan(route, name, table, &shapes[name], &types, notes));
    }
    let history = History::default();
    let watched = watch_source(route, source, &comparisons, &history);
    let compared = compare_copies(route, destination, &comparisons, &history, deadline, say);
    tokio::select! {
        // Watching only ends by an error.
        error = watched => Err(error),
        checks = compared => checks,
    }
}

impl Comparison {
    fn plan(
        route: &Route<'_>,
        name: &str,
        table: &Table,
        shape: &Shape,
        destination_types: &BTreeMap<String, String>,
        notes: &mut Vec<String>,
    ) -> Self {
        let (schema, relation) = name.split_once('.').unwrap_or(("public", name));
        let mut columns = Vec::new();
        let mut left_out = Vec::new();
        for (column, sql_type) in table.columns.iter().filter(|(column, _)| !table.key.contains(column)) {
            match destination_types.get(column) {
                None => left_out.push(format!("{column} (not at the destination)")),
                Some(_) if !shape.passes(column) => left_out.push(format!("{column} (computed by the transformation)")),
                Some(other) if !comparable(sql_type, other) => left_out.push(format!("{column} ({other} there)")),
                Some(_) => columns.push(column.clone()),
            }
        }
        if !shape.keeps_rows {
            notes.push(format!("{name}: destination not compared, its transformation may filter or combine rows"));
        } else if !left_out.is_empty() {
            notes.push(format!("{name}: columns not compared with the destination: {}", left_out.join(", ")));
        }
        let typed = |column: &String| (column.clone(), table.columns.get(column).cloned().unwrap_or_default());
        let key: Vec<Typed> = table.key.iter().map(typed).collect();
        let infinity = route.spec.infinity;
        let plain =
            |list: &[Typed]| row_text(list.iter().map(|(name, sql_type)| (name.as_str(), sql_type.as_str())), infinity);
        // Masked values only exist at the source, so that is where they are hashed for the comparison.
        let text = |(column, sql_type): &Typed| match &route.salt {
            Some(salt) if table.masked.contains(column) => mask::sql(name, column, salt),
            _ => canonical::text(column, sql_type, infinity),
        };
        let hashed = |list: &[Typed]| row_of(&list.iter().map(text).collect::<Vec<_>>());
        // A column's checksum includes the key: two values that changed places are not equal.
        let parts = |row: &dyn Fn(&[Typed]) -> String| {
            let with_key = |column| row(&[key.clone(), vec![column]].concat());
            std::iter::once(row(&key)).chain(columns.iter().map(typed).map(with_key)).collect::<Vec<String>>()
        };
        let all: Vec<Typed> = table.columns.keys().map(typed).collect();
        let (source_parts, parts) = (parts(&hashed), parts(&plain));
        let destination_schema = &route.spec.destination.schema;
        let destination_table = &table.destination.table;
        Self {
            name: name.to_owned(),
            lake_table: relation.to_owned(),
            topic: route.spec.topic(name),
            source_query: summary_query(schema, relation, &hashed(&all), &source_parts),
            // There the whole row may have other columns, so the key stands in for it.
            destination_query: summary_query(destination_schema, destination_table, &parts[0], &parts),
            destination_table: format!("{destination_schema}.{destination_table}"),
            columns,
            keeps_rows: shape.keeps_rows,
        }
    }
}

/// Sums up the source now and whenever a topic has moved. Only returns when something fails.
async fn watch_source(
    route: &Route<'_>,
    source: &mut Database,
    comparisons: &[Comparison],
    history: &History,
) -> ClientError {
    let topics: Vec<String> = comparisons.iter().map(|comparison| comparison.topic.clone()).collect();
    let mut known = None;
    loop {
        let look = async {
            let ends = route.kafka.end_offsets(&topics).await?;
            if known.as_ref() != Some(&ends) {
                known = Some(ends);
                let queries = comparisons.iter().map(|comparison| (&comparison.name, &comparison.source_query));
                let taken = summaries(source, queries).await?;
                history.lock().unwrap_or_else(PoisonError::into_inner).push(taken);
            }
            Ok(())
        };
        if let Err(error) = look.await {
            return error;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What is known of the copies so far.
#[derive(Default)]
struct Found {
    lake: BTreeMap<String, Check>,
    served: BTreeMap<String, Check>,
    fingerprints: BTreeMap<String, TableFingerprint>,
}

async fn compare_copies(
    route: &Route<'_>,
    destination: &mut Database,
    comparisons: &[Comparison],
    history: &History,
    deadline: Instant,
    say: &SayFn,
) -> Result<Vec<Check>, ClientError> {
    let began = Instant::now();
    let mut found = Found::default();
    let rounds = async {
        loop {
            found.look(route, destination, comparisons, history, began).await?;
            let checks = found.lake.values().chain(found.served.values());
            let waiting: Vec<&str> = checks.filter(|check| !check.ok).map(|check| check.name.as_str()).collect();
            if waiting.is_empty() {
                return Ok::<_, ClientError>(());
            }
            if found.lake.values().any(|check| !check.ok) {
                match route.jobs.ask_for_merge().await {
                    // The driver starts anew; the next round asks again.
                    Err(error) if error.is_transient() => {}
                    asked => asked?,
                }
            }
            say(&format!("comparing: {}", waiting.join(", ")));
            tokio::time::sleep(LOOK).await;
        }
    };
    // Time may be over in the middle of a round; what was found until then counts.
    if let Ok(ended) = tokio::time::timeout_at(deadline, rounds).await {
        ended?;
    }
    // As declared, the lake before the destination.
    let mut checks = Vec::new();
    for comparison in comparisons {
        let late = |name: String| uncompared(name, "no answer in time".to_owned(), elapsed_ms(began));
        checks.push(found.lake.remove(&comparison.name).unwrap_or_else(|| late(comparison.lake_check())));
        if comparison.keeps_rows {
            let served = found.served.remove(&comparison.name);
            checks.push(served.unwrap_or_else(|| late(comparison.destination_check())));
        }
    }
    Ok(checks)
}

impl Found {
    /// Looks at every copy that was not right yet.
    async fn look(
        &mut self,
        route: &Route<'_>,
        destination: &mut Database,
        comparisons: &[Comparison],
        history: &History,
        began: Instant,
    ) -> Result<(), ClientError> {
        let queries = comparisons.iter().map(|comparison| (&comparison.name, &comparison.destination_query));
        let at_destination = summaries(destination, queries).await?;
        for comparison in comparisons.iter().filter(|comparison| comparison.keeps_rows) {
            if self.served.get(&comparison.name).is_none_or(|check| !check.ok) {
                let summary = &at_destination[&comparison.name];
                let check = comparison.with_destination(history, summary, elapsed_ms(began));
                self.served.insert(comparison.name.clone(), check);
            }
        }
        let versions = route.jobs.tables().await;
        for comparison in comparisons {
            if self.lake.get(&comparison.name).is_some_and(|check| check.ok) {
                continue;
            }
            let versions = match &versions {
                Ok(versions) => versions,
                // The driver starts anew, as it does after the master has.
                Err(error) if error.is_transient() => {
                    let unread = uncompared(comparison.lake_check(), error.to_string(), elapsed_ms(began));
                    self.lake.insert(comparison.name.clone(), unread);
                    continue;
                }
                Err(_) => return versions.map(drop),
            };
            let current = versions.get(&comparison.lake_table).and_then(|table| table.version);
            let known = self.fingerprints.get(&comparison.lake_table).map(|fingerprint| fingerprint.version);
            // Spark reads the whole table for this: once for each version is enough.
            if known.is_none() || current != known {
                match route.jobs.fingerprint(&comparison.lake_table).await {
                    Ok(fingerprint) => self.fingerprints.insert(comparison.lake_table.clone(), fingerprint),
                    // Spark lost an executor or a block in the middle of it.
                    Err(error) if error.is_transient() => {
                        let unread = uncompared(comparison.lake_check(), error.to_string(), elapsed_ms(began));
                        self.lake.insert(comparison.name.clone(), unread);
                        continue;
                    }
                    Err(error) => return Err(error),
                };
            }
            let check = comparison.with_lake(history, &self.fingerprints[&comparison.lake_table], elapsed_ms(began));
            self.lake.insert(comparison.name.clone(), check);
        }
        Ok(())
    }
}

/// Of a copy that could not be read, and what was seen instead.
fn uncompared(name: String, seen: String, ms: u64) -> Check {
    Check { name, ok: false, expected: "a copy to compare".to_owned(), seen, ms }
}

impl Comparison {
    fn with_lake(&self, history: &History, seen: &TableFingerprint, ms: u64) -> Check {
        let history = history.lock().unwrap_or_else(PoisonError::into_inner);
        let moments: Vec<&Summary> = history.iter().filter_map(|moment| moment.get(&self.name)).collect();
        let ok = moments.iter().any(|moment| moment.rows == seen.rows && moment.whole == seen.checksum);
        Check {
            name: self.lake_check(),
            ok,
            expected: match moments.last() {
                _ if ok => format!("{} rows, checksum {}", seen.rows, seen.checksum),
                Some(now) => format!("{} rows, checksum {} (or an earlier moment of this run)", now.rows, now.whole),
                None => "a summary of the source".to_owned(),
            },
            seen: format!("{} rows, checksum {} in version {}", seen.rows, seen.checksum, seen.version),
            ms,
        }
    }

    fn with_destination(&self, history: &History, seen: &Summary, ms: u64) -> Check {
        let history = history.lock().unwrap_or_else(PoisonError::into_inner);
        let moments: Vec<&Summary> = history.iter().filter_map(|moment| moment.get(&self.name)).collect();
        let ok = moments.iter().any(|moment| moment.rows == seen.rows && moment.parts == seen.parts);
        let what = match self.columns.as_slice() {
            [] => "keys".to_owned(),
            columns => format!("keys and {}", columns.join(", ")),
        };
        let difference = moments.last().map_or_else(String::new, |now| self.difference(now, seen));
        Check {
            name: self.destination_check(),
            ok,
            expected: match moments.last() {
                Some(now) if !ok => format!("{} rows, equal in {what}", now.rows),
                _ => format!("{} rows, equal in {what}", seen.rows),
            },
            seen: if ok { format!("{} rows, equal", seen.rows) } else { format!("{} rows, {difference}", seen.rows) },
            ms,
        }
    }

    fn lake_check(&self) -> String {
        format!("{}: source = Delta table", self.name)
    }

    fn destination_check(&self) -> String {
        format!("{}: source = destination {}", self.name, self.destination_table)
    }

    /// Which parts differ.
    fn difference(&self, expected: &Summary, seen: &Summary) -> String {
        let names = std::iter::once("keys").chain(self.columns.iter().map(String::as_str));
        let pairs = names.zip(expected.parts.iter().zip(&seen.parts));
        let different: Vec<&str> = pairs.filter(|(_, (left, right))| left != right).map(|(name, _)| name).collect();
        if different.is_empty() { "equal".to_owned() } else { format!("different in {}", different.join(", ")) }
    }
}

/// Summaries of several tables, all of one moment.
async fn summaries<'a>(
    database: &mut Database,
    queries: impl Iterator<Item = (&'a String, &'a String)>,
) -> Result<BTreeMap<String, Summary>, ClientError> {
    let address = database.address().to_owned();
    let failed = |error: tokio_postgres::Error| crate::pipeline::clients::postgres::explain(&address, &error);
    let snapshot = database.snapshot().await?;
    let mut taken = BTreeMap::new();
    for (name, query) in queries {
        let row = snapshot.query_one(query.as_str(), &[]).await.map_err(failed)?;
        let parts = (2..row.len()).map(|index| row.get(index)).collect();
        taken.insert(name.clone(), Summary { rows: row.get(0), whole: row.get(1), parts });
    }
    snapshot.commit().await.map_err(failed)?;
    Ok(taken)
}

async fn column_types(database: &Database, schema: &str, table: &str) -> Result<BTreeMap<String, String>, ClientError> {
    let sql = "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a \
               JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = $1::text AND c.relname = $2::text AND a.attnum > 0 AND NOT a.attisdropped";
    let rows = database.query(sql, &[&schema, &table]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
