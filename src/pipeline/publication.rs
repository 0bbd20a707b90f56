//! The publication: which tables' changes the source hands out.

use std::collections::BTreeMap;

use super::Pipeline;
use super::clients::ClientError;
use super::clients::postgres::{Database, quote, quote_qualified};

/// Where Debezium writes its heartbeat (debezium/register-postgres.json): its change moves the slot on while no other table changes.
const HEARTBEAT: &str = "public.pipectl_heartbeat";

/// Declared tables whose changes the publication leaves out; all of them where it does not exist.
pub async fn missing(pipeline: &Pipeline, source: &Database) -> Result<Vec<String>, ClientError> {
    missing_of(pipeline, source, pipeline.spec.tables.keys().map(String::as_str)).await
}

async fn missing_of(
    pipeline: &Pipeline,
    source: &Database,
    tables: impl Iterator<Item = &str>,
) -> Result<Vec<String>, ClientError> {
    let sql = "SELECT schemaname || '.' || tablename FROM pg_publication_tables WHERE pubname = $1::text";
    let published = source.query(sql, &[&pipeline.spec.source.publication]).await?;
    let published: Vec<String> = published.iter().map(|row| row.get(0)).collect();
    Ok(tables.filter(|table| !published.iter().any(|known| known == table)).map(str::to_owned).collect())
}

/// The tables in it, each with what tells its being there from an earlier one: a table that was taken out and added again has missed what
/// happened in between, and nothing else says so. (Where the publication is for all tables, or for those of a schema, it is the
/// publication's own.)
pub async fn members(pipeline: &Pipeline, source: &Database) -> Result<Members, ClientError> {
    let sql = "SELECT t.schemaname || '.' || t.tablename, coalesce('table ' || r.oid, 'publication ' || p.oid) \
               FROM pg_publication p JOIN pg_publication_tables t ON t.pubname = p.pubname \
               JOIN pg_namespace n ON n.nspname = t.schemaname \
               JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename \
               LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = c.oid WHERE p.pubname = $1::text";
    let rows = source.query(sql, &[&pipeline.spec.source.publication]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Tables of a publication by `schema.table`, see [`members`].
pub type Members = BTreeMap<String, String>;

/// Adds tables that it leaves out. Whoever calls this reads their rows afterwards.
pub async fn add(pipeline: &Pipeline, source: &Database, tables: &[String]) -> Result<Vec<String>, ClientError> {
    let missing = missing_of(pipeline, source, tables.iter().map(String::as_str)).await?;
    publish(pipeline, source, missing).await
}

/// Adds what is missing, and makes the publication where there is none. Returns what was added.
///
/// Changes made before are not in the slot: whoever calls this reads the tables anew.
pub async fn complete(pipeline: &Pipeline, source: &Database) -> Result<Vec<String>, ClientError> {
    let own = pipeline.spec.source.external.is_none();
    let tables = pipeline.spec.tables.keys().map(String::as_str).chain(own.then_some(HEARTBEAT));
    let missing = missing_of(pipeline, source, tables).await?;
    publish(pipeline, source, missing).await
}

async fn publish(pipeline: &Pipeline, source: &Database, missing: Vec<String>) -> Result<Vec<String>, ClientError> {
    if missing.is_empty() {
        return Ok(missing);
    }
    let publication = &pipeline.spec.source.publication;
    let exists = "SELECT FROM pg_publication WHERE pubname = $1::text";
    let listed: Vec<String> = missing
        .iter()
        .filter_map(|table| table.split_once('.'))
        .map(|(schema, name)| quote_qualified(schema, name))
        .collect();
    let listed = listed.join(", ");
    let statement = match source.first(exists, &[publication]).await? {
        Some(_) => format!("ALTER PUBLICATION {} ADD TABLE {listed}", quote(publication)),
        None => format!("CREATE PUBLICATION {} FOR TABLE {listed}", quote(publication)),
    };
    source.batch(&statement).await?;
    Ok(missing)
}
