//! What holds against any catalog: everything arrives, a second run changes nothing, people's words stay, what is gone
//! goes.

use insta::assert_snapshot;
use pipectl::governance::assets::{self, told};
use pipectl::governance::client::{CatalogError, Version};
use pipectl::governance::collect::Facts;
use pipectl::governance::collect::postgres::Relation;
use pipectl::governance::lineage::Lineage;
use pipectl::governance::names;
use pipectl::governance::reconcile::Ingested;
use pipectl::pipeline::spec::PipelineSpec;
use serde_json::{Value, json};

use crate::lineage::{own_lineage, own_spec, statements};
use crate::shop::facts;
use crate::stage::Stage;

#[test]
fn the_wanted_assets_as_text() {
    let spec = own_spec();
    let version = Version { major: 2, minor: 0 };
    assert_snapshot!(told(&assets::wanted(&spec, &facts(&spec), &own_lineage(), version)));
}

#[tokio::test]
async fn everything_arrives_and_a_second_run_changes_nothing() {
    let (stage, spec, lineage) = (Stage::new().await, own_spec(), own_lineage());
    let first = stage.ingest(&spec, &facts(&spec), &lineage).await.expect("a catalog that works");
    assert_eq!(first.problems, [""; 0], "{first:#?}");
    assert_eq!(first.notes, [""; 0]);
    assert_eq!((first.edges, stage.differences(&spec, &lineage).await.len()), (11, 0));
    let second = stage.ingest(&spec, &facts(&spec), &lineage).await.expect("a catalog that works");
    assert_eq!(second.changes, [""; 0]);
    let unchanged = |counts: &pipectl::governance::reconcile::Counts| counts.unchanged;
    let created: usize = first.services.iter().map(|counts| counts.created).sum();
    assert_eq!(second.services.iter().map(unchanged).sum::<usize>(), created, "{second:#?}");

    let customers = find(&stage, "postgres_dest.jadc2_db.public.customers").await;
    let email = column(&customers, "email");
    assert_eq!(email["tags"][0]["tagFQN"], "PII.Sensitive", "personal data is followed through the SELECT: {email:#}");
    assert_eq!(customers["owners"][0]["name"], "admin");
    let orders = find(&stage, "postgres_source.jadc2_db.public.orders").await;
    assert_eq!(orders["tableConstraints"][0]["constraintType"], "FOREIGN_KEY", "{orders:#}");
}

#[tokio::test]
async fn what_people_write_survives_and_ours_is_renewed() {
    let (stage, spec, lineage) = (Stage::new().await, own_spec(), own_lineage());
    stage.ingest(&spec, &facts(&spec), &lineage).await.expect("a catalog that works");
    let orders = find(&stage, "postgres_source.jadc2_db.public.orders").await;
    let place = position(&orders, "status");
    let words = json!([
        {"op": "add", "path": "/description", "value": "Written by hand."},
        {"op": "add", "path": "/displayName", "value": "The orders"},
        {"op": "add", "path": format!("/columns/{place}/description"), "value": "new, paid or shipped"},
    ]);
    stage.admin.patch("tables", id(&orders), &words).await.expect("an administrator may");
    let mut facts = facts(&spec);
    // A new column makes the structure differ, so that the whole entity is written again.
    let source = facts.source.as_mut().expect("facts");
    let added = pipectl::governance::collect::postgres::Column {
        name: "extra".into(),
        kind: "text".into(),
        ..Default::default()
    };
    source.relations[2].columns.insert(0, added);
    let mut renewed = spec.clone();
    renewed.governance.tables["public.regions"].description = Some("Other words.".into());
    let report = stage.ingest(&renewed, &facts, &lineage).await.expect("a catalog that works");
    assert_eq!(report.problems, [""; 0]);
    let orders = find(&stage, "postgres_source.jadc2_db.public.orders").await;
    assert_eq!(orders["description"], "Written by hand.");
    assert_eq!(orders["displayName"], "The orders");
    assert_eq!(column(&orders, "status")["description"], "new, paid or shipped");
    assert_eq!(column(&orders, "amount")["description"], "Total of the order in euros.");
    assert_eq!(orders["columns"][0]["name"], "extra");
    let regions = find(&stage, "postgres_source.jadc2_db.public.regions").await;
    assert_eq!(regions["description"], "Other words.");
}

#[tokio::test]
async fn an_owner_follows_pipeline_yml_until_somebody_names_another() {
    let (stage, mut spec, lineage) = (Stage::new().await, own_spec(), own_lineage());
    stage.ingest(&spec, &facts(&spec), &lineage).await.expect("a catalog that works");
    spec.governance.owners = vec!["ingestion-bot".into()];
    stage.ingest(&spec, &facts(&spec), &lineage).await.expect("a catalog that works");
    let fqn = "postgres_source.jadc2_db.public.orders";
    let field = stage.bot.version().owners_field();
    let owner = |table: &Value| table[field].get(0).unwrap_or(&table[field])["name"].clone();
    assert_eq!(owner(&find(&stage, fqn).await), "ingestion-bot");

    let admin = stage.bot.find("users", "admin", "").await.expect("readable").expect("there");
    let reference = json!({"id": id(&admin), "type": "user"});
    let owners = if field == "owners" { json!([reference]) } else { reference };
    let words = json!([{"op": "add", "path": format!("/{field}"), "value": owners}]);
    stage.admin.patch("tables", id(&find(&stage, fqn).await), &words).await.expect("an administrator may");
    let report = stage.ingest(&spec, &facts(&spec), &lineage).await.expect("a catalog that works");
    assert_eq!((report.problems, owner(&find(&stage, fqn).await)), (vec![], json!("admin")));
}

#[tokio::test]
async fn a_table_that_is_gone_goes_with_its_edges() {
    let (stage, spec, lineage) = (Stage::new().await, own_spec(), own_lineage());
    stage.ingest(&spec, &facts(&spec), &lineage).await.expect("a catalog that works");
    let mut smaller = spec.clone();
    smaller.tables.shift_remove("public.regions");
    smaller.governance.tables.shift_remove("public.regions");
    let less = Lineage::of(&smaller, &statements(&smaller, std::path::Path::new(".")));
    let mut facts = facts(&spec);
    for database in [&mut facts.source, &mut facts.destination] {
        database.as_mut().expect("facts").relations.retain(|relation| relation.name != "regions");
    }
    let report = stage.ingest(&smaller, &facts, &less).await.expect("a catalog that works");
    assert_eq!(report.problems, [""; 0]);
    assert!(
        report.changes.contains(&"deleted table postgres_source.jadc2_db.public.regions".to_owned()),
        "{report:#?}"
    );
    assert!(
        report.changes.contains(&"deleted topic kafka_messaging.\"jadc2.public.regions\"".to_owned()),
        "{report:#?}"
    );
    assert_eq!(stage.differences(&smaller, &less).await, [""; 0]);
    // And back again: what was marked deleted is revived.
    let report = stage.ingest(&spec, &crate::shop::facts(&spec), &lineage).await.expect("a catalog that works");
    assert_eq!((report.problems, stage.differences(&spec, &lineage).await), (vec![], vec![]));
}

/// What is left in the catalog after pipeline.yml became another while the databases stay as they are.
async fn changed(change: impl FnOnce(&mut PipelineSpec)) -> (Stage, Ingested) {
    let (stage, spec) = (Stage::new().await, own_spec());
    stage.ingest(&spec, &facts(&spec), &own_lineage()).await.expect("a catalog that works");
    let mut other = spec.clone();
    change(&mut other);
    let lineage = Lineage::of(&other, &statements(&other, std::path::Path::new(".")));
    assert!(!stage.differences(&other, &lineage).await.is_empty(), "something has to be done");
    let report = stage.ingest(&other, &facts(&spec), &lineage).await.expect("a catalog that works");
    assert_eq!(report.problems, [""; 0]);
    assert_eq!(stage.differences(&other, &lineage).await, [""; 0]);
    (stage, report)
}

/// The edges at a table, by their ends.
async fn edges_at(stage: &Stage, table: &str) -> Vec<(String, String)> {
    let entity = find(stage, table).await;
    let edges = stage.bot.edges_at("table", id(&entity)).await.expect("readable");
    edges.into_iter().map(|edge| (edge.from.fqn, edge.to.fqn)).collect()
}

const AGGREGATE: &str = "revenue_by_region_day";

#[tokio::test]
async fn a_table_that_pipeline_yml_no_longer_names_keeps_no_edge() {
    let (stage, report) = changed(|spec| {
        spec.tables.shift_remove("public.regions");
        spec.governance.tables.shift_remove("public.regions");
    })
    .await;
    for table in ["postgres_source.jadc2_db.public.regions", "postgres_dest.jadc2_db.public.regions"] {
        assert_eq!(edges_at(&stage, table).await, [], "{table} is there, and nothing flows through it: {report:#?}");
    }
}

#[tokio::test]
async fn an_aggregate_that_pipeline_yml_no_longer_names_keeps_no_edge() {
    let (stage, report) = changed(|spec| {
        spec.aggregates.shift_remove(AGGREGATE);
        spec.governance.aggregates.shift_remove(AGGREGATE);
    })
    .await;
    let table = format!("postgres_dest.jadc2_db.public.{AGGREGATE}");
    assert_eq!(edges_at(&stage, &table).await, []);
    let removed = report.changes.iter().filter(|change| change.starts_with("lineage orphaned: ")).count();
    assert_eq!(removed, 2, "{report:#?}");
}

#[tokio::test]
async fn a_column_that_pipeline_yml_no_longer_names_is_mapped_no_more() {
    let (stage, report) = changed(|spec| {
        spec.tables["public.orders"].columns.shift_remove("note");
        spec.governance.tables["public.orders"].columns.shift_remove("note");
    })
    .await;
    let orders = find(&stage, "postgres_source.jadc2_db.public.orders").await;
    let edges = stage.bot.edges_at("table", id(&orders)).await.expect("readable");
    let mapped: Vec<&Value> = edges.iter().flat_map(|edge| &edge.columns).collect();
    let names = |map: &&Value| map.to_string().contains(".note\"");
    assert!(!mapped.is_empty() && !mapped.iter().any(names), "{mapped:#?} {report:#?}");
}

#[tokio::test]
async fn an_edge_between_tables_that_the_lineage_does_not_name_is_orphaned() {
    let (stage, spec, lineage) = (Stage::new().await, own_spec(), own_lineage());
    let mut facts = facts(&spec);
    let copies = facts.destination.as_mut().expect("facts");
    for name in ["copy", "copy_of_copy"] {
        let copy = Relation { name: name.into(), ..copies.relations[0].clone() };
        copies.relations.push(copy);
    }
    stage.ingest(&spec, &facts, &lineage).await.expect("a catalog that works");
    let (from, to) = (
        find(&stage, "postgres_dest.jadc2_db.public.copy").await,
        find(&stage, "postgres_dest.jadc2_db.public.copy_of_copy").await,
    );
    let job = stage.bot.find("pipelines", &names::job(names::PROCESS), "").await.expect("readable").expect("there");
    let edge = pipectl::governance::client::NewEdge {
        from: ("table", id(&from)),
        to: ("table", id(&to)),
        pipeline: id(&job),
        sql: None,
        description: "of another pipeline.yml",
        columns: &[],
    };
    stage.bot.put_edge(&edge).await.expect("written");
    let orphan = "orphaned: postgres_dest.jadc2_db.public.copy -> postgres_dest.jadc2_db.public.copy_of_copy";
    assert_eq!(stage.differences(&spec, &lineage).await, [orphan]);
    let report = stage.ingest(&spec, &facts, &lineage).await.expect("a catalog that works");
    assert_eq!((report.changes, report.problems), (vec![format!("lineage {orphan}")], vec![]));
    assert_eq!(stage.differences(&spec, &lineage).await, [""; 0]);
}

#[tokio::test]
async fn a_connector_that_is_not_registered_any_more_has_failed() {
    let (stage, spec, lineage) = (Stage::new().await, own_spec(), own_lineage());
    let mut facts = facts(&spec);
    let states = async |facts: &Facts| {
        stage.ingest(&spec, facts, &lineage).await.expect("a catalog that works");
        let connector = stage.bot.find("pipelines", &names::connector(&spec), "pipelineStatus").await;
        let status = connector.expect("readable").expect("there")["pipelineStatus"].take();
        [&status["executionStatus"], &status["taskStatus"][0]["executionStatus"]].map(ToString::to_string)
    };
    assert_eq!(states(&facts).await, ["\"Successful\"", "\"Successful\""]);
    facts.connector = Some(None);
    assert_eq!(states(&facts).await, ["\"Failed\"", "\"Failed\""]);
    let again = stage.ingest(&spec, &facts, &lineage).await.expect("a catalog that works");
    let connect = again.services.iter().find(|counts| counts.service == names::CONNECT).expect("counted");
    assert_eq!((again.changes.len(), connect.measured), (0, 0), "told once: {again:#?}");
}

#[tokio::test]
async fn dropped_changed_and_unwanted_edges_are_found_and_repaired() {
    let (stage, spec, lineage) = (Stage::new().await, own_spec(), own_lineage());
    stage.ingest(&spec, &facts(&spec), &lineage).await.expect("a catalog that works");
    let table = |fqn: &'static str| find(&stage, fqn);
    let (source, lake, destination) = (
        table("postgres_source.jadc2_db.public.orders").await,
        table("hdfs_datalake.default.lake.orders").await,
        table("postgres_dest.jadc2_db.public.orders").await,
    );
    let end = |entity: &Value| ("table", id(entity).to_owned());
    let (from, to) = (end(&lake), end(&destination));
    stage.admin.delete_edge((from.0, &from.1), (to.0, &to.1)).await.expect("an administrator may");
    let job = stage.bot.find("pipelines", &names::job(names::PROCESS), "").await.expect("readable").expect("there");
    let unwanted = pipectl::governance::client::NewEdge {
        from: ("table", id(&source)),
        to: ("table", id(&destination)),
        pipeline: id(&job),
        sql: None,
        description: "nobody wants it",
        columns: &[],
    };
    stage.bot.put_edge(&unwanted).await.expect("written");
    assert_eq!(
        stage.differences(&spec, &lineage).await,
        [
            "missing: hdfs_datalake.default.lake.orders -> postgres_dest.jadc2_db.public.orders",
            "orphaned: postgres_source.jadc2_db.public.orders -> postgres_dest.jadc2_db.public.orders",
        ]
    );
    let report = stage.ingest(&spec, &facts(&spec), &lineage).await.expect("a catalog that works");
    assert_eq!((report.changes.len(), report.problems.len()), (2, 0), "{report:#?}");
    assert_eq!(stage.differences(&spec, &lineage).await, [""; 0]);
}

#[tokio::test]
async fn an_edge_to_an_entity_that_is_gone_is_a_problem_and_the_others_are_written() {
    let (stage, spec, lineage) = (Stage::new().await, own_spec(), own_lineage());
    let mut facts = facts(&spec);
    facts.destination.as_mut().expect("facts").relations.retain(|relation| relation.name != "orders");
    let report = stage.ingest(&spec, &facts, &lineage).await.expect("a catalog that works");
    assert_eq!(
        report.problems,
        [
            "missing: hdfs_datalake.default.lake.orders -> postgres_dest.jadc2_db.public.orders: \
             table postgres_dest.jadc2_db.public.orders is not in the catalog",
            "missing: postgres_dest.jadc2_db.public.orders -> postgres_dest.jadc2_db.public.revenue_by_region_day: \
             table postgres_dest.jadc2_db.public.orders is not in the catalog",
            "lineage read back: missing: hdfs_datalake.default.lake.orders -> postgres_dest.jadc2_db.public.orders",
            "lineage read back: missing: postgres_dest.jadc2_db.public.orders -> \
             postgres_dest.jadc2_db.public.revenue_by_region_day",
        ]
    );
    // The server's own word on it.
    let nobody = "00000000-0000-0000-0000-000000000001";
    let source = find(&stage, "postgres_source.jadc2_db.public.orders").await;
    let job = stage.bot.find("pipelines", &names::job(names::PROCESS), "").await.expect("readable").expect("there");
    let edge = pipectl::governance::client::NewEdge {
        from: ("table", id(&source)),
        to: ("table", nobody),
        pipeline: id(&job),
        sql: None,
        description: "",
        columns: &[],
    };
    let error = stage.bot.put_edge(&edge).await.expect_err("no such table");
    assert!(matches!(&error, CatalogError::NotFound { message, .. } if message.contains(nobody)), "{error:?}");
}

#[tokio::test]
async fn a_service_of_another_type_is_not_overwritten() {
    let (stage, spec, lineage) = (Stage::new().await, own_spec(), own_lineage());
    let body = json!({"name": "kafka_messaging", "serviceType": "CustomMessaging",
                      "connection": {"config": {"type": "CustomMessaging"}}});
    stage.admin.put("services/messagingServices", &body).await.expect("an administrator may");
    let error = stage.ingest(&spec, &facts(&spec), &lineage).await.expect_err("another type");
    assert_eq!(
        error.to_string(),
        "service kafka_messaging exists in the catalog with type CustomMessaging, and Kafka is needed"
    );
    assert_eq!(error.hint().as_deref(), Some("rename or delete kafka_messaging in the catalog, then `pipectl ingest`"));
}

#[tokio::test]
async fn names_that_need_quoting_arrive() {
    let (stage, mut spec) = (Stage::new().await, own_spec());
    let table = spec.tables.shift_remove("public.regions").expect("a table");
    spec.tables.clear();
    spec.aggregates.clear();
    spec.governance.tables.clear();
    spec.governance.aggregates.clear();
    let mut odd = table.clone();
    odd.columns = [("region.id", "integer"), ("Mixed Case", "text"), ("quo\"te", "text")]
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .into_iter()
        .collect();
    odd.key = vec!["region.id".into()];
    odd.destination.table = "odd.table".into();
    spec.tables.insert("public.odd table".into(), odd);
    let text = "SELECT `region.id`, `Mixed Case`, `quo\"te` FROM `odd table`".to_owned();
    let statements = pipectl::governance::lineage::Statements {
        transforms: [("public.odd table".to_owned(), text)].into(),
        ..Default::default()
    };
    let lineage = Lineage::of(&spec, &statements);
    assert_eq!((lineage.notes.len(), lineage.mappings()), (0, 9));
    let mut facts = facts_of_one(&spec);
    let report = stage.ingest(&spec, &facts, &lineage).await.expect("a catalog that works");
    assert_eq!(report.problems, [""; 0]);
    assert_eq!(stage.differences(&spec, &lineage).await, [""; 0]);
    facts.services = crate::stage::all();
    let again = stage.ingest(&spec, &facts, &lineage).await.expect("a catalog that works");
    assert_eq!(again.changes, [""; 0]);
}

/// Facts of a pipeline with a single table.
fn facts_of_one(spec: &pipectl::pipeline::spec::PipelineSpec) -> pipectl::governance::collect::Facts {
    let whole = own_spec();
    let mut facts = facts(&whole);
    let (name, table) = spec.tables.first().expect("one table");
    let columns: Vec<_> = table
        .columns
        .iter()
        .map(|(name, kind)| pipectl::governance::collect::postgres::Column {
            name: name.clone(),
            kind: kind.clone(),
            ..Default::default()
        })
        .collect();
    let relation = |name: &str| pipectl::governance::collect::postgres::Relation {
        schema: "public".into(),
        name: name.to_owned(),
        columns: columns.clone(),
        ..Default::default()
    };
    let own = pipectl::pipeline::spec::lake_name(name);
    facts.source.as_mut().expect("facts").relations = vec![relation(own)];
    facts.destination.as_mut().expect("facts").relations = vec![relation(&table.destination.table)];
    let topic = facts.topics.as_ref().expect("facts").values().next().cloned().expect("a topic");
    facts.topics = Some([(spec.topic(name), topic)].into());
    facts
}

async fn find(stage: &Stage, fqn: &str) -> Value {
    let fields = format!("columns,tags,tableConstraints,{}", stage.bot.version().owners_field());
    stage.bot.find("tables", fqn, &fields).await.expect("readable").unwrap_or_else(|| panic!("no table {fqn}"))
}

fn id(entity: &Value) -> &str {
    entity["id"].as_str().expect("an id")
}

fn position(table: &Value, column: &str) -> usize {
    let columns = table["columns"].as_array().expect("columns");
    columns.iter().position(|known| known["name"] == column).unwrap_or_else(|| panic!("no column {column}"))
}

fn column<'t>(table: &'t Value, name: &str) -> &'t Value {
    &table["columns"][position(table, name)]
}
