//! Mistakes of a user, each against the real thing: a clear error, nothing lost, the next command shown.

use std::net::TcpListener;
use std::time::Duration;

use crate::stack::Stack;

/// Writes an override file next to the project and returns its name.
fn compose_override(stack: &Stack, yaml: &str) -> String {
    let file = stack.path().join("override.yaml");
    std::fs::write(&file, yaml).expect("written");
    file.to_str().expect("UTF-8").to_owned()
}

pub fn broken_transformation(stack: &Stack) {
    stack.up();
    let file = stack.path().join("spark/transforms/orders.sql");
    std::fs::write(&file, "SELECT order_id,\nFROM orders WHERE\n").expect("written");
    let ran = stack.pipectl(&["up"]);
    assert_ne!(ran.code, Some(0));
    ran.says("spark/transforms/orders.sql");
    stack.restore_files();
    // Ends with the flow proved.
    stack.up();
}

pub fn refused_connector(stack: &Stack) {
    stack.up();
    let file = stack.path().join("debezium/register-postgres.json");
    let json = std::fs::read_to_string(&file).expect("register-postgres.json");
    std::fs::write(&file, json.replace("PostgresConnector", "PostgreConnector")).expect("written");
    let ran = stack.pipectl(&["up"]);
    assert_ne!(ran.code, Some(0));
    ran.says("PostgreConnector").says("register-postgres.json");
    stack.restore_files();
    stack.up();
}

pub fn container_exits(stack: &Stack) {
    stack.up();
    let file = compose_override(
        stack,
        "services:\n  kafka-ui:\n    image: pipectl/base:latest\n    restart: 'no'\n    profiles: !reset []\n    entrypoint: [sh, -c, 'echo cannot read the license >&2; exit 7']\n    x-pipectl:\n      optional: false\n",
    );
    let ran = stack.pipectl(&["-f", "compose/compose.yaml", "-f", &file, "up", "kafka-ui"]).exited(1);
    assert!(ran.elapsed < Duration::from_secs(30), "at once, not at a deadline: {:?}", ran.elapsed);
    ran.says("kafka-ui").says("7").says("cannot read the license").says("pipectl logs kafka-ui");
}

pub fn never_ready(stack: &Stack) {
    stack.up();
    let file = compose_override(
        stack,
        "services:\n  kafka-ui:\n    image: pipectl/base:latest\n    profiles: !reset []\n    entrypoint: [sleep, infinity]\n    x-pipectl:\n      optional: false\n      ready: {probe: exec, command: ['false'], timeout: 2s}\n",
    );
    let ran = stack.pipectl(&["-f", "compose/compose.yaml", "-f", &file, "up", "kafka-ui"]).exited(4);
    ran.says("kafka-ui is not ready after").says("exits with 1");
}

pub fn failing_build(stack: &Stack) {
    stack.up();
    let folder = stack.path().join("broken");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("Dockerfile"), "FROM pipectl/base\nRUN echo compiling the frobnicator && false\n")
        .expect("written");
    let file = compose_override(
        stack,
        "services:\n  kafka-ui:\n    image: pipectl/broken\n    profiles: !reset []\n    build: ../broken\n    x-pipectl:\n      optional: false\n",
    );
    let ran = stack.pipectl(&["-f", "compose/compose.yaml", "-f", &file, "up", "kafka-ui"]).exited(1);
    ran.says("pipectl/broken").says("compiling the frobnicator").says("RUN");
}

pub fn taken_port(stack: &Stack) {
    stack.pipectl(&["down"]).succeeded();
    let listener = TcpListener::bind("127.0.0.1:29092").expect("the port is free after down");
    let ran = stack.pipectl(&["up"]).exited(5);
    ran.says("29092").says("kafka").says("nothing was touched");
    assert!(stack.containers("postgres-source").is_empty(), "nothing was started");
    drop(listener);
    stack.up();
}
