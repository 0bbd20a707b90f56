//! The lineage of this repository's pipeline, as text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use pipectl::governance::lineage::{Lineage, Statements, show};
use pipectl::pipeline::spec::{self, PipelineSpec};

pub fn own_spec() -> PipelineSpec {
    spec::load(Path::new("pipeline.yml"), &|_| None).expect("the repository's pipeline")
}

/// The SQL files that a specification names.
pub fn statements(spec: &PipelineSpec, root: &Path) -> Statements {
    let read = |path: &PathBuf| std::fs::read_to_string(root.join(path)).expect("a statement");
    let aggregates = &spec.aggregates;
    let mut affected = BTreeMap::new();
    for (name, aggregate) in aggregates {
        for (table, path) in &aggregate.affected {
            affected.insert((name.clone(), table.clone()), read(path));
        }
    }
    Statements {
        transforms: spec
            .tables
            .iter()
            .map(|(name, table)| (name.clone(), read(&table.destination.transform)))
            .collect(),
        queries: aggregates.iter().map(|(name, aggregate)| (name.clone(), read(&aggregate.query))).collect(),
        affected,
    }
}

pub fn own_lineage() -> Lineage {
    let spec = own_spec();
    Lineage::of(&spec, &statements(&spec, Path::new(".")))
}

#[test]
fn the_way_of_orders_column_by_column() {
    let lineage = own_lineage();
    assert_eq!(lineage.notes, Vec::<String>::new(), "everything that is shipped is traced");
    assert_eq!((lineage.edges.len(), lineage.nodes().len()), (11, 13));
    assert_snapshot!(show::text(&lineage.through("orders"), &|_| None));
}

#[test]
fn as_a_flow_chart_and_as_a_graph() {
    let regions = own_lineage().through("public.regions");
    let lines = show::lines(&regions, &|_| None, &[]);
    assert_snapshot!(show::mermaid(&lines));
    assert_snapshot!(show::dot(&lines));
    assert!(own_lineage().through("nothing").edges.is_empty());
}

#[test]
fn a_statement_that_cannot_be_followed_leaves_an_edge_and_a_note() {
    let spec = own_spec();
    let mut statements = statements(&spec, Path::new("."));
    statements.transforms.insert("public.regions".into(), "SELECT region_id, secret() AS s, zone FROM regions".into());
    statements.queries.insert("revenue_by_region_day".into(), "SELECT * FROM somewhere".into());
    let lineage = Lineage::of(&spec, &statements);
    assert_eq!(lineage.edges.len(), 11);
    assert_eq!(
        lineage.notes,
        [
            "spark/transforms/regions.sql: column zone not traced: no relation of its FROM has a column `zone`",
            "spark/transforms/revenue_by_region_day.sql: columns not traced: nothing is known of relation `somewhere`",
        ]
    );
}

#[test]
fn the_columns_of_a_function_are_those_that_are_declared() {
    let file = Path::new("tests/cases/pipeline/function/pipeline.yml");
    let spec = spec::load(file, &|_| None).expect("a pipeline");
    let lineage = Lineage::of(&spec, &statements(&spec, file.parent().expect("a directory")));
    assert_eq!(
        lineage.notes,
        [
            "items.py: columns not traced: a Python function is not followed; `columns` in pipeline.yml can say what each is made of"
        ]
    );
    let last = lineage.edges.iter().find(|edge| edge.description == "orders.py").expect("an edge");
    assert_eq!(last.sql, None, "code is not SQL");
    let columns = last.columns.iter().map(|map| (map.from.len(), map.to.as_str(), map.plain));
    let ends = |name: &str, to: &str| assert!(to.ends_with(name), "{to}");
    let columns: Vec<_> = columns.collect();
    ends(".orders.id", columns[0].1);
    ends(".orders.total", columns[1].1);
    assert_eq!([(columns[0].0, columns[0].2), (columns[1].0, columns[1].2)], [(1, true), (1, false)]);
}
