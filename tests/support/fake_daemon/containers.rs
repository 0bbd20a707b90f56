//! `/containers` and `/exec`.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};

use super::archives;
use super::http::{Answer, Request, frame};
use super::world::{Container, Fate, World};

/// Time of every log line.
const WRITTEN_AT: &str = "2026-01-02T03:04:05.000000000Z";

pub fn answer(world: &mut World, method: &str, rest: &[&str], request: &Request) -> Answer {
    match (method, rest) {
        ("GET", ["json"]) => list(world, request),
        ("POST", ["create"]) => create(world, request),
        (method, [key, action @ ..]) => {
            let Some(container) = world.container(key).cloned() else {
                return Answer::error(404, &format!("No such container: {key}"));
            };
            match (method, action) {
                ("GET", ["json"]) => {
                    let answer = Answer::json(200, &inspect(world, &container));
                    if matches!(world.fate(&container), Fate::CrashLoop(_)) {
                        world.containers.get_mut(&container.id).expect("the container").restarts += 1;
                    }
                    answer
                }
                ("GET", ["logs"]) => logs(world, &container, request),
                ("GET", ["stats"]) => Answer::Stream(vec![stats(world, &container)]),
                ("POST", ["start"]) => start(world, &container),
                ("POST", ["stop"]) => end(world, &container, 0, 304),
                ("POST", ["kill"]) => end(world, &container, 137, 409),
                (method, ["archive"]) => archives::answer(world, method, &container, request),
                ("POST", ["exec"]) => exec(world, &container, request),
                ("DELETE", []) => remove(world, &container, request),
                _ => Answer::error(404, "page not found"),
            }
        }
        _ => Answer::error(404, "page not found"),
    }
}

fn create(world: &mut World, request: &Request) -> Answer {
    let (name, body) = (request.parameter("name").to_owned(), request.json());
    let image = body["Image"].as_str().unwrap_or_default();
    if world.image(image).is_none() {
        return Answer::error(404, &format!("No such image: {image}"));
    }
    if world.container(&name).is_some() {
        return Answer::error(409, &format!("Conflict. The container name \"/{name}\" is already in use"));
    }
    let joined: Vec<String> = match &body["NetworkingConfig"]["EndpointsConfig"] {
        Value::Object(endpoints) => endpoints.keys().cloned().collect(),
        _ => Vec::new(),
    };
    if let Some(missing) = joined.iter().find(|network| !world.networks.contains_key(*network)) {
        return Answer::error(404, &format!("network {missing} not found"));
    }
    // A volume that a container names and that is not there is made with it.
    for mount in body["HostConfig"]["Mounts"].as_array().into_iter().flatten().filter(|mount| mount["Type"] == "volume")
    {
        if let Some(name) = mount["Source"].as_str() {
            world.volumes.entry(name.to_owned()).or_default();
        }
    }
    let id = world.new_id();
    let number = world.counter;
    let address = |network: String| (network, format!("172.18.0.{}", number % 250 + 2));
    let container = Container {
        id: id.clone(),
        name,
        labels: strings(&body["Labels"]),
        ports: published(&body["HostConfig"]["PortBindings"], number),
        networks: joined.into_iter().map(address).collect(),
        request: body,
        started: None,
        stopped: None,
        restarts: 0,
    };
    world.containers.insert(id.clone(), container);
    Answer::json(201, &json!({"Id": id, "Warnings": []}))
}

fn published(bindings: &Value, number: u64) -> BTreeMap<String, (String, u16)> {
    let Value::Object(bindings) = bindings else { return BTreeMap::new() };
    let port = |(inside, outside): (&String, &Value)| {
        let first = &outside[0];
        let chosen = first["HostPort"].as_str().and_then(|port| port.parse().ok());
        let ephemeral = 49_000 + u16::try_from(number % 1000).expect("under 1000");
        let address = first["HostIp"].as_str().unwrap_or("0.0.0.0").to_owned();
        (inside.clone(), (address, chosen.unwrap_or(ephemeral)))
    };
    bindings.iter().map(port).collect()
}

fn start(world: &mut World, container: &Container) -> Answer {
    if world.is_running(&container.id) {
        return Answer::empty(304);
    }
    let others = world.containers.values().filter(|other| other.id != container.id && world.is_running(&other.id));
    let used: Vec<u16> = others.flat_map(|other| other.ports.values().map(|(_, port)| *port)).collect();
    for (address, port) in container.ports.values() {
        if used.contains(port) || world.taken_ports.contains(port) {
            return Answer::error(
                500,
                &format!(
                    "driver failed programming external connectivity on endpoint {} (ab12): Bind for \
                     {address}:{port} failed: port is already allocated",
                    container.name
                ),
            );
        }
    }
    let started = world.containers.get_mut(&container.id).expect("the container");
    started.started = Some(Instant::now());
    started.stopped = None;
    Answer::empty(204)
}

fn end(world: &mut World, container: &Container, code: i64, when_not_running: u16) -> Answer {
    if world.is_running(&container.id) {
        world.containers.get_mut(&container.id).expect("the container").stopped = Some(code);
        return Answer::empty(204);
    }
    if when_not_running == 304 {
        return Answer::empty(304);
    }
    Answer::error(when_not_running, &format!("Container {} is not running", container.id))
}

fn remove(world: &mut World, container: &Container, request: &Request) -> Answer {
    if world.is_running(&container.id) && request.parameter("force") != "true" {
        return Answer::error(409, "You cannot remove a running container. Stop the container or force remove");
    }
    world.containers.remove(&container.id);
    world.anonymous.remove(&container.id);
    Answer::empty(204)
}

fn list(world: &World, request: &Request) -> Answer {
    let all = matches!(request.parameter("all"), "true" | "1");
    let admitted = world
        .containers
        .values()
        .filter(|container| request.admits(&container.labels) && (all || world.is_running(&container.id)));
    let entry = |container: &Container| {
        let condition = world.condition(container);
        let status = match (condition.state, &condition.health) {
            ("running", Some(("starting", _))) => "Up 3 seconds (health: starting)".to_owned(),
            ("running", Some((health, _))) => format!("Up 3 seconds ({health})"),
            ("running", None) => "Up 3 seconds".to_owned(),
            ("exited", _) => format!("Exited ({}) 2 seconds ago", condition.exit_code),
            _ => "Created".to_owned(),
        };
        let ports: Vec<Value> = container
            .ports
            .iter()
            .filter(|_| condition.state == "running")
            .map(|(inside, (address, port))| {
                let (number, protocol) = inside.split_once('/').expect("port/protocol");
                let number: u16 = number.parse().expect("a port");
                json!({"IP": address, "PrivatePort": number, "PublicPort": port, "Type": protocol})
            })
            .collect();
        json!({
            "Id": container.id, "Names": [format!("/{}", container.name)], "Image": container.request["Image"],
            "State": condition.state, "Status": status, "Labels": container.labels, "Ports": ports,
            "Created": 1_767_323_045, "NetworkSettings": {"Networks": networks(container)}
        })
    };
    Answer::json(200, &admitted.map(entry).collect())
}

fn inspect(world: &World, container: &Container) -> Value {
    let condition = world.condition(container);
    let mut state = json!({
        "Status": condition.state, "Running": condition.state == "running", "ExitCode": condition.exit_code,
        "OOMKilled": condition.oom_killed, "Error": "", "StartedAt": world.started_at
    });
    if let Some((status, output)) = condition.health {
        let code = i32::from(status != "healthy");
        state["Health"] =
            json!({"Status": status, "FailingStreak": code, "Log": [{"ExitCode": code, "Output": output}]});
    }
    let binding = |(inside, (address, port)): (&String, &(String, u16))| {
        (inside.clone(), json!([{"HostIp": address, "HostPort": port.to_string()}]))
    };
    let ports: serde_json::Map<String, Value> = container.ports.iter().map(binding).collect();
    json!({
        "Id": container.id, "Name": format!("/{}", container.name), "RestartCount": container.restarts, "State": state,
        "Image": container.request["Image"],
        "Config": {
            "Labels": container.labels, "Image": container.request["Image"], "Env": container.request["Env"]
        },
        "NetworkSettings": {"Ports": ports, "Networks": networks(container)}
    })
}

fn networks(container: &Container) -> Value {
    let endpoint = |(name, address): (&String, &String)| (name.clone(), json!({"IPAddress": address}));
    Value::Object(container.networks.iter().map(endpoint).collect())
}

fn stats(world: &World, container: &Container) -> Value {
    if !world.is_running(&container.id) {
        return json!({"memory_stats": {}});
    }
    let cache = 1 << 20;
    json!({"memory_stats": {"usage": world.memory_use + cache, "stats": {"inactive_file": cache}}})
}

fn logs(world: &World, container: &Container, request: &Request) -> Answer {
    let service = container.labels.get("com.docker.compose.service").unwrap_or(&container.name);
    let lines = world.logs.get(service).cloned().unwrap_or_default();
    let tail = request.parameter("tail").parse().unwrap_or(lines.len());
    let stamp = if request.parameter("timestamps") == "true" { format!("{WRITTEN_AT} ") } else { String::new() };
    let recent = lines.iter().skip(lines.len().saturating_sub(tail));
    let frames: Vec<u8> = recent.flat_map(|line| frame(false, &format!("{stamp}{line}\n"))).collect();
    if request.parameter("follow") == "true" {
        return Answer::Follow { container: container.id.clone(), frames };
    }
    Answer::Whole { status: 200, content_type: "application/vnd.docker.raw-stream", body: frames }
}

fn exec(world: &mut World, container: &Container, request: &Request) -> Answer {
    if !world.is_running(&container.id) {
        return Answer::error(409, &format!("Container {} is not running", container.id));
    }
    let id = world.new_id();
    let command = match &request.json()["Cmd"] {
        Value::Array(words) => words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    world.started_execs.insert(id.clone(), command);
    Answer::json(201, &json!({"Id": id}))
}

pub fn answer_exec(world: &mut World, method: &str, rest: &[&str]) -> Answer {
    let [id, action] = rest else { return Answer::error(404, "page not found") };
    let Some(command) = world.started_execs.get(*id).map(|words| words.join(" ")) else {
        return Answer::error(404, &format!("No such exec instance: {id}"));
    };
    let script = world.execs.iter().find(|script| command.contains(&script.contains));
    match (method, *action) {
        ("POST", "start") => {
            let (stdout, stderr) =
                script.map_or_else(Default::default, |script| (script.stdout.clone(), script.stderr.clone()));
            Answer::Hijacked([frame(false, &stdout), frame(true, &stderr)].concat())
        }
        ("GET", "json") => {
            let code = script.map_or(0, |script| script.exit_code);
            Answer::json(200, &json!({"ID": id, "Running": false, "ExitCode": code}))
        }
        _ => Answer::error(404, "page not found"),
    }
}

pub(super) fn strings(value: &Value) -> BTreeMap<String, String> {
    let Value::Object(map) = value else { return BTreeMap::new() };
    map.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}
