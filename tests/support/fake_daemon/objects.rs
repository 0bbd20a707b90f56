//! `/version`, `/info`, `/networks` and `/volumes`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::containers::strings;
use super::http::{Answer, Request};
use super::world::World;

pub fn version(world: &World) -> Value {
    json!({
        "Version": world.version, "ApiVersion": world.api_version, "MinAPIVersion": "1.12", "Os": "linux",
        "Arch": "amd64", "Components": [{"Name": "Engine", "Version": world.version}]
    })
}

pub fn info(world: &World) -> Value {
    json!({
        "MemTotal": world.memory, "NCPU": 4, "DockerRootDir": world.data_root, "Driver": world.driver,
        "OSType": "linux", "Architecture": "x86_64", "ServerVersion": world.version, "KernelVersion": "fake",
        "SystemTime": world.clock,
        "Containers": world.containers.len(), "Images": world.images.len()
    })
}

pub fn networks(world: &mut World, method: &str, rest: &[&str], request: &Request) -> Answer {
    match (method, rest) {
        ("GET", []) => {
            let admitted = world.networks.iter().filter(|(_, labels)| request.admits(labels));
            let entry = |(name, labels): (&String, &BTreeMap<String, String>)| json!({"Name": name, "Id": format!("net-{name}"), "Driver": "bridge", "Labels": labels});
            Answer::json(200, &admitted.map(entry).collect())
        }
        ("POST", ["create"]) => {
            let body = request.json();
            let name = body["Name"].as_str().unwrap_or_default().to_owned();
            world.networks.insert(name.clone(), strings(&body["Labels"]));
            Answer::json(201, &json!({"Id": format!("net-{name}"), "Warning": ""}))
        }
        ("POST", [name, "connect"]) => {
            let key = request.json()["Container"].as_str().unwrap_or_default().to_owned();
            let id = world.container(&key).map(|container| container.id.clone());
            match id.and_then(|id| world.containers.get_mut(&id)) {
                Some(container) => {
                    container.networks.insert((*name).to_owned(), "172.19.0.2".to_owned());
                    Answer::empty(200)
                }
                None => Answer::error(404, &format!("No such container: {key}")),
            }
        }
        ("DELETE", [name]) => {
            let user = world.containers.values().find(|container| container.networks.contains_key(*name));
            if let Some(user) = user.filter(|user| world.is_running(&user.id)) {
                let message =
                    format!("error while removing network: network {name} has active endpoints ({})", user.name);
                return Answer::error(403, &message);
            }
            match world.networks.remove(*name) {
                Some(_) => Answer::empty(204),
                None => Answer::error(404, &format!("network {name} not found")),
            }
        }
        _ => Answer::error(404, "page not found"),
    }
}

pub fn volumes(world: &mut World, method: &str, rest: &[&str], request: &Request) -> Answer {
    let entry = |(name, labels): (&String, &BTreeMap<String, String>)| {
        json!({
            "Name": name, "Driver": "local", "Mountpoint": format!("/var/lib/docker/volumes/{name}/_data"),
            "Labels": labels, "Options": {}, "Scope": "local"
        })
    };
    match (method, rest) {
        ("GET", []) => {
            let admitted = world.volumes.iter().filter(|(_, labels)| request.admits(labels));
            Answer::json(200, &json!({"Volumes": admitted.map(entry).collect::<Vec<_>>(), "Warnings": []}))
        }
        ("POST", ["create"]) => {
            let body = request.json();
            let name = body["Name"].as_str().unwrap_or_default().to_owned();
            let labels = world.volumes.entry(name.clone()).or_insert_with(|| strings(&body["Labels"]));
            Answer::json(201, &entry((&name, labels)))
        }
        ("DELETE", [name]) => {
            let mounts = |request: &Value| {
                request["HostConfig"]["Mounts"].as_array().is_some_and(|all| all.iter().any(|m| m["Source"] == **name))
            };
            if let Some(user) = world.containers.values().find(|container| mounts(&container.request)) {
                return Answer::error(409, &format!("remove {name}: volume is in use - [{}]", user.id));
            }
            world.contents.remove(*name);
            match world.volumes.remove(*name) {
                Some(_) => Answer::empty(204),
                None => Answer::error(404, &format!("get {name}: no such volume")),
            }
        }
        _ => Answer::error(404, "page not found"),
    }
}
