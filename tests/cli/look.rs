//! Commands that only look.

use insta::assert_snapshot;

use crate::fake_daemon::{ExecScript, Fate};
use crate::harness::{SHOP, Stage, UP};

#[test]
fn status_of_what_runs() {
    let stage = Stage::up();
    assert_snapshot!(stage.run(&["status"]), @r"
    exit code 0
    --- stdout
      SERVICE  STATE    HEALTH   UP  MEMORY  PORTS
    ✓ db       running  healthy  1m  64 MiB
    ✓ web      running           1m  64 MiB

    ✓ shop: all 2 containers are well
    ");
    let status = stage.run(&["status", "--json"]);
    assert_eq!(status.code, 0);
    let status = status.json();
    assert_eq!((&status["healthy"], &status["reasons"]), (&true.into(), &serde_json::json!([])));
    assert_eq!(status["containers"][0]["service"], "db");
    assert_eq!(status["containers"][0]["health"], "healthy");
}

#[test]
fn status_of_nothing() {
    let stage = Stage::new(SHOP);
    assert_snapshot!(stage.run(&["status"]), @r"
    exit code 1
    --- stdout
      SERVICE  STATE      HEALTH  UP  MEMORY  PORTS
    ✗ db       not there
    ✗ web      not there

    ✗ shop: 1 thing(s) to look at
      nothing of this project is running; `pipectl up` starts it
    ");
    let status = stage.run(&["status", "--json"]);
    assert_eq!(status.code, 1);
    assert_eq!(status.json()["healthy"], false);
}

#[test]
fn status_of_what_is_broken_says_what_to_type() {
    let stage = Stage::up();
    stage.world().fates.insert("db".into(), Fate::NeverHealthy("connection refused".into()));
    stage.world().kill("shop-web-1");
    assert_snapshot!(stage.run(&["status"]), @r"
    exit code 1
    --- stdout
      SERVICE  STATE         HEALTH     UP  MEMORY  PORTS
    ✗ db       running       unhealthy  1m  64 MiB
    ✗ web      exited (137)

    ✗ shop: 2 thing(s) to look at
      db is not ready: connection refused; `pipectl logs db` shows why
      web exited with 137; `pipectl logs web` shows why, `pipectl up` starts it
    ");
}

#[test]
fn logs_as_text_and_as_json() {
    let stage = Stage::up();
    stage.world().logs.insert("db".into(), vec!["one".into(), "two".into()]);
    stage.world().logs.insert("web".into(), vec!["GET /".into()]);
    assert_snapshot!(stage.run(&["logs"]), @r"
    exit code 0
    --- stdout
    shop-db-1  | one
    shop-db-1  | two
    shop-web-1 | GET /
    ");
    assert_snapshot!(stage.run(&["logs", "-n", "1", "db"]), @r"
    exit code 0
    --- stdout
    shop-db-1 | two
    ");
    assert_snapshot!(stage.run(&["logs", "--json", "web"]), @r#"
    exit code 0
    --- stdout
    {"time":"2026-01-02T03:04:05.000000000Z","service":"web","container":"shop-web-1","stream":"stdout","text":"GET /"}
    "#);
}

#[test]
fn logs_with_a_text() {
    let stage = Stage::up();
    stage.world().logs.insert("db".into(), vec!["ERROR: no such table".into(), "checkpoint".into()]);
    stage.world().logs.insert("web".into(), vec!["an error page".into()]);
    assert_snapshot!(stage.run(&["logs", "--grep", "error"]), @r"
    exit code 0
    --- stdout
    shop-db-1  | ERROR: no such table
    shop-web-1 | an error page
    ");
}

#[test]
fn the_last_lines_of_several_services_with_a_text_as_json() {
    let stage = Stage::up();
    stage.world().logs.insert("db".into(), vec!["error 1".into(), "checkpoint".into(), "error 2".into()]);
    stage.world().logs.insert("web".into(), vec!["error 3".into(), "ERROR 4".into(), "GET /".into()]);
    let run = stage.run(&["logs", "--json", "--grep", "error", "-n", "2", "--since", "5m", "db", "web"]);
    let told = |row: &serde_json::Value| format!("{}: {}", row["container"], row["text"]).replace('"', "");
    // The last two of each, and of these the ones with the text.
    assert_eq!(run.json_lines().iter().map(told).collect::<Vec<_>>(), ["shop-db-1: error 2", "shop-web-1: ERROR 4"]);
}

#[test]
fn logs_of_nothing() {
    let stage = Stage::new(SHOP);
    assert_snapshot!(stage.run(&["logs"]), @r"
    exit code 1
    --- stderr
    error: there is no container to show logs of

    hint: `pipectl up` starts everything
    ");
}

#[test]
fn exec_passes_output_and_exit_code_through() {
    let stage = Stage::up();
    stage.world().execs.push(ExecScript {
        contains: "psql -c select".into(),
        exit_code: 7,
        stdout: "1 row\n".into(),
        stderr: "notice\n".into(),
    });
    assert_snapshot!(stage.run(&["exec", "db", "psql", "-c", "select"]), @r"
    exit code 7
    --- stdout
    1 row
    --- stderr
    notice
    ");
    assert_eq!(stage.run(&["exec", "db", "--", "true"]).code, 0);
}

#[test]
fn exec_in_a_service_that_does_not_run() {
    let stage = Stage::new(SHOP);
    assert_snapshot!(stage.run(&["exec", "db", "true"]), @r"
    exit code 1
    --- stderr
    error: service db has no running container

    hint: `pipectl up db` starts it
    ");
}

#[test]
fn config_is_compose_again() {
    let stage = Stage::new(SHOP);
    let config = stage.run(&["config"]);
    assert_snapshot!(config, @r"
    exit code 0
    --- stdout
    name: shop
    networks:
      default:
        name: shop_default
    services:
      db:
        healthcheck:
          test:
          - CMD
          - 'true'
        image: db:1
        networks:
          default: null
        volumes:
        - source: data
          target: /data
          type: volume
      web:
        depends_on:
          db:
            condition: service_healthy
            required: true
        image: web:1
        networks:
          default: null
        x-pipectl:
          credentials:
            password: secret
            user: admin
          endpoint:
            label: Shop
            url: http://127.0.0.1:8080
    volumes:
      data:
        name: shop_data
    ");
    stage.write("again.yaml", &config.stdout);
    assert_eq!(stage.run(&["-f", "again.yaml", "config"]).stdout, config.stdout);
    assert_eq!(stage.run(&["config", "--services"]).stdout, "db\nweb\n");
    assert_eq!(stage.run(&["config", "--services", "--json"]).json(), serde_json::json!(["db", "web"]));
    assert_eq!(stage.run(&["config", "--json"]).json()["services"]["db"]["image"], "db:1");
}

#[test]
fn the_graph_in_four_forms() {
    let stage = Stage::new(SHOP);
    assert_snapshot!(stage.run(&["graph"]), @r"
    exit code 0
    --- stdout
    db
    web  after db (ready)
    ");
    assert_snapshot!(stage.run(&["graph", "--format", "mermaid"]), @r#"
    exit code 0
    --- stdout
    flowchart LR
        db["db"]
        web["web"]
        db -->|ready| web
    "#);
    assert_snapshot!(stage.run(&["graph", "--format", "dot"]), @r#"
    exit code 0
    --- stdout
    digraph pipeline {
        rankdir=LR;
        node [shape=box];
        "db";
        "web";
        "db" -> "web" [label="ready"];
    }
    "#);
    assert_snapshot!(stage.run(&["graph", "--format", "json"]), @r#"
    exit code 0
    --- stdout
    {
      "nodes": [
        {
          "name": "db",
          "kind": "service",
          "after": []
        },
        {
          "name": "web",
          "kind": "service",
          "after": [
            {
              "name": "db",
              "condition": "ready",
              "required": true
            }
          ]
        }
      ]
    }
    "#);
}

#[test]
fn images_listed_built_and_pruned() {
    let stage = Stage::new("name: shop\nservices:\n  db: {image: db:1}\n  web:\n    build: {context: ../web}\n");
    stage.write("web/Dockerfile", "FROM debian\n");
    assert_snapshot!(stage.run(&["images"]), @r"
    exit code 0
    --- stdout
      IMAGE                     STATE                  SIZE     SERVICES
    ✓ db:1                      present                100 MiB  db
    - pipectl/web:<image-hash>  to be built or pulled           web
    ");
    assert_snapshot!(stage.run(&["images", "build"]), @r"
    exit code 0
    --- stderr
    [time] pipectl/web:<image-hash>: preparing (not there)
    [time] pipectl/web:<image-hash>: prepared after TIME (built in TIME)
    [time] done: 1 image(s) made
    ");
    assert_snapshot!(stage.run(&["images", "build"]), @r"
    exit code 0
    --- stderr
    [time] done: nothing to do: every image is present
    ");
    assert_snapshot!(stage.run(&["images", "list", "--json"]), @r#"
    exit code 0
    --- stdout
    [
      {
        "reference": "db:1",
        "services": [
          "db"
        ],
        "present": true,
        "size": 104857600
      },
      {
        "reference": "pipectl/web:<image-hash>",
        "services": [
          "web"
        ],
        "present": true,
        "size": 104857600
      }
    ]
    "#);
    assert_eq!(stage.run(&["images", "build", "wbe"]).code, 2, "a service that does not exist");
    stage.write("web/Dockerfile", "FROM debian\nRUN true\n");
    assert_eq!(stage.run(&["images", "build"]).code, 0);
    let pruned = stage.run(&["images", "prune"]);
    assert_snapshot!(pruned.to_string().lines().map(hide_tag).collect::<Vec<_>>().join("\n"), @r"
    exit code 0
    --- stderr
    removed pipectl/web:<image-hash>
    1 image(s) removed
    ");
    assert_eq!(stage.run(&["images", "prune"]).stderr, "0 image(s) removed\n");
}

fn hide_tag(line: &str) -> String {
    line.split_once("web:").map_or_else(|| line.to_owned(), |(before, _)| format!("{before}web:<image-hash>"))
}

#[test]
fn credentials_as_table_and_as_json() {
    let stage = Stage::new(SHOP);
    assert_snapshot!(stage.run(&["credentials"]), @r"
    exit code 0
    --- stdout
    WHAT  ADDRESS                USER   PASSWORD
    Shop  http://127.0.0.1:8080  admin  secret
    ");
    assert_snapshot!(stage.run(&["credentials", "--json"]), @r#"
    exit code 0
    --- stdout
    [
      {
        "service": "web",
        "label": "Shop",
        "url": "http://127.0.0.1:8080",
        "user": "admin",
        "password": "secret"
      }
    ]
    "#);
}

#[test]
fn looking_changes_nothing_and_needs_no_engine_where_files_are_enough() {
    let stage = Stage::new(SHOP);
    assert_eq!(stage.run(&UP).code, 0);
    stage.calls();
    for command in [&["status"][..], &["logs"], &["images"], &["up", "--plan"]] {
        assert_eq!(stage.run(command).code, 0, "{command:?}");
    }
    assert_eq!(stage.calls(), [""; 0]);
    for command in [&["config"][..], &["graph"], &["credentials"], &["completions", "bash"]] {
        let mut command = stage.command(command);
        command.env("DOCKER_HOST", "unix:///nowhere");
        assert_eq!(stage.finish(command).code, 0);
    }
}
