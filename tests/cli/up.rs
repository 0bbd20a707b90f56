//! `up`: everything the first time, nothing the second time, and what it would do.

use std::time::Duration;

use insta::assert_snapshot;

use crate::fake_daemon::Fate;
use crate::harness::{SHOP, Stage, UP};

#[test]
fn a_small_project_comes_up() {
    let stage = Stage::new(SHOP);
    assert_snapshot!(stage.run(&UP), @r"
    exit code 0
    --- stderr
    [time] network shop_default: created (not there)
    [time] volume shop_data: created (not there)
    [time] db: created (not there)
    [time] web: created (not there)
    [time] db: started
    [time] db: ready after TIME (healthy)
    [time] web: started
    [time] web: ready after TIME (runs)
    [time] done: 6 change(s) made, everything is ready
    WHAT  ADDRESS                USER   PASSWORD
    Shop  http://127.0.0.1:8080  admin  secret
    ");
    assert_eq!(
        stage.calls(),
        [
            "POST /networks/create",
            "POST /volumes/create",
            "POST /containers/create",
            "POST /containers/create",
            "POST /containers/shop-db-1/start",
            "POST /containers/shop-web-1/start",
        ]
    );
}

#[test]
fn the_second_up_changes_nothing_and_says_so() {
    let stage = Stage::up();
    assert_snapshot!(stage.run(&["up"]), @r"
    exit code 0
    --- stderr
    [time] done: everything is up to date: nothing changed
    ");
    assert_eq!(stage.calls(), [""; 0]);
}

/// As the engine does for a command that was killed: it finishes a removal after the next command has made its plan.
#[test]
fn what_is_removed_behind_its_back_is_made_anew() {
    let stage = Stage::up();
    stage.world().fates.insert("db".into(), Fate::HealthyAfter(Duration::from_secs(3600)));
    let mut child = stage.spawn(&["up", "--verbose"]);
    Stage::first_line(&mut child, "db: waiting");
    {
        let mut world = stage.world();
        world.fates.clear();
        world.containers.retain(|_, container| container.name != "shop-db-1");
    }
    let run = stage.ended(child);
    let said = "warning: the plan is made anew, something else changed what it was made for: container shop-db-1 does not exist";
    assert!(run.code == 0 && run.stderr.contains(said), "{run}");
    assert_eq!(stage.calls(), ["POST /containers/create", "POST /containers/shop-db-1/start"]);
}

#[test]
fn the_plan_is_shown_and_nothing_is_done() {
    let stage = Stage::new(SHOP);
    assert_snapshot!(stage.run(&["up", "--plan"]), @r"
    exit code 0
    --- stdout
    [ 0] create  network shop_default             (not there)
    [ 1] create  volume shop_data                 (not there)
    [ 2] create  shop-db-1             after 0,1  (not there)
    [ 3] create  shop-web-1            after 0    (not there)
    [ 4] start   shop-db-1             after 2    (not there)
    [ 5] ready   shop-db-1             after 4    (not there)
    [ 6] start   shop-web-1            after 3,5  (not there)
    [ 7] ready   shop-web-1            after 6    (not there)
    ");
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn the_plan_of_nothing_only_looks() {
    let stage = Stage::up();
    assert_snapshot!(stage.run(&["up", "--plan"]), @r"
    exit code 0
    --- stdout
    [ 0] ready   shop-db-1     (unchanged)
    [ 1] ready   shop-web-1    (unchanged)
    ");
}

#[test]
fn the_plan_as_json() {
    let stage = Stage::new(SHOP);
    let plan = stage.run(&["up", "--plan", "--json"]).json();
    assert_eq!(plan["changes"], 6);
    assert_eq!(plan["operations"][2]["verb"], "create");
    assert_eq!(plan["operations"][2]["subject"], "shop-db-1");
    assert_eq!(plan["warnings"], serde_json::json!([]));
    assert!(!plan.to_string().contains("secret"));
}

#[test]
fn only_what_changed_is_replaced() {
    let stage = Stage::up();
    stage.write("compose/compose.yaml", &SHOP.replace("image: web:1", "image: web:1\n    command: serve"));
    assert_snapshot!(stage.run(&UP), @r"
    exit code 0
    --- stderr
    [time] web: stopped (configuration changed)
    [time] web: removed
    [time] web: created
    [time] web: started
    [time] web: ready after TIME (runs)
    [time] done: 4 change(s) made, everything is ready
    WHAT  ADDRESS                USER   PASSWORD
    Shop  http://127.0.0.1:8080  admin  secret
    ");
    assert_eq!(
        stage.calls(),
        [
            "POST /containers/shop-web-1/stop",
            "DELETE /containers/shop-web-1",
            "POST /containers/create",
            "POST /containers/shop-web-1/start",
        ]
    );
}

#[test]
fn one_service_brings_only_what_it_needs() {
    let stage = Stage::new(SHOP);
    assert_eq!(stage.run(&["up", "db"]).code, 0);
    assert_eq!(stage.world().names(), ["shop-db-1"]);
}

#[test]
fn a_service_that_was_stopped_by_hand_is_started() {
    let stage = Stage::up();
    stage.world().kill("shop-web-1");
    assert_snapshot!(stage.run(&UP), @r"
    exit code 0
    --- stderr
    [time] web: started (exited with 137)
    [time] web: ready after TIME (runs)
    [time] done: 1 change(s) made, everything is ready
    WHAT  ADDRESS                USER   PASSWORD
    Shop  http://127.0.0.1:8080  admin  secret
    ");
}

#[test]
fn orphans_are_told_about_and_removed_only_on_request() {
    let stage = Stage::up();
    stage.write("compose/compose.yaml", "name: shop\nservices:\n  db: {image: 'db:1', healthcheck: {test: [CMD, 'true']}, volumes: ['data:/data']}\nvolumes: {data: {}}\n");
    assert_snapshot!(stage.run(&["up"]), @r"
    exit code 0
    --- stderr
    [time] warning: containers of services that the project no longer has: shop-web-1
    [time] hint: `pipectl up --remove-orphans` removes them
    [time] done: everything is up to date: nothing changed
    ");
    assert_eq!(stage.world().names(), ["shop-db-1", "shop-web-1"]);
    assert_snapshot!(stage.run(&["up", "--parallel", "1", "--remove-orphans"]), @r"
    exit code 0
    --- stderr
    [time] web: stopped (orphan)
    [time] web: removed
    [time] done: 2 change(s) made, everything is ready
    ");
    assert_eq!(stage.world().names(), ["shop-db-1"]);
}

#[test]
fn an_image_is_built_once() {
    let stage = Stage::new("name: shop\nservices:\n  web:\n    build: {context: ../web}\n");
    stage.write("web/Dockerfile", "FROM debian\n");
    assert_snapshot!(stage.run(&UP).sorted(), @r"
    exit code 0
    --- stderr
    [time] network shop_default: created (not there)
    [time] web: created (not there)
    [time] web: prepared after TIME (built in TIME)
    [time] web: preparing (not there)
    [time] web: ready after TIME (runs)
    [time] web: started
    [time] done: 4 change(s) made, everything is ready
    ");
    let again = stage.run(&["up"]);
    assert_eq!(again.stderr, "[time] done: everything is up to date: nothing changed\n");
}

#[test]
fn an_image_whose_sources_changed_is_built_and_its_container_replaced() {
    let stage = Stage::new("name: shop\nservices:\n  web:\n    build: {context: ../web}\n");
    stage.write("web/Dockerfile", "FROM debian\n");
    assert_eq!(stage.run(&UP).code, 0);
    stage.write("web/Dockerfile", "FROM debian\nRUN true\n");
    assert_snapshot!(stage.run(&UP).sorted(), @r"
    exit code 0
    --- stderr
    [time] web: created
    [time] web: prepared after TIME (built in TIME)
    [time] web: preparing (not there)
    [time] web: ready after TIME (runs)
    [time] web: removed
    [time] web: started
    [time] web: stopped (image changed)
    [time] done: 5 change(s) made, everything is ready
    ");
}

/// [`SHOP`] with a step that proves the flow.
fn proving() -> Stage {
    let stage = Stage::new(&format!("{SHOP}\nx-pipectl:\n  steps:\n    proof: {{uses: prove-flow, after: [web]}}\n"));
    stage.write("pipeline.yml", include_str!("../../pipeline.yml"));
    for file in ["regions.sql", "customers.sql", "orders.sql"] {
        let path = format!("spark/transforms/{file}");
        stage.write(&path, &std::fs::read_to_string(&path).expect("our own file"));
    }
    stage
}

#[test]
fn a_start_that_did_not_get_to_its_proof_leaves_it_to_the_next_one() {
    let stage = proving();
    let proof = |stage: &Stage| {
        let plan = stage.run(&["up", "--plan"]).stdout;
        plan.lines().find(|line| line.contains("proof")).map(|line| line.split("  (").last().unwrap_or("").to_owned())
    };
    assert_eq!(proof(&stage).as_deref(), Some("checked on every run, after changes only)"));
    let run = stage.run(&UP);
    assert_ne!(run.code, 0, "there is no pipeline behind the fake engine: {run}");
    assert_eq!(proof(&stage).as_deref(), Some("checked on every run)"), "whatever changes now");
}

#[test]
fn what_made_a_start_slow_is_told_afterwards() {
    let stage = Stage::new(SHOP);
    assert_snapshot!(stage.run(&["critical-path"]), @r"
    exit code 1
    --- stderr
    error: no start of this project is on record

    hint: `pipectl up` keeps the times of every start that changes something
    ");
    stage.world().fates.insert("db".into(), Fate::HealthyAfter(Duration::from_millis(1200)));
    assert_eq!(stage.run(&UP).code, 0);
    let record = stage.run(&["critical-path", "--json"]).json();
    let chain: Vec<String> = record["chain"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|link| format!("{} {}", link["verb"], link["subject"]).replace('"', ""))
        .collect();
    let after_the_first =
        ["create shop-db-1", "start shop-db-1", "ready shop-db-1", "start shop-web-1", "ready shop-web-1"];
    assert_eq!(chain[1..], after_the_first, "the network or the volume comes before");
    assert!(record["chain"][3]["elapsed_ms"].as_u64() >= Some(1100), "{record}");
    let text = stage.run(&["critical-path"]).stdout;
    assert!(text.contains("this chain, 6 of its 8 operations, took "), "{text}");
    assert_eq!(stage.run(&UP).code, 0);
    assert_eq!(stage.run(&["critical-path", "--json"]).json(), record, "a start with nothing to do is not on record");
}
