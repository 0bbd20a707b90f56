//! Descriptions, tags and owners: the changes that bring an entity to what pipeline.yml says, without touching what
//! somebody else wrote. Pure: an entity in, a JSON Patch out.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::memory::Memory;
use crate::governance::assets::Asset;
use crate::governance::assets::about::Text;

/// Tags of this classification exclude each other.
const TIER: &str = "Tier.";

/// The patch; what it writes is remembered in `memory`. `tags` are those that exist in the catalog, `owners` the name of the
/// field with an entity's owners and the references that it should have.
pub(super) fn patch(
    entity: &Value,
    asset: &Asset,
    memory: &mut Memory,
    tags: &BTreeSet<String>,
    owners: (&str, Option<Value>),
) -> Vec<Value> {
    let mut operations = Vec::new();
    let key = format!("{}/{}", asset.kind.collection(), asset.fqn);
    texts(&mut operations, entity, "", &key, &asset.about, memory, tags);
    for column in &asset.columns {
        // Where a column stands is only certain when it is there under its name.
        let found = entity.pointer(&column.pointer).filter(|found| found["name"] == column.name.as_str());
        if let Some(found) = found {
            texts(
                &mut operations,
                found,
                &column.pointer,
                &format!("{key}:{}", column.name),
                &column.about,
                memory,
                tags,
            );
        }
    }
    operations.extend(owned(entity, &key, memory, owners));
    operations
}

/// Owners are one word together: while they are those that pipectl gave, they are replaced, else they are somebody's.
fn owned(entity: &Value, key: &str, memory: &mut Memory, (field, wanted): (&str, Option<Value>)) -> Option<Value> {
    let key = format!("{key}#owners");
    let current = ids(entity.get(field));
    let ours = current.is_empty() || memory.text(&key) == Some(&current);
    match wanted {
        Some(owners) => {
            let given = ids(Some(&owners));
            if given != current && !ours {
                return None;
            }
            memory.remember(key, &given);
            (given != current).then(|| json!({"op": "add", "path": format!("/{field}"), "value": owners}))
        }
        None if ours && !current.is_empty() => {
            memory.forget(&key);
            Some(json!({"op": "remove", "path": format!("/{field}")}))
        }
        None => None,
    }
}

/// The ids of references, or of the one that old servers keep, in the order of the alphabet.
fn ids(owners: Option<&Value>) -> String {
    let all = match owners {
        Some(Value::Array(all)) => all.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let ids: BTreeSet<&str> = all.into_iter().filter_map(|owner| owner.get("id")?.as_str()).collect();
    ids.into_iter().collect::<Vec<_>>().join(",")
}

fn texts(
    operations: &mut Vec<Value>,
    found: &Value,
    pointer: &str,
    key: &str,
    wanted: &Text,
    memory: &mut Memory,
    known: &BTreeSet<String>,
) {
    let description_key = format!("{key}#description");
    let current = found.get("description").and_then(Value::as_str).unwrap_or_default();
    let ours = current.is_empty() || memory.text(&description_key) == Some(current);
    match &wanted.description {
        Some(text) if current == text => memory.remember(description_key, text),
        Some(text) if ours => {
            operations.push(json!({"op": "add", "path": format!("{pointer}/description"), "value": text}));
            memory.remember(description_key, text);
        }
        None if ours && !current.is_empty() => {
            operations.push(json!({"op": "remove", "path": format!("{pointer}/description")}));
            memory.forget(&description_key);
        }
        Some(_) | None => {}
    }
    let held: Vec<Value> = found.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
    let name = |label: &Value| label.get("tagFQN").and_then(Value::as_str).unwrap_or_default().to_owned();
    let written = |memory: &Memory, tag: &str| memory.text(&format!("{key}#tag#{tag}")).is_some();
    let prefix = format!("{key}#tag#");
    let dropped: Vec<String> = memory
        .keys_below(&prefix)
        .iter()
        .filter_map(|known| known.strip_prefix(&prefix))
        .filter(|tag| !wanted.tags.iter().any(|wanted| wanted == tag))
        .map(str::to_owned)
        .collect();
    let mut labels: Vec<Value> = held.iter().filter(|label| !dropped.contains(&name(label))).cloned().collect();
    for tag in wanted.tags.iter().filter(|tag| known.contains(*tag)) {
        let has = |labels: &[Value]| labels.iter().any(|label| name(label) == *tag);
        let other_tier = tag.starts_with(TIER) && labels.iter().any(|label| name(label).starts_with(TIER));
        if has(&labels) || (other_tier && !written(memory, tag)) {
            continue;
        }
        labels.push(json!({"tagFQN": tag, "source": "Classification", "labelType": "Manual", "state": "Confirmed"}));
        memory.remember(format!("{prefix}{tag}"), "");
    }
    for tag in dropped {
        memory.forget(&format!("{prefix}{tag}"));
    }
    if labels != held {
        operations.push(json!({"op": "add", "path": format!("{pointer}/tags"), "value": labels}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governance::assets::Column;
    use crate::governance::kind::Kind;

    fn text(description: Option<&str>, tags: &[&str]) -> Text {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Text { description: description.map(str::to_owned), tags, owners: Vec::new() }
    }

    fn asset(about: Text, column: Text) -> Asset {
        let columns = vec![Column { pointer: "/columns/0".into(), name: "a".into(), about: column }];
        Asset { kind: Kind::Table, fqn: "pg.t".into(), body: Value::Null, about, columns, measure: None }
    }

    fn patched(entity: &Value, asset: &Asset, memory: &mut Memory) -> Vec<String> {
        let tags = ["P.S", "Tier.Tier1", "Tier.Tier2"].map(str::to_owned).into();
        patch(entity, asset, memory, &tags, ("owners", None))
            .iter()
            .map(|operation| {
                let tags = operation["value"].as_array().into_iter().flatten().map(|tag| tag["tagFQN"].to_string());
                let value =
                    operation["value"].as_str().map_or_else(|| tags.collect::<Vec<_>>().join(","), str::to_owned);
                format!(
                    "{} {} {value}",
                    operation["op"].as_str().unwrap_or_default(),
                    operation["path"].as_str().unwrap_or_default()
                )
            })
            .collect()
    }

    #[test]
    fn empty_places_are_filled_and_ours_is_renewed() {
        let mut memory = Memory::default();
        let entity = json!({"columns": [{"name": "a"}]});
        let first = asset(text(Some("one"), &["Tier.Tier1"]), text(Some("col"), &["P.S", "No.Such"]));
        assert_eq!(
            patched(&entity, &first, &mut memory),
            [
                "add /description one",
                "add /tags \"Tier.Tier1\"",
                "add /columns/0/description col",
                "add /columns/0/tags \"P.S\"",
            ]
        );
        let entity = json!({"description": "one", "tags": [{"tagFQN": "Tier.Tier1"}],
                            "columns": [{"name": "a", "description": "col", "tags": [{"tagFQN": "P.S"}]}]});
        assert_eq!(patched(&entity, &first, &mut memory), [""; 0]);
        let second = asset(text(Some("two"), &["Tier.Tier2"]), text(None, &[]));
        assert_eq!(
            patched(&entity, &second, &mut memory),
            [
                "add /description two",
                "add /tags \"Tier.Tier2\"",
                "remove /columns/0/description ",
                "add /columns/0/tags "
            ]
        );
    }

    #[test]
    fn what_somebody_wrote_stays() {
        let mut memory = Memory::default();
        let entity = json!({"description": "by hand", "tags": [{"tagFQN": "Tier.Tier2"}, {"tagFQN": "Mine.Own"}],
                            "columns": [{"name": "b", "description": "moved"}]});
        let asset = asset(text(Some("ours"), &["Tier.Tier1"]), text(Some("col"), &["P.S"]));
        assert_eq!(patched(&entity, &asset, &mut memory), [""; 0]);
    }

    /// The patch for an entity with these owners where others are declared.
    fn owned_by(held: &Value, declared: Option<Value>, memory: &mut Memory) -> Vec<Value> {
        let asset = asset(Text::default(), Text::default());
        patch(&json!({"owners": held}), &asset, memory, &BTreeSet::new(), ("owners", declared))
    }

    #[test]
    fn an_owner_is_given_to_what_has_none() {
        let owner = json!([{"id": "1", "type": "user"}]);
        let mut memory = Memory::default();
        let given = owned_by(&json!([]), Some(owner.clone()), &mut memory);
        assert_eq!(given, [json!({"op": "add", "path": "/owners", "value": owner})]);
        let mut memory = Memory::default();
        for declared in [Some(owner), None] {
            assert_eq!(owned_by(&json!([{"id": "2"}]), declared, &mut memory), Vec::<Value>::new());
        }
    }

    #[test]
    fn an_owner_of_ours_is_replaced_until_somebody_names_another() {
        let owner = |id: &str| json!([{"id": id, "type": "user"}]);
        let both = json!([{"id": "2", "type": "user"}, {"id": "3", "type": "team"}]);
        let mut memory = Memory::default();
        owned_by(&json!([]), Some(owner("1")), &mut memory);
        let renewed = owned_by(&owner("1"), Some(both.clone()), &mut memory);
        assert_eq!(renewed, [json!({"op": "add", "path": "/owners", "value": both})]);
        // A server gives them in any order.
        let turned = json!([{"id": "3", "type": "team"}, {"id": "2", "type": "user"}]);
        assert_eq!(owned_by(&turned, Some(both.clone()), &mut memory), Vec::<Value>::new());
        assert_eq!(owned_by(&owner("9"), Some(both.clone()), &mut memory), Vec::<Value>::new(), "somebody's");
        let removed = owned_by(&both, None, &mut memory);
        assert_eq!(removed, [json!({"op": "remove", "path": "/owners"})]);
        assert_eq!(owned_by(&both, None, &mut memory), Vec::<Value>::new(), "given anew by somebody");
    }
}
