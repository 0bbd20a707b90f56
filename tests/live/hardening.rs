//! What a running container may not do, read back from the engine and from the kernel: tests/hardening.rs looks at what is declared.

use serde_json::Value;

use crate::stack::{Stack, docker};

/// Words in the names of variables that would hold a secret, unless they hold the path of a file with it.
const SECRET: [&str; 4] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN"];

/// Every running container of the stack; all of its images are made here.
pub fn holds(stack: &Stack) {
    let ids = docker(&["ps", "-q", "--no-trunc", "--filter", &stack.label]);
    let mut findings = Vec::new();
    for id in ids.split_whitespace() {
        let inspected: Value = serde_json::from_str(&docker(&["inspect", id])).expect("JSON");
        let container = &inspected[0];
        let name = container["Name"].as_str().expect("a name").trim_start_matches('/');
        let mut found = declared(stack, container);
        found.extend(in_the_kernel(id));
        findings.extend(found.into_iter().map(|what| format!("{name}: {what}")));
    }
    assert!(ids.lines().count() >= 14, "a stack of {} containers proves nothing", ids.lines().count());
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// What the engine was told.
fn declared(stack: &Stack, container: &Value) -> Vec<String> {
    let (host, config) = (&container["HostConfig"], &container["Config"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    let mut wrong = |is_wrong: bool, what: String| found.extend(is_wrong.then_some(what));
    wrong(["", "0", "root"].contains(&text(&config["User"]).as_str()), format!("user {}", config["User"]));
    wrong(host["ReadonlyRootfs"] != true, "its root can be written to".into());
    wrong(host["Privileged"] != false, "it is privileged".into());
    wrong(host["Memory"].as_u64().unwrap_or_default() == 0, "no memory limit".into());
    for mount in list(&container["Mounts"]) {
        let (kind, source) = (text(&mount["Type"]), text(&mount["Source"]));
        wrong(source.contains("docker.sock"), "it holds the engine".into());
        let own = source.starts_with(&stack.path().display().to_string());
        wrong(kind == "bind" && (mount["RW"] != false || !own), format!("{source} of this machine"));
    }
    for (port, bindings) in container["NetworkSettings"]["Ports"].as_object().into_iter().flatten() {
        let open = list(bindings).iter().any(|binding| binding["HostIp"] != "127.0.0.1");
        wrong(open, format!("{port} is published as {bindings}"));
    }
    for variable in list(&config["Env"]) {
        let name = text(&variable).split('=').next().unwrap_or_default().to_owned();
        wrong(
            !name.ends_with("_FILE") && SECRET.iter().any(|word| name.contains(word)),
            format!("{name} is a variable"),
        );
    }
    found
}

/// What its first process really has, in hexadecimal masks where these are capabilities (proc(5)).
fn in_the_kernel(id: &str) -> Vec<String> {
    let status = docker(&["exec", id, "cat", "/proc/1/status"]);
    let field = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value
            .unwrap_or_else(|| panic!("no {name} in {status}"))
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let mut found = Vec::new();
    for name in ["Uid", "Gid"] {
        let ids = field(name);
        found.extend(ids.contains(&"0".to_owned()).then(|| format!("{name} {}", ids.join(" "))));
    }
    for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        let mask = field(name).concat();
        found.extend((!mask.trim_matches('0').is_empty()).then(|| format!("{name} {mask}")));
    }
    found.extend((field("NoNewPrivs") != ["1"]).then(|| "it can gain privileges".to_owned()));
    let mounts = docker(&["exec", id, "cat", "/proc/self/mounts"]);
    let root = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|fields| fields[1] == "/");
    let options = root.expect("a root")[3];
    found.extend((!options.split(',').any(|option| option == "ro")).then(|| format!("its root is mounted {options}")));
    found
}
