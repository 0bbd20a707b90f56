//! Measurements: sizes, row estimates, run states. They change all the time, so they are written where the catalog keeps
//! time series, and only when they differ from what it holds.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::runs;
use crate::governance::assets::{Asset, Measure};
use crate::governance::client::{Catalog, CatalogError};

/// Part of a size that has to change before a new version of an entity is worth it.
const WORTH_TELLING: f64 = 0.1;

/// True when something was written.
pub(super) async fn write(
    catalog: &Catalog,
    asset: &Asset,
    measure: &Measure,
    entity: &Value,
) -> Result<bool, CatalogError> {
    let Some(id) = entity.get("id").and_then(Value::as_str) else { return Ok(false) };
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis());
    let now = now.unwrap_or_default();
    let written = match measure {
        Measure::Table { rows, bytes, delta_version } => {
            let mut profile = json!({"timestamp": now, "columnCount": columns(entity)});
            if let Some(rows) = rows {
                profile["rowCount"] = json!(rows);
            }
            if let Some(bytes) = bytes {
                profile["sizeInByte"] = json!(bytes);
            }
            if let Some(version) = delta_version {
                profile["customMetrics"] = json!([{"name": "deltaVersion", "value": version}]);
            }
            catalog.put_profile(id, &json!({"tableProfile": profile})).await
        }
        Measure::Directory { bytes, files } => {
            if is_near(entity.get("size"), *bytes) && is_near(entity.get("numberOfObjects"), *files) {
                return Ok(false);
            }
            let operations = json!([
                {"op": "add", "path": "/size", "value": bytes},
                {"op": "add", "path": "/numberOfObjects", "value": files},
            ]);
            catalog.patch(asset.kind.collection(), id, &operations).await.map(drop)
        }
        Measure::Run { state, tasks } => {
            if is_told(entity, state, tasks) {
                return Ok(false);
            }
            let tasks: Vec<Value> =
                tasks.iter().map(|(name, state)| json!({"name": name, "executionStatus": state})).collect();
            let status = json!({"timestamp": now, "executionStatus": state, "taskStatus": tasks});
            catalog.put_status(&asset.fqn, &status).await
        }
        Measure::Runs(of) => return runs::write(catalog, &asset.fqn, of, now).await,
    };
    written.map(|()| true)
}

fn columns(entity: &Value) -> usize {
    entity.get("columns").and_then(Value::as_array).map_or(0, Vec::len)
}

fn is_near(held: Option<&Value>, now: u64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a tenth of a size needs no exact size")]
    let now = now as f64;
    held.and_then(Value::as_f64).is_some_and(|held| (held - now).abs() <= WORTH_TELLING * now)
}

/// True when the newest run that the catalog knows has these states.
fn is_told(entity: &Value, state: &str, tasks: &BTreeMap<String, &'static str>) -> bool {
    let Some(newest) = entity.get("pipelineStatus").filter(|status| status.is_object()) else { return false };
    let told = newest.get("taskStatus").and_then(Value::as_array).into_iter().flatten();
    let told: BTreeMap<&str, &str> =
        told.filter_map(|task| Some((task.get("name")?.as_str()?, task.get("executionStatus")?.as_str()?))).collect();
    let wanted: BTreeMap<&str, &str> = tasks.iter().map(|(name, state)| (name.as_str(), *state)).collect();
    newest.get("executionStatus").and_then(Value::as_str) == Some(state) && told == wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_when_it_has_changed_by_more_than_a_tenth() {
        assert!(is_near(Some(&json!(95.0)), 100) && is_near(Some(&json!(0)), 0));
        assert!(!is_near(Some(&json!(80)), 100) && !is_near(None, 100));
    }

    #[test]
    fn a_run_state_is_told_once() {
        let tasks = BTreeMap::from([("0".to_owned(), "Successful")]);
        let task = json!([{"name": "0", "executionStatus": "Successful"}]);
        let held = json!({"pipelineStatus": {"executionStatus": "Successful", "taskStatus": task}});
        assert!(is_told(&held, "Successful", &tasks));
        assert!(!is_told(&held, "Failed", &tasks));
        assert!(!is_told(&held, "Successful", &BTreeMap::new()));
        assert!(!is_told(&json!({"pipelineStatus": null}), "Successful", &tasks));
    }
}
