//! All three stores have the same rows: told by `verify`, which reads Delta through Spark, and for source and Delta once more by readers
//! that share nothing with it.

use std::path::Path;
use std::process::Command;

use pipectl::pipeline::canonical;
use pipectl::pipeline::spec::{self, Infinity, PipelineSpec};

use crate::stack::{Stack, docker, run};

/// Characters of a text that are compared as they are; longer ones are by their MD5.
pub const LONGEST: usize = 200;
/// Differing rows that a failure shows.
const SHOWN: usize = 5;

/// Fails unless source, Delta and destination have the same rows of every declared table. Whoever writes is stopped meanwhile: the two
/// readers do not see the same moment.
pub fn equal(stack: &Stack) {
    let writes = !stack.containers("data-generator").is_empty();
    if writes {
        stack.pipectl(&["stop", "data-generator"]).succeeded();
    }
    stack.pipectl(&["verify", "--compare", "--timeout", "300s"]).succeeded();
    let spec = declared(stack);
    for (table, columns) in spec.tables.iter().map(|(name, table)| (name, unmasked(table))) {
        let source = source_rows(stack, "postgres-source", table, &columns, spec.infinity);
        let path = format!("/data/delta/{}", spec::lake_name(table));
        let read = delta_rows(stack, &path, &columns, LONGEST);
        assert!(read == source, "{}", difference(table, &source, &read));
    }
    if writes {
        stack.pipectl(&["start", "data-generator"]).succeeded();
    }
}

fn declared(stack: &Stack) -> PipelineSpec {
    spec::load(&stack.path().join("pipeline.yml"), &|_| None).expect("the project's pipeline.yml")
}

/// What Delta has as the source does.
fn unmasked(table: &spec::Table) -> Vec<(&str, &str)> {
    let columns = table.columns.iter().map(|(name, kind)| (name.as_str(), kind.as_str()));
    columns.filter(|(name, _)| !table.masked.contains(*name)).collect()
}

/// The first rows that only one side has.
pub fn difference(what: &str, source: &[String], copy: &[String]) -> String {
    let only = |these: &[String], those: &[String]| {
        let rows: Vec<_> = these.iter().filter(|row| those.binary_search(row).is_err()).take(SHOWN).cloned().collect();
        rows.join("\n  ")
    };
    format!(
        "{what}: {} rows in the source, {} in the copy\nonly in the source:\n  {}\nonly in the copy:\n  {}",
        source.len(),
        copy.len(),
        only(source, copy),
        only(copy, source)
    )
}

/// A database's rows of a table, each a JSON list of canonical texts.
pub fn source_rows(
    stack: &Stack,
    service: &str,
    table: &str,
    columns: &[(&str, &str)],
    infinity: Infinity,
) -> Vec<String> {
    let texts = columns.iter().map(|(name, kind)| {
        let text = canonical::text(name, kind, infinity);
        // As delta_rows.py does.
        format!("(SELECT CASE WHEN length(x) > {LONGEST} THEN md5(x) ELSE x END FROM (SELECT {text} AS x) AS s)")
    });
    let list = texts.collect::<Vec<_>>().join(", ");
    normalized(&stack.sql(service, &format!("SELECT to_json(ARRAY[{list}]) FROM {table}")))
}

/// The rows of a table of the lake, read from its files by delta-rs; of these columns, given with their types. Texts of more than so many characters are
/// shown by their MD5.
pub fn delta_rows(stack: &Stack, path: &str, columns: &[(&str, &str)], longest: usize) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    run(Command::new("bash").arg(".make/python.sh").current_dir(root)).succeeded();
    let port = |service: &str, port: &str| {
        let container = stack.containers(service).pop().unwrap_or_else(|| panic!("{service} runs"));
        let published = docker(&["port", &container, port]);
        published.lines().next().expect("a published port").to_owned()
    };
    let ran = run(Command::new(root.join(".venv/bin/python"))
        .arg(root.join("tests/live/delta_rows.py"))
        .args(["--namenode", &port("namenode", "9870"), "--datanode", &port("datanode", "9864")])
        .args(["--longest", &longest.to_string(), path])
        .arg(serde_json::to_string(columns).expect("JSON")))
    .succeeded();
    normalized(&ran.stdout)
}

/// Lines of JSON, written alike whoever wrote them, and sorted.
fn normalized(lines: &str) -> Vec<String> {
    let line = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        value.to_string()
    };
    let mut rows: Vec<String> = lines.lines().map(line).collect();
    rows.sort();
    rows
}
