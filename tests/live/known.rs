//! Failures that the servers are known for (src/pipeline/known.rs), each brought about in the real server, and explained by the command
//! that meets it.

use std::fs;
use std::process::Command;

use crate::stack::{Ran, Stack, docker, eventually, in_volume, run};

/// An `up` of services that must fail.
fn fails(stack: &Stack, services: &[&str]) -> Ran {
    ended_badly(&mut up(stack, services))
}

fn up(stack: &Stack, services: &[&str]) -> Command {
    stack.command(&[&["up", "--timeout", "60s"], services].concat())
}

fn ended_badly(command: &mut Command) -> Ran {
    let ran = run(command);
    assert_ne!(ran.code, Some(0), "{command:?} succeeded\n{}{}", ran.stdout, ran.stderr);
    ran
}

pub fn of_one_server(stack: &Stack) {
    stack.pipectl(&["reset", "all", "--yes"]).succeeded();

    // A volume that was copied by hand.
    stack.pipectl(&["up", "kafka"]).succeeded();
    stack.pipectl(&["stop", "kafka"]).succeeded();
    in_volume("kafka", "kafka-data", "chown root /v && chmod 700 /v");
    fails(stack, &["kafka"]).explains("volume-of-another-user");
    stack.pipectl(&["reset", "all", "--yes"]).succeeded();

    // A disk without room.
    let disk = "volumes:\n  kafka-data:\n    driver_opts: {type: tmpfs, device: tmpfs, o: size=8k}\n";
    with_override(stack, disk, &["up", "kafka", "--timeout", "60s"]).explains("disk-full");
    // One that the engine itself cannot put into the volume what the image has there.
    let disk = "volumes:\n  postgres-dest-data:\n    driver_opts: {type: tmpfs, device: tmpfs, o: size=4m}\n";
    with_override(stack, disk, &["up", "postgres-dest", "--timeout", "60s"]).explains("engine-disk-full");
    stack.pipectl(&["reset", "all", "--yes"]).succeeded();

    // A heap that is too small.
    let ran = ended_badly(up(stack, &["namenode"]).env("NAMENODE_HEAP", "12m"));
    ran.explains("heap-too-small").says("NAMENODE_HEAP");

    // A NameNode alone waits for a DataNode.
    let ran = ended_badly(&mut stack.command(&["up", "namenode", "--timeout", "20s"]));
    ran.explains("hdfs-safe-mode");

    // A program of another processor: what the kernel says of one is what it says of any file that is none.
    let foreign = "RUN printf '\\177ELF\\002' >/server && chmod 755 /server\nENTRYPOINT [\"/server\"]\n";
    own_service(stack, foreign).explains("another-processor");

    // A volume of another major version of Postgres.
    stack.pipectl(&["up", "postgres-dest"]).succeeded();
    stack.pipectl(&["stop", "postgres-dest"]).succeeded();
    let other = "find /v -maxdepth 2 -name PG_VERSION -exec sed -i s/.*/16/ {} +";
    in_volume("postgres-dest", "postgres-dest-data", other);
    let ran = fails(stack, &["postgres-dest"]);
    ran.explains("postgres-files-of-another-version").explains("postgres-directory-of-another-version");

    // A metastore of another version of Hive, and one without a schema.
    stack.pipectl(&["up", "datanode", "hive-metastore"]).succeeded();
    let metastore = |statement: &str| {
        let psql = ["psql", "-v", "ON_ERROR_STOP=1", "-qAtX", "-U", "admin", "-d", "metastore", "-c", statement];
        stack.pipectl(&[&["exec", "hms-db", "--"][..], &psql].concat()).succeeded();
    };
    metastore(r#"UPDATE "VERSION" SET "SCHEMA_VERSION" = '1.2.0'"#);
    fails(stack, &["--force-recreate", "hive-metastore"]).explains("hive-schema-of-another-version");
    metastore(r#"DELETE FROM "VERSION""#);
    fails(stack, &["--force-recreate", "hive-metastore"]).explains("hive-schema-missing");

    stack.pipectl(&["reset", "all", "--yes"]).succeeded();
}

pub fn of_servers_without_each_other(stack: &Stack) {
    stack.pipectl(&["reset", "all", "--yes"]).succeeded();

    // Servers in a network that those who need them are not in.
    let elsewhere =
        |service: &str| format!("services:\n  {service}:\n    networks: [elsewhere]\nnetworks:\n  elsewhere: {{}}\n");
    let up = ["up", "--timeout", "30s"];
    with_override(stack, &elsewhere("kafka"), &[&up[..], &["debezium"]].concat()).explains("kafka-has-no-address");
    with_override(stack, &elsewhere("hms-db"), &[&up[..], &["hive-metastore", "datanode"]].concat())
        .explains("no-address-in-java");

    stack.pipectl(&["reset", "all", "--yes"]).succeeded();
}

/// A command that must fail on the stack's files and this one.
fn with_override(stack: &Stack, yaml: &str, arguments: &[&str]) -> Ran {
    fs::write(stack.path().join("override.yaml"), yaml).expect("written");
    let files = ["-f", "compose/compose.yaml", "-f", "override.yaml"];
    ended_badly(&mut stack.command(&[&files[..], arguments].concat()))
}

/// The failing `up` of a service of somebody's own: its Dockerfile builds on an image of the stack.
fn own_service(stack: &Stack, steps: &str) -> Ran {
    let build = stack.path().join("own");
    fs::create_dir_all(&build).expect("a folder");
    fs::write(build.join("Dockerfile"), format!("FROM pipectl/base\n{steps}")).expect("written");
    let service = "services:\n  own:\n    image: pipectl/own\n    build: ../own\n    restart: 'no'\n";
    let ran = with_override(stack, service, &["up", "own"]);
    docker(&["rmi", "-f", "pipectl/own"]);
    ran
}

pub fn of_the_flow(stack: &Stack) {
    stack.up();

    // Somebody else reads from the slot. Without confirming anything, so that nothing is lost.
    stack.pipectl(&["stop", "debezium"]).succeeded();
    let source = stack.containers("postgres-source").concat();
    let reader =
        ["pg_recvlogical", "-U", "admin", "-d", "jadc2_db", "-S", "pipectl_slot", "--start", "-f", "/dev/null"];
    let options =
        ["-o", "proto_version=1", "-o", "publication_names=pipectl_publication", "-s", "0", "-F", "0", "--no-loop"];
    docker(&[&["exec", "-d", &source][..], &reader, &options].concat());
    stack.pipectl(&["up", "debezium", "--no-verify"]).succeeded();
    let status = stack.pipectl(&["status"]).exited(1);
    status.says("replication slot pipectl_slot is read by `pg_recvlogical`").says("pg_terminate_backend");
    stack.sql("postgres-source", "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active");
    // The connector goes on by itself.
    stack.up();

    // A worker that has not the memory of an executor: `up` proves the flow after any change of a server it goes through.
    let ran = ended_badly(stack.command(&["up", "--timeout", "30s"]).env("SPARK_WORKER_MEMORY", "256m"));
    ran.says("not done within 30 s").says("it needs 384 MiB, and no worker has more than 256 MiB");
    ran.explains("spark-executor-does-not-fit");
    stack.pipectl(&["status"]).exited(1).says("no worker has more than 256 MiB");
    stack.up();

    // A worker without a master, and an application that therefore gets no executor.
    stack.pipectl(&["stop", "spark-master", "spark-worker"]).succeeded();
    docker(&["start", "pipectl-live-spark-worker-1"]);
    let status = || stack.pipectl(&["status"]).stdout;
    eventually("the lost master is named", || status().contains("no executor: the master does not answer"));
    stack.pipectl(&["status"]).exited(1).explains("spark-driver-without-master");
    stack.up();

    // A job without its driver.
    stack.pipectl(&["stop", "spark-driver", "spark-job-process"]).succeeded();
    docker(&["start", "pipectl-live-spark-job-process-1"]);
    let logs = || stack.pipectl(&["logs", "--tail", "5", "spark-job-process"]).stdout;
    eventually("the job tells that it waits for its driver", || logs().contains("waiting"));
    stack.pipectl(&["status"]).exited(1).says("spark-driver");
    stack.up();
}
