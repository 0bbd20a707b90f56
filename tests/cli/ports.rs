//! `up --ports auto`: free ports for those that are taken, remembered until they are given back.

use std::net::TcpListener;

use insta::assert_snapshot;

use crate::harness::{Run, Stage};

/// A service with a port that a variable decides on, held by somebody.
struct Taken {
    stage: Stage,
    listener: TcpListener,
    port: u16,
}

impl Taken {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let compose = format!(
            r#"
name: shop
services:
  web:
    image: web:1
    ports: ["127.0.0.1:${{WEB_PORT:-{port}}}:80"]
    x-pipectl:
      endpoint: {{label: Shop, url: "http://127.0.0.1:${{WEB_PORT:-{port}}}"}}
"#
        );
        Self { stage: Stage::new(&compose), listener, port }
    }

    fn kept(&self, project: &str) -> Option<serde_json::Value> {
        let file = self.stage.dir().join(".pipectl").join(project).join("published.json");
        std::fs::read(file).ok().map(|text| serde_json::from_slice(&text).expect("JSON"))
    }

    /// With names in the place of what differs from run to run.
    fn shown(&self, run: &Run, project: &str) -> String {
        let mut text = run.to_string();
        if let Some(chosen) = self.kept(project).and_then(|kept| Some(kept["WEB_PORT"].as_str()?.to_owned())) {
            text = text.replace(&chosen, "CHOSEN");
        }
        let mut text = text.replace(&self.port.to_string(), "PORT");
        if let Some((before, rest)) = text.split_once("taken by process ") {
            let (_, after) = rest.split_once(')').expect("a process id");
            text = format!("{before}taken by process NAME (pid PID){after}");
        }
        text
    }
}

#[test]
fn a_taken_port_is_replaced_and_every_later_command_follows() {
    let taken = Taken::new();
    assert_snapshot!(taken.shown(&taken.stage.run(&["up", "--ports", "auto"]), "shop"), @r"
    exit code 0
    --- stderr
    web: port PORT is taken by process NAME (pid PID), CHOSEN takes its place (WEB_PORT)
    [time] network shop_default: created (not there)
    [time] web: created (not there)
    [time] web: started
    [time] web: ready after TIME (runs)
    [time] done: 3 change(s) made, everything is ready
    WHAT  ADDRESS
    Shop  http://127.0.0.1:CHOSEN
    ");
    assert_snapshot!(taken.shown(&taken.stage.run(&["credentials"]), "shop"), @r"
    exit code 0
    --- stdout
    WHAT  ADDRESS
    Shop  http://127.0.0.1:CHOSEN
    ");
    insta::allow_duplicates! {
        for again in [&["up"][..], &["up", "--ports", "auto"]] {
            assert_snapshot!(taken.shown(&taken.stage.run(again), "shop"), @r"
            exit code 0
            --- stderr
            [time] done: everything is up to date: nothing changed
            ");
        }
    }
}

#[test]
fn the_environment_asks_for_it_too_and_a_word_it_does_not_know_is_refused() {
    let taken = Taken::new();
    taken.stage.write(".env", "PIPECTL_PORTS=auto\n");
    assert_eq!(taken.stage.run(&["up"]).code, 0);
    assert!(taken.kept("shop").is_some());
    taken.stage.write(".env", "PIPECTL_PORTS=some\n");
    assert_snapshot!(taken.stage.run(&["up"]), @r"
    exit code 2
    --- stderr
    error: PIPECTL_PORTS is `some`, which is neither auto nor default

    hint: `PIPECTL_PORTS=auto` has taken ports replaced by free ones, as `--ports auto` does
    ");
}

#[test]
fn a_port_that_the_user_has_set_stays_and_is_named() {
    let taken = Taken::new();
    taken.stage.write(".env", &format!("WEB_PORT={}\n", taken.port));
    let up = taken.stage.run(&["up", "--ports", "auto"]);
    assert_eq!(up.code, 5, "{up}");
    assert!(up.stderr.contains("or set another port: `WEB_PORT="), "{up}");
    assert!(!up.stderr.contains("--ports auto"), "it would not help: {up}");
    assert_eq!(taken.kept("shop"), None);
    // One that is free wins over what was chosen before.
    std::fs::remove_file(taken.stage.dir().join(".env")).expect("removed");
    assert_eq!(taken.stage.run(&["up", "--ports", "auto"]).code, 0);
    let mut command = taken.stage.command(&["credentials"]);
    let run = taken.stage.finish({
        command.env("WEB_PORT", "4711");
        command
    });
    assert!(run.stdout.contains("http://127.0.0.1:4711"), "{run}");
}

#[test]
fn the_plan_shows_it_and_keeps_nothing() {
    let taken = Taken::new();
    let plan = taken.stage.run(&["up", "--ports", "auto", "--plan"]);
    assert!(plan.code == 0 && plan.stderr.contains("takes its place (WEB_PORT)"), "{plan}");
    assert_eq!(taken.kept("shop"), None);
}

#[test]
fn the_ports_of_the_files_come_back_when_asked_for_and_with_a_reset() {
    let taken = Taken::new();
    assert_eq!(taken.stage.run(&["up", "--ports", "auto"]).code, 0);
    let Taken { stage, listener, port } = taken;
    drop(listener);
    let up = stage.run(&["up", "--ports", "default"]);
    assert!(up.code == 0 && up.stderr.contains(&format!("http://127.0.0.1:{port}")), "{up}");
    assert!(!stage.dir().join(".pipectl/shop/published.json").exists());

    let held = TcpListener::bind(("127.0.0.1", port)).expect("free again");
    stage.run(&["down"]);
    assert_eq!(stage.run(&["up", "--ports", "auto"]).code, 0);
    assert_eq!(stage.run(&["reset", "all", "--yes"]).code, 0);
    assert!(!stage.dir().join(".pipectl/shop").exists());
    drop(held);
}

#[test]
fn two_projects_stand_side_by_side_with_one_option() {
    let taken = Taken::new();
    let Taken { stage, listener, port } = taken;
    drop(listener);
    assert_eq!(stage.run(&["up"]).code, 0);
    // What a real engine does with the port of a container.
    let taken = Taken { listener: TcpListener::bind(("127.0.0.1", port)).expect("the port"), stage, port };
    let up = taken.stage.run(&["--project", "second", "up", "--ports", "auto"]);
    assert_eq!(up.code, 0, "{up}");
    let says = format!("web: port {port} is taken by container shop-web-1 of project shop");
    assert!(up.stderr.contains(&says), "{up}");
    assert!(taken.kept("second").is_some() && taken.kept("shop").is_none());
    drop(taken.listener);
}

/// A database with a password of the demo, and a server that asks for none.
/// Its ports are not among those that systems give to connections by themselves.
const OPEN: &str = r#"
name: shop
services:
  db:
    image: db:1
    environment: {PASSWORD: "${DB_PASSWORD:-secret}"}
    ports: ["${PIPECTL_BIND:-127.0.0.1}:${DB_PORT:-15999}:5432"]
    x-pipectl:
      endpoint: {label: Database, url: "postgresql://${PIPECTL_ADDRESS:-127.0.0.1}:${DB_PORT:-15999}"}
      credentials: {user: admin, password: "${DB_PASSWORD:-secret}"}
  web:
    image: web:1
    ports: ["${PIPECTL_BIND:-127.0.0.1}:${WEB_PORT:-15998}:80"]
"#;

#[test]
fn another_address_is_refused_while_the_passwords_are_those_of_the_demo() {
    let stage = Stage::new(OPEN);
    let refused = r"
    exit code 5
    --- stderr
    error: a check before the start failed; nothing was touched
      because: bind: on 0.0.0.0, db would stand open: the passwords are those of the demo

    hint: set DB_PASSWORD to values of your own in the environment or .env
    ";
    assert_snapshot!(stage.run(&["up", "--bind", "0.0.0.0"]), @r"
    exit code 5
    --- stderr
    error: a check before the start failed; nothing was touched
      because: bind: on 0.0.0.0, db would stand open: the passwords are those of the demo

    hint: set DB_PASSWORD to values of your own in the environment or .env
    ");
    // What the file has anyway is no password of one's own.
    stage.write(".env", "PIPECTL_BIND=0.0.0.0\nDB_PASSWORD=secret\n");
    assert_eq!(stage.run(&["up"]).to_string().trim(), refused.replace("\n    ", "\n").trim());
    assert_eq!(stage.run(&["up", "--skip-preflight"]).code, 2, "no option overrules this");
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn with_passwords_of_ones_own_what_asks_for_none_is_named() {
    let stage = Stage::new(OPEN);
    stage.write(".env", "DB_PASSWORD=mine\n");
    let up = stage.run(&["up", "--bind", "0.0.0.0"]);
    assert_eq!(up.code, 0, "{up}");
    let warning = "warning: published on 0.0.0.0 and open to whoever reaches it, without a password: web\n";
    assert!(up.stderr.starts_with(warning), "{up}");
    let again = stage.run(&["up"]);
    assert!(again.stderr.contains("nothing changed"), "it is remembered: {again}");
}

#[test]
fn addresses_follow_the_one_that_ports_are_published_on() {
    let stage = Stage::new(OPEN);
    let up = stage.run(&["up", "--bind", "127.0.0.2"]);
    assert!(up.code == 0 && up.stderr.contains("postgresql://127.0.0.2:15999"), "{up}");
    assert!(stage.run(&["credentials"]).stdout.contains("postgresql://127.0.0.2:15999"));
    stage.write(".env", "PIPECTL_ADDRESS=db.example.com\n");
    assert!(stage.run(&["credentials"]).stdout.contains("postgresql://db.example.com:15999"));
    let back = stage.run(&["up", "--bind", "127.0.0.1"]);
    assert_eq!(back.code, 0, "{back}");
    assert!(!stage.dir().join(".pipectl/shop/published.json").exists());
    stage.write(".env", "PIPECTL_BIND=127.0.0.2\n");
    assert_snapshot!(stage.run(&["up", "--bind", "127.0.0.3"]), @r"
    exit code 2
    --- stderr
    error: --bind says 127.0.0.3 and PIPECTL_BIND says 127.0.0.2

    hint: remove PIPECTL_BIND from the environment or .env: what --bind says is remembered
    ");
}
