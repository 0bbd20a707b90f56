//! How often entities are used: a count a day, and how it ranks among entities of the same kind.

use serde_json::{Value, json};

use super::entity::render::Rendering;
use super::error::{CatalogError, Result};
use super::kinds::Kind;
use super::shape::{self, Field, Shape, fields};
use super::store::{Entity, View, Writing};

static BODY: &[Field] = fields!["date" required => Shape::Text, "count" required => Shape::Integer];

/// Adds to the count of a day.
pub fn report(writing: &Writing, entity: &Entity, body: Value) -> Result<Entity> {
    let Value::Object(mut body) = body else {
        return Err(CatalogError::bad("the body is {\"date\": .., \"count\": ..}"));
    };
    shape::check(&mut body, &[BODY])?;
    let count = body["count"].as_i64().unwrap_or_default();
    let date = body["date"].as_str().unwrap_or_default();
    if count < 0 || !is_date(date) {
        return Err(CatalogError::bad(format!("usage of {date}: {count}; a date is YYYY-MM-DD, a count not negative")));
    }
    if !entity.kind.own.iter().any(|field| field.name == "usageSummary") {
        return Err(CatalogError::bad(format!("usage of a {} is not counted", entity.kind.name)));
    }
    let known = entity.document.get("usageSummary").filter(|usage| usage["date"] == date);
    let before = known.and_then(|usage| usage["dailyStats"]["count"].as_i64()).unwrap_or_default();
    let usage = json!({"dailyStats": {"count": before.saturating_add(count), "percentileRank": 0.0}, "date": date});
    let mut entity = entity.clone();
    entity.document.insert("usageSummary".into(), usage);
    writing.put_entity(&entity)?;
    Ok(entity)
}

/// The interface's `EntityUsage`.
pub fn answer(view: &impl View, entity: &Entity, base: &str) -> Value {
    let usage: Vec<&Value> = entity.document.get("usageSummary").into_iter().collect();
    json!({"entity": Rendering::new(view, base).reference(entity), "usage": usage})
}

/// Ranks the entities of a kind by their counts of a day: the share, in percent, that is used less.
pub fn rank(writing: &Writing, kind: &Kind, date: &str) -> Result<()> {
    let mut used = Vec::new();
    for (_, slot) in writing.names(kind, "")? {
        used.extend(
            writing
                .entity(slot.id)?
                .filter(|entity| entity.document.get("usageSummary").is_some_and(|usage| usage["date"] == date)),
        );
    }
    let count = |entity: &Entity| entity.document["usageSummary"]["dailyStats"]["count"].as_i64().unwrap_or_default();
    let counts: Vec<i64> = used.iter().map(count).collect();
    for (mut entity, own) in used.into_iter().zip(&counts) {
        let less = counts.iter().filter(|other| *other < own).count();
        #[expect(clippy::cast_precision_loss, reason = "a percentage of a number of entities")]
        let rank = 100.0 * less as f64 / counts.len() as f64;
        entity.document["usageSummary"]["dailyStats"]["percentileRank"] = json!(rank);
        writing.put_entity(&entity)?;
    }
    Ok(())
}

fn is_date(text: &str) -> bool {
    let digits =
        |range: std::ops::Range<usize>| text.get(range).is_some_and(|part| part.bytes().all(|b| b.is_ascii_digit()));
    text.len() == 10
        && digits(0..4)
        && digits(5..7)
        && digits(8..10)
        && text.as_bytes()[4] == b'-'
        && text.as_bytes()[7] == b'-'
}
