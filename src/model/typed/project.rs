//! The project: every part of the tree read, profiles applied, resources normalised.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{Context, ext, resources, secrets, service};
use crate::model::error::ModelError;
use crate::model::yaml::{Fields, Node};
use crate::model::{
    KnownSecret, MountKind, Network, PortVariable, Project, Service, Superseded, Volume, cycle, validate,
};

/// What is known of a project before its tree is read.
pub(crate) struct Facts {
    /// Its name.
    pub name: String,
    /// Directory of the first file.
    pub dir: PathBuf,
    /// Files that were read.
    pub files: Vec<PathBuf>,
    /// Variables that decide on published ports.
    pub port_variables: Vec<PortVariable>,
    /// Secrets that are those of the files.
    pub known_secrets: Vec<KnownSecret>,
    /// Profiles that were chosen.
    pub profiles: Vec<String>,
}

/// Stands for no profile, where a variable must have a value.
const NO_PROFILE: &str = "none";

/// Reads the merged tree.
pub(crate) fn project(
    tree: &Node,
    facts: Facts,
    lookup: &dyn Fn(&str) -> Option<String>,
    warnings: Vec<String>,
) -> Result<Project, ModelError> {
    let mut context = Context { lookup, warnings };
    let mut fields = Fields::of(tree, "the project")?;
    fields.unsupported(&["configs", "models"]);
    fields.take("name");
    fields.ignore(&["version"], &mut context.warnings);
    let services = fields.require("services")?;
    let services = named(services, "services", |name, node| service::read(name, node, &mut context))?;
    let networks = match fields.take("networks") {
        Some(node) => named(node, "networks", |key, node| resources::network(key, node, &facts.name, &mut context))?,
        None => BTreeMap::new(),
    };
    let volumes = match fields.take("volumes") {
        Some(node) => named(node, "volumes", |key, node| resources::volume(key, node, &facts.name))?,
        None => BTreeMap::new(),
    };
    let sources = match fields.take("secrets") {
        Some(node) => named(node, "secrets", |key, node| secrets::source(key, node, &mut context))?,
        None => BTreeMap::new(),
    };
    let mut ext = fields.read("x-pipectl", |node, _| ext::project(node))?.unwrap_or_default();
    fields.finish()?;

    validate::references(tree, &services, &networks, &volumes, &sources, &ext)?;
    cycle::check(tree, &services, &ext)?;
    let profiles: Vec<String> =
        facts.profiles.iter().chain(ext.profiles.iter().filter(|profile| !is_none(profile))).cloned().collect();
    let (services, others) = choose(services, &ext, &profiles)?;
    let superseded = others.iter().filter_map(|(name, service)| Some((name.clone(), superseded(service, &services)?)));
    let superseded = superseded.collect();
    let disabled = others.into_iter().map(|(name, service)| (name, service.profiles)).collect();
    ext.steps.retain(|_, step| is_enabled(&step.profiles, &profiles));
    validate::conflicts(tree, &services)?;
    validate::disabled(tree, &services, &disabled, &ext)?;

    let secrets = secrets::fetch(tree, sources, &services, &context)?;

    let mut project = Project {
        name: facts.name,
        dir: facts.dir,
        files: facts.files,
        services,
        disabled,
        superseded,
        networks,
        volumes,
        secrets,
        ext,
        port_variables: facts.port_variables,
        known_secrets: facts.known_secrets,
        warnings: context.warnings,
    };
    normalise(&mut project);
    Ok(project)
}

/// Reads the entries of a section; their names must be such that they can be part of an engine name.
fn named<T>(
    node: &Node,
    section: &str,
    mut reader: impl FnMut(&str, &Node) -> Result<T, ModelError>,
) -> Result<BTreeMap<String, T>, ModelError> {
    let entries = node.mapping().ok_or_else(|| node.mismatch(&format!("`{section}`"), "a mapping"))?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let mut read = BTreeMap::new();
    for (name, entry) in entries {
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(ModelError::at(&entry.key, format!("`{name}` is no name for one of the {section}"))
                .hint("use letters, digits, `.`, `_` and `-`"));
        }
        read.insert(name.clone(), reader(name, &entry.node)?);
    }
    Ok(read)
}

/// What a service that is not enabled makes room for, if the one that does its work is.
fn superseded(service: &Service, enabled: &BTreeMap<String, Service>) -> Option<Superseded> {
    let by = service.ext.instead.as_ref().filter(|by| enabled.contains_key(*by))?;
    Some(Superseded { by: by.clone(), stop_grace_period: service.stop_grace_period })
}

/// Services that run, and those that no chosen profile enables.
type Choice = (BTreeMap<String, Service>, BTreeMap<String, Service>);

fn choose(
    services: BTreeMap<String, Service>,
    ext: &crate::model::ext::ProjectExt,
    chosen: &[String],
) -> Result<Choice, ModelError> {
    let of_steps = ext.steps.values().flat_map(|step| &step.profiles);
    let of_services = services.values().flat_map(|service| &service.profiles);
    let known: BTreeSet<String> = of_services.chain(of_steps).cloned().collect();
    for profile in chosen.iter().filter(|profile| *profile != "*") {
        if !known.contains(profile) {
            let hint = crate::model::suggest::hint(profile, known.iter().map(String::as_str));
            return Err(ModelError::new(format!("no service has the profile `{profile}`")).maybe_hint(hint));
        }
    }
    Ok(services.into_iter().partition(|(_, service)| is_enabled(&service.profiles, chosen)))
}

/// A profile that stands for none, also as the first word of one that is put together (`none-mysql`).
fn is_none(profile: &str) -> bool {
    profile.split('-').next() == Some(NO_PROFILE)
}

fn is_enabled(profiles: &[String], chosen: &[String]) -> bool {
    let is_chosen = |profile: &String| chosen.iter().any(|chosen| chosen == "*" || chosen == profile);
    profiles.is_empty() || profiles.iter().any(is_chosen)
}

/// Fills in what is implied and leaves out what no service uses.
fn normalise(project: &mut Project) {
    let enabled: BTreeSet<String> = project.services.keys().cloned().collect();
    let mut used_networks = BTreeSet::new();
    let mut used_volumes = BTreeSet::new();
    for service in project.services.values_mut() {
        // What is left here of services that do not run is not required, see `validate::disabled`.
        service.depends_on.retain(|name, _| enabled.contains(name));
        if service.networks.is_empty() {
            service.networks.insert("default".to_owned(), crate::model::NetworkAttachment::default());
        }
        used_networks.extend(service.networks.keys().cloned());
        for mount in &service.mounts {
            if let MountKind::Volume(key) = &mount.kind {
                used_volumes.insert(key.clone());
            }
        }
    }
    if used_networks.contains("default") {
        let name = format!("{}_default", project.name);
        let implied = || Network { name, ..Network::default() };
        project.networks.entry("default".to_owned()).or_insert_with(implied);
    }
    project.networks.retain(|key, _| used_networks.contains(key));
    project.volumes.retain(|key, _: &mut Volume| used_volumes.contains(key));
}
