//! `query_filter`: the part of Elasticsearch's query language that clients of the interface send, over documents.

use serde_json::{Map, Value};

use super::fits;
use crate::catalog::error::{CatalogError, Result};

/// A condition on a document.
#[derive(Debug)]
pub enum Filter {
    /// Always.
    All,
    /// All of the first, one of the second if there are any, none of the third.
    Bool { must: Vec<Filter>, should: Vec<Filter>, must_not: Vec<Filter> },
    /// A field has one of these values.
    Any(String, Vec<String>),
    /// A value of a field fits a pattern with `*` and `?`.
    Fits(String, String),
    /// All words occur in a field.
    Words(String, Vec<String>),
    /// A field is there.
    Exists(String),
}

impl Filter {
    /// Reads the parameter; `{"query": ..}` around it may be left out.
    pub fn parse(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| CatalogError::bad(format!("query_filter is no JSON: {error}")))?;
        read(value.get("query").unwrap_or(&value))
    }

    /// True for a document that is meant.
    pub fn takes(&self, document: &Map<String, Value>) -> bool {
        let values = |field: &str| values(document, field);
        match self {
            Self::All => true,
            Self::Bool { must, should, must_not } => {
                let takes = |filter: &Self| filter.takes(document);
                must.iter().all(takes) && (should.is_empty() || should.iter().any(takes)) && !must_not.iter().any(takes)
            }
            Self::Any(field, wanted) => values(field).iter().any(|value| wanted.contains(value)),
            Self::Fits(field, pattern) => values(field).iter().any(|value| fits(pattern, value)),
            Self::Words(field, words) => {
                values(field).iter().any(|value| words.iter().all(|word| value.contains(word.as_str())))
            }
            Self::Exists(field) => {
                let mut keys = field.strip_suffix(".keyword").unwrap_or(field).split('.');
                let first = keys.next().and_then(|key| document.get(key));
                first.is_some_and(|value| is_there(value, &keys.collect::<Vec<_>>()))
            }
        }
    }
}

fn read(query: &Value) -> Result<Filter> {
    let Some((kind, inner)) = query.as_object().filter(|query| query.len() == 1).and_then(|query| query.iter().next())
    else {
        return match query.as_object() {
            Some(query) if query.is_empty() => Ok(Filter::All),
            _ => Err(refused(query, "a query is an object with one key")),
        };
    };
    match kind.as_str() {
        "match_all" => Ok(Filter::All),
        "bool" => {
            let known = ["must", "filter", "should", "must_not", "minimum_should_match", "boost"];
            let keys = inner.as_object().into_iter().flat_map(Map::keys);
            if let Some(other) = keys.clone().find(|key| !known.contains(&key.as_str())) {
                return Err(refused(query, &format!("`{other}` is none of {}", known.join(", "))));
            }
            if inner.get("minimum_should_match").is_some_and(|least| least != 1) {
                return Err(refused(query, "minimum_should_match is 1 here"));
            }
            let list = |key: &str| match inner.get(key) {
                None => Ok(Vec::new()),
                Some(Value::Array(queries)) => queries.iter().map(read).collect::<Result<Vec<_>>>(),
                Some(one) => Ok(vec![read(one)?]),
            };
            let must = list("must")?.into_iter().chain(list("filter")?).collect();
            Ok(Filter::Bool { must, should: list("should")?, must_not: list("must_not")? })
        }
        "exists" => match inner.get("field").and_then(Value::as_str) {
            Some(field) => Ok(Filter::Exists(field.to_owned())),
            None => Err(refused(query, "`exists` names a field")),
        },
        "term" | "terms" | "match" | "match_phrase" | "wildcard" | "prefix" => {
            let entries = inner.as_object().into_iter().flatten().filter(|(key, _)| *key != "boost");
            let [(field, value)] = entries.collect::<Vec<_>>()[..] else {
                return Err(refused(query, "it names one field"));
            };
            // `{"field": {"value": ..}}` or `{"field": ..}`.
            let value = ["value", "query"].iter().find_map(|key| value.get(key)).unwrap_or(value);
            let wanted: Vec<String> = match value {
                Value::Array(items) => items.iter().filter_map(text).collect(),
                one => text(one).into_iter().collect(),
            };
            let first = wanted.first().cloned().ok_or_else(|| refused(query, "it has no value"))?;
            Ok(match kind.as_str() {
                "wildcard" => Filter::Fits(field.clone(), first),
                "prefix" => Filter::Fits(field.clone(), first + "*"),
                "match" => Filter::Words(field.clone(), first.split_whitespace().map(str::to_owned).collect()),
                "match_phrase" => Filter::Words(field.clone(), vec![first]),
                _ => Filter::Any(field.clone(), wanted),
            })
        }
        other => Err(refused(
            query,
            &format!(
                "`{other}` is none of bool, term, terms, match, match_phrase, wildcard, prefix, exists, match_all"
            ),
        )),
    }
}

fn refused(query: &Value, why: &str) -> CatalogError {
    let text: String = query.to_string().chars().take(120).collect();
    CatalogError::bad(format!("query_filter {text}: {why}"))
}

/// What a document has at a path (`service.name`, `columns.name.keyword`), in lower case, as a search index has it; of lists, what every
/// entry has.
pub fn values(document: &Map<String, Value>, path: &str) -> Vec<String> {
    let path = path.strip_suffix(".keyword").unwrap_or(path);
    let keys: Vec<&str> = path.split('.').collect();
    let mut found = Vec::new();
    if let [first, rest @ ..] = &keys[..] {
        if let Some(value) = document.get(*first) {
            collect(value, rest, &mut found);
        }
    }
    // An index has a name to show of everything, also where nobody gave it one.
    if let (true, Some((before, "displayName"))) = (found.is_empty(), path.rsplit_once('.')) {
        return values(document, &format!("{before}.name"));
    }
    found
}

fn collect(value: &Value, path: &[&str], found: &mut Vec<String>) {
    match (value, path) {
        (Value::Array(items), _) => items.iter().for_each(|item| collect(item, path, found)),
        (Value::Object(object), [key, rest @ ..]) => {
            if let Some(value) = object.get(*key) {
                collect(value, rest, found);
            }
        }
        (value, []) => found.extend(text(value)),
        _ => {}
    }
}

/// True where a path leads to something; an empty list or object is nothing.
fn is_there(value: &Value, path: &[&str]) -> bool {
    match (value, path) {
        (Value::Array(items), _) => items.iter().any(|item| is_there(item, path)),
        (Value::Object(object), [key, rest @ ..]) => object.get(*key).is_some_and(|value| is_there(value, rest)),
        (Value::Object(object), []) => !object.is_empty(),
        (value, []) => !value.is_null(),
        _ => false,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_lowercase()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn takes(filter: &Value) -> bool {
        let document = json!({
            "entityType": "table", "name": "orders", "deleted": false, "service": {"name": "Pg"}, "profile": {"rowCount": 5},
            "tags": [{"tagFQN": "PII.Sensitive"}, {"tagFQN": "Tier.Tier1"}], "description": "All orders of the shop",
            "columns": [{"name": "id", "dataType": "INT"}, {"name": "note", "dataType": "TEXT"}],
        });
        let Value::Object(document) = document else { panic!("an object") };
        Filter::parse(&filter.to_string()).expect("a filter").takes(&document)
    }

    #[test]
    fn each_form_takes_and_refuses() {
        for (taken, left) in [
            (json!({"term": {"name.keyword": "orders"}}), json!({"term": {"name.keyword": "order"}})),
            (
                json!({"term": {"service.displayName.keyword": {"value": "pg"}}}),
                json!({"term": {"service.name": "kafka"}}),
            ),
            (json!({"terms": {"tags.tagFQN": ["x", "PII.Sensitive"]}}), json!({"terms": {"tags.tagFQN": ["x"]}})),
            (json!({"term": {"deleted": false}}), json!({"term": {"deleted": true}})),
            (json!({"term": {"profile.rowCount": 5}}), json!({"term": {"profile.rowCount": 6}})),
            (json!({"match": {"description": "shop ORDERS"}}), json!({"match": {"description": "shop customers"}})),
            (
                json!({"match_phrase": {"description": "of the shop"}}),
                json!({"match_phrase": {"description": "the of"}}),
            ),
            (json!({"wildcard": {"columns.name": {"value": "n?t*"}}}), json!({"wildcard": {"columns.name": "x*"}})),
            (json!({"prefix": {"name": "ord"}}), json!({"prefix": {"name": "rd"}})),
            (json!({"exists": {"field": "columns"}}), json!({"exists": {"field": "owners"}})),
            (json!({"exists": {"field": "columns.dataType"}}), json!({"exists": {"field": "columns.tags"}})),
            (json!({"exists": {"field": "service.name.keyword"}}), json!({"exists": {"field": "name.first"}})),
            (json!({"match_all": {}}), json!({"bool": {"must_not": {"match_all": {}}}})),
            (
                json!({"bool": {"must": [{"term": {"name": "orders"}}], "should": [{"exists": {"field": "owners"}}, {"exists": {"field": "tags"}}]}}),
                json!({"bool": {"must": [{"term": {"name": "orders"}}], "should": [{"exists": {"field": "owners"}}]}}),
            ),
            (
                json!({"query": {"bool": {"filter": [{"term": {"entityType": "table"}}]}}}),
                json!({"query": {"bool": {"filter": [{"term": {"entityType": "topic"}}]}}}),
            ),
        ] {
            assert!(takes(&taken), "{taken}");
            assert!(!takes(&left), "{left}");
        }
    }

    #[test]
    fn what_it_does_not_know_is_refused_and_never_passed_over() {
        for (filter, why) in [
            ("{", "is no JSON"),
            (r#"{"query": {"script": {}}}"#, "`script` is none of"),
            (r#"{"bool": {"mus": []}}"#, "`mus` is none of"),
            (r#"{"bool": {"should": [], "minimum_should_match": 2}}"#, "minimum_should_match"),
            (r#"{"term": {"a": 1, "b": 2}}"#, "names one field"),
            (r#"{"term": {"a": []}}"#, "no value"),
            (r#"{"exists": {}}"#, "names a field"),
            ("[]", "a query is an object"),
        ] {
            let error = Filter::parse(filter).expect_err(filter);
            assert!(error.status == 400 && error.message.contains(why), "{filter}: {}", error.message);
        }
    }
}
