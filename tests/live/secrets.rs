//! What is secret stands where it is needed and nowhere else.

use std::io::Read as _;

use crate::governance::TOKEN;
use crate::stack::{Ran, Stack, docker, port, run};

pub fn the_token_is_nowhere_else(stack: &Stack) {
    stack.up();
    let token = std::fs::read_to_string(stack.path().join(TOKEN)).expect("a stored token");
    no_inspection_shows(stack, &[&token]);
    // While the token is in use, no command line on this machine has it.
    std::thread::scope(|scope| {
        let ingest = scope.spawn(|| stack.pipectl(&["ingest"]).succeeded());
        let mut looks = 0;
        while !ingest.is_finished() {
            no_command_line_shows(&[&token]);
            looks += 1;
        }
        assert!(looks > 0, "nobody has looked");
    });
    no_bundle_shows(stack, &|arguments| stack.pipectl(arguments), &[&token]);
    for arguments in [&["logs", "-n", "all"][..], &["config"], &["up", "--events", "json"], &["-vv", "ingest"]] {
        shows_none(&stack.pipectl(arguments).succeeded(), &[&token], arguments);
    }
}

pub fn passwords_are_replaced_and_nowhere_else(stack: &Stack) {
    const DATABASES: &str = "geheim \"4711' $HOME";
    const CATALOG: &str = "auch-geheim-4712";
    stack.up();
    let with_passwords = |arguments: &[&str]| {
        let mut command = stack.command(arguments);
        run(command.env("POSTGRES_PASSWORD", DATABASES).env("OM_ADMIN_PASSWORD", CATALOG))
    };
    // Ends with a row that went all the way, through every service that logs in somewhere, and prints how to log in.
    with_passwords(&["up"]).succeeded();
    with_passwords(&["status"]).succeeded();
    // Who still has the old ones is told so.
    stack.pipectl(&["status"]).exited(1).explains("postgres-password");
    with_passwords(&["token", "refresh"]).succeeded();

    let secrets = [DATABASES, CATALOG];
    no_inspection_shows(stack, &secrets);
    no_command_line_shows(&secrets);
    no_bundle_shows(stack, &with_passwords, &secrets);
    for arguments in [&["logs", "-n", "all"][..], &["config"], &["up", "--plan", "--json"]] {
        let ran = with_passwords(arguments).succeeded();
        // `config` prints what endpoints are logged in to with, as `credentials` does; nothing that a container gets.
        let containers = without_credentials(&ran);
        shows_none(&containers, &secrets, arguments);
    }
    let connector = format!("http://127.0.0.1:{}/connectors/jadc2-postgres", port("DEBEZIUM_PORT"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let answer = runtime.block_on(async { reqwest::get(connector).await?.text().await }).expect("an answer");
    assert!(answer.contains("database.password") && !answer.contains("4711"), "{answer}");
    stack.up();
}

/// Output without the lines with a password that is shown on purpose.
fn without_credentials(ran: &Ran) -> Ran {
    let lines = |text: &str| {
        let mut lines = text.lines().collect::<Vec<_>>();
        lines.retain(|line| !line.trim_start().starts_with("password: "));
        lines.join("\n")
    };
    Ran { stdout: lines(&ran.stdout), stderr: lines(&ran.stderr), ..*ran }
}

fn shows_none(ran: &Ran, secrets: &[&str], arguments: &[&str]) {
    for secret in secrets {
        let shown = ran.stdout.contains(secret) || ran.stderr.contains(secret);
        assert!(!shown, "pipectl {arguments:?} tells a secret");
    }
}

/// Neither a container's configuration nor a layer of its image.
fn no_inspection_shows(stack: &Stack, secrets: &[&str]) {
    let ids = docker(&["ps", "-aq", "--filter", &stack.label]);
    assert!(!ids.trim().is_empty(), "a stack without containers proves nothing");
    for id in ids.split_whitespace() {
        let inspection = docker(&["inspect", id]);
        let image = docker(&["inspect", "--format", "{{.Image}}", id]);
        let layers = docker(&["history", "--no-trunc", "--format", "{{.CreatedBy}}", image.trim()]);
        for secret in secrets {
            // As JSON writes it.
            let written = serde_json::Value::from(*secret).to_string();
            assert!(!inspection.contains(written.trim_matches('"')), "inspection of container {id}");
            assert!(!layers.contains(secret), "layers of the image of container {id}");
        }
    }
}

/// Command lines of every process of this machine, those in containers too.
fn no_command_line_shows(secrets: &[&str]) {
    let processes = std::fs::read_dir("/proc").expect("a Linux machine").filter_map(Result::ok);
    // A process may end while it is looked at.
    for line in processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok()) {
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        assert!(!secrets.iter().any(|secret| line.contains(secret)), "a process list tells a secret");
    }
}

fn no_bundle_shows(stack: &Stack, pipectl: &dyn Fn(&[&str]) -> Ran, secrets: &[&str]) {
    let bundle = stack.path().join("bundle-without-secrets.tar.gz");
    pipectl(&["bundle", &bundle.display().to_string()]).succeeded();
    let packed = std::fs::File::open(&bundle).expect("a bundle");
    let mut content = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut content).expect("an archive");
    std::fs::remove_file(&bundle).expect("removed");
    assert!(content.len() > 10_000, "a bundle without content proves nothing");
    for secret in secrets {
        assert!(!content.windows(secret.len()).any(|part| part == secret.as_bytes()), "the bundle tells a secret");
    }
}
