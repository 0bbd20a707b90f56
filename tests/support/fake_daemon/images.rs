//! `/images` and `/build`.

use std::io::Read as _;

use serde_json::{Value, json};

use super::archives;
use super::containers::strings;
use super::http::{Answer, Request};
use super::world::{Image, World, with_tag};

pub fn answer(world: &mut World, method: &str, rest: &[&str], request: &Request) -> Answer {
    match (method, rest) {
        ("GET", ["get"]) => archives::save(world, request),
        ("POST", ["load"]) => archives::load(world, request),
        ("GET", ["json"]) => Answer::json(200, &world.images.iter().map(entry).collect()),
        ("POST", ["create"]) if !request.parameter("fromSrc").is_empty() => import(world, request),
        ("POST", ["create"]) => pull(world, request),
        // An image's name has slashes of its own.
        ("GET", [name @ .., "json"]) => match world.image(&name.join("/")) {
            Some(index) => {
                let image = &world.images[index];
                let config = json!({"Labels": image.labels});
                let size = 100 << 20;
                let detail = json!({"Id": image.id, "RepoTags": image.references, "Size": size, "Config": config});
                Answer::json(200, &detail)
            }
            None => missing(&name.join("/")),
        },
        ("POST", [name @ .., "tag"]) => match world.image(&name.join("/")) {
            Some(index) => {
                let reference = format!("{}:{}", request.parameter("repo"), request.parameter("tag"));
                world.name_image(index, &reference);
                Answer::empty(201)
            }
            None => missing(&name.join("/")),
        },
        ("DELETE", name) => {
            let name = name.join("/");
            let Some(index) = world.image(&name) else { return missing(&name) };
            let tagged = with_tag(&name);
            world.images[index].references.remove(&tagged);
            if world.images[index].references.is_empty() {
                world.images.remove(index);
            }
            Answer::json(200, &json!([{"Untagged": tagged}]))
        }
        _ => Answer::error(404, "page not found"),
    }
}

fn missing(name: &str) -> Answer {
    Answer::error(404, &format!("No such image: {name}"))
}

fn entry(image: &Image) -> Value {
    json!({
        "Id": image.id, "ParentId": "", "RepoTags": image.references, "RepoDigests": null, "Created": 1_767_323_045,
        "Size": 100 << 20, "SharedSize": -1, "Labels": image.labels, "Containers": -1
    })
}

fn pull(world: &mut World, request: &Request) -> Answer {
    let (name, tag) = (request.parameter("fromImage"), request.parameter("tag"));
    let reference = if tag.is_empty() { with_tag(name) } else { format!("{name}:{tag}") };
    if !world.registry.contains(&reference) {
        let reason = if world.registry.is_empty() {
            "Get \"https://registry.test/v2/\": dial tcp: lookup registry.test: no such host".to_owned()
        } else {
            format!("manifest for {reference} not found: manifest unknown")
        };
        return Answer::error(if world.registry.is_empty() { 500 } else { 404 }, &reason);
    }
    world.add_image(&reference);
    Answer::Stream(vec![
        json!({"status": format!("Pulling from {name}"), "id": tag}),
        json!({"status": "Downloading", "id": "a1", "progressDetail": {"current": 10, "total": 40}}),
        json!({"status": "Downloading", "id": "a1", "progressDetail": {"current": 40, "total": 40}}),
        json!({"status": "Pull complete", "id": "a1"}),
        json!({"status": format!("Status: Downloaded newer image for {reference}")}),
    ])
}

fn import(world: &mut World, request: &Request) -> Answer {
    let id = add(world, &format!("{}:{}", request.parameter("repo"), request.parameter("tag")), &Value::Null);
    Answer::Stream(vec![json!({"status": id})])
}

fn add(world: &mut World, reference: &str, labels: &Value) -> String {
    let id = format!("sha256:{}", world.new_id());
    world.images.push(Image { id: id.clone(), labels: strings(labels), ..Image::default() });
    world.name_image(world.images.len() - 1, reference);
    id
}

/// Goes through the Dockerfile as the classic builder does, without running anything.
pub fn build(world: &mut World, request: &Request) -> Answer {
    let Some(text) = file_of(&request.body, request.parameter("dockerfile")) else {
        let wanted = request.parameter("dockerfile");
        return Answer::error(500, &format!("Cannot locate specified Dockerfile: {wanted}"));
    };
    let reference = request.parameter("t").to_owned();
    let repository = reference.rsplit_once(':').map_or(reference.as_str(), |(repository, _)| repository);
    let failure = world.build_failures.get(repository).cloned();
    let steps: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).collect();
    let mut events = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        events.push(json!({"stream": format!("Step {}/{} : {step}", index + 1, steps.len())}));
        events.push(json!({"stream": "\n"}));
        let base = step.strip_prefix("FROM ").and_then(|rest| rest.split_whitespace().next());
        let fails = match (&failure, base) {
            (Some(failure), _) if failure.step == index + 1 => {
                events.extend(failure.output.iter().map(|line| json!({"stream": format!("{line}\n")})));
                Some(failure.message.clone())
            }
            (_, Some(base)) if base.starts_with("pipectl/") && world.image(base).is_none() => {
                Some(format!("pull access denied for {base}, repository does not exist"))
            }
            _ => None,
        };
        if let Some(message) = fails {
            events.push(json!({"errorDetail": {"message": message}, "error": message}));
            return Answer::Stream(events);
        }
        events.push(json!({"stream": " ---> 12ab34cd56ef\n"}));
    }
    let labels = serde_json::from_str(request.parameter("labels")).unwrap_or(Value::Null);
    let id = add(world, &reference, &labels);
    events.push(json!({"aux": {"ID": id}}));
    events.push(json!({"stream": format!("Successfully tagged {reference}\n")}));
    Answer::Stream(events)
}

fn file_of(archive: &[u8], path: &str) -> Option<String> {
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        if entry.path().ok()?.to_str() == Some(path) {
            let mut text = String::new();
            entry.read_to_string(&mut text).ok()?;
            return Some(text);
        }
    }
    None
}
