//! What a container of the stack may not do, checked over the resolved configuration of every service with every profile on.
//! docs/security.md has it in words.

use std::collections::BTreeSet;
use std::path::Path;

use pipectl::model::{self, LoadOptions, MountKind, Service};

/// Images from elsewhere, which the optional profiles pull: what they need to write to and to be is theirs to say.
const FOREIGN: [&str; 6] = ["kafka-ui", "om-elasticsearch", "om-migrate", "om-mysql", "om-postgresql", "om-server"];
/// Start as root and become another user, which takes capabilities.
const WITH_CAPABILITIES: [&str; 2] = ["om-mysql", "om-postgresql"];

/// Take their database's password from a variable only; it is the one of the database's image, and no secret.
const WITH_SECRET_VARIABLES: [&str; 2] = ["om-migrate", "om-server"];

/// Every profile there is.
const PROFILES: [&str; 7] =
    ["lite", "official-client", "openmetadata", "openmetadata-mysql", "openmetadata-postgresql", "source", "ui"];

fn services() -> Vec<Service> {
    let options = LoadOptions {
        files: vec!["compose/compose.yaml".into()],
        profiles: PROFILES.map(str::to_owned).to_vec(),
        ..LoadOptions::default()
    };
    let project = model::load(&options).expect("the repository's stack");
    assert!(project.disabled.is_empty(), "a profile is missing above: {:?}", project.disabled);
    project.services.into_values().collect()
}

/// The services for which something does not hold.
fn without(holds: impl Fn(&Service) -> bool) -> Vec<String> {
    services().into_iter().filter(|service| !holds(service)).map(|service| service.name).collect()
}

/// The user of an image's last stage, that of the image it builds on where it has none of its own.
fn user(context: &Path) -> Option<String> {
    let text = std::fs::read_to_string(context.join("Dockerfile")).ok()?;
    let stage: Vec<&str> = text.lines().map(str::trim).collect();
    let from = stage.iter().rposition(|line| line.starts_with("FROM "))?;
    let own = stage[from..].iter().rev().find_map(|line| line.strip_prefix("USER "));
    let parent = stage[from].strip_prefix("FROM ")?.split_whitespace().next()?;
    let inherited = || user(&Path::new("compose/images").join(parent.strip_prefix("pipectl/")?));
    own.map(str::to_owned).or_else(inherited)
}

#[test]
fn every_image_that_is_made_here_runs_as_a_user_of_its_own() {
    let mut seen = BTreeSet::new();
    for service in services() {
        let Some(build) = &service.build else {
            assert!(FOREIGN.contains(&service.name.as_str()), "{} is not built here", service.name);
            continue;
        };
        let user = service.user.clone().or_else(|| user(&build.context)).unwrap_or_else(|| "root".to_owned());
        assert!(!["root", "0", ""].contains(&user.as_str()), "{} runs as {user}", service.name);
        seen.insert(user);
    }
    assert_eq!(seen.len(), 8, "{seen:?}");
}

#[test]
fn every_root_file_system_that_is_made_here_is_read_only() {
    assert_eq!(without(|service| service.read_only), FOREIGN);
}

#[test]
fn capabilities_are_dropped_and_none_can_be_gained() {
    assert_eq!(without(|service| service.cap_drop == ["ALL"] && service.cap_add.is_empty()), WITH_CAPABILITIES);
    assert_eq!(without(|service| service.security_opt == ["no-new-privileges:true"]), [""; 0]);
}

#[test]
fn every_container_has_a_memory_limit() {
    assert_eq!(without(|service| service.mem_limit.is_some()), [""; 0]);
}

/// What may run at the same time with OpenMetadata: `om-migrate` has ended before `om-server` begins, and the lite catalog runs only
/// where there is no OpenMetadata.
#[test]
fn the_whole_stack_with_openmetadata_fits_into_8_gib() {
    for backend in ["mysql", "postgresql"] {
        let options = LoadOptions {
            files: vec!["compose/compose.yaml".into()],
            environment: [("PIPECTL_GOVERNANCE", "openmetadata"), ("OM_BACKEND", backend)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..LoadOptions::default()
        };
        let services = model::load(&options).expect("the repository's stack").services;
        assert!(services.contains_key("om-server") && services.contains_key("spark-driver"), "{:?}", services.keys());
        assert!(
            services["om-migrate"].mem_limit <= services["om-server"].mem_limit,
            "their turns are one after the other"
        );
        let together = services.values().filter(|service| !["catalog", "om-migrate"].contains(&service.name.as_str()));
        let limits: Vec<(&str, u64)> =
            together.map(|service| (service.name.as_str(), service.mem_limit.unwrap_or(u64::MAX))).collect();
        let sum: u64 = limits.iter().map(|(_, limit)| limit).sum();
        assert!(sum <= 8 << 30, "{} MiB: {limits:?}", sum >> 20);
    }
}

#[test]
fn no_container_holds_the_engine_or_writes_to_this_machine() {
    let harmless = |service: &Service| {
        service.mounts.iter().all(|mount| match &mount.kind {
            MountKind::Bind(path) => mount.read_only && path.starts_with(std::env::current_dir().expect("a directory")),
            _ => true,
        })
    };
    assert_eq!(without(harmless), [""; 0]);
}

#[test]
fn secrets_are_files_and_no_variables() {
    let words = ["PASSWORD", "PASSWD", "SECRET", "TOKEN"];
    let tells = |name: &String| !name.ends_with("_FILE") && words.iter().any(|word| name.contains(word));
    assert_eq!(without(|service| !service.environment.keys().any(tells)), WITH_SECRET_VARIABLES);
}

#[test]
fn every_published_port_is_on_loopback() {
    let loopback = |service: &Service| service.ports.iter().all(|port| port.host_ip.as_deref() == Some("127.0.0.1"));
    assert_eq!(without(loopback), [""; 0]);
}
