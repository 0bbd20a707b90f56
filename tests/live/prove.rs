//! The flow works and says so.

use serde_json::Value;

use crate::hardening;
use crate::stack::Stack;

pub fn up_from_nothing(stack: &Stack) {
    let ran = stack.up();
    println!("      up from nothing: {:.1} s", ran.elapsed.as_secs_f32());
    // The proof is the tool's own; this looks at the destination itself, through neither Spark nor pipectl's checks.
    let source = stack.sql("postgres-source", "SELECT count(*) FROM regions WHERE region_id <= 5");
    let destination = stack.sql("postgres-dest", "SELECT count(*) FROM regions WHERE region_id <= 5");
    assert_eq!(source, destination, "the seed regions are in both databases");
    hardening::holds(stack);
    // What a person needs next is on the screen.
    ran.says("http://127.0.0.1:29870").says("http://127.0.0.1:28083").says("127.0.0.1:25434");
}

pub fn status_is_well(stack: &Stack) {
    stack.up();
    let ran = stack.pipectl(&["status", "--json"]).succeeded();
    println!("      status: {:.2} s", ran.elapsed.as_secs_f32());
    let status: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(status["healthy"], true, "{status:#}");
    let containers = status["containers"].as_array().expect("containers");
    for service in [
        "postgres-source",
        "kafka",
        "debezium",
        "namenode",
        "datanode",
        "hive-metastore",
        "spark-driver",
        "spark-job-ingest",
    ] {
        assert!(
            containers.iter().any(|container| container["service"] == service),
            "{service} is not listed: {status:#}"
        );
    }
    let human = stack.pipectl(&["status"]).succeeded();
    assert!(human.stdout.contains("spark-job-process"), "{}", human.stdout);
    assert!(!human.stdout.contains('\u{1b}'), "no colours off a terminal");
}

pub fn verify_full(stack: &Stack) {
    stack.up();
    let report = tempfile::NamedTempFile::new().expect("a file");
    let path = report.path().to_str().expect("UTF-8");
    let ran = stack.pipectl(&["verify", "--full", "--timeout", "300s", "--json", "--junit", path]).succeeded();
    let verdict: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let checks = verdict["checks"].as_array().expect("checks");
    assert!(checks.len() >= 6 && checks.iter().all(|check| check["ok"] == true), "{verdict:#}");
    let junit = std::fs::read_to_string(path).expect("the JUnit file");
    assert!(junit.contains("failures=\"0\""), "{junit}");
    let made = || stack.sql("postgres-source", "SELECT last_value FROM orders_order_id_seq");
    stack.pipectl(&["stop", "data-generator"]).succeeded();
    let before = made();
    let ran = stack.pipectl(&["verify", "--compare", "--timeout", "300s", "--json"]).succeeded();
    let verdict: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let compared = verdict["checks"].as_array().expect("checks");
    assert!(compared.len() >= 6 && compared.iter().all(|check| check["ok"] == true), "{verdict:#}");
    assert_eq!(verdict["followed"], serde_json::json!([]), "nothing was written");
    assert_eq!(made(), before);
    stack.pipectl(&["start", "data-generator"]).succeeded();
}
