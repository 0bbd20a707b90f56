//! What the connector reads again after a crash: a transaction that it was in the middle of, and a snapshot that it had begun.

use std::time::Duration;

use crate::equal::equal;
use crate::inject::Target;
use crate::losses::with_kafka;
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

pub fn restarts_in_a_copy(stack: &Stack) {
    stack.up();
    stack.pipectl(&["stop", "data-generator"]).succeeded();
    // Postgres gives all rows of a page one position in the log, unlike rows that are inserted, and rows that need a value of a sequence.
    let customer = stack.sql("postgres-source", "SELECT min(customer_id) FROM customers");
    let columns = "order_id, customer_id, amount, quantity, status, note, ordered_at, updated_at";
    let rows = format!("seq {FIRST} {} | sed s/$/,{customer},1,1,new,copied,2026-01-01,2026-01-01/", FIRST + ROWS - 1);
    let begin = end();
    stack.sql_as("postgres", "postgres-source", &format!("COPY orders ({columns}) FROM PROGRAM '{rows}' (FORMAT csv)"));
    for restart in 1..=RESTARTS {
        await_end(begin + restart * ROWS / (RESTARTS + 1));
        stack.pipectl(&["connector", "restart"]).succeeded();
    }
    let copied = "SELECT count(*) FROM orders WHERE note = 'copied'";
    eventually("every copied row is in the destination", || stack.sql("postgres-dest", copied) == ROWS.to_string());
    equal(stack);
}

pub fn a_crash_in_a_snapshot(stack: &Stack) {
    stack.up();
    stack.pipectl(&["stop", "data-generator"]).succeeded();
    std::thread::scope(|scope| {
        let repair = scope.spawn(|| stack.pipectl(&["repair", "resnapshot", "--yes"]));
        eventually("the topic is made anew", || end() < SOME);
        await_end(SOME);
        Target::of(stack, "debezium").crash();
        // These were sent, and the next snapshot has nothing to say of them.
        stack.sql("postgres-source", "DELETE FROM orders WHERE note = 'copied' AND order_id % 2 = 0");
        // It may have needed the connector at that very moment.
        repair.join().expect("it runs");
    });
    stack.up();
    equal(stack);
    stack.sql("postgres-source", "DELETE FROM orders WHERE note = 'copied'");
    equal(stack);
    stack.pipectl(&["start", "data-generator"]).succeeded();
}

/// The end of the topic; 0 while there is none.
fn end() -> i64 {
    with_kafka(async |kafka| kafka.end_offset(TOPIC).await.unwrap_or(0))
}

/// The connector has sent so much, and goes on sending for some seconds.
fn await_end(offset: i64) {
    let reached = || end() >= offset;
    looking_every(Duration::from_millis(20), &format!("the topic has come to {offset}"), reached);
}
