//! What a repeated PUT keeps of what is there, and when it counts as a change. Pure.
//!
//! The rules are those of a real server: a PUT replaces, but tags are merged, owners stay where the body names none, and
//! a bot does not overwrite texts and owners, because people write them. `docs/catalog.md` lists them.

use serde_json::{Map, Value};

use super::super::kinds::Kind;
use super::parts;

/// Texts that people write.
const TEXTS: [&str; 2] = ["description", "displayName"];

/// Fields that are written by other requests than PUT and stay.
const ELSEWHERE: [&str; 5] = ["usageSummary", "pipelineStatus", "profile", "pipelineStatuses", "sampleData"];

/// Fields that have a request of their own and may stand in a PUT, too: one without them leaves them.
const BESIDE: [&str; 1] = ["tableProfilerConfig"];

/// Fields that say who changed the document and when, not what is in it.
const STAMPS: [&str; 3] = ["version", "updatedAt", "updatedBy"];

/// Carries over into `new` what survives. `keep` is set for a bot.
pub fn onto(old: &Map<String, Value>, new: &mut Map<String, Value>, kind: &Kind, keep: bool) {
    for field in ELSEWHERE {
        if let Some(value) = old.get(field) {
            new.insert(field.to_owned(), value.clone());
        }
    }
    for field in BESIDE.iter().filter(|field| !new.contains_key(**field)).collect::<Vec<_>>() {
        carry(old, new, field);
    }
    texts(old, new, keep);
    tags(old, new);
    if !new.contains_key("owners") || (keep && !is_empty(old.get("owners"))) {
        carry(old, new, "owners");
    }
    if keep && !new.contains_key("extension") {
        carry(old, new, "extension");
    }
    if kind.name == "topic" && has_no_fields(new) {
        // A client without a schema registry sends an empty schema on every run; the one that is known is better.
        carry(old, new, "messageSchema");
    }
    let before = parts::list(kind, old).to_vec();
    if let Some(list) = parts::list_mut(kind, new) {
        merge_parts(&before, list, keep);
    }
}

fn merge_parts(old: &[Value], new: &mut [Value], keep: bool) {
    for part in new.iter_mut().filter_map(Value::as_object_mut) {
        let same = |other: &&Map<String, Value>| other.get("name") == part.get("name");
        let Some(before) = old.iter().filter_map(Value::as_object).find(same) else { continue };
        texts(before, part, keep);
        tags(before, part);
        if let (Some(Value::Array(before)), Some(Value::Array(children))) =
            (before.get("children"), part.get_mut("children"))
        {
            merge_parts(before, children, keep);
        }
    }
}

fn texts(old: &Map<String, Value>, new: &mut Map<String, Value>, keep: bool) {
    for field in TEXTS.iter().filter(|field| keep && !is_empty(old.get(**field))) {
        carry(old, new, field);
    }
}

/// Adds the tags that are there to those that come; of a classification with one tag only (a tier), the one that is there.
fn tags(old: &Map<String, Value>, new: &mut Map<String, Value>) {
    let Some(Value::Array(before)) = old.get("tags") else { return };
    let mut merged = before.clone();
    if let Some(Value::Array(coming)) = new.get("tags") {
        for label in coming {
            let name = name_of(label);
            let is_tier = |name: &str| name.starts_with("Tier.");
            let there = before.iter().any(|known| name_of(known) == name || (is_tier(name) && is_tier(name_of(known))));
            if !there {
                merged.push(label.clone());
            }
        }
    }
    new.insert("tags".to_owned(), Value::Array(merged));
}

fn name_of(label: &Value) -> &str {
    label.get("tagFQN").and_then(Value::as_str).unwrap_or_default()
}

fn carry(old: &Map<String, Value>, new: &mut Map<String, Value>, field: &str) {
    if let Some(value) = old.get(field) {
        new.insert(field.to_owned(), value.clone());
    }
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    }
}

fn has_no_fields(topic: &Map<String, Value>) -> bool {
    match topic.get("messageSchema") {
        Some(schema) => is_empty(schema.get("schemaFields")) && is_empty(schema.get("schemaText")),
        None => false,
    }
}

/// The version after a change, nothing where there is none. What removes a field or a column is a major one.
pub fn next_version(old: &Map<String, Value>, new: &Map<String, Value>, kind: &Kind) -> Option<f64> {
    let content = |document: &Map<String, Value>| {
        let fields = document.iter().filter(|(field, _)| !STAMPS.contains(&field.as_str()));
        fields.map(|(field, value)| (field.clone(), value.clone())).collect::<Map<_, _>>()
    };
    let (before, after) = (content(old), content(new));
    if before == after {
        return None;
    }
    let lost_field = before.keys().any(|field| !after.contains_key(field));
    let lost_part = !parts::names(kind, old).is_subset(&parts::names(kind, new));
    let version = old.get("version").and_then(Value::as_f64).unwrap_or(0.1);
    let step = if lost_field || lost_part { 10.0 } else { 1.0 };
    Some(((version * 10.0).round() + step) / 10.0)
}

#[cfg(test)]
mod tests {
    use super::super::super::kinds;
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else { panic!("an object") };
        map
    }

    fn merged(kind: &str, old: Value, new: Value, keep: bool) -> Value {
        let mut new = map(new);
        onto(&map(old), &mut new, kinds::find(kind).expect("known"), keep);
        Value::Object(new)
    }

    #[test]
    fn a_bot_keeps_what_people_wrote_and_anybody_keeps_tags() {
        let old = json!({"description": "by a person", "tags": [{"tagFQN": "PII.Sensitive"}], "owners": [{"id": "o"}],
            "columns": [{"name": "a", "description": "col", "tags": [{"tagFQN": "Tier.Tier1"}]}]});
        let new = json!({"description": "from the source", "tags": [{"tagFQN": "PersonalData.Personal"}],
            "columns": [{"name": "a", "tags": [{"tagFQN": "Tier.Tier2"}]}, {"name": "b"}]});
        let bot = merged("table", old.clone(), new.clone(), true);
        assert_eq!(bot["description"], "by a person");
        assert_eq!(bot["owners"], json!([{"id": "o"}]));
        assert_eq!(bot["tags"], json!([{"tagFQN": "PII.Sensitive"}, {"tagFQN": "PersonalData.Personal"}]));
        assert_eq!(bot["columns"][0], json!({"name": "a", "description": "col", "tags": [{"tagFQN": "Tier.Tier1"}]}));
        assert_eq!(bot["columns"][1], json!({"name": "b"}));
        let admin = merged("table", old, new, false);
        assert_eq!(admin["description"], "from the source");
        assert_eq!(admin["columns"][0].get("description"), None);
        assert_eq!(admin["tags"], bot["tags"]);
    }

    #[test]
    fn an_empty_message_schema_does_not_replace_a_known_one() {
        let old = json!({"messageSchema": {"schemaType": "JSON", "schemaFields": [{"name": "id"}]}});
        let empty = json!({"messageSchema": {"schemaText": "", "schemaType": "Other", "schemaFields": []}});
        assert_eq!(merged("topic", old.clone(), empty, true), old);
        let other = json!({"messageSchema": {"schemaType": "JSON", "schemaFields": [{"name": "uid"}]}});
        assert_eq!(merged("topic", old, other.clone(), true), other);
    }

    #[test]
    fn versions_count_changes() {
        let table = kinds::find("table").expect("known");
        let column = |name: &str| json!({"name": name, "fullyQualifiedName": format!("t.{name}")});
        let old = map(json!({"version": 0.9, "updatedAt": 1, "description": "x", "columns": [column("a")]}));
        let next = |new: Value| next_version(&old, &map(new), table);
        assert_eq!(next(json!({"version": 5, "updatedAt": 2, "description": "x", "columns": [column("a")]})), None);
        assert_eq!(next(json!({"description": "y", "columns": [column("a")]})), Some(1.0));
        assert_eq!(next(json!({"columns": [column("a")]})), Some(1.9), "a field is gone");
        assert_eq!(next(json!({"description": "x", "columns": [column("b")]})), Some(1.9), "a column is gone");
    }
}
