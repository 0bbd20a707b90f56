//! A source that is there already: a second Postgres from the project's own image, which is no service of the project and lets nobody
//! in without TLS.

use std::process::Command;
use std::time::Duration;

use crate::equal::delta_rows;
use crate::faults::lets_go_of_what_nobody_needs;
use crate::losses::with_kafka;
use crate::stack::{Ran, Stack, docker, eventually, run};

/// Name of its container.
const NAME: &str = "pipectl-live-external";
/// Its password, which is not that of the project's databases.
const PASSWORD: &str = "elsewhere";

/// Makes an authority and a certificate for the address in $1, and has the server ask for TLS from now on.
const PROTECT: &str = r#"
set -eu
cd "$PGDATA"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=elsewhere authority' -keyout ca.key -out ca.pem
openssl req -new -newkey rsa:2048 -nodes -subj /CN=elsewhere -keyout server.key -out server.csr
echo "subjectAltName = IP:$1" > extensions
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out server.crt
chmod 0600 server.key
{
  echo 'local all all trust'
  echo 'hostssl all,replication all all scram-sha-256'
} > pg_hba.conf
printf "ssl = on\nlog_connections = on\n" >> postgresql.conf
pg_ctl reload
"#;

/// No text is longer.
const WHOLE: usize = 1 << 20;
/// What no address of a customer is without.
const PLAIN: &str = "@example.com";

/// pipectl with the role of the database elsewhere, and the key of masked columns.
fn pipectl(stack: &Stack, arguments: &[&str]) -> Ran {
    run(stack
        .command(arguments)
        .env("SOURCE_USER", "admin")
        .env("SOURCE_PASSWORD", PASSWORD)
        .env("PIPECTL_MASK_KEY", "live"))
}

/// psql in that database; nothing while it does not answer.
fn asked(statement: &str) -> Option<String> {
    asked_as("admin", statement)
}

fn asked_as(role: &str, statement: &str) -> Option<String> {
    let psql = ["exec", NAME, "psql", "-v", "ON_ERROR_STOP=1", "-qAtX", "-U", role, "-d", "jadc2_db", "-c", statement];
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

/// Has it ask for TLS, and returns the certificate of its authority.
fn protect(address: &str) -> String {
    docker(&["exec", NAME, "sh", "-c", PROTECT, "sh", address]);
    eventually("the database elsewhere has TLS", || asked("SHOW ssl").as_deref() == Some("on"));
    docker(&["exec", NAME, "sh", "-c", "cat \"$PGDATA\"/ca.pem"])
}

/// Who is connected over the network is so by TLS, the connector's stream among them, and pipectl was.
fn encrypted() {
    let connections = sql(
        "SELECT string_agg(DISTINCT backend_type || ' ' || CASE WHEN ssl THEN 'encrypted' ELSE 'plain' END, ', ') \
         FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE client_addr IS NOT NULL",
    );
    assert!(connections.contains("walsender encrypted"), "{connections}");
    assert!(!connections.contains("plain"), "{connections}");
    // pipectl's own are gone when it has ended; the server noted each, with what pg_stat_ssl had of it.
    let log = Command::new("docker").args(["logs", NAME]).output().expect("the docker client runs");
    let log = String::from_utf8_lossy(&[log.stdout, log.stderr].concat()).into_owned();
    let let_in: Vec<&str> = log.lines().filter(|line| line.contains("application_name=pipectl")).collect();
    assert!(!let_in.is_empty(), "{log}");
    for line in let_in {
        assert!(line.contains("SSL enabled (protocol=TLSv1.3"), "{line}");
    }
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
    let certificate = stack.path().join("elsewhere.pem");
    std::fs::write(&certificate, protect(&address)).expect("written");
    let host = format!("  host: {address}\n  port: 5432\n");
    let text = text.replacen("  service: postgres-source\n", &host, 1);
    let text = text.replacen("      email: text\n", "      email: {type: text, mask: hash}\n", 1);
    std::fs::write(&file, text.replacen(&host, &format!("{host}  sslmode: disable\n"), 1)).expect("written");
    pipectl(stack, &["up"]).exited(1).says("it lets nobody in without TLS").says("sslmode: verify-full");
    let full = format!("{host}  sslmode: verify-full\n  sslrootcert: elsewhere.pem\n");
    std::fs::write(&file, text.replacen(&host, &full, 1)).expect("written");

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
    masked_everywhere(stack);
    pipectl(stack, &["verify", "--timeout", "300s"]).succeeded();
    encrypted();
    assert_eq!(sql("SELECT count(*) FROM orders WHERE note LIKE 'pipectl verify%'"), "0");
    let by_owner = |statement: &str| asked_as("postgres", statement).unwrap_or_else(|| panic!("refused: {statement}"));
    lets_go_of_what_nobody_needs(&by_owner);
    assert_eq!(sql("SELECT count(*) FROM pg_replication_slots"), "1");
    pipectl(stack, &["reset", "pipeline", "--yes"]).succeeded();
    assert_eq!(
        sql("SELECT count(*) FROM pg_replication_slots"),
        "0",
        "a slot that stays keeps the server's log for good"
    );

    stack.restore_files();
    std::fs::remove_file(certificate).expect("removed");
    remove();
    stack.up();
}

/// The addresses of customers are in no topic, not in the change log, in no Delta table and not at the destination: neither those of
/// the snapshot nor those of the stream, neither as new values nor as old ones.
fn masked_everywhere(stack: &Stack) {
    sql(
        "UPDATE customers SET email = 'changed' || email WHERE customer_id = 1; DELETE FROM orders WHERE customer_id = 5; \
         DELETE FROM customers WHERE customer_id = 5",
    );
    let hashes =
        "SELECT count(*) || ' ' || count(DISTINCT email) FILTER (WHERE email ~ '^[0-9a-f]{64}$') FROM customers";
    let customers = sql("SELECT count(*) || ' ' || count(DISTINCT email) FROM customers");
    eventually("every customer has arrived with a hash", || stack.sql("postgres-dest", hashes) == customers);

    let topic = "jadc2.public.customers";
    let messages = with_kafka(async |kafka| {
        let (mut offset, end) = (0, kafka.end_offset(topic).await.expect("an offset"));
        let mut messages = Vec::new();
        while offset < end {
            let some = kafka.fetch(topic, offset, Duration::from_secs(10)).await.expect("messages");
            offset = some.last().expect("a message before the end").offset + 1;
            messages.extend(some.into_iter().filter_map(|message| message.value));
        }
        messages
    });
    let texts: Vec<String> = messages.iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect();
    assert!(texts.iter().any(|text| text.contains("Ada Lovelace")), "the topic was read");
    assert!(texts.len() > 6, "the snapshot's rows, the change and the delete");

    // Commits of job 1 come before those of job 2; those of the merge come later.
    let log = delta_rows(stack, "/data/delta/_changes", &[("before", "text"), ("after", "text")], WHOLE);
    assert!(log.iter().any(|row| row.contains("Ada Lovelace")), "the change log was read");
    let merged = || delta_rows(stack, "/data/delta/customers", &[("name", "text"), ("email", "text")], WHOLE);
    eventually("the customers are merged", || merged().iter().any(|row| row.contains("Ada Lovelace")));
    for row in texts.iter().chain(&log).chain(&merged()) {
        assert!(!row.contains(PLAIN), "an address in plain text: {row}");
    }
}
