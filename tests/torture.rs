//! The generator of the torture workload: what the live scenario relies on, without a database.

#[path = "support/torture/mod.rs"]
mod torture;

use std::collections::BTreeMap;

use pipectl::pipeline::spec::canonical_type;
use torture::columns::{COLUMNS, Column, KEY};
use torture::{Generator, Kind, Transaction};

const MANY: usize = 5000;

fn history(seed: u64) -> Vec<Transaction> {
    transactions(&mut Generator::new(seed))
}

fn transactions(generator: &mut Generator) -> Vec<Transaction> {
    std::iter::once(generator.first_rows())
        .chain((0..MANY).map(|_| generator.transaction()).collect::<Vec<_>>())
        .collect()
}

#[test]
fn a_seed_repeats_its_history_and_another_seed_does_not() {
    assert_eq!(history(7), history(7));
    assert_ne!(history(7), history(8));
}

#[test]
fn every_kind_of_transaction_occurs() {
    let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
    for transaction in history(1) {
        *counts.entry(transaction.kind).or_default() += 1;
    }
    assert_eq!(counts.len(), 11, "{counts:?}");
    assert!(
        counts[&Kind::Truncate] < MANY / 200 && counts[&Kind::Widen] < MANY / 100,
        "rare ones are rare: {counts:?}"
    );
    assert!(counts[&Kind::Delete] > MANY / 20, "{counts:?}");
}

#[test]
fn the_first_rows_have_every_value_of_every_column() {
    let first = Generator::new(1).first_rows();
    for column in COLUMNS {
        for value in column.values {
            assert!(first.sql.contains(value), "{}: {value}", column.name);
        }
    }
}

#[test]
fn the_rows_that_the_generator_knows_are_those_that_its_sql_leaves() {
    // A model of one column: which ids there are, from the text of the statements alone.
    let mut alive: Vec<String> = Vec::new();
    let mut generator = Generator::new(3);
    for transaction in transactions(&mut generator) {
        let before = alive.clone();
        for line in transaction.sql.lines() {
            let target = line.split_once("WHERE id = ").and_then(|(_, rest)| rest.split_once(" AND")).map(|(id, _)| id);
            if let Some(target) = target {
                assert!(alive.iter().any(|id| id == target), "{line} is about a row that is not there");
            }
            if line.starts_with("INSERT") {
                let (_, values) = line.split_once("VALUES (").expect("values");
                let id = values.split(',').next().expect("an id").to_owned();
                assert!(!alive.contains(&id), "{id} is inserted twice");
                alive.push(id);
            } else if line.starts_with("DELETE") {
                alive.retain(|id| Some(id.as_str()) != target);
            } else if let Some((_, rest)) = line.split_once("SET id = ") {
                alive.retain(|id| Some(id.as_str()) != target);
                alive.push(rest.split(',').next().expect("an id").to_owned());
            } else if line.starts_with("TRUNCATE") {
                alive.clear();
            } else if line == "ROLLBACK;" {
                alive.clone_from(&before);
            }
        }
    }
    assert!(alive.len() > 20);
    assert_eq!(alive.len(), generator.rows());
}

#[test]
fn every_type_that_the_pipeline_carries_is_tortured() {
    let declared = |name: &str| canonical_type(name).unwrap_or_else(|error| panic!("{error}"));
    let types: Vec<String> =
        KEY.iter().map(|(_, kind)| *kind).chain(COLUMNS.iter().map(Column::declared)).map(declared).collect();
    for kind in [
        "smallint",
        "integer",
        "bigint",
        "numeric",
        "real",
        "double precision",
        "boolean",
        "text",
        "uuid",
        "json",
        "jsonb",
        "bytea",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "interval",
        "inet",
        "cidr",
        "macaddr",
        "enum",
    ] {
        assert!(types.iter().any(|name| name == kind), "{kind}");
    }
    assert!(types.iter().any(|name| name.starts_with("char(")));
}
