//! Search without an index: names with wildcards, and words in names and descriptions. Enough for thousands of assets.

use serde_json::{Map, Value, json};

use super::entity::list::Include;
use super::entity::parts;
use super::entity::render::Rendering;
use super::error::{CatalogError, Result};
use super::kinds::{self, KINDS, Kind};
use super::store::{Entity, View};

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
    let (mut total, mut found) = (0, Vec::new());
    for kind in searched(scope)? {
        for (name, slot) in view.names(kind, "")? {
            if !scope.include.takes(slot.deleted) || scope.after.as_ref().is_some_and(|after| name <= *after) {
                continue;
            }
            let Some(entity) = view.entity(slot.id)?.filter(|entity| is_hit(entity)) else { continue };
            total += 1;
            if total > scope.from && found.len() < scope.size.min(MOST) {
                let source: Map<String, Value> = rendering.entity(&entity)?;
                found.push(json!({
                    "_index": index_name(kind), "_id": entity.id(), "_source": source, "sort": [name],
                }));
            }
        }
    }
    Ok(json!({"took": 0, "timed_out": false, "hits": {"total": {"relation": "eq", "value": total}, "hits": found}}))
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
