//! The connector's desired configuration: the registration file with its variables filled in.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Pipeline;
use super::clients::connect::ConnectorConfig;
use crate::model::interpolate;

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
    let text = std::fs::read_to_string(&path)
        .map_err(|source| ConnectorFileError::Unreadable { path: path.clone(), source })?;
    let document: Value =
        serde_json::from_str(&text).map_err(|source| ConnectorFileError::Syntax { path: path.clone(), source })?;
    let lookup = |name: &str| own_variable(pipeline, name).or_else(|| pipeline.variable(name));
    let wrong = |problem: String| ConnectorFileError::Shape { path: path.clone(), problem };
    fill_in(&document, &lookup).map_err(wrong).and_then(|registration| {
        if registration.name == pipeline.spec.connector {
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
        "SOURCE_HOST" => spec.source.service.clone(),
        "SOURCE_DATABASE" => spec.source.database.clone(),
        "SLOT" => spec.source.slot.clone(),
        "PUBLICATION" => spec.source.publication.clone(),
        "TOPIC_PREFIX" => spec.topic_prefix.clone(),
        "CONNECTOR" => spec.connector.clone(),
        _ => return None,
    })
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
    fn what_connect_could_not_take_is_refused() {
        let nested = json!({"name": "c", "config": {"p": {"q": 1}}});
        assert_eq!(fill_in(&nested, &lookup), Err("`p` must be a string, a number or a boolean".to_owned()));
        assert_eq!(fill_in(&json!({"name": "c"}), &lookup), Err("`config` is missing or no object".to_owned()));
    }
}
