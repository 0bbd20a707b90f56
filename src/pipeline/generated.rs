//! Columns that the source generates: its change stream does not have them, so the snapshot leaves them out as well. The jobs take a
//! column that only some changes have for one that was dropped.
//!
//! Debezium asks for this itself: the list concerns values only, the key of a message has its columns whatever is excluded.
//! Source: <https://debezium.io/documentation/reference/connectors/postgresql.html> (`column.exclude.list`)

use super::clients::ClientError;
use super::clients::connect::ConnectorConfig;
use super::clients::postgres::Database;
use super::mask::pattern;
use super::spec::PipelineSpec;

/// The setting that lists columns without which rows are told, as regular expressions.
const EXCLUDED: &str = "column.exclude.list";

const COLUMNS: &str = "SELECT n.nspname::text || '.' || c.relname::text || '.' || a.attname::text \
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> '' AND c.relkind IN ('r', 'p') \
     AND n.nspname::text || '.' || c.relname::text = ANY($1::text[]) ORDER BY c.oid, a.attnum";

/// The generated columns of the declared tables, as `schema.table.column`.
pub async fn read(source: &Database, spec: &PipelineSpec) -> Result<Vec<String>, ClientError> {
    let names: Vec<String> = spec.tables.keys().cloned().collect();
    Ok(source.query(COLUMNS, &[&names]).await?.iter().map(|row| row.get(0)).collect())
}

/// Has the connector leave them out, beside what the registration file leaves out already.
pub fn exclude(config: &mut ConnectorConfig, columns: &[String]) {
    let own = config.get(EXCLUDED).cloned().unwrap_or_default();
    let mut excluded: Vec<String> = own.split(',').filter(|listed| !listed.is_empty()).map(str::to_owned).collect();
    for column in columns.iter().map(|column| pattern(column)) {
        if !excluded.contains(&column) {
            excluded.push(column);
        }
    }
    if !excluded.is_empty() {
        config.insert(EXCLUDED.to_owned(), excluded.join(","));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_columns_join_those_that_are_left_out_already() {
        let mut config = ConnectorConfig::new();
        exclude(&mut config, &[]);
        assert!(config.is_empty(), "a connector without them stays as it is");
        let columns = ["public.orders.total", "public.orders.$um"].map(str::to_owned);
        exclude(&mut config, &columns);
        assert_eq!(config[EXCLUDED], r"public\.orders\.total,public\.orders\.\$um");
        config.insert(EXCLUDED.to_owned(), r"crm\..*,public\.orders\.total".to_owned());
        exclude(&mut config, &columns);
        assert_eq!(config[EXCLUDED], r"crm\..*,public\.orders\.total,public\.orders\.\$um");
    }
}
