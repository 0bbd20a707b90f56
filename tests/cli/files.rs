//! Mistakes in files: exit code 2, the place, what was meant, and nothing is touched.

use insta::assert_snapshot;

use crate::harness::{Run, SHOP, Stage};

/// `up` with this Compose file; nothing may be touched.
fn up(compose: &str) -> Run {
    let stage = Stage::new(compose);
    let run = stage.run(&["up"]);
    assert_eq!(stage.calls(), [""; 0]);
    run
}

#[test]
fn yaml_that_does_not_parse_is_shown_with_line_and_column() {
    assert_snapshot!(up("services:\n  web:\n    image: [web:1\n  db: {}\n"), @r"
    exit code 2
    --- stderr
    error: compose/compose.yaml:4:5: invalid YAML: illegal placement of ':' indicator
      4 |   db: {}
        |     ^

    hint: look at the lines above too: a bracket or a quote may not be closed there
    ");
}

#[test]
fn an_unknown_key_gets_a_suggestion() {
    assert_snapshot!(up("services:\n  web:\n    image: web:1\n    heathcheck: {disable: true}\n"), @r"
    exit code 2
    --- stderr
    error: compose/compose.yaml:4:5: unknown key `heathcheck` in service `web`
      4 |     heathcheck: {disable: true}
        |     ^^^^^^^^^^

    hint: did you mean `healthcheck`?
    ");
}

#[test]
fn an_unknown_service_in_depends_on_gets_a_suggestion() {
    assert_snapshot!(up("services:\n  web:\n    image: web:1\n    depends_on: [bd]\n  db:\n    image: db:1\n"), @r"
    exit code 2
    --- stderr
    error: compose/compose.yaml:4:18: service `web` depends on unknown service `bd`
      4 |     depends_on: [bd]
        |                  ^^

    hint: did you mean `db`?
    ");
}

#[test]
fn a_missing_variable_is_named() {
    let compose =
        "services:\n  web:\n    image: web:1\n    environment:\n      KEY: ${SHOP_KEY:?get one from the vault}\n";
    assert_snapshot!(up(compose), @r"
    exit code 2
    --- stderr
    error: compose/compose.yaml:5:12: required variable `SHOP_KEY` is not set: get one from the vault
      5 |       KEY: ${SHOP_KEY:?get one from the vault}
        |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    hint: set it in the environment or in .env: SHOP_KEY=value
    ");
}

#[test]
fn a_dependency_cycle_is_shown_as_a_path() {
    let compose = "\
services:
  web: {image: web:1, depends_on: [api]}
  api: {image: api:1, depends_on: [db]}
  db: {image: db:1, depends_on: [web]}
";
    assert_snapshot!(up(compose), @r"
    exit code 2
    --- stderr
    error: compose/compose.yaml:2:36: dependency cycle: api -> db -> web -> api
      2 |   web: {image: web:1, depends_on: [api]}
        |                                    ^^^

    hint: each of them waits for the next one; take one of these dependencies out
    ");
}

#[test]
fn an_unset_variable_is_a_warning_and_empty() {
    let stage = Stage::new("name: shop\nservices:\n  web:\n    image: web:1\n    command: run ${MODE}\n");
    assert_snapshot!(stage.run(&["config", "--services"]), @r"
    exit code 0
    --- stdout
    web
    --- stderr
    warning: compose/compose.yaml:5:14: variable `MODE` is not set and taken as empty
    ");
}

#[test]
fn an_unknown_service_on_the_command_line_gets_a_suggestion() {
    let stage = Stage::up();
    for command in [["up", "wbe"], ["stop", "wbe"], ["logs", "wbe"], ["restart", "wbe"], ["scale", "wbe=2"]] {
        let run = stage.run(&command);
        let expected =
            "error: no service `wbe`, did you mean `web`?\n\nhint: `pipectl config --services` lists the services\n";
        assert_eq!((run.code, run.stderr.as_str()), (2, expected), "{command:?}");
    }
    assert_eq!(stage.run(&["exec", "wbe", "true"]).code, 2);
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn an_unknown_profile() {
    let stage = Stage::new("services:\n  web: {image: web:1}\n  ui: {image: ui:1, profiles: [ui]}\n");
    assert_snapshot!(stage.run(&["--profile", "iu", "up"]), @r"
    exit code 2
    --- stderr
    error: no service has the profile `iu`

    hint: did you mean `ui`?
    ");
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn a_service_whose_profile_was_not_chosen() {
    let stage = Stage::new("services:\n  web: {image: web:1}\n  ui: {image: ui:1, profiles: [ui]}\n");
    assert_snapshot!(stage.run(&["up", "ui"]), @r"
    exit code 2
    --- stderr
    error: service `ui` belongs to profile `ui`, which is not chosen

    hint: choose it with `--profile ui`
    ");
}

#[test]
fn no_compose_file_anywhere() {
    let stage = Stage::bare();
    stage.write("notes.txt", "mine\n");
    assert_snapshot!(stage.run(&["up"]), @r"
    exit code 2
    --- stderr
    error: no compose/compose.yaml in DIR or above it

    hint: change into the project's directory, or name the file: `pipectl -f FILE ..`
    hint: `pipectl init` writes the built-in project here, `pipectl init DIR` elsewhere
    ");
    let entries = std::fs::read_dir(stage.dir()).expect("there").count();
    assert_eq!(entries, 1, "a folder that is in use is left as it is");
}

#[test]
fn a_compose_file_that_does_not_exist() {
    let stage = Stage::new(SHOP);
    assert_snapshot!(stage.run(&["-f", "my.yaml", "up"]), @r"
    exit code 2
    --- stderr
    error: my.yaml: cannot be read: no such file
    ");
}

#[test]
fn a_command_that_needs_a_pipeline_where_there_is_none() {
    let stage = Stage::up();
    assert_snapshot!(stage.run(&["verify"]), @r"
    exit code 2
    --- stderr
    error: this project has no pipeline

    hint: name one in the Compose file: `x-pipectl: {pipeline: pipeline.yml}`
    ");
    assert_eq!(stage.run(&["reset", "pipeline", "--yes"]).code, 2);
}

#[test]
fn a_pipeline_file_with_a_mistake_stops_everything_that_needs_an_engine() {
    let stage = Stage::new(&format!("{SHOP}x-pipectl: {{pipeline: ../pipeline.yml}}\n"));
    stage.write("pipeline.yml", "version: 1\nsource:\n  servise: db\n");
    assert_snapshot!(stage.run(&["up"]), @r"
    exit code 2
    --- stderr
    error: there are 9 mistakes in what the pipeline is made of
      pipeline.yml:1:1: the pipeline has no `topic_prefix`
        1 | version: 1
          | ^
      pipeline.yml:1:1: the pipeline has no `connector`
        1 | version: 1
          | ^
      pipeline.yml:1:1: the pipeline has no `lake`
        1 | version: 1
          | ^
      pipeline.yml:1:1: the pipeline has no `destination`
        1 | version: 1
          | ^
      pipeline.yml:1:1: the pipeline has no `tables`
        1 | version: 1
          | ^
      pipeline.yml:2:1: `source` has no `database`
        2 | source:
          | ^^^^^^
      pipeline.yml:2:1: `source` has no `slot`
        2 | source:
          | ^^^^^^
      pipeline.yml:2:1: `source` has no `publication`
        2 | source:
          | ^^^^^^
      pipeline.yml:3:3: unknown key `servise` in `source`
        3 |   servise: db
          |   ^^^^^^^
        hint: did you mean `service`?

    hint: correct them; `pipectl config` checks the files and starts nothing
    ");
    assert_eq!(stage.calls(), [""; 0]);
}

/// Several mistakes, in pipeline.yml and in the SQL that it names.
fn with_mistakes() -> Stage {
    let stage = Stage::new(&format!("{SHOP}x-pipectl: {{pipeline: ../pipeline.yml}}\n"));
    let pipeline = "\
version: 1
source: {service: db, database: shop, slot: Slot, publication: pub}
topic_prefix: shop
connector: shop
lake: {path: hdfs://nn/delta, checkpoints: hdfs://nn/checkpoints, database: lake}
destination: {service: db, database: shop, schemma: serving}
tables:
  public.orders:
    key: [idd]
    columns: {id: bigint, price: money}
    destination: {table: orders, transform: orders.sql}
";
    stage.write("pipeline.yml", pipeline);
    stage.write("orders.sql", "SELECT id,\n  prize\nFROM orders\n");
    stage
}

#[test]
fn all_mistakes_of_a_pipeline_are_told_at_once() {
    let stage = with_mistakes();
    let run = stage.run(&["config"]);
    assert_snapshot!(run, @r"
    exit code 2
    --- stderr
    error: there are 5 mistakes in what the pipeline is made of
      orders.sql:2:3: `orders` has no column `prize` (table `public.orders`)
        2 |   prize
          |   ^^^^^
        hint: did you mean `price`?
      pipeline.yml:2:45: `slot` of `source` may not contain `S`
        2 | source: {service: db, database: shop, slot: Slot, publication: pub}
          |                                             ^^^^
      pipeline.yml:6:44: unknown key `schemma` in `destination`
        6 | destination: {service: db, database: shop, schemma: serving}
          |                                            ^^^^^^^
        hint: did you mean `schema`?
      pipeline.yml:9:11: key column `idd` of table `public.orders` is not among its columns
        9 |     key: [idd]
          |           ^^^
        hint: did you mean `id`?
      pipeline.yml:10:34: column `price`: `money` is not a type that the pipeline carries
        10 |     columns: {id: bigint, price: money}
           |                                  ^^^^^
        hint: types: smallint, integer, bigint, numeric, numeric(p,s), real, double precision, boolean, text, varchar(n), char(n), uuid, json, jsonb, bytea, date, time, timestamp, timestamptz, interval, inet, cidr, macaddr, enum, smallint[], integer[], bigint[], numeric[], real[], double precision[], boolean[], text[], char[], uuid[], bytea[], date[], timestamp[], timestamptz[], inet[], cidr[], macaddr[]

    hint: correct them; `pipectl config` checks the files and starts nothing
    ");
    assert_eq!(stage.run(&["up"]).stderr, run.stderr, "`up` says the same");
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn a_mistake_in_a_transformation_stops_the_start_and_nothing_else() {
    let stage = with_mistakes();
    let pipeline = std::fs::read_to_string(stage.dir().join("pipeline.yml")).expect("there");
    let right = [("Slot", "slot"), ("schemma", "schema"), ("idd", "id"), ("money", "numeric")];
    stage.write("pipeline.yml", &right.iter().fold(pipeline, |text, (wrong, right)| text.replace(wrong, right)));
    assert_snapshot!(stage.run(&["up"]), @r"
    exit code 2
    --- stderr
    error: orders.sql:2:3: `orders` has no column `prize` (table `public.orders`)
      2 |   prize
        |   ^^^^^

    hint: did you mean `price`?
    ");
    assert_eq!(stage.calls(), [""; 0]);
    assert_eq!(stage.run(&["down"]).code, 0, "what runs can be ended whatever is in the file");
}

#[test]
fn a_masked_column_needs_a_key_from_the_environment() {
    let stage = with_mistakes();
    let pipeline = std::fs::read_to_string(stage.dir().join("pipeline.yml")).expect("there");
    let right = [("Slot", "slot"), ("schemma", "schema"), ("idd", "id"), ("money", "{type: text, mask: hash}")];
    stage.write("pipeline.yml", &right.iter().fold(pipeline, |text, (wrong, right)| text.replace(wrong, right)));
    stage.write("orders.sql", "SELECT id, price FROM orders");
    assert_snapshot!(stage.run(&["up"]), @r"
    exit code 2
    --- stderr
    error: pipeline.yml:10:53: column `price` is masked, and PIPECTL_MASK_KEY is not set
      10 |     columns: {id: bigint, price: {type: text, mask: hash}}
         |                                                     ^^^^

    hint: set it in the environment or in .env, for example to what `openssl rand -hex 32` prints, and keep it: with another PIPECTL_MASK_KEY equal values have other hashes
    ");
    assert_eq!(stage.calls(), [""; 0]);
    let mut command = stage.command(&["--quiet", "config"]);
    command.env("PIPECTL_MASK_KEY", "correct horse battery staple");
    let run = stage.finish(command);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""), "{run}");
}

#[test]
fn a_source_elsewhere_leaves_the_services_of_the_own_one_out() {
    let stage = Stage::new(
        "
name: shop
services:
  db: {image: db:1, profiles: [source]}
  web: {image: web:1}
x-pipectl:
  pipeline: ../pipeline.yml
  profiles: [\"${PIPECTL_SOURCE:-source}\"]
  steps:
    databases: {uses: check-databases, profiles: [source], after: [db]}
    databases-external: {uses: check-databases, profiles: [external-source], after: [web]}
    connector: {uses: register-connector, after: [databases, databases-external]}
",
    );
    let pipeline = |source: &str| {
        let text = "version: 1\ntopic_prefix: shop\nconnector: shop\n\
                    lake: {path: hdfs://nn/delta, checkpoints: hdfs://nn/checkpoints, database: lake}\n\
                    destination: {service: web, database: shop}\n\
                    tables: {public.orders: {key: id, columns: {id: bigint}, destination: {table: orders, transform: orders.sql}}}\n";
        stage.write("pipeline.yml", &format!("{text}source: {{{source}, database: shop, slot: s, publication: p}}\n"));
        stage.write("orders.sql", "SELECT id FROM orders");
    };
    pipeline("service: db");
    assert_snapshot!(stage.run(&["graph"]), @r"
    exit code 0
    --- stdout
    db
    step databases  after db (ready)
    step connector  after databases (succeeded)
    web
    ");
    pipeline("host: db.example.com");
    assert_snapshot!(stage.run(&["graph"]), @r"
    exit code 0
    --- stdout
    web
    step databases-external  after web (ready)
    step connector           after databases-external (succeeded)
    ");
    assert_eq!(stage.run(&["config", "--services"]).stdout, "web\n");
    pipeline("host: 127.0.0.1");
    assert_snapshot!(stage.run(&["up"]), @r"
    exit code 2
    --- stderr
    error: pipeline.yml:7:16: `host` of `source` is 127.0.0.1, which is another machine to each container
      7 | source: {host: 127.0.0.1, database: shop, slot: s, publication: p}
        |                ^^^^^^^^^

    hint: write the address under which this machine is reached from outside
    ");
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn the_certificate_of_a_source_elsewhere_is_mounted_from_where_pipeline_yml_names_it() {
    let stage = Stage::new(
        "
name: shop
services:
  web: {image: web:1}
  connect:
    image: connect:1
    volumes: [{type: bind, source: \"${PIPECTL_SOURCE_CA:-./none.pem}\", target: /ca.pem, read_only: true}]
x-pipectl: {pipeline: ../pipeline.yml}
",
    );
    let source = |source: &str| {
        let text = format!(
            "version: 1\ntopic_prefix: shop\nconnector: shop\n\
             lake: {{path: hdfs://nn/delta, checkpoints: hdfs://nn/checkpoints, database: lake}}\n\
             destination: {{service: web, database: shop}}\n\
             tables: {{public.orders: {{key: id, columns: {{id: bigint}}, destination: {{table: orders, transform: orders.sql}}}}}}\n\
             source: {{{source}, database: shop, slot: s, publication: p}}\n"
        );
        stage.write("pipeline.yml", &text);
        stage.write("orders.sql", "SELECT id FROM orders");
        let run = stage.run(&["config"]);
        let mounted = run.stdout.lines().find_map(|line| line.trim().strip_prefix("source: ")).map(str::to_owned);
        (run.code, mounted.unwrap_or_default(), run.stderr)
    };
    let pem = std::fs::read_to_string("tests/cases/tls/ca.pem").expect("a certificate");
    stage.write("keys/ca.pem", &pem);
    assert_eq!(source("service: web"), (0, "DIR/compose/none.pem".to_owned(), String::new()));
    assert_eq!(source("host: db, sslmode: require"), (0, "DIR/compose/none.pem".to_owned(), String::new()));
    let full = "host: db, sslmode: verify-full, sslrootcert: keys/ca.pem";
    assert_eq!(source(full), (0, "DIR/keys/ca.pem".to_owned(), String::new()));
    // The name may be a variable's.
    stage.write(".env", "CA=keys/ca.pem\n");
    assert_eq!(source(&full.replace("keys/ca.pem", "\"${CA}\"")), (0, "DIR/keys/ca.pem".to_owned(), String::new()));
    // Whatever is started is refused before.
    stage.write("keys/ca.pem", &pem.replace("CERTIFICATE", "PUBLIC KEY"));
    assert_snapshot!(stage.run(&["up"]), @r#"
    exit code 2
    --- stderr
    error: pipeline.yml:7:55: keys/ca.pem is no certificate in PEM
      7 | source: {host: db, sslmode: verify-full, sslrootcert: "${CA}", database: shop, slot: s, publication: p}
        |                                                       ^^^^^^^

    hint: it begins with -----BEGIN CERTIFICATE-----; `openssl x509 -inform der -in FILE -out FILE.pem` makes one of DER
    "#);
    assert_eq!(stage.calls(), [""; 0]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        stage.write("keys/ca.pem", &pem);
        let file = stage.dir().join("keys/ca.pem");
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).expect("set");
        assert_snapshot!(stage.run(&["up"]), @r#"
    exit code 2
    --- stderr
    error: pipeline.yml:7:55: keys/ca.pem can be read by its owner only, and the connector runs as another user
      7 | source: {host: db, sslmode: verify-full, sslrootcert: "${CA}", database: shop, slot: s, publication: p}
        |                                                       ^^^^^^^

    hint: `chmod a+r keys/ca.pem`: a certificate is no secret
    "#);
    }
}

#[test]
fn the_schema_is_printed_without_a_project() {
    let stage = Stage::new(SHOP);
    std::fs::remove_dir_all(stage.dir().join("compose")).expect("removed");
    let run = stage.run(&["config", "--schema"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(run.json()["title"], "pipeline.yml");
}

#[test]
fn a_build_context_that_is_missing() {
    assert_snapshot!(up("name: shop\nservices:\n  web:\n    build: {context: ../web}\n"), @r"
    exit code 2
    --- stderr
    error: the build context of image web is missing: DIR/web

    hint: correct `build.context` of the service, or create that directory
    ");
}
