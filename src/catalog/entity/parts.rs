//! The named parts of an entity: columns, message fields, tasks. Their fully qualified names are always computed here.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::super::error::{CatalogError, Result};
use super::super::fqn;
use super::super::kinds::Kind;

/// Gives every part its fully qualified name and its list of tags, and refuses two with one name.
pub fn complete(kind: &Kind, document: &mut Map<String, Value>, own_name: &str) -> Result<()> {
    match list_mut(kind, document) {
        Some(parts) => complete_list(parts, own_name),
        None => Ok(()),
    }
}

fn complete_list(parts: &mut [Value], parent: &str) -> Result<()> {
    let mut seen = HashSet::new();
    for part in parts.iter_mut().filter_map(Value::as_object_mut) {
        let name = part.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(CatalogError::bad(format!("{parent}: a column, field or task has an empty name")));
        }
        fqn::check_quotes(&name)?;
        let own_name = fqn::child(parent, &name);
        fqn::check_length(&own_name)?;
        part.insert("fullyQualifiedName".to_owned(), json!(own_name));
        part.entry("tags").or_insert_with(|| json!([]));
        if let Some(Value::Array(children)) = part.get_mut("children") {
            complete_list(children, &own_name)?;
        }
        if !seen.insert(name.clone()) {
            return Err(CatalogError::bad(format!("{parent}: `{name}` stands there twice")));
        }
    }
    Ok(())
}

/// The list of parts, where the entity has one.
pub fn list_mut<'a>(kind: &Kind, document: &'a mut Map<String, Value>) -> Option<&'a mut Vec<Value>> {
    let mut path = kind.parts?.split('/').skip(1);
    let mut value = document.get_mut(path.next()?)?;
    for key in path {
        value = value.get_mut(key)?;
    }
    value.as_array_mut()
}

/// The list of parts to read; empty where the entity has none.
pub fn list<'a>(kind: &Kind, document: &'a Map<String, Value>) -> &'a [Value] {
    let find = || {
        let mut path = kind.parts?.split('/').skip(1);
        let mut value = document.get(path.next()?)?;
        for key in path {
            value = value.get(key)?;
        }
        value.as_array().map(Vec::as_slice)
    };
    find().unwrap_or_default()
}

/// Fully qualified names of all parts, nested ones included.
pub fn names(kind: &Kind, document: &Map<String, Value>) -> HashSet<String> {
    let mut names = HashSet::new();
    visit(list(kind, document), &mut |part| {
        names.extend(part.get("fullyQualifiedName").and_then(Value::as_str).map(str::to_owned));
    });
    names
}

/// Visits every part, parents before children.
pub fn visit<'a>(parts: &'a [Value], visitor: &mut dyn FnMut(&'a Map<String, Value>)) {
    for part in parts.iter().filter_map(Value::as_object) {
        visitor(part);
        if let Some(Value::Array(children)) = part.get("children") {
            visit(children, visitor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::kinds;
    use super::*;

    fn document(value: Value) -> Map<String, Value> {
        let Value::Object(document) = value else { panic!("an object") };
        document
    }

    #[test]
    fn names_are_computed_at_every_depth() {
        let kind = kinds::find("topic").expect("known");
        let mut topic = document(json!({"messageSchema": {"schemaFields": [
            {"name": "Envelope", "fullyQualifiedName": "wrong", "children": [{"name": "a.b"}]}
        ]}}));
        complete(kind, &mut topic, "kafka.\"x.y\"").expect("good");
        let expected = ["kafka.\"x.y\".Envelope", "kafka.\"x.y\".Envelope.\"a.b\""];
        assert_eq!(names(kind, &topic), expected.map(str::to_owned).into());
    }

    #[test]
    fn two_columns_of_one_name_are_refused() {
        let kind = kinds::find("table").expect("known");
        let mut table = document(json!({"columns": [{"name": "a"}, {"name": "a"}]}));
        let error = complete(kind, &mut table, "s.d.p.t").expect_err("twice");
        assert_eq!((error.status, error.message.as_str()), (400, "s.d.p.t: `a` stands there twice"));
    }
}
