//! Catalog commands against the lite catalog, run by the same binary: what a person sees, and that the token is not part
//! of it.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use insta::assert_snapshot;
use pipectl::governance::client::{Catalog, CatalogError, NewEdge};
use pipectl::governance::token::Token;
use pipectl::pipeline::clients::Http;
use serde_json::json;

use crate::fake_daemon::Fate;
use crate::fake_http::FakeHttp;
use crate::harness::{Run, Stage};

const TOKEN_FILE: &str = ".pipectl/shop/catalog/ingestion-bot.jwt";

/// The statement of the aggregate.
const DAILY: &str = include_str!("../cases/pipeline/sql/daily.sql");

/// A project whose catalog is a real one, on a port of this machine.
struct Scene {
    stage: Stage,
    /// None where something else answers in its place.
    catalog: Option<Child>,
    address: String,
}

/// A catalog on an address of this machine, its data new; the process and the address it has.
fn serve(listen: &str) -> (Child, String) {
    let data = tempfile::tempdir().expect("a directory").keep();
    let mut serve = Command::new(assert_cmd::cargo::cargo_bin!("pipectl"));
    serve.args(["catalog", "serve", "--listen", listen, "--data"]).arg(data);
    let mut catalog = serve.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the binary runs");
    let line = Stage::first_line(&mut catalog, "http://");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).expect("an address").to_owned();
    (catalog, address)
}

impl Scene {
    fn new() -> Self {
        let (catalog, address) = serve("127.0.0.1:0");
        Self::with(Some(catalog), address)
    }

    /// With whatever answers at an address.
    fn with(catalog: Option<Child>, address: String) -> Self {
        let port = address.rsplit(':').next().expect("a port").to_owned();
        let stage = Stage::new(&format!(
            "name: shop\nx-pipectl: {{pipeline: ../pipeline.yml}}\nservices:\n  catalog:\n    image: web:1\n    \
             ports: [\"127.0.0.1:{port}:8585\"]\n  openmetadata-client:\n    image: client:1\n    \
             profiles: [official-client]\n    volumes: [/volume]\n    x-pipectl: {{job: true}}\n"
        ));
        for (path, text) in [
            ("pipeline.yml", include_str!("../cases/pipeline/good.yml").replace("${SLOT}", "slot")),
            ("sql/orders.sql", "SELECT id, customer, total * 2 AS twice, tags FROM orders".to_owned()),
            ("sql/customers.sql", "SELECT * FROM customers".to_owned()),
            ("sql/daily.sql", DAILY.to_owned()),
            ("sql/days.sql", include_str!("../cases/pipeline/sql/days.sql").to_owned()),
        ] {
            stage.write(path, &text);
        }
        let up = stage.run(&["up", "--skip-preflight"]);
        assert_eq!(up.code, 0, "{up}");
        Self { stage, catalog, address }
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let mut command = self.stage.command(arguments);
        command.envs(variables.iter().copied());
        let mut run = self.stage.finish(command);
        for text in [&mut run.stdout, &mut run.stderr] {
            *text = text.replace(&self.address, "CATALOG");
        }
        run
    }

    fn token(&self) -> String {
        std::fs::read_to_string(self.stage.dir().join(TOKEN_FILE)).expect("a stored token")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(catalog) = &mut self.catalog {
            // Gone already is as good.
            let _ = catalog.kill();
            let _ = catalog.wait();
        }
    }
}

#[test]
fn the_token_is_fetched_kept_and_masked() {
    let scene = Scene::new();
    assert_snapshot!(scene.run(&["token", "show"]), @r"
    exit code 1
    --- stderr
    error: there is no token yet

    hint: `pipectl token refresh` gets one from the catalog
    ");
    let refreshed = scene.run(&["token", "refresh"]);
    assert_eq!(refreshed.code, 0, "{refreshed}");
    let token = scene.token();
    let mode = std::fs::metadata(scene.stage.dir().join(TOKEN_FILE)).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let shown = scene.run(&["token", "show"]);
    let all =
        [&refreshed, &shown, &scene.run(&["-vv", "ingest"]), &scene.run(&["-vv", "lineage"])].map(ToString::to_string);
    for text in all {
        assert!(!text.contains(&token), "the token is in {text}");
    }
    assert!(shown.stdout.starts_with(&token[..4]) && shown.stdout.contains("ingestion-bot.jwt"), "{shown}");
    assert_eq!(scene.run(&["token", "show", "--reveal"]).stdout.trim(), token);
    let calls = scene.stage.world().calls.join("\n");
    assert!(!calls.contains(&token), "the engine has seen the token");
}

#[test]
fn a_wrong_password_and_bad_tokens_are_named() {
    let scene = Scene::new();
    assert_snapshot!(scene.run_with(&["token", "refresh"], &[("OM_ADMIN_PASSWORD", "wrong")]), @r"
    exit code 1
    --- stderr
    error: the catalog at CATALOG refuses the password of admin@open-metadata.org

    hint: set OM_ADMIN_PASSWORD (and OM_ADMIN_EMAIL, if it is not the default), or give the bot's token yourself: `pipectl token set`
    ");
    // {"sub":"ingestion-bot","exp":1000}
    let expired = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJpbmdlc3Rpb24tYm90IiwiZXhwIjoxMDAwfQ.c2ln";
    let run = scene.run_with(&["lineage"], &[("OM_JWT_TOKEN", expired)]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("refuses the token: it expired on 1970-01-01T00:16:40Z"), "{run}");
    let run = scene.run_with(&["lineage"], &[("OM_JWT_TOKEN", "somebody-elses-token-that-is-long")]);
    assert!(run.stderr.contains("it was revoked, or made by another catalog"), "{run}");
    assert!(!run.stderr.contains("somebody-elses"), "{run}");
    assert_snapshot!(scene.run_with(&["lineage"], &[("OM_JWT_TOKEN", "two words")]), @r"
    exit code 2
    --- stderr
    error: OM_JWT_TOKEN does not hold a token

    hint: unset OM_JWT_TOKEN, or set it to the text of a token
    hint: `pipectl lineage --declared` tells what the files say, without the catalog
    ");
}

#[test]
fn a_stored_token_that_is_refused_is_renewed() {
    let scene = Scene::new();
    scene.stage.write(TOKEN_FILE, "left-by-a-catalog-that-is-gone");
    let run = scene.run(&["ingest", "spark_jobs"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(scene.token().starts_with("ey"), "a JWT of this catalog");
}

#[test]
fn a_token_is_set_from_standard_input_when_it_is_good() {
    let scene = Scene::new();
    let set = |text: &str| {
        let mut command = scene.stage.command(&["token", "set"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("read");
        scene.stage.ended(child)
    };
    let refused = set("not-a-token-of-this-catalog");
    assert_eq!(refused.code, 1, "{refused}");
    assert!(!scene.stage.dir().join(TOKEN_FILE).exists(), "a refused token is not kept");
    assert_eq!(set("\n").code, 2);
    assert_eq!(scene.run(&["token", "refresh"]).code, 0);
    let token = scene.token();
    std::fs::remove_file(scene.stage.dir().join(TOKEN_FILE)).expect("removed");
    assert_eq!(set(&format!("{token}\n")).code, 0);
    assert_eq!(scene.token(), token);
}

#[test]
fn ingest_tells_what_it_did_and_what_it_could_not_read() {
    let scene = Scene::new();
    assert_snapshot!(scene.run(&["ingest", "spark_jobs"]));
    assert_snapshot!(scene.run(&["ingest", "spark_jobs"]));
    assert_snapshot!(scene.run(&["ingest", "spark"]));
    let all = scene.run(&["ingest"]);
    assert_eq!(all.code, 1);
    assert!(all.stderr.contains("postgres_source was not read: pg has no container"), "{all}");
}

#[test]
fn lineage_as_declared_and_as_held() {
    let scene = Scene::new();
    assert_snapshot!(scene.run(&["lineage", "orders", "--declared"]));
    let held = scene.run(&["lineage", "--json"]);
    assert_eq!(held.code, 1, "nothing was ingested");
    assert!(
        held.json().as_array().is_some_and(|edges| edges.iter().all(|edge| edge["problem"] == "not in the catalog"))
    );
    assert!(held.stderr.contains("missing: postgres_source.shop.public.orders -> "), "{held}");
    assert_eq!(scene.run(&["lineage", "nothing", "--declared"]).code, 2);
}

/// A catalog in which of two edges between three tables of the destination one is wanted.
async fn two_edges(address: &str, token: &str) -> Result<(), CatalogError> {
    let catalog = Catalog::connect(Http::new("the catalog", address), 0).await?;
    let catalog = catalog.with_token(&Token::new(token).expect("a token"));
    let connection = json!({"config": {"type": "Postgres"}});
    let service = json!({"name": "postgres_dest", "serviceType": "Postgres", "connection": connection});
    catalog.put("services/databaseServices", &service).await?;
    catalog.put("databases", &json!({"name": "shop", "service": "postgres_dest"})).await?;
    catalog.put("databaseSchemas", &json!({"name": "serving", "database": "postgres_dest.shop"})).await?;
    let mut ids = Vec::new();
    for (name, columns) in [("orders", ["id", "twice"]), ("daily", ["day", "total"]), ("old", ["a", "b"])] {
        let columns = columns.map(|name| json!({"name": name, "dataType": "BIGINT"}));
        let table = json!({"name": name, "databaseSchema": "postgres_dest.shop.serving", "columns": columns});
        ids.push(catalog.put("tables", &table).await?["id"].as_str().expect("an id").to_owned());
    }
    let job = catalog.find("pipelines", "spark_jobs.job2_process", "").await?.expect("ingested before");
    let map = |from: &str, to: &str| json!({"fromColumns": [format!("postgres_dest.shop.serving.{from}")], "toColumn": format!("postgres_dest.shop.serving.{to}")});
    let columns = [map("orders.id", "daily.day"), map("orders.twice", "daily.total")];
    for (from, sql, columns) in [(&ids[0], Some(DAILY.trim_end()), columns.as_slice()), (&ids[2], None, &[])] {
        let pipeline = job["id"].as_str().expect("an id");
        let ends = (("table", from.as_str()), ("table", ids[1].as_str()));
        let edge = NewEdge { from: ends.0, to: ends.1, pipeline, sql, description: "", columns };
        catalog.put_edge(&edge).await?;
    }
    Ok(())
}

#[test]
fn a_drawing_shows_what_the_catalog_holds() {
    let scene = Scene::new();
    assert_eq!(scene.run(&["ingest", "spark_jobs"]).code, 0);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(two_edges(&scene.address, &scene.token())).expect("a catalog that works");
    for flag in ["--mermaid", "--dot"] {
        assert_snapshot!(scene.run(&["lineage", "orders", flag]));
    }
    let declared = scene.run(&["lineage", "orders", "--mermaid", "--declared"]);
    assert!(declared.code == 0 && !declared.stdout.contains("-."), "{declared}");
}

#[test]
fn the_official_client_waits_for_its_licence_to_be_accepted() {
    let scene = Scene::new();
    scene.stage.calls();
    assert_snapshot!(scene.run(&["ingest", "--with", "official"]));
    assert_snapshot!(scene.run(&["ingest", "spark_jobs", "--with", "official", "--accept-licence"]));
    assert_eq!(scene.stage.calls(), [""; 0], "nothing was made, pulled or built");
}

#[test]
fn the_official_client_is_not_built_for_a_server_that_it_does_not_speak_with() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let fake = FakeHttp::default().on("GET /api/v1/system/version", 200, r#"{"version":"2.1.0"}"#).on(
        "GET /api/v1/services/databaseServices?limit=1",
        200,
        r#"{"data":[]}"#,
    );
    let server = runtime.block_on(fake.start());
    let scene = Scene::with(None, format!("127.0.0.1:{}", server.port));
    scene.stage.calls();
    let arguments = ["ingest", "--with", "official", "--accept-licence"];
    assert_snapshot!(scene.run_with(&arguments, &[("OM_JWT_TOKEN", "a-token")]), @r"
    exit code 2
    --- stderr
    error: catalog has version 2.1, and OpenMetadata's client 2.0 works with 2.0 alone

    hint: `pipectl ingest` reads the same with pipectl's own collectors, for any version
    hint: or unset OM_VERSION: the server of the Compose files has the client's version
    ");
    assert_eq!(scene.stage.calls(), [""; 0], "nothing was made, pulled or built");
}

#[test]
fn the_official_client_reads_each_service_in_a_container_that_is_gone_afterwards() {
    let scene = Scene::new();
    let prepare = |code, log: &str| {
        let mut world = scene.stage.world();
        world.add_image("client:1");
        world.fates.insert("openmetadata-client".into(), Fate::Exits(Duration::from_millis(50), code));
        world.logs.insert("openmetadata-client".into(), vec![log.to_owned()]);
        world.calls.clear();
    };
    prepare(0, "Success %: 100.0");
    assert_snapshot!(scene.run(&["ingest", "--with", "official", "--accept-licence"]));
    let token = scene.token();
    let calls = scene.stage.calls();
    let made = calls.iter().filter(|call| call.starts_with("POST /containers/create")).count();
    let removed = calls.iter().filter(|call| call.starts_with("DELETE /containers/")).count();
    assert!((made, removed >= made) == (4, true), "{calls:#?}");
    assert!(!calls.join("\n").contains(&token), "{calls:#?}");
    {
        let world = scene.stage.world();
        assert!(world.containers.values().all(|container| container.name != "shop-openmetadata-client-1"));
        // The volume has no name: the engine makes one for each container and removes it with it.
        let file = &world.contents[""]["workflow.yaml"];
        let text = String::from_utf8_lossy(&file.data);
        assert!(text.contains(&format!("jwtToken: {token}")) && text.contains("successThreshold: 100"), "{text}");
        assert_eq!((file.mode & 0o777, file.owner), (0o400, (10_004, 10_004)));
    }
    prepare(1, "Success %: 92.8");
    assert_snapshot!(scene.run(&["ingest", "kafka_messaging", "--with", "official", "--accept-licence"]));
    let json = scene.run(&["ingest", "kafka_messaging", "--with", "official", "--accept-licence", "--json"]);
    let outcomes: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((json.code, &outcomes[0]["exit_code"]), (1, &json!(1)), "{json}");
}

#[test]
fn what_answers_in_place_of_a_catalog_is_told_apart() {
    const VERSION: &str = "GET /api/v1/system/version";
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ingest = |fake: FakeHttp| {
        let server = runtime.block_on(fake.start());
        let mut run = Scene::with(None, format!("127.0.0.1:{}", server.port)).run(&["ingest"]);
        run.stderr = run.stderr.replace(&format!("127.0.0.1:{}", server.port), "CATALOG");
        run
    };
    let page = "<!doctype html><title>Sign in to the WiFi</title>";
    assert_snapshot!(ingest(FakeHttp::default().on(VERSION, 200, page)), @r#"
    exit code 1
    --- stderr
    error: CATALOG does not speak like a catalog: GET /system/version was answered with `Sign in to the WiFi`

    hint: find out who listens there (`pipectl status`), or choose another port: CATALOG_PORT=18585
    "#);
    assert_snapshot!(ingest(FakeHttp::default().on(VERSION, 200, r#"{"version":"3.0.1"}"#)), @r#"
    exit code 1
    --- stderr
    error: the catalog has version 3.0.1; this release of pipectl works with 1.2 up to 2.x

    hint: run a catalog of version 1.2 up to 2.x: OM_VERSION
    "#);
    let failing = r#"{"message":"no connection to the database"}"#;
    assert_snapshot!(ingest(FakeHttp::default().on(VERSION, 500, failing)), @r#"
    exit code 1
    --- stderr
    error: the catalog answered 500 to GET /system/version: no connection to the database

    hint: `pipectl logs catalog` tells why; then `pipectl ingest`, which goes on where it was
    "#);
}

#[test]
fn a_schedule_survives_a_catalog_that_comes_back_empty() {
    let mut scene = Scene::new();
    let mut ingest = scene.stage.spawn(&["ingest", "spark_jobs", "--every", "1s"]);
    assert_eq!(Stage::first_line(&mut ingest, "assets:"), "assets: 2 created");
    assert_eq!(Stage::first_line(&mut ingest, "assets:"), "assets: 2 unchanged");
    let mut catalog = scene.catalog.take().expect("it runs");
    catalog.kill().expect("killed");
    catalog.wait().expect("ended");
    let warning = Stage::first_line(&mut ingest, "warning:").replace(&scene.address, "CATALOG");
    assert_eq!(warning, "warning: the catalog at CATALOG is unreachable: connection refused");
    scene.catalog = Some(serve(&scene.address).0);
    assert_eq!(Stage::first_line(&mut ingest, "assets:"), "assets: 2 created");
    let stopped = Command::new("kill").args(["-INT", &ingest.id().to_string()]).status().expect("kill runs");
    assert!(stopped.success());
    assert_eq!(scene.stage.ended(ingest).code, 0, "Ctrl-C is how it ends");
}

#[test]
fn a_schedule_says_how_often() {
    let scene = Scene::new();
    assert_snapshot!(scene.run(&["ingest", "--every"]), @r#"
    exit code 2
    --- stderr
    error: `--every` needs to know how often

    hint: `pipectl ingest --every 10m`, or `every: 10m` in the `governance` section of pipeline.yml
    "#);
    assert_snapshot!(scene.run(&["ingest", "--every", "10ms"]), @r#"
    exit code 2
    --- stderr
    error: `--every` must be at least 1 s
    "#);
    // From the file, one object a line.
    let file = scene.stage.dir().join("pipeline.yml");
    let text = std::fs::read_to_string(&file).expect("readable");
    std::fs::write(&file, text.replace("governance:\n", "governance:\n  every: 1s\n")).expect("written");
    let mut ingest = scene.stage.spawn(&["ingest", "spark_jobs", "--json", "--every"]);
    for unchanged in [0, 2] {
        let line = Stage::first_stdout_line(&mut ingest, "{");
        let report: serde_json::Value = serde_json::from_str(&line).expect("one object");
        assert_eq!(report["services"][0]["unchanged"], unchanged, "{report:#}");
    }
    ingest.kill().expect("killed");
    ingest.wait().expect("ended");
}
