//! Whether an entity is as it should be, and what has to be carried over when it is written again.

use serde_json::{Map, Value};

/// Keys of a create request that name a parent, which an entity shows as a reference.
const PARENTS: [&str; 3] = ["service", "database", "databaseSchema"];
/// What people write: kept when the rest is replaced.
const PEOPLES: [&str; 3] = ["description", "displayName", "tags"];

/// True when the entity holds everything that the request says. What else it holds is the server's or people's.
pub(super) fn holds(entity: &Value, request: &Value) -> bool {
    let Value::Object(request) = request else { return false };
    request.iter().all(|(key, wanted)| {
        let found = entity.get(key);
        if PARENTS.contains(&key.as_str()) {
            return found.and_then(|parent| parent.get("fullyQualifiedName")).or(found) == Some(wanted);
        }
        match (found, wanted) {
            (Some(found), wanted) => covers(found, wanted),
            // Servers leave empty texts and lists out.
            (None, Value::String(text)) => text.is_empty(),
            (None, Value::Array(items)) => items.is_empty(),
            (None, _) => false,
        }
    })
}

fn covers(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted.iter().all(|(key, wanted)| match found.get(key) {
            Some(found) => covers(found, wanted),
            None => wanted.as_str() == Some("") || wanted.as_array().is_some_and(Vec::is_empty),
        }),
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| covers(found, wanted))
        }
        // 604800000 and 604800000.0 are one number.
        (Value::Number(found), Value::Number(wanted)) => found.as_f64() == wanted.as_f64(),
        (found, wanted) => found == wanted,
    }
}

/// The request with what people wrote into the entity and its columns: a PUT replaces, and what it leaves out is gone.
pub(super) fn with_peoples_words(request: &Value, entity: &Value) -> Value {
    let mut request = request.clone();
    carry(&mut request, entity);
    for key in ["owners", "owner"] {
        if let (Some(owners), Value::Object(request)) = (entity.get(key), &mut request) {
            request.insert(key.to_owned(), bare(owners));
        }
    }
    request
}

fn carry(request: &mut Value, entity: &Value) {
    match (request, entity) {
        (Value::Object(request), Value::Object(entity)) => {
            for key in PEOPLES {
                if let (false, Some(words)) = (request.contains_key(key), entity.get(key)) {
                    request.insert(key.to_owned(), words.clone());
                }
            }
            for (key, part) in request.iter_mut().filter(|(key, _)| !PEOPLES.contains(&key.as_str())) {
                if let Some(found) = entity.get(key) {
                    carry(part, found);
                }
            }
        }
        (Value::Array(request), Value::Array(entity)) => {
            for part in request {
                let name = part.get("name");
                // Columns are found by name: one may have been put in front of another.
                if let Some(found) = entity.iter().find(|found| name.is_some() && found.get("name") == name) {
                    carry(part, found);
                }
            }
        }
        _ => {}
    }
}

/// References as a request may hold them: type and id.
fn bare(reference: &Value) -> Value {
    match reference {
        Value::Array(references) => references.iter().map(bare).collect(),
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| matches!(key.as_str(), "id" | "type"));
            Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// The request without foreign keys: what they refer to may not exist yet. Nothing when there are none.
pub(super) fn without_foreign_keys(request: &Value) -> Option<Value> {
    let constraints = request.get("tableConstraints")?.as_array()?;
    let is_foreign = |constraint: &&Value| constraint.get("constraintType").is_some_and(|kind| kind == "FOREIGN_KEY");
    if !constraints.iter().any(|constraint| is_foreign(&constraint)) {
        return None;
    }
    let mut request = request.clone();
    request["tableConstraints"] = constraints.iter().filter(|constraint| !is_foreign(constraint)).cloned().collect();
    Some(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_entity_may_hold_more_than_was_asked_for() {
        let entity = json!({"id": "1", "name": "t", "service": {"id": "s", "fullyQualifiedName": "kafka"},
                            "partitions": 1, "retentionTime": 604_800_000.0,
                            "columns": [{"name": "a", "dataType": "INT", "fullyQualifiedName": "k.t.a", "tags": []}]});
        let request = json!({"name": "t", "service": "kafka", "retentionTime": 604_800_000, "cleanupPolicies": [],
                             "columns": [{"name": "a", "dataType": "INT"}]});
        assert!(holds(&entity, &request));
        for (pointer, value) in [
            ("/service", json!("other")),
            ("/columns/0/dataType", json!("BIGINT")),
            ("/columns", json!([])),
            ("/name", json!("u")),
        ] {
            let mut other = request.clone();
            *other.pointer_mut(pointer).expect("a field") = value;
            assert!(!holds(&entity, &other), "{pointer}");
        }
        assert!(!holds(&entity, &json!({"tableType": "View"})));
    }

    #[test]
    fn what_people_wrote_is_carried_by_name() {
        let request = json!({"name": "t", "columns": [{"name": "new"}, {"name": "a", "dataType": "INT"}]});
        let entity = json!({"description": "mine", "displayName": "T", "owners": [{"id": "u", "type": "user", "name": "x"}],
                            "columns": [{"name": "a", "dataType": "TEXT", "description": "first", "tags": [{"tagFQN": "P.S"}]}]});
        assert_eq!(
            with_peoples_words(&request, &entity),
            json!({"name": "t", "description": "mine", "displayName": "T", "owners": [{"id": "u", "type": "user"}],
                   "columns": [{"name": "new"},
                               {"name": "a", "dataType": "INT", "description": "first", "tags": [{"tagFQN": "P.S"}]}]})
        );
    }
}
