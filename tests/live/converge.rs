//! `up` changes what differs and nothing else; what breaks comes back. Regions are what the scenarios change themselves:
//! the generator leaves them alone.

use crate::stack::{Stack, docker, eventually};

pub fn second_up_changes_nothing(stack: &Stack) {
    stack.up();
    let before = stack.fingerprint();
    let ran = stack.up();
    println!("      second up: {:.2} s", ran.elapsed.as_secs_f32());
    assert_eq!(before, stack.fingerprint(), "no container was touched");
}

pub fn edited_transformation(stack: &Stack) {
    stack.up();
    let others = |stack: &Stack| -> Vec<String> {
        stack.fingerprint().lines().filter(|line| !line.contains("spark-job")).map(str::to_owned).collect()
    };
    let (before, job) = (others(stack), stack.containers("spark-job-process"));
    let file = stack.path().join("spark/transforms/orders.sql");
    let sql = std::fs::read_to_string(&file).expect("orders.sql");
    std::fs::write(&file, format!("-- edited by a test\n{sql}")).expect("written");
    stack.up();
    assert_eq!(before, others(stack), "no other container was touched");
    assert_ne!(job, stack.containers("spark-job-process"), "job 2 was made anew");
    stack.restore_files();
    stack.up();
}

pub fn scale_workers(stack: &Stack) {
    stack.up();
    stack.pipectl(&["scale", "spark-worker=2"]).succeeded();
    assert_eq!(stack.containers("spark-worker").len(), 2);
    stack.pipectl(&["verify", "--timeout", "300s"]).succeeded();
    stack.pipectl(&["scale", "spark-worker=1"]).succeeded();
    assert_eq!(stack.containers("spark-worker").len(), 1);
    stack.pipectl(&["verify", "--timeout", "300s"]).succeeded();
}

pub fn one_job_alone(stack: &Stack) {
    stack.up();
    let ingest = stack.containers("spark-job-ingest");
    stack.pipectl(&["stop", "spark-job-process"]).succeeded();
    assert!(stack.containers("spark-job-process").is_empty());
    let status = stack.status();
    assert_eq!(status["healthy"], false, "a stopped job is not well: {status:#}");
    // Job 1 goes on meanwhile: what is written now must be in the destination once job 2 is back.
    stack.sql("postgres-source", "UPDATE regions SET name = 'changed while job 2 was stopped' WHERE region_id = 1");
    stack.pipectl(&["start", "spark-job-process"]).succeeded();
    eventually("the change made meanwhile is in the destination", || {
        stack.sql("postgres-dest", "SELECT name FROM regions WHERE region_id = 1") == "changed while job 2 was stopped"
    });
    assert_eq!(ingest, stack.containers("spark-job-ingest"), "job 1 was not touched");
}

pub fn killed_containers(stack: &Stack) {
    stack.up();
    for (round, service) in
        ["debezium", "kafka", "spark-job-ingest", "spark-driver", "postgres-dest"].into_iter().enumerate()
    {
        let container = stack.containers(service).pop().unwrap_or_else(|| panic!("{service} runs"));
        docker(&["kill", &container]);
        let name = format!("written after {service} was killed");
        stack
            .sql("postgres-source", &format!("UPDATE regions SET name = '{name}' WHERE region_id = {}", round % 5 + 1));
        let ran = stack.up();
        println!("      {service} killed: up again in {:.1} s", ran.elapsed.as_secs_f32());
        eventually(&format!("the change made while {service} was down is in the destination"), || {
            stack.sql("postgres-dest", &format!("SELECT name FROM regions WHERE region_id = {}", round % 5 + 1)) == name
        });
    }
    stack.pipectl(&["verify", "--full", "--timeout", "300s"]).succeeded();
}

pub fn status_names_the_broken_part(stack: &Stack) {
    stack.up();
    stack.pipectl(&["stop", "debezium"]).succeeded();
    let ran = stack.pipectl(&["status"]).exited(1);
    let all = format!("{}{}", ran.stdout, ran.stderr);
    assert!(all.contains("debezium") && all.contains("pipectl up"), "{all}");
    let ran = stack.pipectl(&["verify", "--timeout", "20s"]);
    assert_ne!(ran.code, Some(0), "verify cannot pass without the connector");
    stack.up();
}
