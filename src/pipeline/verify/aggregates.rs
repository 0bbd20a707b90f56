//! Aggregates of the destination: every group is computed again from the tables and compared, in one snapshot.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::Row;

use super::VerifyError;
use super::report::Check;
use crate::model::files;
use crate::pipeline::Pipeline;
use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::postgres::{Database, quote, quote_qualified};
use crate::pipeline::spec::Aggregate;
use crate::pipeline::wait::{elapsed_ms, until_deadline};

/// Between two looks at what waits.
const LOOK: Duration = Duration::from_millis(200);
/// Groups that the job has put off to a later piece or batch, see spark/lib/destination.py.
const WAITING: &str = "SELECT count(*) FROM pipectl.affected WHERE aggregate = $1";

/// Checks of all aggregates. Rows and aggregates change in one transaction, but for the groups that wait: of an aggregate that has some
/// nothing can be said before `deadline`, or until they are computed.
pub(super) async fn check(
    pipeline: &Pipeline,
    destination: &Database,
    deadline: Instant,
) -> Result<Vec<Check>, VerifyError> {
    // The queries name tables without their schema, and find them as they do when the job runs them (spark/lib/apply_sql.py).
    let search = "SELECT set_config('search_path', concat_ws(', ', $1::text, nullif(current_setting('search_path'), '')), false)";
    destination.query(search, &[&quote(&pipeline.spec.destination.schema)]).await?;
    let mut checks = Vec::new();
    for (name, aggregate) in &pipeline.spec.aggregates {
        let began = Instant::now();
        let sql = difference_query(pipeline, aggregate)?;
        let look = async || compared(destination, name, &sql).await;
        let found = until_deadline(LOOK, deadline, look).await?;
        checks.push(Check {
            name: format!("{name}: as computed from the destination's tables"),
            ok: found.is_some_and(|(_, missing, surplus)| missing == 0 && surplus == 0),
            expected: found.map_or_else(|| "no group that waits".to_owned(), |(groups, ..)| format!("{groups} groups")),
            seen: match found {
                None => "groups that wait to be computed: the destination is behind".to_owned(),
                Some((groups, 0, 0)) => format!("{groups} groups, equal"),
                Some((_, missing, surplus)) => {
                    format!("{missing} groups missing or different, {surplus} that should not be so")
                }
            },
            ms: elapsed_ms(began),
        });
    }
    Ok(checks)
}

/// How many groups there are, how many are missing or different, and how many should not be so; nothing while some wait.
async fn compared(destination: &Database, name: &String, sql: &str) -> Result<Option<(i64, i64, i64)>, ClientError> {
    let count = |row: Option<Row>| row.map_or(0, |row| row.get::<_, i64>(0));
    if count(destination.first(WAITING, &[name]).await?) > 0 {
        return Ok(None);
    }
    let row = destination.first(sql, &[name]).await?;
    // Some may have been put off since the first look; here all counts are of one moment.
    Ok(row.filter(|row| row.get::<_, i64>(3) == 0).map(|row| (row.get(0), row.get(1), row.get(2))))
}

/// The job computes the groups that changed rows belong to, each once; with every row taken as changed, that is all groups. The
/// aggregate's name is the parameter.
fn difference_query(pipeline: &Pipeline, aggregate: &Aggregate) -> Result<String, VerifyError> {
    let spec = &pipeline.spec;
    let keys: BTreeMap<&str, &Vec<String>> =
        spec.tables.values().map(|table| (table.destination.table.as_str(), &table.key)).collect();
    let mut affected = Vec::new();
    for (table, file) in &aggregate.affected {
        let key = keys.get(table.as_str()).ok_or_else(|| VerifyError::Specification {
            problem: format!("aggregate `{}` is affected by `{table}`, which is no destination table", aggregate.table),
        })?;
        let columns: Vec<String> = key.iter().map(|column| quote(column)).collect();
        let relation = quote_qualified(&spec.destination.schema, table);
        let query = sql_file(pipeline, file)?;
        affected.push(format!("(WITH changed AS (SELECT {} FROM {relation}) {query})", columns.join(", ")));
    }
    let relation = quote_qualified(&spec.destination.schema, &aggregate.table);
    let query = sql_file(pipeline, &aggregate.query)?;
    Ok(format!(
        "WITH affected AS (SELECT DISTINCT * FROM ({}) a), computed AS (SELECT to_jsonb(c) AS doc FROM ({query}) c), \
         kept AS (SELECT to_jsonb(k) AS doc FROM {relation} k) \
         SELECT (SELECT count(*) FROM computed), \
         (SELECT count(*) FROM (SELECT doc FROM computed EXCEPT ALL SELECT doc FROM kept) a), \
         (SELECT count(*) FROM (SELECT doc FROM kept EXCEPT ALL SELECT doc FROM computed) b), ({WAITING})",
        affected.join(" UNION ")
    ))
}

/// A query from a file, ready to stand inside another one.
fn sql_file(pipeline: &Pipeline, file: &std::path::Path) -> Result<String, VerifyError> {
    let path = pipeline.file(file);
    let text = files::read(&path).map_err(|source| VerifyError::File { path, source })?;
    // A comment on the last line would swallow the parenthesis that follows.
    Ok(format!("{}\n", text.trim().trim_end_matches(';')))
}
