//! What a JSON document may look like: the few rules of the published schemas that this catalog holds bodies to.
//!
//! Clients refuse an answer with one key that their schemas do not know, at any depth; so nothing unknown is let in.

use serde_json::{Map, Value};

use super::error::{CatalogError, Result};

/// What a value may be.
#[derive(Debug)]
pub enum Shape {
    /// Anything: connections, extensions.
    Any,
    /// A string.
    Text,
    /// A whole number. Clients send some of them as strings, which become numbers.
    Integer,
    /// A number, or one in a string.
    Number,
    /// true or false.
    Boolean,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// An array.
    List(&'static Shape),
    /// An object with these fields only.
    Object(&'static [Field]),
    /// A list that may be there as long as it is empty: something that this catalog does not have.
    Absent,
}

/// One field of an object.
#[derive(Debug)]
pub struct Field {
    /// Its key.
    pub name: &'static str,
    /// What it may hold.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
}

/// Fields in a short form: `fields!["name" required => Text, "tags" => List(&TAG)]`.
macro_rules! fields {
    (@ required) => { true };
    (@) => { false };
    ($($name:literal $($required:ident)? => $shape:expr),* $(,)?) => {
        &[$($crate::catalog::shape::Field {
            name: $name, shape: $shape, required: $crate::catalog::shape::fields!(@ $($required)?),
        }),*]
    };
}
pub(crate) use fields;

/// Checks an object against its fields, drops nulls and turns numbers in strings into numbers.
pub fn check(object: &mut Map<String, Value>, fields: &[&'static [Field]]) -> Result<()> {
    check_object(object, fields, "")
}

fn check_object(object: &mut Map<String, Value>, groups: &[&'static [Field]], at: &str) -> Result<()> {
    let known = || groups.iter().copied().flatten();
    // Absent and null are the same to every client, and absent is what schemas accept.
    object.retain(|_, value| !value.is_null());
    for (key, value) in object.iter_mut() {
        let Some(field) = known().find(|field| field.name == key) else {
            let names: Vec<&str> = known().map(|field| field.name).collect();
            let place = if at.is_empty() { String::new() } else { format!(" in {at}") };
            return Err(CatalogError::bad(format!(
                "Unrecognized field \"{key}\"{place}; known are {}",
                names.join(", ")
            )));
        };
        let place = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        check_value(value, &field.shape, &place)?;
    }
    match known().find(|field| field.required && !object.contains_key(field.name)) {
        None => Ok(()),
        Some(field) if at.is_empty() => Err(CatalogError::bad(format!("[{} must not be null]", field.name))),
        Some(field) => Err(CatalogError::bad(format!("[{at}.{} must not be null]", field.name))),
    }
}

fn check_value(value: &mut Value, shape: &Shape, at: &str) -> Result<()> {
    match shape {
        Shape::Any => Ok(()),
        Shape::Text => expect(value.is_string(), value, "a string", at),
        Shape::Boolean => expect(value.is_boolean(), value, "true or false", at),
        Shape::Integer => {
            if let Some(number) = value.as_str().and_then(|text| text.trim().parse::<i64>().ok()) {
                *value = number.into();
            }
            // 604800000.0 is a whole number to the languages that send it.
            if let Some(number) = value.as_f64().filter(|number| !value.is_i64() && number.fract() == 0.0) {
                #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and it is a whole number")]
                let whole = number as i64;
                *value = whole.into();
            }
            expect(value.is_i64() || value.is_u64(), value, "a whole number", at)
        }
        Shape::Number => {
            if let Some(number) = value.as_str().and_then(|text| text.trim().parse::<serde_json::Number>().ok()) {
                *value = Value::Number(number);
            }
            expect(value.is_number(), value, "a number", at)
        }
        Shape::OneOf(names) => match value.as_str() {
            Some(text) if names.contains(&text) => Ok(()),
            _ => Err(CatalogError::bad(format!("{at}: {value} is none of {}", names.join(", ")))),
        },
        Shape::List(item) => match value {
            Value::Array(items) => {
                let mut places = items.iter_mut().enumerate();
                places.try_for_each(|(index, value)| check_value(value, item, &format!("{at}[{index}]")))
            }
            other => expect(false, other, "a list", at),
        },
        Shape::Object(fields) => match value {
            Value::Object(object) => check_object(object, &[fields], at),
            other => expect(false, other, "an object", at),
        },
        Shape::Absent => match value.as_array() {
            Some(list) if list.is_empty() => Ok(()),
            _ => Err(CatalogError::bad(format!("{at}: this catalog has none; leave the field out"))),
        },
    }
}

fn expect(holds: bool, value: &Value, wanted: &str, at: &str) -> Result<()> {
    if holds {
        return Ok(());
    }
    let text: String = value.to_string().chars().take(80).collect();
    Err(CatalogError::bad(format!("{at}: {text} is not {wanted}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    static INNER: Shape =
        Shape::Object(fields!["kind" required => Shape::OneOf(&["a", "b"]), "inner" => Shape::List(&INNER)]);
    static FIELDS: &[Field] = fields![
        "name" required => Shape::Text,
        "size" => Shape::Integer,
        "rate" => Shape::Number,
        "inner" => Shape::List(&INNER),
        "domains" => Shape::Absent,
    ];

    fn checked(value: Value) -> std::result::Result<Value, String> {
        let Value::Object(mut object) = value else { panic!("an object") };
        check(&mut object, &[FIELDS]).map_err(|error| error.message)?;
        Ok(Value::Object(object))
    }

    #[test]
    fn nulls_go_and_numbers_in_strings_become_numbers() {
        let value = json!({"name": "x", "size": "604800000", "rate": "1.5", "inner": null, "domains": []});
        let expected = json!({"name": "x", "size": 604_800_000, "rate": 1.5, "domains": []});
        assert_eq!(checked(value), Ok(expected));
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        for (value, message) in [
            (json!({"nam": "x"}), "Unrecognized field \"nam\"; known are name, size, rate, inner, domains"),
            (json!({"size": 1}), "[name must not be null]"),
            (json!({"name": 1}), "name: 1 is not a string"),
            (json!({"name": "x", "size": "many"}), "size: \"many\" is not a whole number"),
            (json!({"name": "x", "inner": {}}), "inner: {} is not a list"),
            (json!({"name": "x", "inner": [1]}), "inner[0]: 1 is not an object"),
            (json!({"name": "x", "inner": [{"kind": "c"}]}), "inner[0].kind: \"c\" is none of a, b"),
            (json!({"name": "x", "inner": [{}]}), "[inner[0].kind must not be null]"),
            (
                json!({"name": "x", "inner": [{"kind": "a", "inner": [{"kind": "b", "z": 1}]}]}),
                "Unrecognized field \"z\" in inner[0].inner[0]; known are kind, inner",
            ),
            (json!({"name": "x", "domains": ["d"]}), "domains: this catalog has none; leave the field out"),
        ] {
            assert_eq!(checked(value), Err(message.to_owned()));
        }
    }
}
