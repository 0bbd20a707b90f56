//! Looks at a whole store and tells what does not fit together.

use uuid::Uuid;

use super::super::error::Result;
use super::super::locations;
use super::read::{View, name_key, parse_entity, parse_id, parse_json, parse_slot};
use super::{Space, Store};

/// Everything in the store that contradicts itself, one line each; empty for a sound store.
pub fn check(store: &Store) -> Result<Vec<String>> {
    store.read(|view| {
        let mut findings = Vec::new();
        entities(view, &mut findings)?;
        names(view, &mut findings)?;
        edges(view, &mut findings)?;
        rest(view, &mut findings)?;
        Ok(findings)
    })
}

/// Every entity is found by its name and its paths, and what it refers to above it is there.
fn entities(view: &impl View, findings: &mut Vec<String>) -> Result<()> {
    view.scan_prefix(Space::Entities, &[], &mut |key, value| {
        let entity = match (parse_id(key), parse_entity(value)) {
            (Ok(id), Ok(entity)) if entity.id() == id => entity,
            (_, Err(error)) | (Err(error), _) => {
                findings.push(error.message);
                return Ok(true);
            }
            (Ok(id), Ok(entity)) => {
                findings.push(format!("entity {id} says that it is {}", entity.id()));
                return Ok(true);
            }
        };
        let label = format!("{} {}", entity.kind.name, entity.fqn());
        match view.slot(entity.kind, entity.fqn())? {
            Some(slot) if slot.id == entity.id() && slot.deleted == entity.is_deleted() => {}
            Some(_) => findings.push(format!("{label}: the index of names tells otherwise")),
            None => findings.push(format!("{label}: not in the index of names")),
        }
        for path in locations::of(&entity) {
            if view.get(Space::Locations, &locations::key(&path, entity.id()))?.is_none() {
                findings.push(format!("{label}: not in the index of locations"));
            }
        }
        for (place, (field, above)) in entity.kind.above.iter().enumerate() {
            let fits = |found: &str| found == *above || (place == 0 && entity.kind.also_below.contains(&found));
            let id = entity.document.get(*field).and_then(|value| value.get("id")).and_then(|id| id.as_str());
            let there = match id.and_then(|id| Uuid::try_parse(id).ok()) {
                Some(id) => view.entity(id)?.is_some_and(|found| fits(found.kind.name)),
                None => false,
            };
            if !there {
                findings.push(format!("{label}: its {field} is gone"));
            }
        }
        Ok(true)
    })
}

/// Every name leads to its entity.
fn names(view: &impl View, findings: &mut Vec<String>) -> Result<()> {
    view.scan_prefix(Space::Names, &[], &mut |key, value| {
        let name = String::from_utf8_lossy(key).replace('\0', " ");
        match parse_slot(value) {
            Ok(slot) => match view.entity(slot.id)? {
                Some(entity) if name_key(entity.kind, entity.fqn()) == key => {}
                Some(_) => findings.push(format!("{name}: the name leads to something else")),
                None => findings.push(format!("{name}: the name leads nowhere")),
            },
            Err(error) => findings.push(format!("{name}: {}", error.message)),
        }
        Ok(true)
    })
}

/// Every edge has both ends and is known from both.
fn edges(view: &impl View, findings: &mut Vec<String>) -> Result<()> {
    for (space, mirror) in [(Space::Edges, Space::EdgesBack), (Space::EdgesBack, Space::Edges)] {
        view.scan_prefix(space, &[], &mut |key, value| {
            let Some((first, second)) = key.split_at_checked(16) else {
                findings.push("an edge without two ends".to_owned());
                return Ok(true);
            };
            if view.get(mirror, &[second, first].concat())?.is_none() {
                findings.push(format!("edge {} is known from one end only", show(first, second)));
            }
            for end in [first, second] {
                if parse_id(end).ok().map(|id| view.entity(id)).transpose()?.flatten().is_none() {
                    findings.push(format!("edge {} has lost an end", show(first, second)));
                }
            }
            if space == Space::Edges {
                if let Err(error) = parse_json(value) {
                    findings.push(format!("edge {}: {}", show(first, second), error.message));
                }
            }
            Ok(true)
        })?;
    }
    Ok(())
}

/// Runs belong to pipelines, paths to entities.
fn rest(view: &impl View, findings: &mut Vec<String>) -> Result<()> {
    view.scan_prefix(Space::Runs, &[], &mut |key, value| {
        let pipeline = key.get(..16).and_then(|id| parse_id(id).ok());
        if pipeline.map(|id| view.entity(id)).transpose()?.flatten().is_none() {
            findings.push("a run without a pipeline".to_owned());
        }
        if let Err(error) = parse_json(value) {
            findings.push(format!("a run: {}", error.message));
        }
        Ok(true)
    })?;
    view.scan_prefix(Space::Locations, &[], &mut |key, _| {
        let id = key.len().checked_sub(16).and_then(|at| parse_id(&key[at..]).ok());
        if id.map(|id| view.entity(id)).transpose()?.flatten().is_none() {
            findings.push("a location of nothing".to_owned());
        }
        Ok(true)
    })
}

fn show(first: &[u8], second: &[u8]) -> String {
    let id = |bytes: &[u8]| Uuid::from_slice(bytes).unwrap_or_default();
    format!("{} .. {}", id(first), id(second))
}
