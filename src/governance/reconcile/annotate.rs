//! Descriptions, tags and owners: the changes that bring an entity to what pipeline.yml says, without touching what
//! somebody else wrote. Pure: an entity in, a JSON Patch out.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::memory::Memory;
use crate::governance::assets::Asset;
use crate::governance::assets::about::Text;

/// Tags of this classification exclude each other.
const TIER: &str = "Tier.";

/// The patch; what it writes is remembered in `memory`. `tags` are those that exist in the catalog, `owners` the
/// references to give to an entity that has none.
pub(super) fn patch(
    entity: &Value,
    asset: &Asset,
    memory: &mut Memory,
    tags: &BTreeSet<String>,
    owners: Option<(&str, Value)>,
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
    if let Some((field, owners)) = owners {
        let has = entity
            .get(field)
            .is_some_and(|found| !found.is_null() && found.as_array().is_none_or(|all| !all.is_empty()));
        if !has {
            operations.push(json!({"op": "add", "path": format!("/{field}"), "value": owners}));
        }
    }
    operations
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
        patch(entity, asset, memory, &tags, None)
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

    #[test]
    fn an_owner_is_given_to_what_has_none() {
        let asset = asset(Text::default(), Text::default());
        let owners = || Some(("owners", json!([{"id": "1", "type": "user"}])));
        let mut memory = Memory::default();
        let given = patch(&json!({"owners": []}), &asset, &mut memory, &BTreeSet::new(), owners());
        assert_eq!(given.len(), 1);
        let kept = patch(&json!({"owners": [{"id": "2"}]}), &asset, &mut memory, &BTreeSet::new(), owners());
        assert_eq!(kept, Vec::<Value>::new());
    }
}
