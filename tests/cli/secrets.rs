//! Secrets reach a service as files, before it starts, and nothing else shows them.

use insta::assert_snapshot;

use crate::harness::{Stage, UP};

const VAULT: &str = "
name: shop
services:
  db:
    image: db:1
    environment: {POSTGRES_PASSWORD_FILE: /run/secrets/db.password}
    secrets:
      - {source: password, target: db.password, mode: 0400}
    ports: ['${PIPECTL_BIND:-127.0.0.1}:15997:5432']
secrets:
  password:
    environment: DB_PASSWORD
    x-pipectl: {default: '${SHOP_PASSWORD:-secret}'}
";

/// What the database finds in its file.
fn found(stage: &Stage) -> String {
    let world = stage.world();
    let trees: Vec<_> = world.anonymous.values().collect();
    let [tree] = trees[..] else { panic!("one container has secrets, not {}", trees.len()) };
    let file = &tree["db.password"];
    assert_eq!((file.mode, file.owner), (0o400, (0, 0)));
    String::from_utf8(file.data.clone()).expect("text")
}

#[test]
fn a_secret_is_there_before_the_service_starts_and_in_no_inspection() {
    let stage = Stage::new(VAULT);
    stage.write(".env", "DB_PASSWORD=geheim-4711\n");
    assert_snapshot!(stage.run(&UP), @r"
    exit code 0
    --- stderr
    [time] network shop_default: created (not there)
    [time] db: created (not there)
    [time] db: started
    [time] db: ready after TIME (runs)
    [time] done: 3 change(s) made, everything is ready
    ");
    assert_eq!(
        stage.calls(),
        [
            "POST /networks/create",
            "POST /containers/create",
            "PUT /containers/shop-db-1/archive",
            "POST /containers/shop-db-1/start",
        ]
    );
    assert_eq!(found(&stage), "geheim-4711");
    let world = stage.world();
    let container = world.containers.values().next().expect("a container");
    assert!(!format!("{} {:?}", container.request, container.labels).contains("4711"));
}

#[test]
fn another_secret_recreates_what_uses_it_and_the_same_one_nothing() {
    let stage = Stage::new(VAULT);
    assert_eq!(stage.run(&UP).code, 0);
    assert_eq!(found(&stage), "secret");
    stage.write(".env", "DB_PASSWORD=\n");
    assert_eq!(stage.run(&UP).stderr, "[time] done: everything is up to date: nothing changed\n");
    stage.write(".env", "DB_PASSWORD=geheim-4711\n");
    assert_snapshot!(stage.run(&UP), @r"
    exit code 0
    --- stderr
    [time] db: stopped (configuration changed)
    [time] db: removed
    [time] db: created
    [time] db: started
    [time] db: ready after TIME (runs)
    [time] done: 4 change(s) made, everything is ready
    ");
    assert_eq!(found(&stage), "geheim-4711");
}

#[test]
fn a_container_that_the_engine_puts_no_secret_into_is_not_left_behind() {
    let stage = Stage::new(VAULT);
    stage.world().full_anonymous = true;
    assert_snapshot!(stage.run(&UP), @r"
    exit code 1
    --- stderr
    [time] network shop_default: created (not there)
    [time] db: failed after TIME: failed to create shop-db-1
    [time] failed
    error: failed to create shop-db-1
      because: the disk of the container engine is full
        because: write /run/secrets: no space left on device

    hint: `docker system df` shows what takes the room, `pipectl images prune` removes old images; then `pipectl up`
    hint: once that is repaired, `pipectl up` goes on from here
    ");
    assert!(stage.world().containers.is_empty());
}

#[test]
fn one_that_was_never_started_is_made_anew() {
    let stage = Stage::new(VAULT);
    let refused = (500, "no space left on device".into());
    stage.world().refusals.insert("POST /containers/shop-db-1/start".into(), refused);
    assert_eq!(stage.run(&UP).code, 1);
    stage.world().refusals.clear();
    assert_snapshot!(stage.run(&UP), @r"
    exit code 0
    --- stderr
    [time] db: removed (was never started and may lack secrets)
    [time] db: created
    [time] db: started
    [time] db: ready after TIME (runs)
    [time] done: 3 change(s) made, everything is ready
    ");
}

#[test]
fn the_default_of_a_secret_is_known_to_everybody() {
    let stage = Stage::new(VAULT);
    assert_snapshot!(stage.run(&["up", "--bind", "0.0.0.0"]), @r"
    exit code 5
    --- stderr
    error: a check before the start failed; nothing was touched
      because: bind: on 0.0.0.0, db would stand open: the passwords are those of the demo

    hint: set DB_PASSWORD, SHOP_PASSWORD to values of your own in the environment or .env
    ");
    // A default that is a secret of one's own is no password of the demo.
    stage.write(".env", "SHOP_PASSWORD=mine\n");
    let up = stage.run(&["up", "--bind", "0.0.0.0"]);
    assert_eq!(up.code, 0, "{up}");
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    let stage = Stage::new(&VAULT.replace("    x-pipectl: {default: '${SHOP_PASSWORD:-secret}'}\n", ""));
    assert_snapshot!(stage.run(&UP), @r"
    exit code 2
    --- stderr
    error: compose/compose.yaml:11:3: secret `password` is the value of variable `DB_PASSWORD`, which is not set
      11 |   password:
         |   ^^^^^^^^

    hint: set it in the environment or in .env: DB_PASSWORD=value
    ");
}
