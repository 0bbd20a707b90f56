//! `docs/pipeline.schema.json` says what the reader of pipeline.yml says: the same keys at the same places, the same of them
//! needed, the same types.

use std::collections::BTreeSet;
use std::path::Path;

use jsonschema::Validator;
use pipectl::pipeline::spec::{self, SCHEMA, SpecErrors, canonical_type};
use serde_json::{Value, json};

/// Every key that there is.
const EXAMPLE: &str = "\
version: 1
source: {service: pg, database: shop, schema: public, slot: slot_1, publication: pub}
topic_prefix: shop
topics: {retention: 14d}
connector: shop-pg
lake: {path: hdfs://nn:9000/delta, checkpoints: hdfs://nn:9000/checkpoints, database: lake, retention: 7d}
destination: {service: dest, database: shop, schema: serving}
infinity: stop
tables:
  public.orders:
    key: [id]
    columns:
      id: bigint
      email: {type: text, mask: hash}
    destination: {table: orders, transform: orders.sql}
  public.people:
    key: [id]
    columns: {id: bigint, name: text}
    destination:
      table: people
      transform: people.py
      columns: {id: id, name: [name]}
      keeps_rows: true
aggregates:
  daily: {table: daily, key: [day], query: orders.sql, affected: {orders: orders.sql}}
governance:
  every: 10m
  owners: [admin]
  tables:
    public.orders:
      description: What was bought.
      owners: [sales]
      tags: [Shop.Sales]
      tier: 2
      columns:
        email: {description: Who bought it., tags: [PII.Sensitive]}
  aggregates:
    daily: {description: Sales by day.}
";

/// A key that is like no other.
const STRANGE: &str = "qqqqqqqqqq";

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("JSON")
}

fn validator() -> Validator {
    jsonschema::validator_for(&schema()).expect("a schema")
}

fn example() -> Value {
    serde_yaml::from_str(EXAMPLE).expect("YAML")
}

/// What the reader says of a document.
fn read(document: &Value) -> Result<(), SpecErrors> {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("pipeline.yml");
    std::fs::write(&file, serde_json::to_string_pretty(document).expect("JSON is YAML")).expect("written");
    for name in ["orders.sql", "people.py"] {
        std::fs::write(folder.path().join(name), "SELECT 1").expect("written");
    }
    std::fs::copy("tests/cases/tls/ca.pem", folder.path().join("ca.pem")).expect("copied");
    spec::load(&file, &|_| None).map(drop)
}

/// The keys that the reader knows in the mapping at a place.
fn known(document: &Value, place: &str) -> BTreeSet<String> {
    let mut document = document.clone();
    document.pointer_mut(place).expect("a place")[STRANGE] = json!(1);
    let errors = read(&document).expect_err("an unknown key");
    let unknown = format!("unknown key `{STRANGE}`");
    let error = errors.all().iter().find(|error| error.message.starts_with(&unknown)).expect("refused");
    let listed = error.hint.as_deref().and_then(|hint| hint.strip_prefix("known here: ")).expect("a list");
    listed.split(", ").map(str::to_owned).collect()
}

/// A part of the schema as it holds for a value: references followed, of alternatives the one for mappings.
fn resolved<'s>(schema: &'s Value, mut part: &'s Value) -> &'s Value {
    loop {
        if let Some(reference) = part["$ref"].as_str() {
            part = schema.pointer(reference.trim_start_matches('#')).expect("a definition");
        } else if let Some(object) =
            part["oneOf"].as_array().and_then(|ways| ways.iter().find(|way| way["type"] == "object"))
        {
            part = object;
        } else {
            return part;
        }
    }
}

/// Calls `visit` for every mapping with fixed keys in the document: its place and its part of the schema.
fn walk(schema: &Value, part: &Value, value: &Value, place: &str, visit: &mut dyn FnMut(&str, &Value)) {
    let part = resolved(schema, part);
    let Some(entries) = value.as_object() else { return };
    if part["properties"].is_object() {
        visit(place, part);
    }
    for (key, value) in entries {
        let below = part["properties"].get(key).unwrap_or(&part["additionalProperties"]);
        let place = format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
        walk(schema, below, value, &place, visit);
    }
}

#[test]
fn the_schema_has_the_keys_that_the_reader_knows_and_no_others() {
    let (schema, document) = (schema(), example());
    let mut places = 0;
    walk(&schema, &schema, &document, "", &mut |place, part| {
        let properties: BTreeSet<String> = part["properties"].as_object().expect("keys").keys().cloned().collect();
        assert_eq!(properties, known(&document, place), "at {place:?}");
        places += 1;
    });
    assert_eq!(places, 15, "the example has every mapping that there is");
}

#[test]
fn what_may_be_left_out_is_the_same_for_both() {
    let (schema, document, validator) = (schema(), example(), validator());
    assert!(read(&document).is_ok() && validator.is_valid(&document));
    walk(&schema, &schema, &document, "", &mut |place, part| {
        for key in part["properties"].as_object().expect("keys").keys() {
            let mut without = document.clone();
            without.pointer_mut(place).and_then(Value::as_object_mut).expect("a mapping").shift_remove(key);
            let refused = read(&without).err();
            // That governance describes what is gone then is not for a schema to know.
            let errors = refused.iter().flat_map(SpecErrors::all);
            let refused = errors.filter(|error| !error.message.contains("which is not declared")).count() > 0;
            assert_eq!(validator.is_valid(&without), !refused, "without `{key}` at {place:?}");
        }
    });
}

#[test]
fn a_source_elsewhere_is_the_same_for_both() {
    let (mut document, validator) = (example(), validator());
    let sources = [
        (json!({"host": "db"}), true),
        (json!({"host": "db", "port": "5432", "sslmode": "require"}), true),
        (json!({"host": "db", "sslmode": "verify-full", "sslrootcert": "ca.pem"}), true),
        (json!({"host": "db", "sslmode": "verify-ca"}), false),
        (json!({"host": "db", "sslmode": "allow"}), false),
        (json!({"host": "db", "sslmode": "disable", "sslrootcert": "ca.pem"}), false),
        (json!({"host": "db", "sslrootcert": "ca.pem"}), false),
        (json!({"service": "pg", "sslmode": "prefer"}), false),
        (json!({"service": "pg", "sslrootcert": "ca.pem"}), false),
    ];
    for (mut source, right) in sources {
        for key in ["database", "slot", "publication"] {
            source[key] = json!("shop");
        }
        document["source"] = source;
        assert_eq!(validator.is_valid(&document), right, "the schema: {}", document["source"]);
        assert_eq!(read(&document).is_ok(), right, "the reader: {}", document["source"]);
    }
}

#[test]
fn types_are_the_same_for_both() {
    let validator =
        jsonschema::validator_for(&json!({"$ref": "#/definitions/type", "definitions": schema()["definitions"]}));
    let validator = validator.expect("a schema");
    let mut document = example();
    document["tables"]["public.orders"]["columns"]["id"] = json!("money");
    let errors = read(&document).expect_err("no such type");
    let hint = errors.all()[0].hint.clone().expect("the types there are");
    let listed = hint
        .strip_prefix("types: ")
        .expect("a list")
        .split(", ")
        .map(|name| name.replace("(p,s)", "(12,2)").replace("(n)", "(9)"));
    let more = [
        "INT8",
        "decimal(12, 2)",
        "timestamp(3) with time zone",
        "character varying(20)[]",
        "bpchar",
        "time(3)",
        "float4",
    ];
    let listed: Vec<String> = listed.chain(more.map(str::to_owned)).collect();
    assert!(listed.len() > 40);
    let wrong = ["money", "text[][]", "time[]", "jsonb[]", "date(3)", "varchar(x)", "enum[]", ""].map(str::to_owned);
    for name in listed.iter().chain(&wrong) {
        assert_eq!(validator.is_valid(&json!(name)), canonical_type(name).is_ok(), "{name}");
    }
}

#[test]
fn the_examples_are_valid_and_their_mistakes_are_not() {
    let validator = validator();
    let document =
        |file: &str| -> Value { serde_yaml::from_str(&std::fs::read_to_string(file).expect("a file")).expect("YAML") };
    for file in ["pipeline.yml", "tests/cases/pipeline/good.yml", "tests/cases/pipeline/statements/pipeline.yml"] {
        let found: Vec<String> = validator.iter_errors(&document(file)).map(|error| error.to_string()).collect();
        assert_eq!(found, [""; 0], "{file}");
    }
    // Those that a schema can see; the others are of names that refer to each other, and of files.
    let seen = [
        "array-of-time",
        "bad-slot",
        "external",
        "external-service-port",
        "function",
        "governance-tag",
        "governance-tier",
        "governance-unknown-key",
        "infinity",
        "many",
        "mask",
        "no-key",
        "no-schema",
        "tls-many",
        "tls-service",
        "tls-unknown-mode",
        "tls-unused-certificate",
        "tls-without-certificate",
        "unknown-key",
        "unknown-type",
        "retention",
        "version",
    ];
    for case in seen {
        assert!(!validator.is_valid(&document(&format!("tests/cases/pipeline/{case}.bad.yml"))), "{case}");
    }
}

#[test]
fn the_shipped_pipeline_names_its_schema() {
    let text = std::fs::read_to_string("pipeline.yml").expect("a file");
    let line = text.lines().next().expect("a line");
    let named = line.strip_prefix("# yaml-language-server: $schema=").expect("the editor's line");
    assert!(Path::new(named).is_file(), "{named}");
}
