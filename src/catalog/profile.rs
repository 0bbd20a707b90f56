//! Measurements of tables: how many rows, how many bytes. The newest stands in the table itself.

use serde_json::Value;

use super::error::{CatalogError, Result};
use super::kinds::shapes::PROFILE;
use super::shape::{self, Field, Shape, fields};
use super::store::{Entity, Writing};

static BODY: &[Field] = fields![
    "tableProfile" required => Shape::Object(PROFILE),
    // Profiles of columns come with a profiler, which this catalog does not serve.
    "columnProfile" => Shape::Absent,
    "systemProfile" => Shape::Absent,
];

/// Adds a measurement and returns the table. Its version stays: a measurement changes nothing about it.
pub fn report(writing: &Writing, table: &Entity, body: Value) -> Result<Entity> {
    let Value::Object(mut body) = body else { return Err(CatalogError::bad("the body is {\"tableProfile\": {..}}")) };
    shape::check(&mut body, &[BODY])?;
    let time = |profile: &Value| profile["timestamp"].as_i64().unwrap_or_default();
    let mut table = table.clone();
    // One that comes late does not replace a newer one.
    if table.document.get("profile").is_none_or(|known| time(known) <= time(&body["tableProfile"])) {
        table.document.insert("profile".into(), body["tableProfile"].take());
        writing.put_entity(&table)?;
    }
    Ok(table)
}
