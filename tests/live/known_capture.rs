//! What the connector is known to fail with at a source that was well when the capture began: databases, broker and Connect alone.

use crate::stack::{Stack, docker, eventually};

/// Everything that a change passes on its way into a topic, and the destination, whose tables are compared before.
const PARTS: [&str; 4] = ["up", "postgres-source", "postgres-dest", "debezium"];
const READ: &str = "SELECT count(*) FROM pg_replication_slots WHERE active";

pub fn of_the_capture(stack: &Stack) {
    stack.pipectl(&["reset", "all", "--yes"]).succeeded();
    let captured = || stack.pipectl(&PARTS).succeeded();
    let sql = |statement: &str| stack.sql_as("postgres", "postgres-source", statement);
    captured();
    eventually("the connector reads its slot", || sql(READ) == "1");

    // A role that may no longer replicate. Its connection has to end before that is noticed.
    sql("ALTER ROLE admin NOREPLICATION");
    sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active");
    explained(stack, "role-may-not-replicate");
    sql("ALTER ROLE admin REPLICATION");
    captured();
    eventually("the connector reads its slot again", || sql(READ) == "1");

    // A slot that is gone: what the connector had not read is too.
    stack.pipectl(&["stop", "debezium"]).succeeded();
    sql("SELECT pg_drop_replication_slot('pipectl_slot')");
    docker(&["start", "pipectl-live-debezium-1"]);
    explained(stack, "slot-position-is-gone");

    // A publication that is gone: from now on the slot cannot be read, whatever is made anew.
    stack.pipectl(&["reset", "all", "--yes"]).succeeded();
    captured();
    eventually("the connector reads its slot", || sql(READ) == "1");
    sql("DROP PUBLICATION pipectl_publication");
    stack.rename_region(1, "not published");
    explained(stack, "publication-missing");

    stack.pipectl(&["reset", "all", "--yes"]).succeeded();
}

/// `status` comes to explain it.
fn explained(stack: &Stack, id: &str) {
    let status = || stack.pipectl(&["status"]).exited(1);
    eventually(&format!("status explains {id}"), || status().does_explain(id));
    status().explains(id);
}
