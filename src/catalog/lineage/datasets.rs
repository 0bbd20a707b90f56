//! Finds the entity that an OpenLineage dataset names: a topic, a path, a table of a database.
//!
//! Names follow <https://openlineage.io/docs/spec/naming>. A name that fits two entities equally well is none.

use super::super::error::Result;
use super::super::fqn;
use super::super::kinds::{self, Kind};
use super::super::locations::{self, Place};
use super::super::store::{Entity, Space, View};
use super::events::Dataset;

/// The entity that a dataset names by any of its names.
pub fn resolve(view: &impl View, dataset: &Dataset) -> Result<Option<Entity>> {
    for (namespace, name) in dataset.names() {
        if let Some(entity) = by_name(view, namespace, name)? {
            return Ok(Some(entity));
        }
    }
    Ok(None)
}

/// The entity with this name in this namespace.
pub fn by_name(view: &impl View, namespace: &str, name: &str) -> Result<Option<Entity>> {
    let (scheme, authority) = namespace.split_once("://").unwrap_or((namespace, ""));
    // `jdbc:postgresql://host:5432/db` and `postgres://host:5432` name the same server.
    let authority = authority.split('/').next().unwrap_or_default();
    if scheme == "kafka" {
        return below_service(view, kinds::named("topic")?, &fqn::quote(name), authority);
    }
    if name.starts_with('/') || name.contains("://") {
        let place =
            if name.contains("://") { Place::parse(name) } else { Place::parse(&format!("x://{authority}{name}")) };
        return place.map_or(Ok(None), |place| at(view, &place));
    }
    // A table: `database.schema.table`, or `schema.table` of a metastore.
    below_service(view, kinds::named("table")?, name, authority)
}

/// The table, or else the container, at a place.
fn at(view: &impl View, place: &Place) -> Result<Option<Entity>> {
    let mut found: Vec<Entity> = Vec::new();
    let prefix = [place.path.as_bytes(), b"\0"].concat();
    view.scan_prefix(Space::Locations, &prefix, &mut |key, _| {
        if let Some(id) = key.get(prefix.len()..).and_then(|id| uuid::Uuid::from_slice(id).ok()) {
            let entity = view.entity(id)?.filter(|entity| !entity.is_deleted());
            found.extend(entity.filter(|entity| locations::places(entity).any(|known| known.agrees(place))));
        }
        Ok(true)
    })?;
    for kind in ["table", "container"] {
        let of_kind: Vec<&Entity> = found.iter().filter(|entity| entity.kind.name == kind).collect();
        if let [only] = of_kind.as_slice() {
            return Ok(Some((*only).clone()));
        }
    }
    Ok(None)
}

/// The one entity of a kind whose name ends so, of the service at this address where several services have one.
fn below_service(view: &impl View, kind: &'static Kind, ending: &str, authority: &str) -> Result<Option<Entity>> {
    let ending = format!(".{ending}");
    let mut found = Vec::new();
    for (name, slot) in view.names(kind, "")? {
        if !slot.deleted && name.ends_with(&ending) {
            found.extend(view.entity(slot.id)?);
        }
    }
    if found.len() > 1 {
        let mut at_address = Vec::new();
        for entity in &found {
            if serves(view, entity, authority)? {
                at_address.push(entity.clone());
            }
        }
        found = at_address;
    }
    Ok(if found.len() == 1 { found.pop() } else { None })
}

/// True when the service of an entity is reached at this address.
fn serves(view: &impl View, entity: &Entity, authority: &str) -> Result<bool> {
    let service = entity.document.get("service").and_then(|service| service["id"].as_str());
    let Some(Ok(id)) = service.map(uuid::Uuid::try_parse) else { return Ok(false) };
    let Some(service) = view.entity(id)? else { return Ok(false) };
    let config = service.document.get("connection").map(|connection| &connection["config"]);
    let addresses = ["hostPort", "bootstrapServers"].map(|key| config.and_then(|config| config[key].as_str()));
    let mut addresses = addresses.into_iter().flatten().flat_map(|list| list.split(','));
    Ok(!authority.is_empty() && addresses.any(|address| address.trim() == authority))
}
