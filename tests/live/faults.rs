//! Servers that die, hang, lose each other or run out of disk while rows are written all the time. Nobody repairs anything unless the
//! scenario says so, and at the end source, lake and destination hold the same rows.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::equal;
use crate::inject::{SmallDisk, Target, crash_engine};
use crate::stack::{Stack, eventually, run};
use crate::torture_workload::random::Random;

/// Seconds between two rounds of the generator, which are 15 otherwise.
const LOAD: (&str, &str) = ("GENERATE_INTERVAL", "0.5");
/// How long two servers do not hear of each other: longer than a lost packet, shorter than what their protocols give up after.
const CUT: Duration = Duration::from_secs(8);
/// Crashes in a row of the random scenario.
const CRASHES: usize = 3;
/// What may crash at any time: everything that data passes through.
const CRASHABLE: [&str; 13] = [
    "postgres-source",
    "debezium",
    "kafka",
    "namenode",
    "datanode",
    "hive-metastore",
    "spark-master",
    "spark-worker",
    "spark-driver",
    "spark-job-ingest",
    "spark-job-process",
    "postgres-dest",
    "hms-db",
];

pub fn random_crashes(stack: &Stack) {
    let seed = seed();
    println!("      seed {seed}; PIPECTL_FAULT_SEED={seed} repeats this run");
    let mut random = Random::new(seed);
    under_load(stack);
    for round in 0..CRASHES {
        let mut names = vec![random.pick(&CRASHABLE)];
        if random.one_in(2) {
            names.push(random.pick(&CRASHABLE));
        }
        names.dedup();
        let targets: Vec<_> = names.iter().map(|name| Target::of(stack, name)).collect();
        targets.iter().for_each(Target::crash);
        arrives(stack, &format!("crash {round} of {}", names.join(" and ")));
    }
    equal(stack);
}

pub fn frozen_servers(stack: &Stack) {
    under_load(stack);
    for service in ["debezium", "kafka", "datanode", "postgres-dest"] {
        let target = Target::of(stack, service);
        target.freeze();
        stack.pipectl(&["status"]).exited(1).says(&format!("{service} is paused"));
        target.thaw();
        arrives(stack, &format!("a frozen {service}"));
    }
    equal(stack);
}

pub fn cut_networks(stack: &Stack) {
    under_load(stack);
    for (one, other) in [
        ("debezium", "postgres-source"),
        ("debezium", "kafka"),
        ("spark-worker", "kafka"),
        ("spark-driver", "namenode"),
        ("spark-driver", "spark-worker"),
        ("spark-driver", "postgres-dest"),
    ] {
        let (near, far) = (Target::of(stack, one), Target::of(stack, other));
        near.cut_from(&far);
        // The fault itself has a length; what comes of it is waited for.
        std::thread::sleep(CUT);
        near.reconnect(&far);
        arrives(stack, &format!("{one} without {other}"));
    }
    equal(stack);
}

/// Kafka's and the DataNode's, one after the other, on a stack whose two volumes are small.
pub fn full_disks(stack: &Stack) {
    stack.pipectl(&["reset", "all", "--yes"]).succeeded();
    let file = small_disks(stack);
    let files = ["-f", "compose/compose.yaml", "-f", file.to_str().expect("UTF-8")];
    let with_files = |arguments: &[&str]| run(stack.command(&[&files[..], arguments].concat()).env(LOAD.0, LOAD.1));
    let told = |said: &str| {
        let ran = with_files(&["status"]);
        ran.code == Some(1) && ran.stdout.contains(said)
    };
    with_files(&["up"]).succeeded();

    // A DataNode that lives and has no room for one more block.
    let disk = SmallDisk::of("pipectl-live_datanode-data");
    disk.fill();
    eventually("status says that HDFS takes no block", || told("no DataNode takes the block"));
    with_files(&["status"]).explains("hdfs-no-data-node-takes-the-block");
    // The job's message is long, and what it is known by stands at its end. Between two tries the job is starting.
    eventually("doctor says so, too", || {
        let ran = with_files(&["doctor"]);
        ran.code == Some(1) && ran.stdout.contains("no DataNode takes the block")
    });
    disk.make_room();
    arrives(stack, "a full disk under HDFS");
    disk.release();

    let disk = SmallDisk::of("pipectl-live_kafka-data");
    disk.fill();
    eventually("status says that Kafka does not work", || told("kafka"));
    disk.make_room();
    let started = Instant::now();
    with_files(&["up"]).succeeded();
    println!("      a full disk: up again in {:.1} s", started.elapsed().as_secs_f32());
    arrives(stack, "a full disk under Kafka");
    with_files(&["verify", "--timeout", "300s"]).succeeded();
    with_files(&["down"]).succeeded();
    disk.release();
    stack.pipectl(&["reset", "all", "--yes"]).succeeded();
    std::fs::remove_file(file).expect("the override is there");
}

pub fn quiet_source(stack: &Stack) {
    stack.up();
    stack.pipectl(&["stop", "data-generator"]).succeeded();
    let asked = |statement: &str| stack.sql_as("postgres", "postgres-source", statement);
    lets_go_of_what_nobody_needs(&asked);
    stack.pipectl(&["start", "data-generator"]).succeeded();
}

/// No captured table changes, but the server's log grows by more than it may keep: other applications write, too.
pub fn lets_go_of_what_nobody_needs(asked: &dyn Fn(&str) -> String) {
    asked("CREATE TABLE noise AS SELECT md5(n::text) FROM generate_series(1, 1000000) n");
    asked("DROP TABLE noise");
    eventually("the slot lets go of what nobody needs", || {
        asked("CHECKPOINT");
        asked(
            "SELECT pg_current_wal_lsn() - restart_lsn < 32000000 FROM pg_replication_slots WHERE slot_name = 'pipectl_slot'",
        ) == "t"
    });
}

/// Only where the engine is the tests' own: whatever else runs on it would die, too.
pub fn engine_crash(stack: &Stack) {
    if std::env::var_os("PIPECTL_LIVE_OWN_ENGINE").is_none() {
        println!(
            "      NOT RUN: the engine may be somebody's; PIPECTL_LIVE_OWN_ENGINE=1 says that it is the tests' own"
        );
        return;
    }
    under_load(stack);
    crash_engine();
    let started = Instant::now();
    stack.up();
    println!("      the engine killed: up again in {:.1} s", started.elapsed().as_secs_f32());
    arrives(stack, "the death of the engine");
    equal(stack);
}

/// The stack is up, and the generator writes ten times as often as usual.
fn under_load(stack: &Stack) {
    run(stack.command(&["up"]).env(LOAD.0, LOAD.1)).succeeded();
}

/// A change made now reaches the destination by itself; tells after how long.
fn arrives(stack: &Stack, what: &str) {
    let started = Instant::now();
    let name = format!("after {what}, {}", unix_nanos());
    let change = format!("UPDATE regions SET name = '{name}' WHERE region_id = 1");
    eventually("the source takes a change", || stack.try_sql("postgres-source", &change).is_some());
    let found = "SELECT name FROM regions WHERE region_id = 1";
    eventually(&format!("the change made after {what} is in the destination"), || {
        stack.try_sql("postgres-dest", found).is_some_and(|found| found == name)
    });
    println!("      {what}: a change arrives {:.1} s later", started.elapsed().as_secs_f32());
}

/// With the usual load again, all three stores have the same rows.
fn equal(stack: &Stack) {
    stack.up();
    equal::equal(stack);
}

/// HDFS wants room for a whole block of each file that is being written, so its disk is larger; and it is to be its own.
fn small_disks(stack: &Stack) -> PathBuf {
    let file = stack.path().join("small-disks.yaml");
    let disk =
        |volume, size| format!("  {volume}:\n    driver_opts: {{type: tmpfs, device: tmpfs, o: \"size={size}\"}}\n");
    let yaml = format!("volumes:\n{}{}", disk("kafka-data", "256m"), disk("datanode-data", "2g,uid=10001"));
    std::fs::write(&file, yaml).expect("written");
    file
}

/// From the environment, or a new one.
fn seed() -> u64 {
    match std::env::var("PIPECTL_FAULT_SEED") {
        Ok(given) => given.parse().expect("PIPECTL_FAULT_SEED is a number"),
        Err(_) => unix_nanos(),
    }
}

fn unix_nanos() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    now.as_secs() * 1_000_000_000 + u64::from(now.subsec_nanos())
}
