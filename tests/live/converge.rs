//! `up` changes what differs and nothing else; what breaks comes back. Regions are what the scenarios change themselves:
//! the generator leaves them alone.

use crate::equal::equal;
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
    arrives(stack, "with two workers");
    stack.pipectl(&["scale", "spark-worker=1"]).succeeded();
    assert_eq!(stack.containers("spark-worker").len(), 1);
    arrives(stack, "with one worker again");
}

/// A change of now is in the destination.
fn arrives(stack: &Stack, name: &str) {
    stack.rename_region(1, name);
    stack.await_region(1, name);
}

pub fn one_job_alone(stack: &Stack) {
    stack.up();
    let ingest = stack.containers("spark-job-ingest");
    stack.pipectl(&["stop", "spark-job-process"]).succeeded();
    assert!(stack.containers("spark-job-process").is_empty());
    let status = stack.status();
    assert_eq!(status["healthy"], false, "a stopped job is not well: {status:#}");
    // Job 1 goes on meanwhile: what is written now must be in the destination once job 2 is back.
    stack.rename_region(1, "changed while job 2 was stopped");
    stack.pipectl(&["start", "spark-job-process"]).succeeded();
    stack.await_region(1, "changed while job 2 was stopped");
    assert_eq!(ingest, stack.containers("spark-job-ingest"), "job 1 was not touched");
}

pub fn killed_movers(stack: &Stack) {
    killed_and_back(stack, &["debezium", "kafka", "spark-job-ingest", "spark-driver", "spark-worker", "spark-master"]);
}

pub fn killed_stores(stack: &Stack) {
    killed_and_back(stack, &["postgres-dest", "namenode", "datanode", "hive-metastore", "postgres-source"]);
}

/// Kills each in turn, changes a row while it is down, and expects the change at the other end after `up`.
fn killed_and_back(stack: &Stack, services: &[&str]) {
    stack.up();
    for (region, service) in (1..=5).cycle().zip(services) {
        let container = stack.containers(service).pop().unwrap_or_else(|| panic!("{service} runs"));
        docker(&["kill", &container]);
        let name = format!("written after {service} was killed");
        // Nothing can be written to a source that is down.
        let source = *service == "postgres-source";
        if !source {
            stack.rename_region(region, &name);
        }
        let ran = stack.up();
        println!("      {service} killed: up again in {:.1} s", ran.elapsed.as_secs_f32());
        if source {
            stack.rename_region(region, &name);
        }
        stack.await_region(region, &name);
    }
    equal(stack);
}

pub fn odd_changes_arrive(stack: &Stack) {
    stack.up();
    // It changes and deletes orders, these too.
    stack.pipectl(&["stop", "data-generator"]).succeeded();
    let source = |statement: &str| stack.sql("postgres-source", statement);
    let burst = |rows: u32| {
        format!(
            "INSERT INTO orders (customer_id, amount, quantity, status, note) \
             SELECT (SELECT min(customer_id) FROM customers), 1 + n % 100, 1, 'new', 'burst' FROM generate_series(1, {rows}) n"
        )
    };
    // More than one piece of a batch, see spark/lib/slices.py.
    source(&burst(100_000));
    source(&format!("BEGIN; {}; ROLLBACK", burst(1_000)));
    source("UPDATE regions SET name = name || '?' WHERE region_id = 2");
    source("UPDATE regions SET name = rtrim(name, '?') WHERE region_id = 2");
    source("INSERT INTO regions (region_id, name) VALUES (900, 'first')");
    source(
        "BEGIN; DELETE FROM regions WHERE region_id = 900; INSERT INTO regions (region_id, name) VALUES (900, 'again'); COMMIT",
    );
    source("UPDATE regions SET region_id = 901 WHERE region_id = 900");
    eventually("the large transaction is in the destination, and only that", || {
        stack.sql("postgres-dest", "SELECT count(*) FROM orders WHERE note = 'burst'") == "100000"
    });
    eventually("a changed key is a delete and an insert", || {
        stack.sql(
            "postgres-dest",
            "SELECT string_agg(region_id || ' ' || name, ',') FROM regions WHERE region_id >= 900",
        ) == "901 again"
    });
    equal(stack);
    source("TRUNCATE orders");
    eventually("a truncate arrives", || {
        stack.sql("postgres-dest", "SELECT count(*) FROM orders WHERE note = 'burst'") == "0"
    });
    source("DELETE FROM regions WHERE region_id = 901");
    // verify follows a copy of a row, so there has to be one.
    source(&burst(1));
    equal(stack);
    stack.pipectl(&["start", "data-generator"]).succeeded();
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
