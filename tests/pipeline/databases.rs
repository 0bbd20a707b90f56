//! What is said when the databases are not as pipeline.yml declares them. No database is asked: the facts are made up.

use std::path::Path;

use insta::assert_snapshot;
use pipectl::pipeline::databases::destination::{self, Gifts, OWN};
use pipectl::pipeline::databases::facts::{Column, Own, Relation, Relations, Unique};
use pipectl::pipeline::databases::hindrances::{self, Hindrance, Kind};
use pipectl::pipeline::databases::problem::Problem;
use pipectl::pipeline::databases::publication::{self, Publication, Published};
use pipectl::pipeline::databases::server::{self, Replication, Server};
use pipectl::pipeline::databases::{source, transformed};
use pipectl::pipeline::spec::{self, External, PipelineSpec};

const PIPELINE: &str = "\
version: 1
source: {service: pg, database: shop, slot: slot_1, publication: pub}
topic_prefix: shop
connector: shop-pg
lake: {path: hdfs://nn:9000/delta, checkpoints: hdfs://nn:9000/checkpoints, database: lake}
destination: {service: dest, database: shop, schema: serving}
tables:
  public.orders:
    key: [id]
    columns:
      id: bigint
      amount: numeric(12,2)
      mood: enum
      note: text
    destination:
      table: orders
      transform: orders.sql
aggregates:
  daily:
    table: daily
    key: [day]
    query: daily.sql
    affected: {orders: daily.sql}
";
const TRANSFORM: &str = "SELECT id, amount, mood, trim(note) AS note FROM orders";

fn spec() -> PipelineSpec {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("pipeline.yml");
    for (name, text) in [("pipeline.yml", PIPELINE), ("orders.sql", TRANSFORM), ("daily.sql", "SELECT day FROM orders")]
    {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    spec::load(Path::new(&file), &|_| None).unwrap_or_else(|error| panic!("{error}"))
}

/// What the files give to the destination.
fn gifts(spec: &PipelineSpec) -> Gifts {
    let orders = transformed(spec, "public.orders", TRANSFORM).expect("a SELECT that can be followed");
    let given = |name: &str| destination::Given { name: name.to_owned(), from: None, kind: None };
    Gifts::from([("orders".to_owned(), orders), ("daily".to_owned(), vec![given("day"), given("revenue")])])
}

/// A table with `name type` columns, all of them NOT NULL, and a primary key.
fn table(columns: &[&str], key: &[&str]) -> Relation {
    let column = |text: &&str| {
        let (name, kind) = text.split_once(' ').expect("name and type");
        Column {
            name: name.to_owned(),
            kind: kind.to_owned(),
            is_enum: kind == "mood",
            not_null: true,
            ..Column::default()
        }
    };
    let key = Unique { name: "orders_pkey".to_owned(), is_primary: true, columns: names(key), ..Unique::default() };
    Relation {
        is_table: true,
        columns: columns.iter().map(column).collect(),
        unique: if key.columns.is_empty() { Vec::new() } else { vec![key] },
        replica_identity: 'd',
    }
}

fn names(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|column| (*column).to_owned()).collect()
}

const ORDERS: [&str; 4] = ["id bigint", "amount numeric(12,2)", "mood mood", "note character varying(40)"];

fn source_with(orders: Relation) -> String {
    told(&source::compare(&spec(), &Relations::from([("public.orders".to_owned(), orders)])))
}

fn destination_with(orders: Relation, daily: Relation) -> String {
    let mut found = Relations::from([("serving.orders".to_owned(), orders), ("serving.daily".to_owned(), daily)]);
    found.extend(OWN.map(|own| (own.to_owned(), Relation::default())));
    let spec = spec();
    told(&destination::compare(&spec, &gifts(&spec), &Relations::new(), &found, &[]))
}

/// The problems, with the name of the file alone.
fn told(problems: &[Problem]) -> String {
    let line = |problem: &Problem| {
        let text = problem.to_string();
        text.rsplit_once("/pipeline.yml").map_or(text.clone(), |(_, rest)| format!("pipeline.yml{rest}"))
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn databases_as_declared_have_no_problems() {
    assert_eq!(source_with(table(&ORDERS, &["id"])), "");
    assert_eq!(destination_with(table(&ORDERS, &["id"]), table(&["day date", "revenue numeric"], &["day"])), "");
}

#[test]
fn every_column_that_differs_in_the_source_is_told() {
    let there = ["id integer", "amount money", "mood text", "memo text"];
    assert_snapshot!(source_with(table(&there, &["id"])), @r#"
    pipeline.yml:11: column `id` of public.orders is integer in the source, declared as bigint
      mend: write `id: integer`
    pipeline.yml:12: column `amount` of public.orders is money in the source, declared as numeric(12,2)
      mend: the column cannot be carried as it is (`money` is not a type that the pipeline carries); give it another type in the source
    pipeline.yml:13: column `mood` of public.orders is text in the source, declared as enum
      mend: write `mood: text`
    pipeline.yml:14: public.orders has no column `note` in the source, declared as text
      mend: correct its name, or take the line out
      or: ALTER TABLE "public"."orders" ADD COLUMN "note" text;
    pipeline.yml:10: column `memo` of public.orders is not declared, the jobs would stop at it
      mend: add `memo: text` to `columns`
    "#);
}

#[test]
fn a_table_that_is_not_there_comes_with_the_sql_that_makes_it() {
    assert_snapshot!(told(&source::compare(&spec(), &Relations::new())), @r#"
    pipeline.yml:8: the source has no table public.orders
      mend: CREATE TABLE "public"."orders" ("id" bigint, "amount" numeric(12,2), "mood" TYPE, "note" text, PRIMARY KEY ("id"));
      or: correct its name, or take it out of `tables`
    "#);
    let view = Relation { is_table: false, ..table(&ORDERS, &[]) };
    assert_snapshot!(source_with(view), @r"
    pipeline.yml:8: public.orders is not a table in the source: it has no changes
      mend: declare the tables that it is made of
    ");
    let spec = spec();
    assert_snapshot!(told(&destination::compare(&spec, &gifts(&spec), &Relations::new(), &Relations::new(), &[])), @r#"
    pipeline.yml:16: the destination has no table serving.orders
      mend: CREATE TABLE "serving"."orders" ("id" bigint, "amount" numeric(12,2), "mood" TYPE, "note" TYPE, PRIMARY KEY ("id"));
    pipeline.yml:20: the destination has no table serving.daily
      mend: CREATE TABLE "serving"."daily" ("day" TYPE, "revenue" TYPE, PRIMARY KEY ("day"));
    pipeline.yml:6: the destination has no table pipectl.applied, where the jobs note how far they are
      mend: run what postgresql/init_dest.sql says of schema `pipectl` in the destination
    pipeline.yml:6: the destination has no table pipectl.ledger, where the jobs note how far they are
      mend: run what postgresql/init_dest.sql says of schema `pipectl` in the destination
    "#);
}

#[test]
fn a_table_without_its_key_is_refused_with_the_sql_that_mends_it() {
    assert_snapshot!(source_with(table(&ORDERS, &[])), @r#"
    pipeline.yml:9: public.orders has no primary key in the source: its updates and deletes cannot be told apart
      mend: ALTER TABLE "public"."orders" ADD PRIMARY KEY ("id");
    "#);
    assert_snapshot!(source_with(table(&ORDERS, &["id", "mood"])), @r"
    pipeline.yml:9: the primary key of public.orders is (id, mood) in the source, the declared key is (id)
      mend: write `key: [id, mood]`
    ");
    let mut unique = table(&ORDERS, &["id"]);
    unique.unique[0].is_primary = false;
    assert_snapshot!(source_with(unique.clone()), @r#"
    pipeline.yml:9: public.orders has no primary key in the source: its updates and deletes cannot be told apart
      mend: ALTER TABLE "public"."orders" REPLICA IDENTITY USING INDEX "orders_pkey";
    "#);
    unique.unique[0].is_identity = true;
    assert_eq!(source_with(unique), "", "an index that is the replica identity is a key");
    let nothing = Relation { replica_identity: 'n', ..table(&ORDERS, &["id"]) };
    assert_snapshot!(source_with(nothing), @r#"
    pipeline.yml:9: public.orders has REPLICA IDENTITY NOTHING: its updates and deletes do not tell their row
      mend: ALTER TABLE "public"."orders" REPLICA IDENTITY FULL;
    "#);
}

#[test]
fn a_column_that_the_source_generates_is_left_out() {
    let mut there = table(&ORDERS, &["id"]);
    there.columns[1].own = Own::Generated;
    assert_snapshot!(source_with(there.clone()), @r"
    pipeline.yml:12: column `amount` of public.orders is generated by the source: its change stream does not have it
      mend: take `amount` out of `columns`, and compute it in the transformation
    ");
    let declared = ["id bigint", "amount numeric(12,2)", "mood mood", "note text", "total numeric"];
    let mut there = table(&declared, &["id"]);
    there.columns[4].own = Own::Generated;
    assert_eq!(source_with(there), "", "it need not be declared");
    let mut there = table(&ORDERS, &["id", "note"]);
    there.columns[3].own = Own::Generated;
    assert_snapshot!(source_with(there), @r"
    pipeline.yml:14: column `note` of public.orders is generated by the source: its change stream does not have it
      mend: take `note` out of `columns`, and compute it in the transformation
    pipeline.yml:9: the key of public.orders has the column `note`, which the source generates: no change has it
      mend: give the table another primary key
    ");
}

#[test]
fn a_replica_identity_beside_the_primary_key_is_refused() {
    let mut there = table(&ORDERS, &["id"]);
    there.replica_identity = 'i';
    there.unique.push(Unique { columns: names(&["note"]), is_identity: true, ..Unique::default() });
    assert_snapshot!(source_with(there.clone()), @r#"
    pipeline.yml:9: public.orders has the primary key (id) and the replica identity (note): its updates and deletes do not tell their primary key
      mend: ALTER TABLE "public"."orders" REPLICA IDENTITY FULL;
    "#);
    there.unique[1].columns = names(&["id"]);
    assert_eq!(source_with(there), "", "it tells the same");
}

#[test]
fn a_masked_column_needs_whole_rows() {
    let mut spec = spec();
    spec.tables["public.orders"].masked.insert("note".to_owned());
    let with = |replica_identity| Relation { replica_identity, ..table(&ORDERS, &["id"]) };
    let found = |relation| Relations::from([("public.orders".to_owned(), relation)]);
    assert_snapshot!(told(&source::compare(&spec, &found(with('d')))), @r#"
    pipeline.yml:14: column `note` of public.orders is masked, which needs whole rows in every change
      mend: ALTER TABLE "public"."orders" REPLICA IDENTITY FULL;
    "#);
    assert_eq!(told(&source::compare(&spec, &found(with('f')))), "");
}

#[test]
fn everything_that_the_destination_could_not_take_is_told() {
    let orders = ["id integer", "amount numeric(8,2)", "mood mood", "loaded_at timestamp with time zone"];
    assert_snapshot!(destination_with(table(&orders, &[]), table(&["day date", "orders bigint"], &["day"])), @r#"
    pipeline.yml:16: column `id` of serving.orders is integer in the destination and cannot take every bigint
      mend: ALTER TABLE "serving"."orders" ALTER COLUMN "id" TYPE bigint;
      or: `CAST(id AS ..) AS id` in the SELECT
    pipeline.yml:16: column `amount` of serving.orders is numeric(8,2) in the destination and cannot take every numeric(12,2)
      mend: ALTER TABLE "serving"."orders" ALTER COLUMN "amount" TYPE numeric(12,2);
      or: `CAST(amount AS ..) AS amount` in the SELECT
    pipeline.yml:16: serving.orders has no column `note` in the destination, which the transformation of public.orders gives
      mend: ALTER TABLE "serving"."orders" ADD COLUMN "note" TYPE;
      or: leave it out of the SELECT
    pipeline.yml:16: column `loaded_at` of serving.orders gets no value: the transformation of public.orders does not give it
      mend: add `loaded_at` to the SELECT
      or: ALTER TABLE "serving"."orders" ALTER COLUMN "loaded_at" DROP NOT NULL;
    pipeline.yml:16: serving.orders has no unique constraint on (id) in the destination, which rows are found again by
      mend: ALTER TABLE "serving"."orders" ADD PRIMARY KEY ("id");
    pipeline.yml:20: serving.daily has no column `revenue` in the destination, which the query of aggregate daily gives
      mend: ALTER TABLE "serving"."daily" ADD COLUMN "revenue" TYPE;
      or: leave it out of the SELECT
    pipeline.yml:20: column `orders` of serving.daily gets no value: the query of aggregate daily does not give it
      mend: add `orders` to the SELECT
      or: ALTER TABLE "serving"."daily" DROP COLUMN "orders";
    "#);
}

#[test]
fn what_the_destination_would_cut_or_round_is_told() {
    let spec = spec();
    let source = table(&["id bigint", "amount numeric(12,2)", "mood mood", "note character varying(40)"], &["id"]);
    let gifts = Gifts::from([(
        "orders".to_owned(),
        transformed(&spec, "public.orders", "SELECT id, note AS memo FROM orders").expect("a SELECT"),
    )]);
    let with = |memo: &str| {
        let found = Relations::from([("serving.orders".to_owned(), table(&["id bigint", memo], &["id"]))]);
        let source = Relations::from([("public.orders".to_owned(), source.clone())]);
        let problems = destination::compare(&spec, &gifts, &source, &found, &[]);
        problems.into_iter().filter(|problem| problem.what.contains("memo")).collect::<Vec<_>>()
    };
    assert_eq!(with("memo character varying(40)"), []);
    assert_snapshot!(told(&with("memo character varying(20)")), @r#"
    pipeline.yml:16: column `memo` of serving.orders is character varying(20) in the destination and cannot take every character varying(40)
      mend: ALTER TABLE "serving"."orders" ALTER COLUMN "memo" TYPE character varying(40);
      or: `CAST(memo AS ..) AS memo` in the SELECT
    "#);
}

#[test]
fn groups_of_an_aggregate_need_a_key_that_is_never_null() {
    let mut daily = table(&["day date", "revenue numeric"], &["day"]);
    daily.columns[0].not_null = false;
    assert_snapshot!(destination_with(table(&ORDERS, &["id"]), daily), @r#"
    pipeline.yml:20: key column `day` of serving.daily can be NULL: such a group would be inserted again with each of its changes
      mend: ALTER TABLE "serving"."daily" ALTER COLUMN "day" SET NOT NULL; and leave groups without a `day` out of the query
    "#);
    assert_snapshot!(destination_with(table(&ORDERS, &["id"]), table(&["day date", "revenue numeric"], &[])), @r#"
    pipeline.yml:20: serving.daily has no unique constraint on (day) in the destination, which rows are found again by
      mend: ALTER TABLE "serving"."daily" ADD PRIMARY KEY ("day");
    "#);
}

#[test]
fn constraints_that_stop_the_flow_are_told() {
    let spec = spec();
    let mut found = Relations::from([
        ("serving.orders".to_owned(), table(&[&ORDERS[..], &["number bigint"]].concat(), &["id"])),
        ("serving.daily".to_owned(), table(&["day date", "revenue numeric"], &["day"])),
    ]);
    found.extend(OWN.map(|own| (own.to_owned(), Relation::default())));
    // A number of the destination's own.
    found.get_mut("serving.orders").expect("there").columns[4].own = Own::Default;
    let on = |table: &str, name: &str, kind: Kind| Hindrance { table: table.to_owned(), name: name.to_owned(), kind };
    let hindrances = [
        on("serving.orders", "orders_daily_fkey", Kind::ForeignKey("serving.daily".to_owned())),
        on("serving.visits", "visits_order_fkey", Kind::ForeignKey("serving.orders".to_owned())),
        on("serving.orders", "orders_pkey", Kind::Unique(names(&["id"]))),
        on("serving.orders", "orders_id_note_key", Kind::Unique(names(&["note", "id"]))),
        on("serving.orders", "orders_number_key", Kind::Unique(names(&["number"]))),
        on("serving.orders", "orders_note_key", Kind::Unique(names(&["note"]))),
        on("serving.orders", "orders_lower_idx", Kind::UniqueIndex(Vec::new())),
        on("serving.orders", "orders_audit", Kind::Trigger),
    ];
    let problems = destination::compare(&spec, &gifts(&spec), &Relations::new(), &found, &hindrances);
    assert_snapshot!(told(&problems), @r#"
    pipeline.yml:16: foreign key orders_daily_fkey of serving.orders points at serving.daily: changes arrive per table, and a row may come before the one that it points at, or go after it
      mend: ALTER TABLE "serving"."orders" DROP CONSTRAINT "orders_daily_fkey";
    pipeline.yml:16: foreign key visits_order_fkey of serving.visits points at serving.orders: changes arrive per table, and a row may come before the one that it points at, or go after it
      mend: ALTER TABLE "serving"."visits" DROP CONSTRAINT "visits_order_fkey";
    pipeline.yml:16: orders_note_key keeps (note) of serving.orders unique beside the key (id): between two batches two rows may have the same
      mend: ALTER TABLE "serving"."orders" DROP CONSTRAINT "orders_note_key";
    pipeline.yml:16: orders_lower_idx keeps expressions of serving.orders unique beside the key (id): between two batches two rows may have the same
      mend: DROP INDEX "serving"."orders_lower_idx";
    "#);
    assert_eq!(
        hindrances::remarks(&hindrances),
        ["trigger orders_audit of serving.orders fires with what the jobs write"]
    );
}

#[test]
fn a_column_that_the_destination_fills_itself_is_no_problem() {
    let mut orders = table(&ORDERS, &["id"]);
    let default = Column { name: "loaded_at".to_owned(), not_null: true, own: Own::Default, ..Column::default() };
    orders.columns.push(default);
    assert_eq!(destination_with(orders.clone(), table(&["day date", "revenue numeric"], &["day"])), "");
    orders.columns[1].own = Own::Always;
    assert_snapshot!(destination_with(orders, table(&["day date", "revenue numeric"], &["day"])), @r"
    pipeline.yml:16: column `amount` of serving.orders is generated by the destination, and the transformation of public.orders gives it
      mend: leave it out of the SELECT
    ");
}

/// A server that lets changes be captured.
fn server() -> Server {
    Server {
        role: "cdc".to_owned(),
        wal_level: "logical".to_owned(),
        most_slots: 10,
        slots: 3,
        most_senders: 10,
        senders: 3,
        replication: Replication::Allowed,
        ..Server::default()
    }
}

#[test]
fn a_server_elsewhere_that_is_ready_has_no_problems() {
    assert_eq!(server::compare(&spec(), &server()), []);
    let full = Server { has_slot: true, most_slots: 3, most_senders: 3, ..server() };
    assert_eq!(server::compare(&spec(), &full), [], "its own slot and sender are among those that are taken");
}

#[test]
fn everything_that_a_server_elsewhere_does_not_allow_is_told_at_once() {
    let orders = || vec!["public.orders".to_owned()];
    let bare = Server {
        role: "cdc".to_owned(),
        wal_level: "replica".to_owned(),
        most_slots: 3,
        slots: 3,
        most_senders: 2,
        senders: 2,
        unreadable: orders(),
        filtered: orders(),
        ..Server::default()
    };
    assert_snapshot!(told(&server::compare(&spec(), &bare)), @r#"
    pipeline.yml:2: wal_level of the source is replica, logical is needed
      mend: ALTER SYSTEM SET wal_level = 'logical'; and restart the server
      or: at a provider, its parameter group: rds.logical_replication = 1, cloudsql.logical_decoding = on
    pipeline.yml:2: all 3 replication slots of the source are taken
      mend: ALTER SYSTEM SET max_replication_slots = 4; and restart the server
      or: drop one that nobody reads: SELECT slot_name FROM pg_replication_slots WHERE NOT active;
    pipeline.yml:2: all 2 WAL senders of the source are taken
      mend: ALTER SYSTEM SET max_wal_senders = 3; and restart the server
    pipeline.yml:2: role cdc of the source may not replicate
      mend: ALTER ROLE "cdc" REPLICATION;
    pipeline.yml:8: role cdc may not read public.orders, whose rows the first snapshot copies
      mend: GRANT USAGE ON SCHEMA "public" TO "cdc"; GRANT SELECT ON "public"."orders" TO "cdc";
    pipeline.yml:8: row-level security of public.orders shows role cdc some rows only: the first snapshot would miss the others
      mend: ALTER ROLE "cdc" BYPASSRLS;
      or: capture as the table's owner (SOURCE_USER, SOURCE_PASSWORD), where it does not FORCE ROW LEVEL SECURITY
    "#);
    let granted = Server { replication: Replication::NeedsRole, ..server() };
    assert_snapshot!(told(&server::compare(&spec(), &granted)), @r#"
    pipeline.yml:2: role cdc of the source may not replicate
      mend: GRANT rds_replication TO "cdc";
    "#);
}

/// A publication that has the table, and everything of it.
fn publication() -> Publication {
    let orders = Published { name: "public.orders".to_owned(), is_listed: true, ..Published::default() };
    Publication { tables: vec![orders], ..Publication::default() }
}

fn published(spec: &PipelineSpec, found: Option<&Publication>) -> String {
    told(&publication::compare(spec, found))
}

#[test]
fn a_publication_elsewhere_is_there_and_has_every_table() {
    let mut elsewhere = spec();
    elsewhere.source.external = Some(External::default());
    assert_eq!(published(&elsewhere, Some(&publication())), "");
    assert_snapshot!(published(&elsewhere, None), @r#"
    pipeline.yml:2: the source has no publication pub
      mend: CREATE PUBLICATION "pub" FOR TABLE "public"."orders";
    "#);
    let mut empty = publication();
    empty.tables[0].is_listed = false;
    assert_snapshot!(published(&elsewhere, Some(&empty)), @r#"
    pipeline.yml:2: publication pub leaves out public.orders
      mend: ALTER PUBLICATION "pub" ADD TABLE "public"."orders";
    "#);
    assert_eq!(published(&spec(), None), "", "of the project's own source it is made, and made whole, later");
    assert_eq!(published(&spec(), Some(&empty)), "");
}

#[test]
fn a_publication_that_withholds_changes_is_refused_wherever_it_is() {
    let mut found = publication();
    found.silent = names(&["delete", "truncate"]);
    found.tables[0].row_filter = Some("(amount > 0)".to_owned());
    found.tables[0].left_out = names(&["mood", "note"]);
    assert_snapshot!(published(&spec(), Some(&found)), @r#"
    pipeline.yml:2: publication pub withholds every delete, truncate
      mend: ALTER PUBLICATION "pub" SET (publish = 'insert, update, delete, truncate');
    pipeline.yml:2: publication pub withholds rows of public.orders that are not (amount > 0), and mood, note of public.orders
      mend: BEGIN; ALTER PUBLICATION "pub" DROP TABLE "public"."orders"; ALTER PUBLICATION "pub" ADD TABLE "public"."orders"; COMMIT;
    "#);
    let captured = Publication { has_slot: true, silent: names(&["delete"]), ..publication() };
    assert_snapshot!(published(&spec(), Some(&captured)), @r#"
    pipeline.yml:2: publication pub withholds every delete
      mend: ALTER PUBLICATION "pub" SET (publish = 'insert, update, delete, truncate'); and `pipectl repair resnapshot`, which reads what was withheld so far
    "#);
}

#[test]
fn partitions_are_told_as_their_table() {
    let mut found = publication();
    (found.tables[0].is_partitioned, found.tables[0].is_listed) = (true, false);
    let mut elsewhere = spec();
    elsewhere.source.external = Some(External::default());
    assert_snapshot!(published(&spec(), Some(&found)), @r#"
    pipeline.yml:2: publication pub tells changes of public.orders under the names of its partitions, which are not declared
      mend: ALTER PUBLICATION "pub" SET (publish_via_partition_root = true);
    "#);
    assert_eq!(published(&elsewhere, Some(&found)), published(&spec(), Some(&found)), "adding it would mend nothing");
    found.via_root = true;
    found.tables[0].is_listed = true;
    assert_eq!(published(&spec(), Some(&found)), "");
}
