//! Where the data stops and why, known failures provoked for real, and ports that somebody else has.

use std::net::TcpListener;
use std::process::Command;

use pipectl::pipeline::clients::kafka::Kafka;
use serde_json::Value;

use crate::stack::{Stack, eventually, in_volume, run};

/// The hops of `pipectl doctor --json` with their states, and what it says of one.
fn flow(stack: &Stack) -> (Vec<(String, String)>, Value) {
    let ran = stack.pipectl(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout));
    let hops = report["flow"]["hops"].as_array().expect("the hops").clone();
    let text = |hop: &Value, key: &str| hop[key].as_str().expect("text").to_owned();
    (hops.iter().map(|hop| (text(hop, "id"), text(hop, "state"))).collect(), report["flow"].clone())
}

fn stops_at(stack: &Stack, hop: &str) -> bool {
    flow(stack).0.iter().find(|(_, state)| state == "stops").is_some_and(|(id, _)| id == hop)
}

pub fn doctor_says_where_the_data_stops(stack: &Stack) {
    stack.up();
    eventually("every hop flows", || flow(stack).0.iter().all(|(_, state)| state == "flows"));
    for (service, hop) in [
        ("spark-job-ingest", "change-log"),
        ("spark-job-process", "destination"),
        ("debezium", "connector"),
        ("spark-worker", "change-log"),
    ] {
        stack.pipectl(&["stop", service]).succeeded();
        stack.sql("postgres-source", "UPDATE regions SET name = name WHERE region_id = 1");
        eventually(&format!("without {service} the data stops at {hop}"), || stops_at(stack, hop));
        let ran = stack.pipectl(&["doctor"]).exited(1);
        ran.says(&format!("the data stops at {hop}")).says("pipectl up");
        if service == "spark-worker" {
            ran.explains("spark-no-worker");
        }
        // What it names mends it.
        let repaired = stack.pipectl(&["repair", "--yes"]).succeeded();
        assert!(!repaired.stderr.contains("restarting"), "starting {service} is all it takes\n{}", repaired.stderr);
        eventually("every hop flows again", || flow(stack).0.iter().all(|(_, state)| state == "flows"));
    }
}

pub fn safe_mode_is_explained(stack: &Stack) {
    stack.up();
    stack.pipectl(&["exec", "namenode", "hdfs", "dfsadmin", "-safemode", "enter"]).succeeded();
    let ran = stack.pipectl(&["up", "--timeout", "20s"]);
    assert_ne!(ran.code, Some(0));
    ran.says("HDFS is in safe mode").says("hdfs dfsadmin -safemode leave");
    stack.pipectl(&["exec", "namenode", "hdfs", "dfsadmin", "-safemode", "leave"]).succeeded();
    stack.up();
}

pub fn a_data_node_of_another_file_system_is_explained(stack: &Stack) {
    stack.up();
    let change = |from: &str, to: &str| {
        let edit = format!("sed -i s/clusterID={from}/clusterID={to}/ /v/current/VERSION");
        in_volume("datanode", "datanode-data", &edit);
    };
    stack.pipectl(&["stop", "datanode"]).succeeded();
    change("CID-pipectl", "CID-other");
    let ran = stack.pipectl(&["up", "--timeout", "120s"]);
    assert_ne!(ran.code, Some(0));
    ran.explains("hdfs-another-file-system");
    stack.pipectl(&["stop", "datanode"]).succeeded();
    change("CID-other", "CID-pipectl");
    stack.up();
}

pub fn a_taken_port_is_replaced_on_request(stack: &Stack) {
    stack.pipectl(&["reset", "all", "--yes"]).succeeded();
    // Whoever has it, it is taken.
    let _listener = TcpListener::bind("127.0.0.1:9092");
    let command = |arguments: &[&str]| -> Command {
        let mut command = stack.command(arguments);
        command.env_remove("KAFKA_PORT");
        command
    };
    let ran = run(&mut command(&["up", "kafka", "--ports", "auto"])).succeeded();
    ran.says("kafka: port 9092 is taken by").says("(KAFKA_PORT)");
    let addresses = run(&mut command(&["credentials", "--json"])).succeeded();
    let addresses: Value = serde_json::from_str(&addresses.stdout).expect("JSON");
    let kafka = addresses.as_array().expect("rows").iter().find(|row| row["service"] == "kafka").expect("kafka");
    let address = kafka["url"].as_str().expect("an address");
    assert_ne!(address, "127.0.0.1:9092");
    // The broker tells its clients the same address, or they would not get an answer.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let kafka = Kafka::connect(address, std::time::Duration::from_secs(10)).await.expect("the broker answers");
        kafka.create_topic("there").await.expect("the controller is reached under the address it tells");
    });
    run(&mut command(&["up", "kafka"])).succeeded().says("nothing changed");
    stack.pipectl(&["reset", "all", "--yes"]).succeeded();
}
