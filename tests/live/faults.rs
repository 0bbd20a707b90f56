//! Faults that nobody answers with a command: the engine's restart policy, the servers' own retries and the jobs' marks have to bring
//! the flow back. The generator writes all the while, and the comparison at the end is of every table.
//!
//! Processes and packets of containers are the kernel's: these need root, as the engine itself does.

use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::stack::{Stack, docker, eventually, run};

/// Long enough for every client to notice and to try again, short enough for a test.
const FAULT: Duration = Duration::from_secs(12);
/// Crashes in a row.
const CRASHES: usize = 8;

pub fn paused(stack: &Stack) {
    stack.up();
    for service in ["kafka", "debezium", "postgres-dest", "namenode", "spark-driver"] {
        let container = the(stack, service);
        docker(&["pause", &container]);
        let name = change(stack, &format!("written while {service} was paused"));
        std::thread::sleep(FAULT);
        docker(&["unpause", &container]);
        arrives(stack, &name, &format!("{service} paused for {} s", FAULT.as_secs()));
    }
    stack.pipectl(&["verify", "--timeout", "300s"]).succeeded();
}

pub fn cut(stack: &Stack) {
    stack.up();
    for (one, other) in [
        ("debezium", "postgres-source"),
        ("debezium", "kafka"),
        ("spark-driver", "namenode"),
        ("spark-driver", "postgres-dest"),
        ("spark-worker", "datanode"),
    ] {
        let cut = Cut::between(&the(stack, one), &the(stack, other));
        let name = change(stack, &format!("written while {one} and {other} were cut apart"));
        std::thread::sleep(FAULT);
        drop(cut);
        arrives(stack, &name, &format!("{one} and {other} cut apart for {} s", FAULT.as_secs()));
    }
    stack.pipectl(&["verify", "--timeout", "300s"]).succeeded();
}

pub fn random_crashes(stack: &Stack) {
    stack.up();
    let services = [
        "kafka",
        "debezium",
        "postgres-source",
        "postgres-dest",
        "namenode",
        "datanode",
        "hive-metastore",
        "spark-master",
        "spark-worker",
        "spark-driver",
        "spark-job-ingest",
        "spark-job-process",
    ];
    let seed = std::env::var("PIPECTL_CRASH_SEED").ok().map_or_else(now, |given| given.parse().expect("a number"));
    println!("      seed {seed}; PIPECTL_CRASH_SEED={seed} repeats this run");
    let mut state = seed;
    for _ in 0..CRASHES {
        // Knuth's MMIX generator: any will do that a seed repeats.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = usize::try_from(state >> 33).expect("31 bits");
        let service = services[draw % services.len()];
        // One that has not come back yet cannot die again.
        if let Some(container) = stack.containers(service).pop() {
            println!("      kill -9 of {service}");
            crash(&container);
        }
        std::thread::sleep(Duration::from_millis(1000 + u64::try_from(draw % 4000).expect("small")));
    }
    let began = Instant::now();
    eventually("every part is well again", || stack.pipectl(&["status"]).code == Some(0));
    println!("      after {CRASHES} crashes well again within {:.1} s of the last", began.elapsed().as_secs_f32());
    stack.pipectl(&["verify", "--full", "--timeout", "300s"]).succeeded();
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// The one container of a service.
fn the(stack: &Stack, service: &str) -> String {
    stack.containers(service).pop().unwrap_or_else(|| panic!("{service} runs"))
}

/// Changes a row at the source; returns what it was changed to.
fn change(stack: &Stack, name: &str) -> String {
    stack.sql("postgres-source", &format!("UPDATE regions SET name = '{name}' WHERE region_id = 1"));
    name.to_owned()
}

fn arrives(stack: &Stack, name: &str, after: &str) {
    let began = Instant::now();
    eventually(&format!("the change is in the destination after {after}"), || {
        let asked = ["exec", "postgres-dest", "--", "psql", "-qAtX", "-U", "admin", "-d", "jadc2_db", "-c"];
        let ran = stack.pipectl(&[&asked[..], &["SELECT name FROM regions WHERE region_id = 1"]].concat());
        ran.stdout.trim() == name
    });
    println!("      {after}: flows again {:.1} s later", began.elapsed().as_secs_f32());
}

/// The container's first process dies as in a crash; `docker kill` would keep the engine from starting it again.
fn crash(container: &str) {
    run(Command::new("kill").args(["-9", &inspect(container, "{{.State.Pid}}")])).succeeded();
}

fn inspect(container: &str, format: &str) -> String {
    docker(&["inspect", "--format", format, container]).trim().to_owned()
}

/// No packet passes between two containers, until this is dropped.
struct Cut {
    pid: String,
    address: String,
}

impl Cut {
    fn between(one: &str, other: &str) -> Self {
        let address = inspect(other, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
        let cut = Self { pid: inspect(one, "{{.State.Pid}}"), address };
        cut.rules("-I");
        cut
    }

    fn rules(&self, what: &str) {
        for (chain, end) in [("INPUT", "-s"), ("OUTPUT", "-d")] {
            let rule = ["iptables", what, chain, end, self.address.as_str(), "-j", "DROP"];
            run(Command::new("nsenter").args(["-t", self.pid.as_str(), "-n", "--"]).args(rule)).succeeded();
        }
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.rules("-D");
    }
}
