//! The types of entities: one row each with what is special about it. Everything else is the same for all.

mod rows;
pub mod shapes;
mod words;

use super::error::{CatalogError, Result};
use super::shape::Field;

pub use rows::KINDS;

/// A type of entity.
#[derive(Debug)]
pub struct Kind {
    /// Its name in references: `table`.
    pub name: &'static str,
    /// Its path below `/api/v1`: `tables`, `services/databaseServices`.
    pub collection: &'static str,
    /// Fields that refer to what is above it and their kinds, nearest first. The first is the parent, which a body names.
    pub above: &'static [(&'static str, &'static str)],
    /// Further kinds that the parent may be of. A body then names it by a reference, which tells the kind.
    pub also_below: &'static [&'static str],
    /// Fields of a body that creates one.
    pub body: &'static [Field],
    /// Further fields of the entity, written by the catalog.
    pub own: &'static [Field],
    /// Values that a new one has where its body says nothing, as JSON.
    pub defaults: &'static [(&'static str, &'static str)],
    /// Where its named parts (columns, fields, tasks) are: a JSON pointer.
    pub parts: Option<&'static str>,
    /// Fields that tell where its data is.
    pub locations: &'static [&'static str],
    /// Only an admin writes it.
    pub guarded: bool,
}

/// Fields of every entity that a body does not have. `href` is made for each answer and not stored.
pub static COMMON: &[Field] = super::shape::fields![
    "id" required => super::shape::Shape::Text,
    "fullyQualifiedName" => super::shape::Shape::Text,
    "version" => super::shape::Shape::Number,
    "updatedAt" => super::shape::Shape::Integer,
    "updatedBy" => super::shape::Shape::Text,
    "deleted" => super::shape::Shape::Boolean,
];

impl Kind {
    /// The field that names the parent, and the parent's kind; nothing for a service.
    pub fn parent(&self) -> Option<(&'static str, &'static Kind)> {
        self.above.first().and_then(|(field, name)| Some((*field, find(name)?)))
    }

    /// The kinds right below.
    pub fn children(&self) -> impl Iterator<Item = &'static Kind> {
        let name = self.name;
        KINDS.iter().filter(move |kind| kind.parents().any(|parent| parent == name))
    }

    /// The kinds that its parent may be of.
    pub fn parents(&self) -> impl Iterator<Item = &'static str> {
        self.above.first().map(|(_, parent)| *parent).into_iter().chain(self.also_below.iter().copied())
    }

    /// True for services of any kind.
    pub fn is_service(&self) -> bool {
        self.collection.starts_with("services/")
    }

    /// True where a field belongs to a body of this kind.
    pub fn takes(&self, field: &str) -> bool {
        self.body.iter().any(|known| known.name == field)
    }
}

/// The kind with this name.
pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// The kind that a request names.
pub fn named(name: &str) -> Result<&'static Kind> {
    find(name).ok_or_else(|| {
        let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        CatalogError::bad(format!("Entity type {name} is not one of {}", known.join(", ")))
    })
}

/// The kind behind a search index: `table_search_index`.
pub fn of_index(index: &str) -> Option<&'static Kind> {
    let stem = index.strip_suffix("_search_index").unwrap_or(index);
    let same = |kind: &&Kind| stem.replace('_', "").eq_ignore_ascii_case(kind.name);
    KINDS.iter().find(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_agree_with_each_other() {
        for kind in KINDS {
            for (field, above) in kind.above {
                assert!(find(above).is_some(), "{}: no kind {above}", kind.name);
                assert!(
                    kind.takes(field) || kind.own.iter().any(|own| own.name == *field),
                    "{}: no {field}",
                    kind.name
                );
            }
            assert!(kind.parents().all(|parent| find(parent).is_some()), "{}", kind.name);
            if let Some((field, _)) = kind.above.first() {
                let body = kind.body.iter().find(|known| known.name == *field);
                assert!(body.is_some_and(|field| field.required), "{}: a body must name {field}", kind.name);
            }
            for (field, default) in kind.defaults {
                let known = kind.takes(field) || kind.own.iter().any(|own| own.name == *field);
                assert!(known, "{}: default of unknown {field}", kind.name);
                assert!(serde_json::from_str::<serde_json::Value>(default).is_ok(), "{}: {default}", kind.name);
            }
        }
    }

    #[test]
    fn a_search_index_names_its_kind() {
        let name = |index| of_index(index).map(|kind| kind.name);
        assert_eq!(name("table_search_index"), Some("table"));
        assert_eq!(name("database_service_search_index"), Some("databaseService"));
        assert_eq!(name("stored_procedure_search_index"), Some("storedProcedure"));
        assert_eq!(name("glossary_search_index"), None);
    }
}
