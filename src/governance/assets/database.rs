//! A Postgres database: schemas, tables, views, columns, keys.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::about::{Abouts, Text};
use super::{Asset, Measure, types};
use crate::governance::client::Version;
use crate::governance::collect::postgres::{DatabaseFacts, Relation, RelationKind};
use crate::governance::fqn;
use crate::governance::kind::Kind;

pub(super) fn assets(
    service: &str,
    name: &str,
    facts: &DatabaseFacts,
    abouts: &Abouts,
    version: Version,
) -> Vec<Asset> {
    let database = Asset::new(Kind::Database, ("service", service), name, Value::Null);
    let schemas: BTreeSet<&str> = facts.relations.iter().map(|relation| relation.schema.as_str()).collect();
    let mut assets = vec![database];
    for schema in schemas {
        let parent = assets[0].fqn.clone();
        let text = Text { description: facts.schema_comments.get(schema).cloned(), ..Text::default() };
        assets.push(Asset::new(Kind::Schema, ("database", &parent), schema, Value::Null).described(text));
    }
    let database = assets[0].fqn.clone();
    assets.extend(facts.relations.iter().map(|relation| table(&database, relation, abouts, version)));
    assets
}

fn table(database: &str, relation: &Relation, abouts: &Abouts, version: Version) -> Asset {
    let schema = fqn::below(database, &relation.schema);
    let own = fqn::below(&schema, &relation.name);
    let columns: Vec<Value> = relation
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let mut json = types::postgres(&fqn::entity_name(&column.name), &column.kind);
            json.insert("ordinalPosition".to_owned(), json!(index + 1));
            if let Some(constraint) = constraint(relation, &column.name, column.not_null) {
                json.insert("constraint".to_owned(), json!(constraint));
            }
            Value::Object(json)
        })
        .collect();
    let kind = match relation.kind {
        RelationKind::Table => "Regular",
        RelationKind::View => "View",
        RelationKind::MaterializedView => "MaterializedView",
        RelationKind::Foreign => "External",
        RelationKind::Partitioned => "Partitioned",
    };
    let mut rest = json!({"tableType": kind, "columns": columns});
    let constraints = constraints(database, relation, version);
    if !constraints.is_empty() {
        rest["tableConstraints"] = Value::Array(constraints);
    }
    if let Some(text) = &relation.definition {
        rest[version.view_field()] = json!(text);
    }
    let names = relation.columns.iter().map(|column| column.name.as_str());
    let about = |name: &str| {
        let comment = relation.columns.iter().find(|column| column.name == name);
        abouts.column(&fqn::below(&own, name), comment.and_then(|column| column.comment.as_deref()))
    };
    Asset::new(Kind::Table, ("databaseSchema", &schema), &relation.name, rest)
        .described(abouts.entity(&own, relation.comment.as_deref()))
        .with_columns("/columns", names, about)
        .measured(relation.rows.map(|rows| Measure::Table { rows: Some(rows), bytes: None, delta_version: None }))
}

/// What a column alone is bound by; keys of several columns are constraints of the table.
fn constraint(relation: &Relation, column: &str, not_null: bool) -> Option<&'static str> {
    let alone = |key: &Vec<String>| key.len() == 1 && key[0] == column;
    if alone(&relation.primary_key) {
        return Some("PRIMARY_KEY");
    }
    if relation.unique.iter().any(alone) {
        return Some("UNIQUE");
    }
    (not_null && !relation.primary_key.iter().any(|key| key == column)).then_some("NOT_NULL")
}

fn constraints(database: &str, relation: &Relation, version: Version) -> Vec<Value> {
    let mut constraints = Vec::new();
    if relation.primary_key.len() > 1 {
        constraints.push(json!({"constraintType": "PRIMARY_KEY", "columns": named(&relation.primary_key)}));
    }
    let several = relation.unique.iter().filter(|key| key.len() > 1);
    constraints.extend(several.map(|key| json!({"constraintType": "UNIQUE", "columns": named(key)})));
    // Before 1.5 a foreign key could not say what it refers to.
    let foreign = relation.foreign_keys.iter().filter(|_| version.knows_stream_services());
    constraints.extend(foreign.map(|key| {
        let target = fqn::below(&fqn::below(database, &key.schema), &key.table);
        let referred: Vec<String> = key.referred.iter().map(|column| fqn::below(&target, column)).collect();
        json!({
            "constraintType": "FOREIGN_KEY",
            "columns": named(&key.columns),
            "referredColumns": referred,
            "relationshipType": "MANY_TO_ONE",
        })
    }));
    constraints
}

fn named(columns: &[String]) -> Vec<String> {
    columns.iter().map(|column| fqn::entity_name(column)).collect()
}
