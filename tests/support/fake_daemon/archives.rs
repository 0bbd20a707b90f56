//! Content of volumes and images as archives: `/containers/{id}/archive`, `/images/get` and `/images/load`.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use super::containers::strings;
use super::http::{Answer, Request};
use super::world::{Container, Image, World};

/// What lies at a path of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// `d`, `f`, `l` (symbolic link) or `h` (hard link).
    pub kind: char,
    pub mode: u32,
    pub owner: (u64, u64),
    pub data: Vec<u8>,
    /// Target of a link; of a hard link a path in the volume.
    pub link: String,
}

impl Node {
    pub fn directory(mode: u32, owner: u64) -> Self {
        Self { kind: 'd', mode, owner: (owner, owner), ..Self::default() }
    }

    pub fn file(data: &[u8], owner: u64) -> Self {
        Self { kind: 'f', mode: 0o600, owner: (owner, owner), data: data.to_vec(), link: String::new() }
    }

    pub fn link(kind: char, target: &str) -> Self {
        Self { kind, mode: 0o777, link: target.to_owned(), ..Self::default() }
    }
}

/// Paths of a volume, the root as the empty one. Like the engine's, a listing has what hard links name before them.
pub type Tree = BTreeMap<String, Node>;

pub fn answer(world: &mut World, method: &str, container: &Container, request: &Request) -> Answer {
    let mounts = container.request["HostConfig"]["Mounts"].as_array().cloned().unwrap_or_default();
    let at = |path: &str| mounts.iter().find(|mount| mount["Target"] == path).cloned();
    match (method, request.parameter("path")) {
        ("GET", path) => match at(path) {
            Some(mount) => {
                let name = path.trim_start_matches('/');
                let body = pack(&tree(world, &mount), name);
                match world.cut_archives {
                    Some(length) => Answer::Cut { body: body[..length.min(body.len())].to_vec(), promised: body.len() },
                    None => Answer::Whole { status: 200, content_type: "application/x-tar", body },
                }
            }
            None => Answer::error(404, &format!("Could not find the file {path} in container {}", container.id)),
        },
        // Extracted below the root, paths lead into what is mounted there.
        ("PUT", "/") => {
            for mount in &mounts {
                let name = mount["Target"].as_str().unwrap_or_default().trim_start_matches('/').to_owned();
                let mut content = tree(world, mount);
                if let Err(error) = unpack(&request.body, &name, &mut content) {
                    return Answer::error(500, &format!("Error processing tar file(exit status 1): {error}"));
                }
                world.contents.insert(mount["Source"].as_str().unwrap_or_default().to_owned(), content);
            }
            Answer::empty(200)
        }
        // Below an anonymous volume, of which a container has one here.
        ("PUT", path) if at(path).is_some_and(|mount| mount["Source"].is_null()) => {
            if world.full_anonymous {
                return Answer::error(500, "write /run/secrets: no space left on device");
            }
            let mut content = Tree::new();
            match unpack(&request.body, "", &mut content) {
                Ok(()) => {
                    world.anonymous.insert(container.id.clone(), content);
                    Answer::empty(200)
                }
                Err(error) => Answer::error(500, &format!("Error processing tar file(exit status 1): {error}")),
            }
        }
        _ => Answer::error(404, "page not found"),
    }
}

fn tree(world: &World, mount: &Value) -> Tree {
    let fresh = || Tree::from([(String::new(), Node::directory(0o755, 0))]);
    world.contents.get(mount["Source"].as_str().unwrap_or_default()).cloned().unwrap_or_else(fresh)
}

fn pack(tree: &Tree, name: &str) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    let below = |path: &str| if path.is_empty() { name.to_owned() } else { format!("{name}/{path}") };
    let (links, others): (Vec<_>, Vec<_>) = tree.iter().partition(|(_, node)| node.kind == 'h');
    for (path, node) in others.into_iter().chain(links) {
        let mut header = Header::new_ustar();
        header.set_mode(node.mode);
        header.set_uid(node.owner.0);
        header.set_gid(node.owner.1);
        header.set_mtime(1_767_323_045);
        header.set_size(0);
        let path = below(path);
        let packed = match node.kind {
            'd' => {
                header.set_entry_type(EntryType::Directory);
                builder.append_data(&mut header, format!("{path}/"), std::io::empty())
            }
            'l' => {
                header.set_entry_type(EntryType::Symlink);
                builder.append_link(&mut header, path, &node.link)
            }
            'h' => {
                header.set_entry_type(EntryType::Link);
                builder.append_link(&mut header, path, below(&node.link))
            }
            'b' => {
                header.set_entry_type(EntryType::Block);
                builder.append_data(&mut header, path, std::io::empty())
            }
            _ => {
                header.set_size(node.data.len() as u64);
                builder.append_data(&mut header, path, node.data.as_slice())
            }
        };
        packed.expect("a tar in memory");
    }
    builder.into_inner().expect("a tar in memory")
}

fn unpack(archive: &[u8], name: &str, tree: &mut Tree) -> std::io::Result<()> {
    let below = |path: &Path| path.strip_prefix(name).ok().map(|path| path.display().to_string());
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let Some(path) = below(&entry.path()?) else { continue };
        let mut data = Vec::new();
        entry.read_to_end(&mut data)?;
        if data.len() as u64 != entry.size() {
            return Err(std::io::Error::other("unexpected EOF"));
        }
        let header = entry.header();
        let kind = match header.entry_type() {
            EntryType::Directory => 'd',
            EntryType::Symlink => 'l',
            EntryType::Link => 'h',
            _ => 'f',
        };
        let link = entry.link_name()?.map(std::borrow::Cow::into_owned).unwrap_or_default();
        let link = if kind == 'h' { below(&link).unwrap_or_default() } else { link.display().to_string() };
        tree.insert(path, Node { kind, mode: header.mode()?, owner: (header.uid()?, header.gid()?), data, link });
    }
    Ok(())
}

/// As `docker save` does: a manifest and one configuration an image.
pub fn save(world: &World, request: &Request) -> Answer {
    let mut builder = Builder::new(Vec::new());
    let mut manifest = Vec::new();
    let mut add = |name: &str, value: &Value| {
        let text = value.to_string();
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        builder.append_data(&mut header, name, text.as_bytes()).expect("a tar in memory");
    };
    for (_, name) in request.pairs.iter().filter(|(key, _)| key == "names") {
        let Some(index) = world.image(name) else {
            return Answer::error(404, &format!("No such image: {name}"));
        };
        let image = &world.images[index];
        let config = format!("{}.json", image.id.trim_start_matches("sha256:"));
        add(&config, &json!({"config": {"Labels": image.labels}}));
        manifest.push(json!({"Config": config, "RepoTags": [name], "Layers": []}));
    }
    add("manifest.json", &Value::Array(manifest));
    let body = builder.into_inner().expect("a tar in memory");
    Answer::Whole { status: 200, content_type: "application/x-tar", body }
}

/// As `docker load` does.
pub fn load(world: &mut World, request: &Request) -> Answer {
    let mut files: BTreeMap<String, Value> = BTreeMap::new();
    let mut read = || -> std::io::Result<()> {
        for entry in tar::Archive::new(request.body.as_slice()).entries()? {
            let entry = entry?;
            let path = entry.path()?.display().to_string();
            files.insert(path, serde_json::from_reader(entry)?);
        }
        Ok(())
    };
    if let Err(error) = read() {
        return Answer::error(500, &format!("Error processing tar file(exit status 1): {error}"));
    }
    let mut events = Vec::new();
    for image in files.get("manifest.json").and_then(Value::as_array).cloned().unwrap_or_default() {
        let config = image["Config"].as_str().unwrap_or_default();
        let id = format!("sha256:{}", config.trim_end_matches(".json"));
        if !world.images.iter().any(|known| known.id == id) {
            let labels = strings(&files[config]["config"]["Labels"]);
            world.images.push(Image { id: id.clone(), labels, ..Image::default() });
        }
        let index = world.images.iter().position(|known| known.id == id).expect("just added");
        for reference in image["RepoTags"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            world.name_image(index, reference);
            events.push(json!({"stream": format!("Loaded image: {reference}\n")}));
        }
    }
    Answer::Stream(events)
}
