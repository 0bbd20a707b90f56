//! pipeline.yml: what is read from it, and the words in which mistakes are refused.

use std::path::Path;
use std::time::Duration;

use pipectl::pipeline::spec::{self, Infinity, Made, Results};

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
    for file in ["orders.sql", "customers.sql", "daily.sql", "days.sql"] {
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
fn a_function_is_read_with_what_is_said_of_its_result() {
    let file = Path::new("tests/cases/pipeline/function/pipeline.yml");
    let spec = spec::load(file, &lookup).unwrap();
    let orders = &spec.tables["public.orders"].destination;
    assert!(orders.is_function() && orders.results.keeps_rows);
    let columns: Vec<_> = orders.results.columns.iter().collect();
    assert_eq!(
        columns,
        [(&"id".to_owned(), &Made::Same), (&"total".to_owned(), &Made::From(vec!["amount".to_owned()]))]
    );
    assert_eq!(spec.tables["public.items"].destination.results, Results::default());
    // Only what starts something looks into the files.
    insta::assert_snapshot!(spec::load_with_statements(file, &lookup).unwrap_err(), @r"
    tests/cases/pipeline/function/orders.py:6:1: orders.py, the transformation of table `public.orders`, has no function `transform`
      6 | def transfrom(rows: DataFrame) -> DataFrame:
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: write `def transform(rows: DataFrame) -> DataFrame:`
    ");
}

#[test]
fn retention_is_told_in_hours_or_days() {
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let said = spec::load(Path::new("tests/cases/pipeline/function/pipeline.yml"), &lookup).unwrap();
    assert_eq!((said.lake.retention, said.topic_retention), (hours(12), Some(hours(14 * 24))));
    let silent = spec::load(Path::new("tests/cases/pipeline/good.yml"), &lookup).unwrap();
    assert_eq!((silent.lake.retention, silent.topic_retention), (hours(7 * 24), None));
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

#[test]
fn every_mistake_of_the_sql_files_is_told_at_once_with_its_line() {
    let file = Path::new("tests/cases/pipeline/statements/pipeline.yml");
    assert!(spec::load(file, &lookup).is_ok(), "what only looks at the pipeline does not read them");
    insta::assert_snapshot!(spec::load_with_statements(file, &lookup).unwrap_err(), @r"
    tests/cases/pipeline/statements/groups.sql:1:1: `affected.orders` of aggregate `totals` cannot be used: it is not a SELECT (sql parser error: Expected: an SQL statement, found: UPDTAE at Line: 1, Column: 1)
      1 | UPDTAE orders SET day = now()
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: a file holds one SELECT and nothing else; put what comes before it into a WITH
    tests/cases/pipeline/statements/items.sql:1:22: there is no relation `item` to select from (table `public.items`)
      1 | SELECT id, name FROM item WHERE name IS NOT NULL
        |                      ^^^^
    hint: did you mean `items`?
    tests/cases/pipeline/statements/orders.sql:2:1: the transformation of table `public.orders` does not have the key column `line` in its result
      2 | SELECT
        | ^^^^^^
    hint: add `line` to its list: rows are found again by it
    tests/cases/pipeline/statements/orders.sql:2:1: the transformation of table `public.orders` has two columns named `amount` in its result
      2 | SELECT
        | ^^^^^^
    hint: give one of them another name with AS
    tests/cases/pipeline/statements/orders.sql:4:5: `o` has no column `amuont` (table `public.orders`)
      4 |     amuont,
        |     ^^^^^^
    hint: did you mean `amount`?
    tests/cases/pipeline/statements/orders.sql:5:13: `o` has no column `notes` (table `public.orders`)
      5 |     upper(o.notes) AS note,
        |             ^^^^^
    hint: did you mean `note`?
    tests/cases/pipeline/statements/shops.sql:1:1: the transformation of table `public.shops` cannot be used: it is not a SELECT
      1 | DELETE FROM shops
        | ^^^^^^^^^^^^^^^^^
    hint: a file holds one SELECT and nothing else; put what comes before it into a WITH
    tests/cases/pipeline/statements/tills.sql:1:1: the transformation of table `public.tills` cannot be used: it has 2 statements, and one is expected
      1 | SELECT id FROM tills;
        | ^^^^^^^^^^^^^^^^^^^^^
    hint: a file holds one SELECT and nothing else; put what comes before it into a WITH
    tests/cases/pipeline/statements/totals.sql:1:1: the query of aggregate `totals` does not have the key column `day` in its result
      1 | SELECT a.dya, m.total
        | ^^^^^^^^^^^^^^^^^^^^^
    hint: its result has `dya`; write `dya AS day`
    tests/cases/pipeline/statements/totals.sql:3:6: the query of aggregate `totals` reads `monthly`, which is computed after it
      3 | JOIN monthly m USING (day)
        |      ^^^^^^^
    hint: aggregates are computed in the order of pipeline.yml: an aggregate can read the tables, and the aggregates above it
    ");
}

#[test]
fn what_a_batch_cannot_do_is_refused_in_its_file() {
    let file = Path::new("tests/cases/pipeline/batches/pipeline.yml");
    insta::assert_snapshot!(spec::load_with_statements(file, &lookup).unwrap_err(), @r#"
    tests/cases/pipeline/batches/codes.sql:1:14: the transformation of table `public.codes` gives `upper(code)` as the key column `code`
      1 | SELECT upper(code) AS code, name FROM codes
        |              ^^^^
    hint: write `code` as it is: a deleted row is found again by the source's key; give the other value a name of its own
    tests/cases/pipeline/batches/everybody.sql:1:1: `affected.rates` of aggregate `grades` does not select from `changed`
      1 | SELECT DISTINCT customer FROM orders
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: it would find every group with every batch; select from `changed`, which has the key of each row of rates that changed
    tests/cases/pipeline/batches/grades.sql:2:20: the query of aggregate `grades` reads `totals`, which changes with `orders`, and is not renewed when rows of `orders` change
      2 | FROM affected JOIN totals USING (customer)
        |                    ^^^^^^
    hint: list it: `affected: {orders: FILE}`, whose SELECT finds the groups that the rows in `changed` belong to
    tests/cases/pipeline/batches/newest.sql:1:1: the transformation of table `public.newest` has DISTINCT, which depends on the changes that happen to come together
      1 | SELECT DISTINCT
        | ^^^^^^
    hint: a batch is no table: make each row of its own row alone, and compute over rows in `aggregates`
    tests/cases/pipeline/batches/newest.sql:2:17: the transformation of table `public.newest` gives `customer` as the key column `id`
      2 |     customer AS id,
        |                 ^^
    hint: write `id` as it is: a deleted row is found again by the source's key; give the other value a name of its own
    tests/cases/pipeline/batches/newest.sql:3:5: the transformation of table `public.newest` has the window function row_number, which depends on the changes that happen to come together
      3 |     row_number() OVER (PARTITION BY customer ORDER BY id) AS place
        |     ^^^^^^^^^^
    hint: a batch is no table: make each row of its own row alone, and compute over rows in `aggregates`
    tests/cases/pipeline/batches/newest.sql:5:7: the transformation of table `public.newest` has LIMIT, which depends on the changes that happen to come together
      5 | LIMIT 100
        |       ^^^
    hint: a batch is no table: make each row of its own row alone, and compute over rows in `aggregates`
    tests/cases/pipeline/batches/orders.sql:1:12: the transformation of table `public.orders` has the aggregate function any_value, which depends on the changes that happen to come together
      1 | SELECT id, any_value(customer) AS customer, sum(amount) AS amount
        |            ^^^^^^^^^
    hint: a batch is no table: make each row of its own row alone, and compute over rows in `aggregates`
    tests/cases/pipeline/batches/orders.sql:1:45: the transformation of table `public.orders` has the aggregate function sum, which depends on the changes that happen to come together
      1 | SELECT id, any_value(customer) AS customer, sum(amount) AS amount
        |                                             ^^^
    hint: a batch is no table: make each row of its own row alone, and compute over rows in `aggregates`
    tests/cases/pipeline/batches/orders.sql:3:10: the transformation of table `public.orders` has GROUP BY, which depends on the changes that happen to come together
      3 | GROUP BY id
        |          ^^
    hint: a batch is no table: make each row of its own row alone, and compute over rows in `aggregates`
    tests/cases/pipeline/batches/totals.sql:2:1: the query of aggregate `totals` does not select from `affected`
      2 | SELECT o.customer, sum(o.amount * r.rate) AS total
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: it would compute every group with every batch; select from `affected`, which has the key of each group to compute
    tests/cases/pipeline/batches/totals.sql:3:30: the query of aggregate `totals` reads `rates`, and is not renewed when rows of `rates` change
      3 | FROM orders o JOIN "serving".rates r ON r.day = current_date
        |                              ^^^^^
    hint: list it: `affected: {rates: FILE}`, whose SELECT finds the groups that the rows in `changed` belong to
    "#);
}

#[test]
fn the_shipped_sql_files_have_no_mistakes() {
    spec::load_with_statements(Path::new("pipeline.yml"), &|_| None).unwrap_or_else(|error| panic!("{error}"));
}
