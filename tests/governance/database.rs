//! The Postgres collector against a real server, where `PIPECTL_TEST_POSTGRES` names one (`host:port`, role and password
//! `admin` / `password`, database `postgres`): its statements are the part that no fake can check.

use std::time::Duration;

use pipectl::governance::collect::postgres::{RelationKind, read};
use pipectl::pipeline::clients::postgres::{Database, Login};

const SHOP: &str = r#"
DROP SCHEMA IF EXISTS collected CASCADE;
CREATE SCHEMA collected;
COMMENT ON SCHEMA collected IS 'for a test';
CREATE TABLE collected.region (id integer PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE collected."odd.name" (
    a bigint, b varchar(40), c numeric(12,2)[], d timestamptz(3), region integer REFERENCES collected.region,
    PRIMARY KEY (b, a));
ALTER TABLE collected."odd.name" DROP COLUMN c, ADD COLUMN e jsonb;
COMMENT ON COLUMN collected."odd.name".e IS 'free form';
CREATE VIEW collected.seen AS SELECT id FROM collected.region;
CREATE TABLE collected.parted (day date) PARTITION BY RANGE (day);
CREATE TABLE collected.parted_2026 PARTITION OF collected.parted FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO collected.region VALUES (1, 'North'), (2, 'South');
ANALYZE collected.region;
"#;

#[tokio::test]
async fn a_real_database_is_read_as_it_is() {
    let Ok(address) = std::env::var("PIPECTL_TEST_POSTGRES") else { return };
    let (user, password) = ("admin".into(), "password".into());
    let login = Login { address, database: "postgres".into(), user, password, tls: None };
    let database = Database::connect(&login, Duration::from_secs(5)).await.expect("a server");
    database.batch(SHOP).await.expect("tables");
    let facts = read(&database).await.expect("readable");
    assert_eq!(facts.schema_comments["collected"], "for a test");
    let relations: Vec<_> = facts.relations.iter().filter(|relation| relation.schema == "collected").collect();
    let kinds: Vec<_> = relations.iter().map(|relation| (relation.name.as_str(), relation.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("odd.name", RelationKind::Table),
            ("parted", RelationKind::Partitioned),
            ("region", RelationKind::Table),
            ("seen", RelationKind::View),
        ]
    );
    let odd = relations[0];
    let columns: Vec<String> =
        odd.columns.iter().map(|column| format!("{} {} {}", column.name, column.kind, column.not_null)).collect();
    assert_eq!(
        columns,
        [
            "a bigint true",
            "b character varying(40) true",
            "d timestamp(3) with time zone false",
            "region integer false",
            "e jsonb false",
        ]
    );
    assert_eq!((odd.primary_key.clone(), odd.rows), (vec!["b".to_owned(), "a".to_owned()], None));
    assert_eq!(odd.columns[4].comment.as_deref(), Some("free form"));
    assert_eq!(
        (odd.foreign_keys[0].table.as_str(), odd.foreign_keys[0].referred.as_slice()),
        ("region", &["id".to_owned()][..])
    );
    assert_eq!((relations[2].rows, relations[2].unique.clone()), (Some(2), vec![vec!["name".to_owned()]]));
    assert!(relations[3].definition.as_ref().is_some_and(|text| text.contains("SELECT")), "{:?}", relations[3]);
}
