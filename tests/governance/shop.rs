//! What the collectors read of this repository's stack, as far as tests need it.

use std::collections::BTreeMap;

use pipectl::governance::collect::Facts;
use pipectl::governance::collect::kafka::TopicFacts;
use pipectl::governance::collect::lake::{LakeFacts, LakeTable};
use pipectl::governance::collect::postgres::{Column, DatabaseFacts, ForeignKey, Relation, RelationKind};
use pipectl::pipeline::clients::connect::{ConnectorStatus, TaskState};
use pipectl::pipeline::clients::jobserver::Job;
use pipectl::pipeline::spec::{PipelineSpec, lake_name};

use crate::stage::all;

pub fn facts(spec: &PipelineSpec) -> Facts {
    let part = |id| TaskState { id, state: "RUNNING".into(), trace: None };
    let connector = ConnectorStatus {
        name: spec.connector.clone(),
        connector: part(None),
        tasks: vec![part(Some(0))],
        restarts: None,
    };
    let topic = |topic| {
        let settings = [("retention.ms", "604800000"), ("cleanup.policy", "delete"), ("retention.bytes", "-1")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        (topic, TopicFacts { partitions: 1, settings })
    };
    let lake = |name: &str| {
        (name.to_owned(), LakeTable { version: Some(7), columns: None, bytes: Some(4096), files: Some(12) })
    };
    let job = |name: &str| Job { name: name.into(), state: "running".into(), ..Job::default() };
    Facts {
        services: all(),
        source: Some(source(spec)),
        destination: Some(destination(spec)),
        topics: Some(spec.topics().into_iter().map(topic).collect::<BTreeMap<_, _>>()),
        connector: Some(Some(connector)),
        lake: Some(LakeFacts {
            tables: spec.tables.keys().map(|name| lake(lake_name(name))).collect(),
            notes: Vec::new(),
        }),
        jobs: Some(vec![job("ingest"), job("process")]),
        ..Facts::default()
    }
}

fn source(spec: &PipelineSpec) -> DatabaseFacts {
    let mut relations: Vec<Relation> = spec
        .tables
        .iter()
        .map(|(name, table)| Relation {
            schema: "public".into(),
            name: lake_name(name).to_owned(),
            rows: Some(7),
            columns: table.columns.iter().map(|(name, kind)| column(name, kind)).collect(),
            primary_key: table.key.clone(),
            ..Relation::default()
        })
        .collect();
    relations[2].foreign_keys.push(ForeignKey {
        columns: vec!["customer_id".into()],
        schema: "public".into(),
        table: "customers".into(),
        referred: vec!["customer_id".into()],
    });
    relations[2].comment = Some("A comment in the database.".into());
    // To itself, so that no order of creation would do.
    relations[1].foreign_keys.push(ForeignKey {
        columns: vec!["region_id".into()],
        schema: "public".into(),
        table: "customers".into(),
        referred: vec!["customer_id".into()],
    });
    relations.push(Relation {
        schema: "public".into(),
        name: "big_orders".into(),
        kind: RelationKind::View,
        definition: Some("SELECT order_id FROM orders WHERE amount > 1000".into()),
        columns: vec![column("order_id", "bigint")],
        ..Relation::default()
    });
    DatabaseFacts { relations, ..DatabaseFacts::default() }
}

fn destination(spec: &PipelineSpec) -> DatabaseFacts {
    let table = |name: &str, columns: Vec<Column>, key: &[&str]| Relation {
        schema: "public".into(),
        name: name.into(),
        columns,
        primary_key: key.iter().map(|column| (*column).to_owned()).collect(),
        ..Relation::default()
    };
    let mut relations = Vec::new();
    for declared in spec.tables.values() {
        let mut columns: Vec<Column> = declared.columns.iter().map(|(name, kind)| column(name, kind)).collect();
        if declared.destination.table == "orders" {
            columns.push(column("unit_price", "numeric(12,2)"));
        }
        let key: Vec<&str> = declared.key.iter().map(String::as_str).collect();
        relations.push(table(&declared.destination.table, columns, &key));
    }
    let columns = [("region_id", "integer"), ("day", "date"), ("orders", "bigint"), ("revenue", "numeric(18,2)")];
    let columns = columns.map(|(name, kind)| column(name, kind)).into();
    relations.push(table("revenue_by_region_day", columns, &["region_id", "day"]));
    DatabaseFacts { relations, ..DatabaseFacts::default() }
}

fn column(name: &str, kind: &str) -> Column {
    Column { name: name.into(), kind: kind.into(), not_null: name.ends_with("_id"), comment: None }
}
