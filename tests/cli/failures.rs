//! What goes wrong while the stack comes up: what failed, the evidence, what to type next.

use std::time::Duration;

use insta::assert_snapshot;

use crate::fake_daemon::{BuildFailure, Fate};
use crate::harness::{Run, SHOP, Stage, UP};

/// `up` of [`SHOP`] where this becomes of `db`.
fn with_fate(fate: Fate) -> Run {
    let stage = Stage::new(SHOP);
    stage.world().fates.insert("db".into(), fate);
    stage.world().logs.insert("db".into(), vec!["starting".into(), "FATAL: no space".into()]);
    let run = stage.run(&UP);
    assert!(!stage.calls().contains(&"POST /containers/shop-web-1/start".into()), "web needs db");
    run
}

#[test]
fn an_image_that_does_not_build_shows_the_failing_step() {
    let stage = Stage::new("name: shop\nservices:\n  web:\n    build: {context: ../web}\n");
    stage.write("web/Dockerfile", "FROM debian\nRUN make\n");
    let failure = BuildFailure {
        step: 2,
        output: vec!["cc -c x.c".into(), "x.c:1: error: expected `;`".into()],
        message: "The command '/bin/sh -c make' returned a non-zero code: 2".into(),
    };
    stage.world().build_failures.insert("pipectl/web".into(), failure);
    assert_snapshot!(stage.run(&UP).sorted(), @r"
    exit code 1
    --- stderr
    [time] failed
    [time] network shop_default: created (not there)
    [time] web: failed after TIME: failed to get image pipectl/web:<image-hash>
    [time] web: preparing (not there)
    error: failed to get image pipectl/web:<image-hash>
      because: building pipectl/web:<image-hash> failed at `Step 2/2 : RUN make`: The command '/bin/sh -c make' returned a non-zero code: 2

      output of `Step 2/2 : RUN make`:
      | cc -c x.c
      | x.c:1: error: expected `;`

    hint: once that is repaired, `pipectl up` goes on from here
    ");
    assert_snapshot!(stage.run(&["images", "build"]), @r"
    exit code 1
    --- stderr
    [time] pipectl/web:<image-hash>: preparing (not there)
    [time] pipectl/web:<image-hash>: failed after TIME: failed to get image pipectl/web:<image-hash>
    [time] failed
    error: failed to get image pipectl/web:<image-hash>
      because: building pipectl/web:<image-hash> failed at `Step 2/2 : RUN make`: The command '/bin/sh -c make' returned a non-zero code: 2

      output of `Step 2/2 : RUN make`:
      | cc -c x.c
      | x.c:1: error: expected `;`

    hint: once that is repaired, `pipectl up` goes on from here
    ");
}

#[test]
fn a_failure_that_is_known_is_explained_before_anything_else() {
    let stage = Stage::new(SHOP);
    stage.world().fates.insert("db".into(), Fate::Exits(Duration::ZERO, 1));
    let said = "DETAIL:  The data directory was initialized by PostgreSQL version 16, which is not compatible with this version 17.5.";
    stage.world().logs.insert("db".into(), vec![said.into()]);
    let run = stage.run(&UP);
    assert_snapshot!(run.stderr.split_once("\nerror: ").expect("an error").1, @r"
    db exited with 1 before it was ready
      because: the volume was written by another major version of Postgres
        because: after TIME of the 185 s that it has

      last lines of shop-db-1:
      | DETAIL:  The data directory was initialized by PostgreSQL version 16, which is not compatible with this version 17.5.

    hint: go back to the pipectl that wrote it, or begin anew: `pipectl reset all --backup FILE`
    hint: `pipectl logs db` shows all that it wrote
    hint: once that is repaired, `pipectl up` goes on from here
    ");
}

#[test]
fn a_container_that_exits_at_start_shows_its_log() {
    assert_snapshot!(with_fate(Fate::Exits(Duration::ZERO, 3)), @r"
    exit code 1
    --- stderr
    [time] network shop_default: created (not there)
    [time] volume shop_data: created (not there)
    [time] db: created (not there)
    [time] web: created (not there)
    [time] db: started
    [time] db: failed after TIME: db exited with 3 before it was ready
    [time] not finished: web
    [time] failed
    error: db exited with 3 before it was ready
      because: after TIME of the 185 s that it has

      last lines of shop-db-1:
      | starting
      | FATAL: no space

    hint: `pipectl logs db` shows all that it wrote
    hint: once that is repaired, `pipectl up` goes on from here
    ");
}

#[test]
fn the_errors_of_a_log_come_first_and_its_end_is_short() {
    let stage = Stage::new(SHOP);
    stage.world().fates.insert("db".into(), Fate::Exits(Duration::ZERO, 1));
    let errors =
        ["ERROR cannot open the log", "Caused by: java.io.IOException: closed", "Caused by: disk quota exceeded"];
    let end = (1..=30).map(|part| format!("closing part {part}"));
    let log = errors.map(str::to_owned).into_iter().chain(end).collect();
    stage.world().logs.insert("db".into(), log);
    let run = stage.run(&UP);
    assert_snapshot!(run.stderr.split_once("\nerror: ").expect("an error").1, @r"
    db exited with 1 before it was ready
      because: after TIME of the 185 s that it has

      errors of shop-db-1:
      | ERROR cannot open the log
      | Caused by: disk quota exceeded

      last lines of shop-db-1:
      | closing part 26
      | closing part 27
      | closing part 28
      | closing part 29
      | closing part 30

    hint: `pipectl logs db` shows all that it wrote
    hint: once that is repaired, `pipectl up` goes on from here
    ");
}

#[test]
fn a_container_whose_command_is_not_there() {
    let run = with_fate(Fate::Exits(Duration::ZERO, 127));
    assert!(run.stderr.contains("exit code 127 means: the command was not found in the image"), "{run}");
}

#[test]
fn a_container_without_a_health_check_that_exits_at_start() {
    let stage = Stage::new("name: shop\nservices:\n  web: {image: web:1}\n");
    stage.world().fates.insert("web".into(), Fate::Exits(Duration::ZERO, 1));
    assert_snapshot!(stage.run(&UP), @r"
    exit code 1
    --- stderr
    [time] network shop_default: created (not there)
    [time] web: created (not there)
    [time] web: started
    [time] web: failed after TIME: web exited with 1 before it was ready
    [time] failed
    error: web exited with 1 before it was ready
      because: after TIME of the 60 s that it has

    hint: `pipectl logs web` shows all that it wrote
    hint: once that is repaired, `pipectl up` goes on from here
    ");
}

#[test]
fn a_health_check_that_fails() {
    assert_snapshot!(with_fate(Fate::NeverHealthy("connection refused".into())), @r"
    exit code 1
    --- stderr
    [time] network shop_default: created (not there)
    [time] volume shop_data: created (not there)
    [time] db: created (not there)
    [time] web: created (not there)
    [time] db: started
    [time] db: failed after TIME: db is unhealthy
    [time] not finished: web
    [time] failed
    error: db is unhealthy
      because: its health check says: connection refused
        because: after TIME of the 185 s that it has

      last lines of shop-db-1:
      | starting
      | FATAL: no space

    hint: `pipectl logs db` shows all that it wrote
    hint: once that is repaired, `pipectl up` goes on from here
    ");
}

#[test]
fn a_probe_that_never_passes_ends_at_its_deadline() {
    let stage = Stage::new(
        "
name: shop
services:
  web:
    image: web:1
    x-pipectl:
      ready: {probe: exec, command: [curl, -f, localhost], timeout: 300ms}
",
    );
    stage.world().logs.insert("web".into(), vec!["listening".into()]);
    stage.world().execs.push(crate::fake_daemon::ExecScript {
        contains: "curl".into(),
        exit_code: 7,
        stdout: String::new(),
        stderr: "connection refused".into(),
    });
    assert_snapshot!(stage.run(&UP), @r"
    exit code 4
    --- stderr
    [time] network shop_default: created (not there)
    [time] web: created (not there)
    [time] web: started
    [time] web: failed after TIME: web is not ready after 300 ms
    [time] failed
    error: web is not ready after 300 ms
      because: last answer: probe exec: curl exits with 7: connection refused

      last lines of shop-web-1:
      | listening

    hint: `pipectl logs web` shows all that it wrote
    hint: once that is repaired, `pipectl up` goes on from here
    ");
}

#[test]
fn a_container_that_is_killed_for_memory() {
    assert_snapshot!(with_fate(Fate::OomKilled), @r"
    exit code 1
    --- stderr
    [time] network shop_default: created (not there)
    [time] volume shop_data: created (not there)
    [time] db: created (not there)
    [time] web: created (not there)
    [time] db: started
    [time] db: failed after TIME: db was killed: out of memory
    [time] not finished: web
    [time] failed
    error: db was killed: out of memory
      because: the kernel ended it because it needed more than its memory limit
        because: after TIME of the 185 s that it has

      last lines of shop-db-1:
      | starting
      | FATAL: no space

    hint: raise `mem_limit` of service db, or lower what it is told to use
    hint: `pipectl logs db` shows all that it wrote
    hint: once that is repaired, `pipectl up` goes on from here
    ");
}

#[test]
fn a_container_that_crashes_in_a_loop() {
    assert_snapshot!(with_fate(Fate::CrashLoop(1)), @r"
    exit code 1
    --- stderr
    [time] network shop_default: created (not there)
    [time] volume shop_data: created (not there)
    [time] db: created (not there)
    [time] web: created (not there)
    [time] db: started
    [time] db: failed after TIME: db restarts in a loop
    [time] not finished: web
    [time] failed
    error: db restarts in a loop
      because: it ended and was restarted 3 times, last with exit code 1
        because: after TIME of the 185 s that it has

      last lines of shop-db-1:
      | starting
      | FATAL: no space

    hint: `pipectl logs db` shows all that it wrote
    hint: once that is repaired, `pipectl up` goes on from here
    ");
}

#[test]
fn a_deadline_for_the_whole_run() {
    let stage = Stage::new(SHOP);
    stage.world().fates.insert("db".into(), Fate::HealthyAfter(Duration::from_secs(3600)));
    assert_snapshot!(stage.run(&["up", "--parallel", "1", "--timeout", "1s"]), @r"
    exit code 4
    --- stderr
    [time] network shop_default: created (not there)
    [time] volume shop_data: created (not there)
    [time] db: created (not there)
    [time] web: created (not there)
    [time] db: started
    [time] not finished: db, web
    [time] failed
    error: not done within 1 s, as --timeout says
      because: db was not ready; last: health: starting

    hint: `pipectl up` goes on from here
    ");
}

#[test]
fn a_port_that_only_the_engine_finds_taken() {
    let stage = Stage::new("name: shop\nservices:\n  web: {image: web:1, ports: ['127.0.0.1:8089:80']}\n");
    stage.world().taken_ports.insert(8089);
    assert_snapshot!(stage.run(&["up", "--parallel", "1", "--skip-preflight"]), @r"
    exit code 1
    --- stderr
    [time] network shop_default: created (not there)
    [time] web: created (not there)
    [time] web: failed after TIME: failed to start shop-web-1
    [time] failed
    error: failed to start shop-web-1
      because: port 8089 of this machine is taken: driver failed programming external connectivity on endpoint shop-web-1 (ab12): Bind for 127.0.0.1:8089 failed: port is already allocated

    hint: `ss -ltnp 'sport = :8089'` shows who listens there
    hint: end that program, or publish another port for service web
    hint: once that is repaired, `pipectl up` goes on from here
    ");
}

#[test]
fn an_optional_image_that_cannot_be_had_is_left_out() {
    let stage = Stage::new(
        "
name: shop
services:
  ui: {image: example.com/ui:1, x-pipectl: {optional: true}}
  web: {image: web:1}
",
    );
    assert_snapshot!(stage.run(&UP).sorted(), @r#"
    exit code 0
    --- stderr
    [time] hint: the next `pipectl up` tries it again
    [time] network shop_default: created (not there)
    [time] ui: preparing (not there)
    [time] ui: skipped (left out: failed to get image example.com/ui:1)
    [time] warning: ui is left out: failed to get image example.com/ui:1: failed to pull example.com/ui:1: Get "https://registry.test/v2/": dial tcp: lookup registry.test: no such host; this image only exists in its registry: where that cannot be reached, bring it with `docker save example.com/ui:1` on another machine and `docker load` here
    [time] web: created (not there)
    [time] web: ready after TIME (runs)
    [time] web: started
    [time] done: 3 change(s) made, everything but ui is ready
    "#);
    assert_eq!(stage.world().names(), ["shop-web-1"]);
}

#[test]
fn images_that_another_service_stands_in_for_are_left_out_in_one_line() {
    let stage = Stage::new(
        "
name: shop
services:
  big-db: {image: 'example.com/db:1', x-pipectl: {optional: true, instead: small}}
  big: {image: 'example.com/big:1', depends_on: [big-db], x-pipectl: {optional: true, instead: small, endpoint: {label: Big, url: 'http://big'}}}
  small: {image: 'web:1', x-pipectl: {endpoint: {label: Small, url: 'http://small'}}}
",
    );
    let ran = stage.run(&UP);
    let told: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("warning")).collect();
    assert_eq!(told.len(), 1, "{}", ran.stderr);
    assert!(
        told[0].contains("warning: big, big-db: left out, small takes over: failed to get image example.com/"),
        "{told:?}"
    );
    assert!(ran.stderr.contains("everything but big, big-db is ready"), "{}", ran.stderr);
    assert!(ran.stderr.contains("http://small") && !ran.stderr.contains("http://big"), "{}", ran.stderr);
}

#[test]
fn a_needed_image_that_cannot_be_had() {
    let stage = Stage::new("name: shop\nservices:\n  ui: {image: 'example.com/ui:1'}\n");
    assert_snapshot!(stage.run(&UP).sorted(), @r#"
    exit code 1
    --- stderr
    [time] failed
    [time] network shop_default: created (not there)
    [time] ui: failed after TIME: failed to get image example.com/ui:1
    [time] ui: preparing (not there)
    error: failed to get image example.com/ui:1
      because: failed to pull example.com/ui:1: Get "https://registry.test/v2/": dial tcp: lookup registry.test: no such host; this image only exists in its registry: where that cannot be reached, bring it with `docker save example.com/ui:1` on another machine and `docker load` here

    hint: once that is repaired, `pipectl up` goes on from here
    "#);
}

#[test]
fn an_engine_that_goes_away_in_the_middle() {
    let stage = Stage::new(SHOP);
    stage.world().refusals.insert("POST /containers/create".into(), (500, "no space left on device".into()));
    assert_snapshot!(stage.run(&UP), @r"
    exit code 1
    --- stderr
    [time] network shop_default: created (not there)
    [time] volume shop_data: created (not there)
    [time] db: failed after TIME: failed to create shop-db-1
    [time] not finished: web
    [time] failed
    error: failed to create shop-db-1
      because: the disk of the container engine is full
        because: no space left on device

    hint: `docker system df` shows what takes the room, `pipectl images prune` removes old images; then `pipectl up`
    hint: once that is repaired, `pipectl up` goes on from here
    ");
}
