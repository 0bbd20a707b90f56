//! The published JSON schemas of `OpenMetadata`, where `PIPECTL_OM_SCHEMAS` says that they are.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::{Retrieve, Uri, Validator};
use serde_json::Value;

/// The folder with the schemas.
pub fn directory() -> Option<PathBuf> {
    let directory = PathBuf::from(std::env::var_os("PIPECTL_OM_SCHEMAS")?);
    let inner = directory.join("schemas");
    Some(if inner.is_dir() { inner } else { directory })
}

/// Panics when a body is not what a schema (`entity/data/table`) says; passes where there are no schemas.
pub fn hold(schema: &str, what: &str, body: &Value) {
    let Some(validator) = validator(schema) else { return };
    let errors: Vec<String> =
        validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{what} is no {schema}:\n{}\n{body:#}", errors.join("\n"));
}

/// Reads `om:///entity/data/table.json` from the folder. Identifiers inside of the files are not all right, so the place counts.
struct Folder(PathBuf);

impl Retrieve for Folder {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        read(&self.0, uri.path().as_str().trim_start_matches('/'))
    }
}

fn read(folder: &Path, path: &str) -> Result<Value, Box<dyn Error + Send + Sync>> {
    let mut schema: Value = serde_json::from_slice(&std::fs::read(folder.join(path))?)?;
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("$id");
    }
    Ok(schema)
}

static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

fn validator(name: &str) -> Option<Arc<Validator>> {
    let folder = directory()?;
    let mut known = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = known.entry(name.to_owned()).or_insert_with(|| {
        let file = format!("{name}.json");
        let schema = read(&folder, &file).unwrap_or_else(|error| panic!("schema {name}: {error}"));
        let options = jsonschema::options().with_base_uri(format!("om:///{file}")).with_retriever(Folder(folder));
        Arc::new(options.build(&schema).unwrap_or_else(|error| panic!("schema {name}: {error}")))
    });
    Some(validator.clone())
}
