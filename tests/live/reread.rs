//! What the connector reads again after a crash: a transaction that it was in the middle of, and a snapshot that it had begun.

use std::process::Stdio;
use std::time::Duration;

use crate::equal::equal;
use crate::inject::Target;
use crate::losses::{edit, with_kafka};
use crate::stack::{Stack, eventually, looking_every};

const TOPIC: &str = "jadc2.public.orders";
/// Rows that are copied: Debezium sends them for some seconds.
const ROWS: i64 = 60_000;
/// Key of the first one, where the sequence does not come.
const FIRST: i64 = 10_000_000;
/// Restarts of the connector while it sends them.
const RESTARTS: i64 = 3;
/// Messages after which the connector is killed in a snapshot.
const SOME: i64 = 15_000;
/// Rows of a table that joins later: Debezium reads half of them for longer than it takes to store a position.
const JOINING: i64 = 200_000;

pub fn restarts_in_a_copy(stack: &Stack) {
    stack.up();
    stack.pipectl(&["stop", "data-generator"]).succeeded();
    let begin = end();
    copy(stack);
    for restart in 1..=RESTARTS {
        await_end(begin + restart * ROWS / (RESTARTS + 1));
        stack.pipectl(&["connector", "restart"]).succeeded();
    }
    let copied = "SELECT count(*) FROM orders WHERE note = 'copied'";
    eventually("every copied row is in the destination", || stack.sql("postgres-dest", copied) == ROWS.to_string());
    equal(stack);
}

/// Rows by one `COPY`: Postgres gives all of a page one position in the log, unlike rows that are inserted, or need a value of a sequence.
fn copy(stack: &Stack) {
    let customer = stack.sql("postgres-source", "SELECT min(customer_id) FROM customers");
    let columns = "order_id, customer_id, amount, quantity, status, note, ordered_at, updated_at";
    let rows = format!("seq {FIRST} {} | sed s/$/,{customer},1,1,new,copied,2026-01-01,2026-01-01/", FIRST + ROWS - 1);
    stack.sql_as("postgres", "postgres-source", &format!("COPY orders ({columns}) FROM PROGRAM '{rows}' (FORMAT csv)"));
}

pub fn a_crash_in_a_snapshot(stack: &Stack) {
    stack.up();
    stack.pipectl(&["stop", "data-generator"]).succeeded();
    stack.sql("postgres-source", "DELETE FROM orders WHERE note = 'copied'");
    let begin = end();
    copy(stack);
    await_end(begin + ROWS);
    // Some rows of the table, then all of them: of an empty table no snapshot sends a row.
    for gone in ["note = 'copied' AND order_id % 2 = 0", "true"] {
        let mut repair = stack.command(&["repair", "resnapshot", "--yes"]);
        let mut repair = repair.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("pipectl runs");
        eventually("the topic is made anew", || end() < SOME);
        await_end(SOME);
        Target::of(stack, "debezium").crash();
        // These were sent, and the next snapshot has nothing to say of them.
        stack.sql("postgres-source", &format!("DELETE FROM orders WHERE {gone}"));
        // It would follow a row that was just deleted; `up` completes it.
        repair.kill().expect("it runs");
        repair.wait().expect("it ends");
        // What writes is started, too, and would go on between the two counts below.
        stack.pipectl(&["up", "--no-verify"]).succeeded();
        stack.pipectl(&["stop", "data-generator"]).succeeded();
        stack.pipectl(&["verify", "--compare", "--timeout", "300s"]).succeeded();
        let rows = ["postgres-source", "postgres-dest"].map(|store| stack.sql(store, "SELECT count(*) FROM orders"));
        println!("      {} rows are left", rows[0]);
        assert_eq!(rows[0], rows[1]);
    }
    // That no row can be followed is told, and is no failure.
    stack.pipectl(&["verify"]).succeeded().says("note: not followed: public.orders: it has no row to copy");
    stack.pipectl(&["start", "data-generator"]).succeeded();
    eventually("there are orders again", || stack.sql("postgres-dest", "SELECT count(*) FROM orders") != "0");
}

pub fn a_crash_while_a_table_joins(stack: &Stack) {
    stack.up();
    stack.pipectl(&["stop", "data-generator"]).succeeded();
    let columns = "visit_id bigint PRIMARY KEY, note text NOT NULL";
    let rows = format!("INSERT INTO visits SELECT n, 'visit ' || n FROM generate_series(1, {JOINING}) n");
    stack.sql("postgres-source", &format!("CREATE TABLE visits ({columns}); {rows}"));
    stack.sql("postgres-dest", &format!("CREATE TABLE visits ({columns})"));
    let transform = stack.path().join("spark/transforms/visits.sql");
    std::fs::write(transform, "SELECT visit_id, note FROM visits\n").expect("written");
    let visits = "\ntables:\n  public.visits:\n    key: [visit_id]\n    columns: {visit_id: bigint, note: text}\n    \
                  destination: {table: visits, transform: spark/transforms/visits.sql}\n";
    edit(stack, "pipeline.yml", "\ntables:\n", visits);
    // Transactions follow one another, so the stream pauses in the middle of one, with others behind it.
    let writes = "DO $$ DECLARE customer bigint := (SELECT min(customer_id) FROM customers); BEGIN FOR n IN 1..400 LOOP \
                  EXIT WHEN EXISTS (SELECT FROM regions WHERE name = 'enough'); \
                  INSERT INTO orders (customer_id, amount, quantity, status, note) \
                  SELECT customer, 1, 1, 'new', 'meanwhile' FROM generate_series(1, 300); COMMIT; PERFORM pg_sleep(0.1); \
                  END LOOP; END $$";
    let read = |messages: i64| end_of("jadc2.public.visits") >= messages;
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| stack.sql("postgres-source", writes));
        let up = scope.spawn(|| stack.pipectl(&["up"]));
        looking_every(Duration::from_millis(20), "the table is being read", || read(JOINING / 2));
        Target::of(stack, "debezium").crash();
        assert!(!read(JOINING), "all was read before the connector died: nothing is tested");
        println!("      killed after {} rows", end_of("jadc2.public.visits"));
        // It needed the connector at that very moment.
        up.join().expect("it runs");
        stack.rename_region(4, "enough");
        writing.join().expect("it runs");
    });
    stack.up();
    equal(stack);
    let joined = stack.sql("postgres-dest", "SELECT count(*) FROM visits");
    assert_eq!(joined, JOINING.to_string());

    stack.restore_files();
    stack.sql("postgres-source", "ALTER PUBLICATION pipectl_publication DROP TABLE visits; DROP TABLE visits");
    stack.sql("postgres-source", "DELETE FROM orders WHERE note = 'meanwhile'");
    stack.sql("postgres-dest", "DROP TABLE visits");
    stack.pipectl(&["repair", "resnapshot", "--yes"]).succeeded();
    stack.pipectl(&["start", "data-generator"]).succeeded();
}

/// The end of the topic of orders; 0 while there is none.
fn end() -> i64 {
    end_of(TOPIC)
}

/// The end of a topic; 0 while there is none.
fn end_of(topic: &str) -> i64 {
    with_kafka(async |kafka| kafka.end_offset(topic).await.unwrap_or(0))
}

/// The connector has sent so much, and goes on sending for some seconds.
fn await_end(offset: i64) {
    let reached = || end() >= offset;
    looking_every(Duration::from_millis(20), &format!("the topic has come to {offset}"), reached);
}
