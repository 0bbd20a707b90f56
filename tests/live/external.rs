//! A source that is there already: a second Postgres from the project's own image, which is no service of the project.

use std::process::Command;

use crate::stack::{Ran, Stack, docker, eventually, run};

/// Name of its container.
const NAME: &str = "pipectl-live-external";
/// Its password, which is not that of the project's databases.
const PASSWORD: &str = "elsewhere";

/// pipectl with the role of the database elsewhere.
fn pipectl(stack: &Stack, arguments: &[&str]) -> Ran {
    run(stack.command(arguments).env("SOURCE_USER", "admin").env("SOURCE_PASSWORD", PASSWORD))
}

/// psql in that database; nothing while it does not answer.
fn asked(statement: &str) -> Option<String> {
    let psql =
        ["exec", NAME, "psql", "-v", "ON_ERROR_STOP=1", "-qAtX", "-U", "admin", "-d", "jadc2_db", "-c", statement];
    let output = Command::new("docker").args(psql).output().expect("the docker client runs");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn sql(statement: &str) -> String {
    asked(statement).unwrap_or_else(|| panic!("refused: {statement}"))
}

fn inspect(container: &str, format: &str) -> String {
    docker(&["inspect", "--format", format, container]).trim().to_owned()
}

/// Removes what an aborted run left; that there is nothing is no mistake.
fn remove() {
    Command::new("docker").args(["rm", "-f", "-v", NAME]).output().expect("the docker client runs");
}

/// Starts it beside the stack and returns its address.
fn start(stack: &Stack) -> String {
    remove();
    let own = stack.containers("postgres-source").first().cloned().expect("the project's own source");
    let image = inspect(&own, "{{.Config.Image}}");
    let network = inspect(&own, "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}");
    let password = format!("POSTGRES_PASSWORD={PASSWORD}");
    let place = ["run", "-d", "--name", NAME, "--network", &network, "-e", "POSTGRES_USER=admin", "-e", &password];
    docker(&[&place[..], &[image.as_str(), "-c", "wal_level=logical"]].concat());
    eventually("the database elsewhere answers", || asked("SELECT count(*) FROM regions").is_some());
    inspect(NAME, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
}

pub fn captured_and_not_written_to(stack: &Stack) {
    stack.up();
    let address = start(stack);
    stack.pipectl(&["reset", "pipeline", "--yes"]).succeeded();
    let file = stack.path().join("pipeline.yml");
    let text = std::fs::read_to_string(&file).expect("pipeline.yml");
    let host = format!("  host: {address}\n  port: 5432\n");
    std::fs::write(&file, text.replacen("  service: postgres-source\n", &host, 1)).expect("written");

    sql("DROP PUBLICATION pipectl_publication");
    sql("ALTER TABLE orders ALTER COLUMN note TYPE varchar(40), ADD COLUMN hidden integer");
    let refused = pipectl(stack, &["up"]).exited(1);
    refused.says("the source has no publication pipectl_publication").says("CREATE PUBLICATION");
    refused.says("column `hidden` of public.orders is not declared").says("pipeline.yml:");
    sql("ALTER TABLE orders DROP COLUMN hidden");
    sql("CREATE PUBLICATION pipectl_publication FOR TABLE regions, customers, orders");
    pipectl(stack, &["up"]).succeeded();

    sql("INSERT INTO regions (region_id, name) VALUES (99, 'Elsewhere')");
    eventually("a row of the database elsewhere is served", || {
        stack.sql("postgres-dest", "SELECT count(*) FROM regions WHERE region_id = 99") == "1"
    });
    pipectl(stack, &["verify", "--timeout", "300s"]).succeeded();
    assert_eq!(sql("SELECT count(*) FROM orders WHERE note LIKE 'pipectl verify%'"), "0");
    assert_eq!(sql("SELECT count(*) FROM pg_replication_slots"), "1");
    pipectl(stack, &["reset", "pipeline", "--yes"]).succeeded();
    assert_eq!(
        sql("SELECT count(*) FROM pg_replication_slots"),
        "0",
        "a slot that stays keeps the server's log for good"
    );

    stack.restore_files();
    remove();
    stack.up();
}
