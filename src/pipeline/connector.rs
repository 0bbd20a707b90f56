//! The connector's desired configuration: the registration file with its variables filled in.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Pipeline;
use super::clients::connect::ConnectorConfig;
use super::clients::postgres::{quote, quote_qualified};
use super::mask;
use super::spec::{PipelineSpec, Table};
use super::tls::Tls;
use crate::model::{files, interpolate};

/// Why there is no configuration to register.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorFileError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// It is not JSON.
    #[error("{path} is not valid JSON: {source}", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line and column are part of it.
        source: serde_json::Error,
    },
    /// It is JSON of another shape.
    #[error("{path}: {problem}", path = path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// A connector to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Name.
    pub name: String,
    /// Configuration.
    pub config: ConnectorConfig,
}

/// Reads a registration file. `${TABLES}` and the pipeline's own names come from pipeline.yml, everything else from the
/// environment that the Compose files were interpolated with.
pub fn load(pipeline: &Pipeline, file: &Path) -> Result<Registration, ConnectorFileError> {
    let path = pipeline.file(file);
    let text = files::read(&path).map_err(|source| ConnectorFileError::Unreadable { path: path.clone(), source })?;
    let document: Value =
        serde_json::from_str(&text).map_err(|source| ConnectorFileError::Syntax { path: path.clone(), source })?;
    let lookup = |name: &str| own_variable(pipeline, name).or_else(|| pipeline.variable(name));
    let wrong = |problem: String| ConnectorFileError::Shape { path: path.clone(), problem };
    fill_in(&document, &lookup).map_err(wrong).and_then(|mut registration| {
        if registration.name == pipeline.spec.connector {
            add_snapshot_selects(&mut registration.config, &pipeline.spec);
            if let Some(external) = &pipeline.spec.source.external {
                // The project's own has a table for it; nothing is written to a table of a database that is not.
                registration.config.insert(HEARTBEAT.to_owned(), BEAT_WITHOUT_TABLE.to_owned());
                add_tls(&mut registration.config, &external.tls).map_err(wrong)?;
            }
            add_masks(&mut registration.config, pipeline).map_err(wrong)?;
            return Ok(registration);
        }
        let problem = format!("`name` is {}, pipeline.yml says {}", registration.name, pipeline.spec.connector);
        Err(wrong(problem))
    })
}

fn own_variable(pipeline: &Pipeline, name: &str) -> Option<String> {
    let spec = &pipeline.spec;
    Some(match name {
        "TABLES" => spec.table_include_list(),
        "SOURCE_HOST" => spec.source.host().to_owned(),
        "SOURCE_PORT" => spec.source.port().to_string(),
        "SOURCE_USER" => pipeline.source_role().0,
        "SOURCE_PASSWORD" => pipeline.source_password_reference().unwrap_or_else(|| pipeline.source_role().1),
        "SOURCE_DATABASE" => spec.source.database.clone(),
        "SLOT" => spec.source.slot.clone(),
        "PUBLICATION" => spec.source.publication.clone(),
        "TOPIC_PREFIX" => spec.topic_prefix.clone(),
        "CONNECTOR" => spec.connector.clone(),
        _ => return None,
    })
}

/// The setting with the statement that moves the slot on while no captured table changes.
const HEARTBEAT: &str = "heartbeat.action.query";
/// A message in the write-ahead log and nothing else. Everybody may send one. Debezium takes note of its place and passes it on to nobody
/// (`message.prefix.exclude.list`); a standby refuses it, which Debezium writes to its log.
const BEAT_WITHOUT_TABLE: &str = "SELECT pg_logical_emit_message(false, 'pipectl_heartbeat', '')";

/// The setting that lists the tables whose rows the snapshot reads by a SELECT of our own.
const OVERRIDES: &str = "snapshot.select.statement.overrides";

/// Has the snapshot read dates as numbers of days.
///
/// Debezium reads them as `java.sql.Date`, which has another calendar before 1582-10-15 and no era: days are moved, and a date BC
/// arrives as the one AD. Numbers it takes as they are. The change stream is read in another way and is right. A file that has
/// SELECTs of its own keeps those.
fn add_snapshot_selects(config: &mut ConnectorConfig, spec: &PipelineSpec) {
    let select = |(name, table): (&String, &Table)| Some((name.clone(), snapshot_select(name, table)?));
    let (names, selects): (Vec<String>, Vec<String>) = spec.tables.iter().filter_map(select).unzip();
    if names.is_empty() || config.contains_key(OVERRIDES) {
        return;
    }
    config.insert(OVERRIDES.to_owned(), names.join(","));
    config.extend(names.iter().map(|name| format!("{OVERRIDES}.{name}")).zip(selects));
}

/// The SELECT by which a snapshot reads a table; none where the connector's own is right.
pub(super) fn snapshot_select(name: &str, table: &Table) -> Option<String> {
    if !table.columns.values().any(|kind| kind == "date") {
        return None;
    }
    let columns: Vec<String> = table.columns.iter().map(|(column, kind)| select_item(&quote(column), kind)).collect();
    let (schema, relation) = name.split_once('.').unwrap_or(("public", name));
    Some(format!("SELECT {} FROM {}", columns.join(", "), quote_qualified(schema, relation)))
}

/// Has Debezium hash what is declared as masked. Without a key nothing is registered: the values would leave the source.
fn add_masks(config: &mut ConnectorConfig, pipeline: &Pipeline) -> Result<(), String> {
    let masked = pipeline.spec.tables.iter().find(|(_, table)| !table.masked.is_empty());
    let Some((table, _)) = masked else { return Ok(()) };
    let salt =
        pipeline.mask_salt().ok_or_else(|| format!("columns of {table} are masked, and {} is not set", mask::KEY))?;
    config.extend(mask::setting(&pipeline.spec, &salt));
    Ok(())
}

/// Where the connector's container has the file that `sslrootcert` names: compose/cdc.yaml mounts it there.
pub const SOURCE_CERTIFICATE: &str = "/opt/connect/source-ca.pem";

/// Has Debezium connect as pipectl does. A file that says otherwise is refused: of two places one would be believed in vain.
fn add_tls(config: &mut ConnectorConfig, tls: &Tls) -> Result<(), String> {
    let roots = tls.authorities().map(|_| SOURCE_CERTIFICATE);
    for (key, own, wanted) in
        [("database.sslmode", "sslmode", Some(tls.name())), ("database.sslrootcert", "sslrootcert", roots)]
    {
        let said = config.get(key).filter(|said| Some(said.as_str()) != wanted);
        if let Some(said) = said {
            return Err(format!(
                "`{key}` is {said}; say it as `{own}` beside `host` in pipeline.yml, and leave it out here"
            ));
        }
        config.extend(wanted.map(|wanted| (key.to_owned(), wanted.to_owned())));
    }
    Ok(())
}

/// A column of the snapshot's SELECT. Infinite dates become numbers that are no date of Postgres', see spark/lib/casts.py.
fn select_item(column: &str, kind: &str) -> String {
    if kind != "date" {
        return column.to_owned();
    }
    format!(
        "CASE WHEN isfinite({column}) THEN {column} - DATE '1970-01-01' WHEN {column} > DATE '1970-01-01' THEN {} \
         WHEN {column} IS NOT NULL THEN {} END AS {column}",
        i32::MAX,
        i32::MIN
    )
}

/// Values are filled in after parsing: a quote in a password cannot break out of its string.
fn fill_in(document: &Value, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Registration, String> {
    let filled = |text: &str| interpolate(text, lookup).map_err(|error| error.to_string());
    let name = document.get("name").and_then(Value::as_str).ok_or("`name` is missing")?;
    let fields = document.get("config").and_then(Value::as_object).ok_or("`config` is missing or no object")?;
    let mut config = ConnectorConfig::new();
    for (key, value) in fields {
        let value = match value {
            Value::String(text) => filled(text).map_err(|problem| format!("`{key}`: {problem}"))?,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err(format!("`{key}` must be a string, a number or a boolean"));
            }
        };
        config.insert(key.clone(), value);
    }
    Ok(Registration { name: filled(name)?, config })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lookup(name: &str) -> Option<String> {
        (name == "PASSWORD").then(|| r#"a"b\c"#.to_owned())
    }

    #[test]
    fn variables_are_filled_in_as_they_are() {
        let document = json!({"name": "c", "config": {"p": "${PASSWORD}", "h": "${HOST:-db}", "n": 1, "b": true}});
        let config = fill_in(&document, &lookup).expect("a complete document").config;
        assert_eq!(config["p"], r#"a"b\c"#);
        assert_eq!(config["h"], "db");
        assert_eq!((config["n"].as_str(), config["b"].as_str()), ("1", "true"));
    }

    #[test]
    fn the_snapshot_reads_dates_as_numbers() {
        let mut spec = PipelineSpec::default();
        let table = |kind: &str| {
            let columns = [("id", "bigint"), ("day", kind)].map(|(name, kind)| (name.to_owned(), kind.to_owned()));
            Table { columns: columns.into_iter().collect(), ..Table::default() }
        };
        spec.tables.insert("public.visits".to_owned(), table("date"));
        spec.tables.insert("public.plain".to_owned(), table("text"));
        let mut config = ConnectorConfig::new();
        add_snapshot_selects(&mut config, &spec);
        assert_eq!(config[OVERRIDES], "public.visits");
        assert_eq!(
            config["snapshot.select.statement.overrides.public.visits"],
            "SELECT \"id\", CASE WHEN isfinite(\"day\") THEN \"day\" - DATE '1970-01-01' WHEN \"day\" > DATE '1970-01-01' \
             THEN 2147483647 WHEN \"day\" IS NOT NULL THEN -2147483648 END AS \"day\" FROM \"public\".\"visits\""
        );
        assert_eq!(config.len(), 2, "tables without dates need no SELECT");
        let mut own = ConnectorConfig::from([(OVERRIDES.to_owned(), "public.visits".to_owned())]);
        add_snapshot_selects(&mut own, &spec);
        assert_eq!(own.len(), 1, "SELECTs of the file's own stay");
    }

    #[test]
    fn what_connect_could_not_take_is_refused() {
        let nested = json!({"name": "c", "config": {"p": {"q": 1}}});
        assert_eq!(fill_in(&nested, &lookup), Err("`p` must be a string, a number or a boolean".to_owned()));
        assert_eq!(fill_in(&json!({"name": "c"}), &lookup), Err("`config` is missing or no object".to_owned()));
    }
}
