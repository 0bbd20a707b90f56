//! Aggregates of the destination: every group is computed again from the tables and compared, in one snapshot.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::VerifyError;
use super::report::Check;
use crate::model::files;
use crate::pipeline::Pipeline;
use crate::pipeline::clients::postgres::{Database, quote, quote_qualified};
use crate::pipeline::spec::Aggregate;
use crate::pipeline::wait::elapsed_ms;

/// Checks of all aggregates. Rows and aggregates change in one transaction, so there is nothing to wait for.
pub(super) async fn check(pipeline: &Pipeline, destination: &Database) -> Result<Vec<Check>, VerifyError> {
    // The queries name tables without their schema, and find them as they do when the job runs them (spark/lib/apply_sql.py).
    let search = "SELECT set_config('search_path', concat_ws(', ', $1::text, nullif(current_setting('search_path'), '')), false)";
    destination.query(search, &[&quote(&pipeline.spec.destination.schema)]).await?;
    let mut checks = Vec::new();
    for (name, aggregate) in &pipeline.spec.aggregates {
        let began = Instant::now();
        let sql = difference_query(pipeline, aggregate)?;
        let row = destination.first(&sql, &[]).await?;
        let (groups, missing, surplus): (i64, i64, i64) =
            row.map_or((0, 0, 0), |row| (row.get(0), row.get(1), row.get(2)));
        checks.push(Check {
            name: format!("{name}: as computed from the destination's tables"),
            ok: missing == 0 && surplus == 0,
            expected: format!("{groups} groups"),
            seen: if missing + surplus == 0 {
                format!("{groups} groups, equal")
            } else {
                format!("{missing} groups missing or different, {surplus} that should not be so")
            },
            ms: elapsed_ms(began),
        });
    }
    Ok(checks)
}

/// The job computes the groups that changed rows belong to, each once; with every row taken as changed, that is all groups.
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
         (SELECT count(*) FROM (SELECT doc FROM kept EXCEPT ALL SELECT doc FROM computed) b)",
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
