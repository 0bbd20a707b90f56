//! The lineage that a pipeline has: which edges the catalog must hold, with their column mappings. Pure: it follows from
//! pipeline.yml and the SQL files, whether anything runs or not.
//!
//! source table -> topic (by the connector) -> Delta table (by job 1) -> destination table (by job 2) -> aggregates (by
//! job 2, in the same transaction). Job 2 reads the change log that job 1 writes before it merges it into the Delta
//! table; the graph shows the table, which holds the same rows, because that is what people query.

pub mod check;
mod function;
pub mod show;
mod statements;

use std::collections::{BTreeMap, BTreeSet};

pub use statements::{FileError, Statements};

use super::{fqn, names};
use crate::pipeline::spec::{Aggregate, PipelineSpec, Table, lake_name};
use crate::pipeline::sql::{Flavour, Output, Relation, trace};

/// An entity that edges connect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// `table` or `topic`.
    pub entity_type: &'static str,
    /// Fully qualified name.
    pub fqn: String,
}

/// One column of an edge's end and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnMap {
    /// Fully qualified columns of the edge's beginning.
    pub from: BTreeSet<String>,
    /// Fully qualified column of its end.
    pub to: String,
    /// True when the value arrives as it was.
    pub plain: bool,
}

/// One hop of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Where it comes from.
    pub from: Node,
    /// Where it goes.
    pub to: Node,
    /// The pipeline that moves it, fully qualified.
    pub pipeline: String,
    /// The statement that makes one of the other.
    pub sql: Option<String>,
    /// For people.
    pub description: String,
    /// Column mappings, in the order of the end's columns.
    pub columns: Vec<ColumnMap>,
}

/// The wanted lineage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lineage {
    /// The edges, upstream first.
    pub edges: Vec<Edge>,
    /// What could not be traced, and why.
    pub notes: Vec<String>,
    /// By destination table: its columns, as its statement names them.
    pub destination_columns: BTreeMap<String, Vec<String>>,
}

impl Lineage {
    /// The lineage of a pipeline.
    pub fn of(spec: &PipelineSpec, statements: &Statements) -> Self {
        let mut lineage = Self::default();
        for (name, table) in &spec.tables {
            lineage.capture(spec, name, table);
        }
        for (name, table) in &spec.tables {
            let statement = statements.transforms.get(name).map_or("", String::as_str);
            lineage.transformation(spec, name, table, statement);
        }
        for (name, aggregate) in &spec.aggregates {
            lineage.aggregate(spec, name, aggregate, statements);
        }
        lineage
    }

    /// Number of column mappings.
    pub fn mappings(&self) -> usize {
        self.edges.iter().map(|edge| edge.columns.len()).sum()
    }

    /// Every entity, upstream first.
    pub fn nodes(&self) -> Vec<&Node> {
        let mut nodes: Vec<&Node> = Vec::new();
        for node in self.edges.iter().flat_map(|edge| [&edge.from, &edge.to]) {
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        nodes
    }

    /// The edges on the ways through a table: named as people name it (`orders`, `public.orders`) or in full.
    #[must_use]
    pub fn through(&self, table: &str) -> Self {
        let named = |node: &&Node| is_called(&node.fqn, table);
        let start: BTreeSet<&Node> = self.nodes().into_iter().filter(named).collect();
        let mut kept: BTreeSet<usize> = BTreeSet::new();
        for forwards in [true, false] {
            let mut reached = start.clone();
            loop {
                let before = reached.len();
                for (index, edge) in self.edges.iter().enumerate() {
                    let (near, far) = if forwards { (&edge.from, &edge.to) } else { (&edge.to, &edge.from) };
                    if reached.contains(near) {
                        kept.insert(index);
                        reached.insert(far);
                    }
                }
                if reached.len() == before {
                    break;
                }
            }
        }
        Self { edges: kept.into_iter().map(|index| self.edges[index].clone()).collect(), ..Self::default() }
    }

    /// Source table -> topic -> Delta table: every column as it is.
    fn capture(&mut self, spec: &PipelineSpec, name: &str, table: &Table) {
        let (source, topic, lake) =
            (names::source_table(spec, name), names::topic(spec, name), names::lake_table(spec, name));
        let pass = |from: &dyn Fn(&str) -> String, to: &dyn Fn(&str) -> String| -> Vec<ColumnMap> {
            let map = |column: &String| ColumnMap { from: BTreeSet::from([from(column)]), to: to(column), plain: true };
            table.columns.keys().map(map).collect()
        };
        let in_topic = |column: &str| names::topic_column(spec, name, column);
        self.edges.push(Edge {
            columns: pass(&|column| fqn::below(&source, column), &in_topic),
            from: Node { entity_type: "table", fqn: source.clone() },
            to: Node { entity_type: "topic", fqn: topic.clone() },
            pipeline: names::connector(spec),
            sql: None,
            description: format!("every change of {name}, by way of replication slot {}", spec.source.slot),
        });
        self.edges.push(Edge {
            columns: pass(&in_topic, &|column| fqn::below(&lake, column)),
            from: Node { entity_type: "topic", fqn: topic },
            to: Node { entity_type: "table", fqn: lake.clone() },
            pipeline: names::job(names::INGEST),
            sql: None,
            description: "appended to the change log, then merged by key".to_owned(),
        });
    }

    /// Delta table -> destination table.
    fn transformation(&mut self, spec: &PipelineSpec, name: &str, table: &Table, statement: &str) {
        let (lake, destination) = (names::lake_table(spec, name), names::destination_of(spec, table));
        let relation = Relation::table(lake_name(name), table.columns.keys());
        let outputs = if table.destination.is_function() {
            function::outputs(lake_name(name), table)
        } else {
            trace(statement, Flavour::Spark, &[relation])
        };
        let file = table.destination.transform.display().to_string();
        let outputs = self.heard(&file, outputs);
        let columns = outputs.iter().filter(|output| !output.from.is_empty());
        let map = |output: &Output| ColumnMap {
            from: output.from.iter().map(|(_, column)| fqn::below(&lake, column)).collect(),
            to: fqn::below(&destination, &output.name),
            plain: output.expression.is_none() && output.lost.is_none(),
        };
        self.edges.push(Edge {
            columns: columns.map(map).collect(),
            from: Node { entity_type: "table", fqn: lake.clone() },
            to: Node { entity_type: "table", fqn: destination.clone() },
            pipeline: names::job(names::PROCESS),
            sql: (!table.destination.is_function()).then(|| statement.trim().to_owned()),
            description: file,
        });
        let written = outputs.into_iter().map(|output| output.name).collect();
        self.destination_columns.insert(table.destination.table.clone(), written);
    }

    /// Destination tables -> aggregate.
    fn aggregate(&mut self, spec: &PipelineSpec, name: &str, aggregate: &Aggregate, statements: &Statements) {
        let tables: Vec<Relation> = spec
            .tables
            .values()
            .filter_map(|table| self.destination_columns.get_key_value(&table.destination.table))
            .map(|(table, columns)| Relation::table(table, columns))
            .collect();
        let groups = self.groups(spec, name, aggregate, statements, &tables);
        let mut relations = tables;
        relations.push(groups);
        let statement = statements.queries.get(name).map_or("", String::as_str);
        let outputs = trace(statement, Flavour::Postgres, &relations);
        let file = aggregate.query.display().to_string();
        let outputs = self.heard(&file, outputs);
        let to = names::destination_table(spec, &aggregate.table);
        for source in aggregate.affected.keys() {
            let from = names::destination_table(spec, source);
            let map = |output: &Output| {
                let columns = output.from.iter().filter(|(relation, _)| relation == source);
                let columns: BTreeSet<String> = columns.map(|(_, column)| fqn::below(&from, column)).collect();
                let plain = output.expression.is_none() && output.lost.is_none() && output.from.len() == 1;
                let to = fqn::below(&to, &output.name);
                (!columns.is_empty()).then_some(ColumnMap { from: columns, to, plain })
            };
            self.edges.push(Edge {
                columns: outputs.iter().filter_map(map).collect(),
                from: Node { entity_type: "table", fqn: from.clone() },
                to: Node { entity_type: "table", fqn: to.clone() },
                pipeline: names::job(names::PROCESS),
                sql: Some(statement.trim().to_owned()),
                description: format!("{file}, in the transaction of the rows it is computed from"),
            });
        }
        let written = outputs.into_iter().map(|output| output.name).collect();
        self.destination_columns.insert(aggregate.table.clone(), written);
    }

    /// The relation `affected`: the aggregate's key, made of what its `affected` statements select.
    fn groups(
        &mut self,
        spec: &PipelineSpec,
        name: &str,
        aggregate: &Aggregate,
        statements: &Statements,
        tables: &[Relation],
    ) -> Relation {
        let key = |column: &String| Output { name: column.clone(), ..Output::default() };
        let mut groups = Relation { name: "affected".to_owned(), columns: aggregate.key.iter().map(key).collect() };
        for (table, file) in &aggregate.affected {
            let declared = spec.tables.values().find(|declared| declared.destination.table == *table);
            // `changed` holds the keys of the table's changed rows.
            let mut changed = Relation::table(table, declared.into_iter().flat_map(|declared| &declared.key));
            "changed".clone_into(&mut changed.name);
            let known: Vec<Relation> = tables.iter().cloned().chain([changed]).collect();
            let statement = statements.affected.get(&(name.to_owned(), table.clone())).map_or("", String::as_str);
            let outputs = trace(statement, Flavour::Postgres, &known);
            for output in self.heard(&file.display().to_string(), outputs) {
                if let Some(column) = groups.columns.iter_mut().find(|column| column.name == output.name) {
                    column.from.extend(output.from);
                    column.expression = column.expression.take().or(output.expression);
                }
            }
        }
        groups
    }

    /// Keeps what was traced and notes what was not.
    fn heard(&mut self, file: &str, outputs: Result<Vec<Output>, String>) -> Vec<Output> {
        let outputs = outputs.unwrap_or_else(|reason| {
            self.notes.push(format!("{file}: columns not traced: {reason}"));
            Vec::new()
        });
        for output in &outputs {
            if let Some(lost) = &output.lost {
                self.notes.push(format!("{file}: column {} not traced: {lost}", output.name));
            }
        }
        outputs
    }
}

/// True when people mean this entity by `name`.
fn is_called(full: &str, name: &str) -> bool {
    let parts = fqn::parts(full);
    let wanted: Vec<&str> = name.split('.').collect();
    let ends = |parts: &[&str]| parts.ends_with(&wanted);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    // The last part of a topic has dots of its own.
    let flat: Vec<&str> = parts.iter().flat_map(|part| part.split('.')).collect();
    full == name || ends(&parts) || ends(&flat)
}
