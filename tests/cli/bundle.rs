//! `pipectl bundle`: what is in it, what is not, and no secret anywhere.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;

use crate::fake_daemon::{ExecScript, Fate};
use crate::harness::{Run, SHOP, Stage, UP};

const PASSWORD: &str = "geheim-4711-&-äöü";
const TOKEN: &str = "tk-0815-abcdef";
const EARLIER: &str = "earlier-pass-99";
const JWT: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJib3QifQ.c2lnbmF0dXJl";

const SECRETIVE: &str = "
name: shop
services:
  db:
    image: db:1
    environment: {POSTGRES_PASSWORD: '${DB_PASSWORD}', POSTGRES_USER: keeper}
  web:
    image: web:1
    command: ['serve', '--dsn', 'postgresql://keeper:${DB_PASSWORD}@db/shop']
    x-pipectl:
      credentials: {user: keeper, password: 'the-shops-own-login'}
      ready: {probe: exec, command: [log-in]}
";

/// Text of every file by its path.
fn unpack(path: &Path) -> BTreeMap<String, String> {
    let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut files = BTreeMap::new();
    for entry in archive.entries().expect("entries") {
        let mut entry = entry.expect("an entry");
        let path = entry.path().expect("a path").strip_prefix("pipectl-bundle").expect("one folder").to_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("text");
        files.insert(path.display().to_string(), text);
    }
    files
}

fn manifest(files: &BTreeMap<String, String>) -> Value {
    serde_json::from_str(&files["manifest.json"]).expect("JSON")
}

/// What a run said, without the one figure that differs.
fn said(run: &Run) -> String {
    let size = |line: &str| match line.split_once(" files, ") {
        Some((count, rest)) => format!("{count} files, SIZE;{}\n", rest.split_once(';').expect("a size").1),
        None => format!("{line}\n"),
    };
    run.stderr.lines().map(size).collect()
}

#[test]
fn everything_is_there_and_no_secret_is_in_any_file() {
    let stage = Stage::new(SECRETIVE);
    stage.write(".env", &format!("DB_PASSWORD={PASSWORD}\nSHOP_API_TOKEN={TOKEN}\n"));
    assert_eq!(stage.run(&UP).code, 0);
    {
        let mut world = stage.world();
        let lines = [
            format!("connecting as keeper with {PASSWORD}"),
            format!("GET /api?token={TOKEN}"),
            format!("sent {JWT}"),
            "authorization: Basic a2VlcGVyOmdlaGVpbQ==".to_owned(),
            "ready to serve".to_owned(),
        ];
        world.logs.insert("db".into(), lines.into());
        world.execs.push(ExecScript {
            contains: "log-in".into(),
            exit_code: 1,
            stdout: String::new(),
            stderr: format!("no login with {PASSWORD}"),
        });
        world.logs.insert("web".into(), vec![format!("an old client still uses {EARLIER}")]);
        let web = world.containers.values_mut().find(|container| container.name == "shop-web-1").expect("web");
        web.request["Env"] = serde_json::json!([format!("OLD_SECRET={EARLIER}"), "PATH=/bin"]);
    }
    let run = stage.run(&["bundle", "out.tar.gz"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "out.tar.gz\n"), "{run}");
    assert_snapshot!(said(&run), @r"
    not collected: connector.json: the project has no pipeline, or nothing of it runs
    not collected: jobs.json: the project has no pipeline, or nothing of it runs
    not collected: topics.json: the project has no pipeline, or nothing of it runs
    13 files, SIZE; passwords, tokens and keys are removed, but look through it before you publish it
    ");
    let path = stage.dir().join("out.tar.gz");
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);

    let files = unpack(&path);
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_snapshot!(names.join("\n"), @r"
    config.yaml
    containers/shop-db-1.json
    containers/shop-web-1.json
    doctor.json
    engine.json
    last-up.json
    logs/shop-db-1.log
    logs/shop-web-1.log
    manifest.json
    meminfo.txt
    plan.txt
    probes.json
    status.json
    ");
    let probes: Value = serde_json::from_str(&files["probes.json"]).expect("JSON");
    assert_eq!((&probes[0]["service"], &probes[0]["verdict"]), (&"web".into(), &"not yet".into()));
    let answer = probes[0]["answer"].as_str().expect("text");
    assert!(answer.ends_with("no login with [removed]") && probes[0]["ms"].is_u64(), "{probes}");
    for (name, text) in &files {
        for secret in [PASSWORD, TOKEN, EARLIER, "the-shops-own-login", "eyJ", "a2VlcGVyOmdlaGVpbQ", "4711"] {
            assert!(!text.contains(secret), "{name} holds {secret}: {text}");
        }
    }
    let log = &files["logs/shop-db-1.log"];
    assert!(log.contains("connecting as keeper with [removed]\n") && log.ends_with("ready to serve\n"), "{log}");
    let inspection: Value = serde_json::from_str(&files["containers/shop-web-1.json"]).expect("JSON");
    assert_eq!(inspection["Config"]["Env"], serde_json::json!(["OLD_SECRET=[removed]", "PATH=/bin"]));
    assert!(files["config.yaml"].contains("POSTGRES_USER: keeper"), "{}", files["config.yaml"]);
    assert!(files["config.yaml"].contains("postgresql://keeper:[removed]@db/shop"), "{}", files["config.yaml"]);
    assert!(files["plan.txt"].contains("web"), "{}", files["plan.txt"]);
    let about = manifest(&files)["about"].clone();
    assert_eq!((&about["project"], &about["pipectl"]), (&"shop".into(), &env!("CARGO_PKG_VERSION").into()));
    let listed = manifest(&files)["files"].as_array().expect("a list").len();
    assert_eq!(listed, files.len() - 1, "the manifest lists all but itself");
}

#[test]
fn what_the_pipeline_is_made_of_is_in_it_without_secrets() {
    let stage = Stage::new(&format!("{SHOP}x-pipectl: {{pipeline: ../pipeline.yml}}\n"));
    let pipeline = include_str!("../cases/pipeline/good.yml").replace("${SLOT}", "slot");
    stage.write("pipeline.yml", &format!("# the password: {PASSWORD}\n{pipeline}"));
    stage.write("sql/orders.sql", &format!("-- {PASSWORD}\nSELECT id, customer, total * 2 AS twice, tags FROM orders"));
    stage.write("sql/customers.sql", "SELECT * FROM customers");
    stage.write("sql/daily.sql", include_str!("../cases/pipeline/sql/daily.sql"));
    stage.write("sql/days.sql", include_str!("../cases/pipeline/sql/days.sql"));
    stage.write(".env", &format!("DB_PASSWORD={PASSWORD}\n"));
    let run = stage.run(&["bundle", "out.tar.gz"]);
    assert_eq!(run.code, 0, "{run}");
    let files = unpack(&stage.dir().join("out.tar.gz"));
    let names: Vec<_> = files.keys().filter(|name| name.starts_with("project/")).map(String::as_str).collect();
    let expected = ["pipeline.yml", "sql/customers.sql", "sql/daily.sql", "sql/days.sql", "sql/orders.sql"];
    assert_eq!(names, expected.map(|name| format!("project/{name}")), "{run}");
    assert_eq!(files["project/sql/customers.sql"], "SELECT * FROM customers");
    assert!(
        files["project/sql/orders.sql"].starts_with("-- [removed]\nSELECT id"),
        "{}",
        files["project/sql/orders.sql"]
    );
    assert!(files.values().all(|text| !text.contains(PASSWORD)));
    assert!(run.stderr.contains("not collected: connector-config.json: "), "{run}");
}

#[test]
fn a_broken_stack_is_what_it_is_for() {
    let stage = Stage::up();
    stage.world().fates.insert("db".into(), Fate::Exits(std::time::Duration::ZERO, 3));
    stage.world().logs.insert("db".into(), vec!["FATAL: no space".into()]);
    stage.world().refusals.insert("GET /info".into(), (500, "the daemon is upset".into()));
    let run = stage.run(&["bundle", "out.tar.gz"]);
    assert_eq!(run.code, 0, "{run}");
    let files = unpack(&stage.dir().join("out.tar.gz"));
    assert!(files["logs/shop-db-1.log"].ends_with("FATAL: no space\n"));
    let status: Value = serde_json::from_str(&files["status.json"]).expect("JSON");
    assert_eq!(status["containers"][0]["exit_code"], 3);
    let missing = manifest(&files)["not_collected"].clone();
    let engine = missing.as_array().expect("a list").iter().find(|missing| missing["what"] == "engine.json");
    assert_eq!(
        engine.expect("the engine refuses")["why"],
        "failed to ask the engine about itself: the daemon is upset"
    );
}

#[test]
fn without_an_engine_there_is_what_the_files_and_the_machine_tell() {
    let stage = Stage::new(SECRETIVE);
    let mut command = stage.command(&["bundle", "out.tar.gz"]);
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock").env("DB_PASSWORD", PASSWORD);
    let run = stage.finish(command);
    assert_eq!(run.code, 0, "{run}");
    assert_snapshot!(said(&run), @r"
    not collected: last-up.json: No such file or directory (os error 2)
    not collected: engine.json: no container engine answers at unix:///nowhere/docker.sock (from DOCKER_HOST): no such file
    not collected: plan.txt: no container engine answers at unix:///nowhere/docker.sock (from DOCKER_HOST): no such file
    not collected: status.json: no container engine answers at unix:///nowhere/docker.sock (from DOCKER_HOST): no such file
    not collected: probes.json: no container engine answers at unix:///nowhere/docker.sock (from DOCKER_HOST): no such file
    not collected: containers/: no container engine answers at unix:///nowhere/docker.sock (from DOCKER_HOST): no such file
    not collected: logs/: no container engine answers at unix:///nowhere/docker.sock (from DOCKER_HOST): no such file
    4 files, SIZE; passwords, tokens and keys are removed, but look through it before you publish it
    ");
    let files = unpack(&stage.dir().join("out.tar.gz"));
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["config.yaml", "doctor.json", "manifest.json", "meminfo.txt"]);
    assert!(files["doctor.json"].contains("no container engine answers at unix:///nowhere/docker.sock"));
}

#[test]
fn without_a_name_it_is_called_after_project_and_time() {
    let stage = Stage::new("name: shop\nservices:\n  web: {imag: 'web:1'}\n");
    let run = stage.run(&["bundle"]);
    assert!(run.stdout.starts_with("pipectl-bundle-unknown-20") && run.stdout.ends_with("Z.tar.gz\n"), "{run}");
    let files = unpack(&stage.dir().join(run.stdout.trim()));
    assert!(files["doctor.json"].contains("\"id\": \"project\""), "{}", files["doctor.json"]);
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    assert_snapshot!(Stage::new(SHOP).run(&["-q", "bundle", "/nowhere/out.tar.gz"]), @r"
    exit code 1
    --- stderr
    error: cannot write /nowhere/out.tar.gz
      because: No such file or directory (os error 2)

    hint: name another file: `pipectl bundle FILE`
    ");
}

#[test]
fn an_up_in_ci_that_fails_keeps_a_bundle_and_one_that_does_not_keeps_none() {
    let stage = Stage::new(SHOP);
    let kept = stage.dir().join("pipectl-bundle.tar.gz");
    let up = stage.run(&["up", "--ci", "--no-verify", "--skip-preflight"]);
    assert_eq!((up.code, kept.exists()), (0, false), "{up}");

    stage.world().fates.insert("db".into(), Fate::Exits(std::time::Duration::ZERO, 3));
    let again = ["up", "--ci", "--no-verify", "--skip-preflight", "--force-recreate"];
    let up = stage.run(&again);
    assert_eq!(up.code, 1, "{up}");
    let said = said(&up);
    let last: Vec<&str> = said.lines().skip_while(|line| !line.ends_with("failed")).collect();
    assert!(last.contains(&"pipectl-bundle.tar.gz keeps what helps to find out why"), "{up}");
    assert!(said.contains("error: db exited with 3 before it was ready"), "the failure itself is told: {up}");
    assert!(unpack(&kept).contains_key("logs/shop-db-1.log"));

    // Elsewhere by name, and by the variable that every job of a pipeline has.
    let named = stage.run(&[&again[..], &["--bundle", "here.tar.gz"]].concat());
    assert!(named.code == 1 && stage.dir().join("here.tar.gz").exists(), "{named}");
    let mut command = stage.command(&["verify"]);
    command.env("PIPECTL_BUNDLE", "verify.tar.gz");
    let verify = stage.finish(command);
    let written = stage.dir().join("verify.tar.gz").exists();
    assert_eq!(written, ![0, 2].contains(&verify.code), "what was typed wrongly leaves nothing to look into: {verify}");
}

#[test]
fn a_bundle_that_cannot_be_kept_hides_no_failure() {
    let stage = Stage::new(SHOP);
    stage.world().fates.insert("db".into(), Fate::Exits(std::time::Duration::ZERO, 3));
    let up = stage.run(&[&UP[..], &["--bundle", "nowhere/b.tar.gz"]].concat());
    assert_eq!(up.code, 1, "{up}");
    assert!(up.stderr.contains("warning: no bundle was kept: "), "{up}");
    assert!(up.stderr.contains("error: db exited with 3 before it was ready"), "{up}");
}
