//! Small inputs that ask for endless work, each of which once was one or would be without a limit.

use std::path::Path;

use pipectl::model::{self, LoadOptions, ModelError, dotenv};
use pipectl::pipeline::sql::{self, Flavour, Reading};

use crate::mutate::ends;

fn load(text: &str) -> Result<model::Project, ModelError> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("compose.yaml");
    std::fs::write(&file, text).expect("written");
    ends(move || model::load(&LoadOptions { files: vec![file], project: Some("p".into()), ..LoadOptions::default() }))
}

#[test]
fn files_without_an_end_are_refused() {
    for text in [
        "include: [/dev/zero]\n",
        "services: {a: {image: i, env_file: /dev/zero}}\n",
        "services: {a: {image: i, extends: {file: /dev/zero, service: a}}}\n",
    ] {
        let error = load(text).expect_err("it has no end").to_string();
        assert!(error.contains("/dev/zero"), "{error}");
    }
    let error = ends(|| pipectl::pipeline::spec::load(Path::new("/dev/zero"), &|_| None)).expect_err("it has no end");
    assert!(error.to_string().contains("larger than"), "{error}");
}

#[test]
fn variables_that_double_each_other_are_refused() {
    let lines: Vec<_> = (1..60).map(|n| format!("A{n}=$A{m}$A{m}", m = n - 1)).collect();
    let doubling = format!("A0=xxxxxxxx\n{}\n", lines.join("\n"));
    let error = ends(move || dotenv::parse(&doubling, &|_| None)).expect_err("too long");
    assert_eq!(
        error.to_string(),
        "line 16: the value of `A15` is longer than 131072 bytes, which no program can be given"
    );
}

#[test]
fn statements_of_any_depth_and_length_are_read_or_refused() {
    let sum = format!("SELECT 1{} AS x", " + 1".repeat(50_000));
    let unions = format!("SELECT 1 AS x{}", " UNION ALL SELECT 1".repeat(20_000));
    let brackets = format!("SELECT {}1{}", "(".repeat(50_000), ")".repeat(50_000));
    let whens = format!("SELECT {}", "CASE WHEN ".repeat(50_000));
    let casts = format!("SELECT x{} FROM t", "::text".repeat(50_000));
    let nots = format!("SELECT {} true", "NOT ".repeat(50_000));
    for statement in [sum, unions, brackets, whens, casts, nots] {
        for flavour in [Flavour::Spark, Flavour::Postgres] {
            let statement = statement.clone();
            ends(move || {
                if let Reading::Select(query) = sql::read(&statement, flavour) {
                    let _ = (sql::result(&query, &[]), sql::names::strays(&query, &[]), sql::reads::reads(&query));
                    let _ = sql::batch::mixed(&query, "t");
                    let _ = sql::outputs(&query, &[]);
                }
            });
        }
    }
}

#[test]
fn a_variable_in_a_variable_in_a_variable_is_refused() {
    let text = format!("{}x{}", "${A:-".repeat(20_000), "}".repeat(20_000));
    assert!(ends(move || model::interpolate(&text, &|_| None)).is_err());
    let open = "${A:-".repeat(20_000);
    assert!(ends(move || model::interpolate(&open, &|_| None)).is_err());
}
