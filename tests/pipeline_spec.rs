//! pipeline.yml: what is read from it, and the words in which mistakes are refused.

use std::path::Path;

use pipectl::pipeline::spec::{self, Infinity};

fn lookup(name: &str) -> Option<String> {
    (name == "SLOT").then(|| "slot_1".to_owned())
}

#[test]
fn a_good_file_is_read_in_order() {
    let spec = spec::load(Path::new("tests/cases/pipeline/good.yml"), &lookup).unwrap();
    assert_eq!(spec.topics(), ["shop.public.orders", "shop.crm.customers"]);
    assert_eq!(spec.table_include_list(), "public.orders,crm.customers");
    assert_eq!(spec.lake.path, "hdfs://nn:9000/delta");
    assert_eq!(spec.source.schema, "public");
    assert_eq!(spec.source.slot, "slot_1", "what only pipectl reads may have variables");
    let orders = &spec.tables["public.orders"];
    let columns: Vec<String> = orders.columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
    assert_eq!(columns, ["id bigint", "customer bigint", "total numeric(12,2)", "tags text[]"]);
    assert_eq!(spec.lake_table("customers").unwrap().0, "crm.customers");
    assert_eq!(spec.destination_tables(), ["orders", "customers", "daily"]);
}

#[test]
fn infinity_stops_the_jobs_unless_it_is_declared_to_be_null() {
    let good = std::fs::read_to_string("tests/cases/pipeline/good.yml").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let sql = folder.path().join("sql");
    std::fs::create_dir(&sql).unwrap();
    for file in ["orders.sql", "customers.sql", "daily.sql"] {
        std::fs::write(sql.join(file), "SELECT 1").unwrap();
    }
    let policy = |line: &str| {
        let file = folder.path().join("pipeline.yml");
        std::fs::write(&file, format!("{good}\n{line}\n")).unwrap();
        spec::load(&file, &lookup).unwrap().infinity
    };
    assert_eq!(policy(""), Infinity::Stop);
    assert_eq!(policy("infinity: stop"), Infinity::Stop);
    // YAML reads the bare word as nothing; both spellings mean the policy.
    assert_eq!(policy("infinity: null"), Infinity::Null);
    assert_eq!(policy("infinity: 'null'"), Infinity::Null);
}

#[test]
fn mistakes_are_refused_with_place_and_advice() {
    let mut cases: Vec<_> =
        std::fs::read_dir("tests/cases/pipeline").unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.to_string_lossy().ends_with(".bad.yml"));
    cases.sort();
    assert!(!cases.is_empty());
    for case in cases {
        let error = spec::load(&case, &lookup).err().unwrap_or_else(|| panic!("{} was accepted", case.display()));
        let actual = format!("{error}\n");
        let expectation = case.with_extension("txt");
        if std::env::var_os("UPDATE_CASES").is_some() {
            std::fs::write(&expectation, &actual).unwrap();
        }
        let expected = std::fs::read_to_string(&expectation).unwrap_or_default();
        assert_eq!(actual, expected, "\n{} differs; got:\n{actual}", expectation.display());
    }
}
