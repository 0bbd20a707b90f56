//! What can no longer be read is never passed over: the flow stops, `status` says why and what to type, and that one command leads
//! back to equal tables. The generator writes all the while.

use std::time::{Duration, Instant};

use pipectl::pipeline::clients::kafka::Kafka;
use rskafka::client::ClientBuilder;
use rskafka::client::partition::UnknownTopicHandling;

use crate::equal::equal;
use crate::stack::{Stack, docker, eventually, port};

/// A transformation that is a function.
const SHOUTED: &str = r#"from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def transform(rows: DataFrame) -> DataFrame:
    return rows.withColumn("name", F.upper("name"))
"#;

pub fn slot_dropped(stack: &Stack) {
    stack.up();
    drop_slot(stack);
    // Debezium would make a new slot, and go on behind the gap.
    named(stack, "replication slot pipectl_slot does not exist", "pipectl repair resnapshot");
    eventually("the connector's task gives up", || says(stack, "task 0 FAILED"));
    // A restart would not bring the changes back.
    eventually("and is left so", || says(stack, "not restarted, because it would fail again"));
    repaired(stack, &["repair", "--yes"]);
    equal(stack);
}

pub fn slot_invalidated(stack: &Stack) {
    stack.up();
    stack.pipectl(&["stop", "debezium"]).succeeded();
    // Settings of the server are its superuser's.
    let sql = |statement: &str| stack.sql_as("postgres", "postgres-source", statement);
    sql("ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'");
    sql("SELECT pg_reload_conf()");
    sql("SELECT count(pg_logical_emit_message(false, 'test', repeat('x', 1000000))) FROM generate_series(1, 64)");
    sql("CHECKPOINT");
    eventually("Postgres gives the slot up", || {
        sql("SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'pipectl_slot'") == "lost"
    });
    sql("ALTER SYSTEM RESET max_slot_wal_keep_size");
    sql("SELECT pg_reload_conf()");
    stack.pipectl(&["start", "debezium"]).succeeded();
    named(stack, "replication slot pipectl_slot is lost", "pipectl repair resnapshot");
    repaired(stack, &["repair", "--yes"]);
    equal(stack);
}

pub fn topic_deleted(stack: &Stack) {
    stack.up();
    with_kafka(async |kafka| kafka.delete_topic("jadc2.public.orders").await.expect("the topic is deleted"));
    named(stack, "topic jadc2.public.orders does not exist", "pipectl repair resnapshot");
    repaired(stack, &["repair", "--yes"]);
    equal(stack);
}

pub fn topic_made_anew(stack: &Stack) {
    stack.up();
    // The job is down meanwhile and finds a topic of the same name, with the same number of messages or more.
    stack.pipectl(&["stop", "spark-job-ingest"]).succeeded();
    let topic = "jadc2.public.regions";
    let read = with_kafka(async |kafka| kafka.end_offset(topic).await.expect("an offset"));
    with_kafka(async |kafka| kafka.delete_topic(topic).await.expect("the topic is deleted"));
    eventually("the broker makes the topic anew", || {
        with_kafka(async |kafka| kafka.create_topic(topic).await.is_ok_and(|created| created))
    });
    stack.sql(
        "postgres-source",
        &format!("DO $$ BEGIN FOR n IN 0..{read} LOOP UPDATE regions SET name = 'round ' || n WHERE region_id = 1; END LOOP; END $$"),
    );
    eventually("it holds as many messages as the old one", || {
        with_kafka(async |kafka| kafka.end_offset(topic).await.is_ok_and(|end| end > read))
    });
    start_job(stack);
    named(stack, "topic jadc2.public.regions was deleted and made anew", "pipectl repair resnapshot");
    repaired(stack, &["repair", "resnapshot", "--yes"]);
    equal(stack);
}

pub fn unread_changes_removed(stack: &Stack) {
    stack.up();
    stack.pipectl(&["stop", "spark-job-ingest"]).succeeded();
    let topic = "jadc2.public.regions";
    let read = with_kafka(async |kafka| kafka.end_offset(topic).await.expect("an offset"));
    stack.rename_region(4, "never read");
    eventually("the change is in the topic", || {
        with_kafka(async |kafka| kafka.end_offset(topic).await.is_ok_and(|end| end > read))
    });
    // What retention does after a week.
    delete_records(topic, read + 1);
    start_job(stack);
    named(stack, "changes that had not been read are gone", "pipectl repair resnapshot");
    repaired(stack, &["repair", "resnapshot", "--yes"]);
    assert_eq!(stack.region(4), "never read");
    equal(stack);
}

pub fn publication_lacks_a_table(stack: &Stack) {
    stack.up();
    // It gives customers any region there is.
    stack.pipectl(&["stop", "data-generator"]).succeeded();
    let source = |statement: &str| stack.sql("postgres-source", statement);
    source("INSERT INTO regions (region_id, name) VALUES (910, 'deleted unseen'), (911, 'deleted by all')");
    stack.await_region(911, "deleted by all");
    source("ALTER PUBLICATION pipectl_publication DROP TABLE regions");
    stack.rename_region(3, "not captured");
    source("DELETE FROM regions WHERE region_id = 910; INSERT INTO regions (region_id, name) VALUES (912, 'unseen')");
    named(stack, "publication pipectl_publication leaves out public.regions", "pipectl repair tables");
    // The others go on meanwhile, and are not read again.
    source(
        "UPDATE customers SET name = 'without regions' WHERE customer_id = (SELECT min(customer_id) FROM customers)",
    );
    eventually("customers go on", || {
        stack.sql("postgres-dest", "SELECT count(*) FROM customers WHERE name = 'without regions'") == "1"
    });
    repaired(stack, &["repair", "--yes"]);
    equal(stack);
    let rows = "SELECT string_agg(region_id || ' ' || name, ', ' ORDER BY region_id) FROM regions WHERE region_id IN (3, 910, 912)";
    assert_eq!(stack.sql("postgres-dest", rows), "3 not captured, 912 unseen");

    // Added again by hand: nothing is missing any more, but for what was changed in between.
    stack.pipectl(&["stop", "data-generator"]).succeeded();
    source("ALTER PUBLICATION pipectl_publication DROP TABLE regions");
    source("UPDATE customers SET region_id = 1 WHERE region_id > 900; DELETE FROM regions WHERE region_id > 900");
    source("ALTER PUBLICATION pipectl_publication ADD TABLE regions");
    named(stack, "publication pipectl_publication left out public.regions for a time", "pipectl repair tables");
    repaired(stack, &["up"]);
    equal(stack);
    assert_eq!(stack.sql("postgres-dest", "SELECT count(*) FROM regions WHERE region_id > 900"), "0");
    stack.pipectl(&["up"]).succeeded().says("nothing changed");
}

/// Since the topic of regions ended there. The connector was restarted, and may have sent its last change once more.
pub fn regions_are_not_read_again(stack: &Stack, end: i64) {
    let rows: i64 = stack.sql("postgres-source", "SELECT count(*) FROM regions").parse().expect("a number");
    assert!(end_of("jadc2.public.regions") < end + rows, "regions are not read again");
}

/// The end of a topic.
pub fn end_of(topic: &str) -> i64 {
    with_kafka(async |kafka| kafka.end_offset(topic).await.expect("an offset"))
}

pub fn checkpoints_deleted(stack: &Stack) {
    stack.up();
    stack.pipectl(&["stop", "spark-job-ingest", "spark-job-process"]).succeeded();
    stack.pipectl(&["exec", "namenode", "hdfs", "dfs", "-rm", "-r", "-skipTrash", "/checkpoints"]).succeeded();
    stack.sql("postgres-source", "DELETE FROM orders WHERE order_id = (SELECT max(order_id) FROM orders)");
    // Nothing to repair: the tables say themselves up to where they go.
    repaired(stack, &["up"]);
    equal(stack);
}

pub fn destination_changed_by_hand(stack: &Stack) {
    stack.up();
    stack.sql("postgres-dest", "DELETE FROM orders WHERE order_id IN (SELECT order_id FROM orders LIMIT 3)");
    stack.sql("postgres-dest", "ALTER TABLE customers DROP COLUMN email");
    stack.sql("postgres-source", "UPDATE customers SET active = NOT active");
    eventually("the process job stops at the column that is gone", || says(stack, "email"));
    stack.sql("postgres-dest", "ALTER TABLE customers ADD COLUMN email text");
    repaired(stack, &["repair", "destination", "--yes"]);
    equal(stack);
}

pub fn column_added_then_dropped(stack: &Stack) {
    stack.up();
    stack.sql("postgres-source", "ALTER TABLE regions ADD COLUMN motto text DEFAULT 'none yet'");
    stack.sql("postgres-source", "UPDATE regions SET motto = 'onward' WHERE region_id = 2");
    named(stack, "`motto` new, which pipeline.yml does not declare", "pipectl up");
    edit(
        stack,
        "pipeline.yml",
        "      name: text\n      created_at: timestamptz\n",
        "      name: text\n      created_at: timestamptz\n      motto: text\n",
    );
    edit(stack, "spark/transforms/regions.sql", "name", "name, motto");
    stack.sql("postgres-dest", "ALTER TABLE regions ADD COLUMN motto text");
    repaired(stack, &["up"]);
    equal(stack);
    assert_eq!(stack.sql("postgres-dest", "SELECT motto FROM regions WHERE region_id = 2"), "onward");
    // No change tells of these.
    assert_eq!(stack.sql("postgres-dest", "SELECT motto FROM regions WHERE region_id = 3"), "none yet");

    stack.sql("postgres-source", "ALTER TABLE regions DROP COLUMN motto");
    stack.sql("postgres-source", "UPDATE regions SET name = name || '!' WHERE region_id = 2");
    named(stack, "`motto` gone", "pipectl repair resnapshot");
    // Not taken for NULL.
    assert_eq!(stack.sql("postgres-dest", "SELECT motto FROM regions WHERE region_id = 2"), "onward");
    stack.restore_files();
    stack.sql("postgres-dest", "ALTER TABLE regions DROP COLUMN motto");
    repaired(stack, &["repair", "resnapshot", "--yes"]);
}

pub fn column_renamed_or_widened(stack: &Stack) {
    stack.up();
    stack.sql("postgres-source", "ALTER TABLE regions RENAME COLUMN name TO title");
    stack.sql("postgres-source", "UPDATE regions SET title = 'renamed' WHERE region_id = 3");
    named(stack, "`name` gone, `title` new", "pipectl repair resnapshot");
    assert_ne!(stack.region(3), "", "not taken for NULL");
    edit(
        stack,
        "pipeline.yml",
        "      name: text\n      created_at: timestamptz\n",
        "      title: text\n      created_at: timestamptz\n",
    );
    edit(stack, "spark/transforms/regions.sql", "name", "title");
    stack.sql("postgres-dest", "ALTER TABLE regions RENAME COLUMN name TO title");
    repaired(stack, &["repair", "resnapshot", "--yes"]);
    assert_eq!(stack.sql("postgres-dest", "SELECT title FROM regions WHERE region_id = 3"), "renamed");

    let order = stack.sql("postgres-source", "SELECT min(order_id) FROM orders");
    stack.sql("postgres-source", "ALTER TABLE orders ALTER COLUMN quantity TYPE bigint");
    stack.sql("postgres-source", &format!("UPDATE orders SET quantity = 3000000000 WHERE order_id = {order}"));
    let misfit =
        format!("public.orders, column quantity, key {{\"order_id\":{order}}}: 3000000000 does not fit integer");
    named(stack, &misfit, "pipectl repair resnapshot");
    edit(stack, "pipeline.yml", "      quantity: integer\n", "      quantity: bigint\n");
    stack.sql("postgres-dest", "ALTER TABLE orders ALTER COLUMN quantity TYPE bigint");
    repaired(stack, &["repair", "resnapshot", "--yes"]);
    equal(stack);
    let quantity = format!("SELECT quantity FROM orders WHERE order_id = {order}");
    assert_eq!(stack.sql("postgres-dest", &quantity), "3000000000");

    stack.sql("postgres-source", &format!("UPDATE orders SET quantity = 1 WHERE order_id = {order}"));
    eventually("the small number is served", || stack.sql("postgres-dest", &quantity) == "1");
    for service in ["postgres-source", "postgres-dest"] {
        stack.sql(service, "ALTER TABLE orders ALTER COLUMN quantity TYPE integer");
        stack.sql(service, "ALTER TABLE regions RENAME COLUMN title TO name");
    }
    stack.restore_files();
    repaired(stack, &["repair", "resnapshot", "--yes"]);
}

pub fn table_added(stack: &Stack) {
    stack.up();
    let columns = "shop_id bigint PRIMARY KEY, name text NOT NULL, opened date, about text";
    // Shops from before the connector knew of them; one of a time at which calendars differ, and one with a text that is stored out of
    // line: without REPLICA IDENTITY FULL an update that leaves it alone does not bring it. The generated column is in no change, so it may not
    // be in the rows that are read either.
    stack.sql(
        "postgres-source",
        &format!(
            "CREATE TABLE shops ({columns}, loud text GENERATED ALWAYS AS (upper(name)) STORED); INSERT INTO shops \
             SELECT n, 'shop ' || n, DATE '2020-01-01' + n::int FROM generate_series(1, 3000) n; \
             INSERT INTO shops VALUES (5000, 'old', DATE '1066-10-14'); \
             UPDATE shops SET about = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 1000) n) WHERE shop_id IN (7, 8)"
        ),
    );
    stack.sql("postgres-dest", &format!("CREATE TABLE shops ({columns})"));
    std::fs::write(stack.path().join("spark/transforms/shops.py"), SHOUTED).expect("written");
    let shops = "\ntables:\n  public.shops:\n    key: [shop_id]\n    columns: {shop_id: bigint, name: text, opened: date, about: text}\n    \
                 destination: {table: shops, transform: spark/transforms/shops.py, keeps_rows: true, \
                 columns: {shop_id: shop_id, name: [name], opened: opened, about: about}}\n";
    edit(stack, "pipeline.yml", "\ntables:\n", shops);
    let read = end_of("jadc2.public.regions");
    stack.pipectl(&["up"]).succeeded().says("read public.shops");
    stack.sql("postgres-source", "UPDATE shops SET name = 'changed' WHERE shop_id = 7");
    equal(stack);
    let rows = "SELECT count(*), min(opened), max(name) FILTER (WHERE shop_id = 7), sum(length(about)) FROM shops";
    assert_eq!(
        stack.sql("postgres-dest", rows),
        stack.sql("postgres-source", &rows.replace("(name)", "(upper(name))"))
    );
    // And the next `up` has nothing to do.
    regions_are_not_read_again(stack, read);
    stack.pipectl(&["up"]).succeeded().says("nothing changed");

    stack.restore_files();
    stack.sql("postgres-source", "ALTER PUBLICATION pipectl_publication DROP TABLE shops; DROP TABLE shops");
    stack.sql("postgres-dest", "DROP TABLE shops");
    repaired(stack, &["repair", "resnapshot", "--yes"]);
}

/// Replaces a text in a file of the project.
pub fn edit(stack: &Stack, file: &str, from: &str, to: &str) {
    let path = stack.path().join(file);
    let text = std::fs::read_to_string(&path).expect("a file of the project");
    assert!(text.contains(from), "{file} has no {from:?}");
    std::fs::write(&path, text.replacen(from, to, 1)).expect("written");
}

/// The connector takes its slot again at once, so this is a race that is run until it is won.
fn drop_slot(stack: &Stack) {
    let statement = "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active; \
                     SELECT pg_sleep(0.05); \
                     SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active";
    eventually("the slot is dropped", || {
        stack.sql("postgres-source", statement);
        stack.sql("postgres-source", "SELECT count(*) FROM pg_replication_slots") == "0"
    });
}

/// Asks the stack's broker.
pub fn with_kafka<T>(ask: impl AsyncFnOnce(Kafka) -> T) -> T {
    let address = format!("127.0.0.1:{}", port("KAFKA_PORT"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        ask(Kafka::connect(&address, Duration::from_secs(10)).await.expect("the broker answers")).await
    })
}

/// Starts job 1 without waiting until it is ready, which it will not be.
fn start_job(stack: &Stack) {
    let label = "label=com.docker.compose.service=spark-job-ingest";
    let stopped = docker(&["ps", "-aq", "--filter", &stack.label, "--filter", label]);
    docker(&["start", stopped.trim()]);
}

/// Has the broker forget the messages of a topic below an offset.
fn delete_records(topic: &str, before: i64) {
    let address = format!("127.0.0.1:{}", port("KAFKA_PORT"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = ClientBuilder::new(vec![address]).build().await.expect("the broker answers");
        let partition = client.partition_client(topic, 0, UnknownTopicHandling::Error).await.expect("the topic");
        partition.delete_records(before, 10_000).await.expect("the records are deleted");
    });
}

/// Whether `status` names this among what is wrong.
pub fn says(stack: &Stack, text: &str) -> bool {
    stack.status()["reasons"].to_string().replace("\\\"", "\"").contains(text)
}

/// `status` comes to name this, with the command that helps, and ends with 1.
pub fn named(stack: &Stack, what: &str, command: &str) {
    // A job that ends is started again by its container, and starts for a moment.
    eventually(&format!("status says {what:?} and {command}"), || {
        let ran = stack.pipectl(&["status"]);
        ran.code == Some(1) && ran.stdout.contains(what) && ran.stdout.contains(command)
    });
}

/// The command succeeds: like `up` it ends with a row followed from the source to the destination.
pub fn repaired(stack: &Stack, command: &[&str]) {
    let started = Instant::now();
    stack.pipectl(command).succeeded();
    println!("      `pipectl {}`: {:.1} s", command.join(" "), started.elapsed().as_secs_f32());
}
