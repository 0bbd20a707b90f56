//! Search without an index: names with wildcards, and words in names and descriptions. Enough for thousands of assets.

mod filter;

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

pub use filter::Filter;

use super::entity::list::Include;
use super::entity::parts;
use super::entity::render::Rendering;
use super::error::{CatalogError, Result};
use super::kinds::{self, KINDS, Kind};
use super::store::{Entity, Id, View};

/// Fields that can be asked for by value.
const FIELDS: [&str; 3] = ["fullyQualifiedName", "name", "displayName"];

/// Most hits of an answer.
const MOST: usize = 10_000;

/// What is searched and which part of the hits is wanted.
#[derive(Debug)]
pub struct Scope {
    /// Index: `table_search_index`; nothing for all assets.
    pub index: Option<String>,
    /// Hits to leave out at the beginning.
    pub from: usize,
    /// Most hits.
    pub size: usize,
    /// Deleted ones or not.
    pub include: Include,
    /// Name of the last hit of the page before.
    pub after: Option<String>,
    /// What else must hold.
    pub filter: Option<Filter>,
    /// Field that decides on the order; the fully qualified name without it.
    pub sort: Option<String>,
    /// The last first.
    pub descending: bool,
    /// Fields that a hit has; nothing for all of them.
    pub fields: Option<Vec<String>>,
}

/// A hit before it is shown: its place in the order.
struct Found {
    kind: &'static Kind,
    id: Id,
    name: String,
    /// What the field has that decides on the order.
    key: Option<Key>,
}

#[derive(PartialEq)]
enum Key {
    Number(f64),
    Text(String),
}

/// `GET /search/fieldQuery`: entities whose field fits a pattern with `*` and `?`.
pub fn by_field(view: &impl View, field: &str, pattern: &str, scope: &Scope, base: &str) -> Result<Value> {
    if !FIELDS.contains(&field) {
        return Err(CatalogError::bad(format!("fieldName `{field}` is none of {}", FIELDS.join(", "))));
    }
    hits(view, scope, base, &|entity| fits(pattern, entity.text(field)))
}

/// `GET /search/query`: entities in whose names, texts or columns every word occurs.
pub fn by_words(view: &impl View, query: &str, scope: &Scope, base: &str) -> Result<Value> {
    let words: Vec<String> = query.split_whitespace().map(|word| word.replace('*', "").to_lowercase()).collect();
    hits(view, scope, base, &|entity| {
        let mut text = ["fullyQualifiedName", "displayName", "description"].map(|field| entity.text(field)).join("\n");
        for name in parts::names(entity.kind, &entity.document) {
            text.push('\n');
            text.push_str(&name);
        }
        let text = text.to_lowercase();
        words.iter().all(|word| text.contains(word))
    })
}

fn hits(view: &impl View, scope: &Scope, base: &str, is_hit: &dyn Fn(&Entity) -> bool) -> Result<Value> {
    let rendering = Rendering::new(view, base);
    let mut found = Vec::new();
    for kind in searched(scope)? {
        for (name, slot) in view.names(kind, "")? {
            if !scope.include.takes(slot.deleted) {
                continue;
            }
            let Some(entity) = view.entity(slot.id)?.filter(|entity| is_hit(entity)) else { continue };
            if scope.filter.as_ref().is_some_and(|filter| !filter.takes(&indexed(&entity))) {
                continue;
            }
            let key = scope.sort.as_ref().and_then(|field| key(&entity, field));
            found.push(Found { kind, id: slot.id, name, key });
        }
    }
    let total = found.len();
    if scope.sort.is_some() {
        found.sort_by(|left, right| order(left, right, scope.descending));
    }
    let start = match &scope.after {
        Some(after) => start_after(&found, scope, after)?,
        None => 0,
    };
    let page = found.into_iter().skip(start + scope.from).take(scope.size.min(MOST));
    let mut hits = Vec::new();
    for Found { kind, id, name, .. } in page {
        let Some(entity) = view.entity(id)? else { continue };
        let mut source: Map<String, Value> = rendering.entity(&entity)?;
        if let Some(fields) = &scope.fields {
            source.retain(|field, _| fields.contains(field));
        }
        hits.push(json!({"_index": index_name(kind), "_id": id, "_source": source, "sort": [name]}));
    }
    Ok(json!({"took": 0, "timed_out": false, "hits": {"total": {"relation": "eq", "value": total}, "hits": hits}}))
}

/// Where the next page begins. The cursor is a name, whatever decides on the order.
fn start_after(found: &[Found], scope: &Scope, after: &str) -> Result<usize> {
    if let Some(place) = found.iter().position(|found| found.name == after) {
        return Ok(place + 1);
    }
    // The hit may be gone since; in the order of names its place is still known.
    match (&scope.sort, scope.descending) {
        (None, _) => Ok(found.iter().filter(|found| found.name.as_str() <= after).count()),
        _ => Err(CatalogError::bad(format!("search_after: `{after}` is no hit of this search; begin anew without it"))),
    }
}

/// The document as a search index has it: with its type.
fn indexed(entity: &Entity) -> Map<String, Value> {
    let mut document = entity.document.clone();
    document.insert("entityType".into(), json!(entity.kind.name));
    document
}

fn key(entity: &Entity, field: &str) -> Option<Key> {
    let first = filter::values(&indexed(entity), field).into_iter().next()?;
    Some(first.parse().map_or(Key::Text(first), Key::Number))
}

/// What lacks the field comes last, either way; names decide between equals.
fn order(left: &Found, right: &Found, descending: bool) -> Ordering {
    let ordering = match (&left.key, &right.key) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => return Ordering::Greater,
        (Some(_), None) => return Ordering::Less,
        (Some(Key::Number(left)), Some(Key::Number(right))) => left.total_cmp(right),
        (Some(Key::Text(left)), Some(Key::Text(right))) => left.cmp(right),
        (Some(Key::Number(_)), Some(Key::Text(_))) => Ordering::Less,
        (Some(Key::Text(_)), Some(Key::Number(_))) => Ordering::Greater,
    };
    let ordering = ordering.then_with(|| left.name.cmp(&right.name));
    if descending { ordering.reverse() } else { ordering }
}

fn searched(scope: &Scope) -> Result<Vec<&'static Kind>> {
    match scope.index.as_deref() {
        None | Some("all" | "dataAsset") => Ok(KINDS.iter().filter(|kind| !kind.guarded).collect()),
        Some(index) => match kinds::of_index(index) {
            Some(kind) if !kind.guarded => Ok(vec![kind]),
            _ => Err(CatalogError::new(
                404,
                format!("no index {index} in this catalog; leave it out to search all assets"),
            )),
        },
    }
}

fn index_name(kind: &Kind) -> String {
    let mut name = String::new();
    for character in kind.name.chars() {
        if character.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    name + "_search_index"
}

/// True when the whole text fits a pattern in which `*` stands for any characters and `?` for one.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // The last star, and how much of the text it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            p = at + 1;
            t = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|character| *character == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, text, expected) in [
            ("*.jadc2_db.public.orders", "pg.jadc2_db.public.orders", true),
            ("pg.*.public.orders", "pg.jadc2_db.public.orders", true),
            ("*.\"jadc2.public.orders\"", "kafka.\"jadc2.public.orders\"", true),
            ("*.*.public.orders", "pg.db.public.orders", true),
            ("pg.db.public.order", "pg.db.public.orders", false),
            ("pg.db.public.order?", "pg.db.public.orders", true),
            ("*a*b", "xaxbxab", true),
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
            ("a*", "b", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn index_names_are_the_inverse_of_reading_them() {
        for kind in KINDS {
            assert_eq!(kinds::of_index(&index_name(kind)).map(|known| known.name), Some(kind.name));
        }
    }
}
