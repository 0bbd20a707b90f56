//! Many at once: `PUT /{collection}/bulk` and `DELETE /{collection}/deleteStale`. Each is one transaction.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::access::Principal;
use super::super::error::{CatalogError, Result};
use super::super::kinds::{self, Kind};
use super::super::store::{View, Writing};
use super::delete::{self, Extent};
use super::list;
use super::{Mode, put};

/// Where `deleteStale` looks, and what it leaves.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stale {
    /// Name of what the entities stand below.
    scope_fqn: String,
    /// `service`, `database`, `databaseSchema`, or the kind of a service.
    scope_entity_type: String,
    /// Names of everything that is still there.
    #[serde(default)]
    seen_fqns: Vec<String>,
    /// What stands below goes with it.
    #[serde(default)]
    recursive: bool,
    /// Names what would go and leaves it.
    #[serde(default)]
    dry_run: bool,
}

/// Result of a bulk request, in the form of the interface's `BulkOperationResult`.
#[derive(Debug, Default)]
struct Outcome {
    good: Vec<Value>,
    bad: Vec<Value>,
    dry_run: bool,
}

impl Outcome {
    fn good(&mut self, name: &str, status: u16) {
        self.good.push(json!({"request": name, "status": status}));
    }

    fn bad(&mut self, name: &str, error: &CatalogError) {
        self.bad.push(json!({"request": name, "message": error.message, "status": error.status}));
    }

    fn answer(self) -> Value {
        let status = match (self.good.len(), self.bad.len()) {
            (_, 0) => "success",
            (0, _) => "failure",
            _ => "partialSuccess",
        };
        json!({
            "dryRun": self.dry_run,
            "status": status,
            "numberOfRowsProcessed": self.good.len() + self.bad.len(),
            "numberOfRowsPassed": self.good.len(),
            "numberOfRowsFailed": self.bad.len(),
            "successRequest": self.good,
            "failedRequest": self.bad,
        })
    }
}

/// Writes every body of a list; one that is wrong is named in the answer and does not hinder the others.
pub fn put_all(writing: &Writing, kind: &'static Kind, bodies: Value, who: &Principal, mode: Mode) -> Result<Value> {
    who.may_write(kind)?;
    let Value::Array(bodies) = bodies else {
        return Err(CatalogError::bad(format!("the body is a JSON array of {}", kind.collection)));
    };
    let mut outcome = Outcome::default();
    for body in bodies {
        let name = body.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        match put(writing, kind, body, who, mode) {
            Ok(written) => outcome.good(written.entity.fqn(), if written.created { 201 } else { 200 }),
            // The store itself failed: then nothing of the list is kept.
            Err(error) if error.status >= 500 => return Err(error),
            Err(error) => outcome.bad(&name, &error),
        }
    }
    Ok(outcome.answer())
}

/// Softly deletes what stands below the scope and was not seen.
pub fn delete_stale(writing: &Writing, kind: &'static Kind, stale: &Stale, who: &Principal) -> Result<Value> {
    who.may_write(kind)?;
    let scope = scope(kind, &stale.scope_entity_type)?;
    let name = list::filter_name(writing, scope, &stale.scope_fqn)?;
    if writing.slot(scope, &name)?.is_none() {
        return Err(CatalogError::missing(scope.name, &stale.scope_fqn));
    }
    let seen: HashSet<&str> = stale.seen_fqns.iter().map(String::as_str).collect();
    let mut outcome = Outcome { dry_run: stale.dry_run, ..Outcome::default() };
    for (name, slot) in writing.names(kind, &format!("{name}."))? {
        if slot.deleted || seen.contains(name.as_str()) {
            continue;
        }
        let Some(entity) = writing.entity(slot.id)? else { continue };
        if stale.dry_run {
            outcome.good(&name, 200);
            continue;
        }
        match delete::delete(writing, &entity, Extent { hard: false, recursive: stale.recursive }, who) {
            Ok(_) => outcome.good(&name, 200),
            Err(error) if error.status >= 500 => return Err(error),
            Err(error) => outcome.bad(&name, &error),
        }
    }
    Ok(outcome.answer())
}

/// The kind that a scope names; `service` is whatever service stands above this kind.
fn scope(kind: &Kind, given: &str) -> Result<&'static Kind> {
    let above = kind.above.iter().find(|(field, name)| *field == given || *name == given);
    if let Some((_, name)) = above {
        return kinds::named(name);
    }
    let known: Vec<&str> = kind.above.iter().map(|(field, _)| *field).collect();
    let known = known.join(", ");
    Err(CatalogError::bad(format!("scopeEntityType `{given}`: a {} stands below {known}", kind.name)))
}
