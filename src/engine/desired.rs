//! What should be there: every service of the project as a container to make, with engine names, labels and a hash.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::backend::{ContainerSpec, NetworkSpec, SecretFile, VolumeSpec};
use super::hash;
use super::observed::{
    COMPOSE_HASH_LABEL, CONFIG_FILES_LABEL, CONFIG_HASH_LABEL, LAYOUT_LABEL, NETWORK_LABEL, NUMBER_LABEL, ONEOFF_LABEL,
    PROJECT_LABEL, SERVICE_LABEL, VOLUME_LABEL, WORKING_DIR_LABEL,
};
use crate::model::{Mount, MountKind, Project, SECRETS_DIR, SecretUse, Service};

/// Why a service cannot be described.
#[derive(Debug, thiserror::Error)]
pub enum DesiredError {
    /// Nobody said which image it runs.
    #[error("no image is known for service `{0}`")]
    NoImage(String),
    /// A mounted file cannot be read.
    #[error("service `{service}` mounts {}, which cannot be read", .path.display())]
    Unreadable {
        /// The service.
        service: String,
        /// The path on this machine.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

/// Hash of a mounted path; none when its content is no input. See [`super::content::Content::hash`].
pub type ContentHash<'a> = dyn Fn(&Path) -> io::Result<Option<String>> + 'a;
/// Hash of a secret from which nobody who tries likely ones can tell it.
pub type SecretHash<'a> = dyn Fn(&[u8]) -> Vec<u8> + 'a;

/// How what a container reads is told from what it read before.
#[derive(Clone, Copy)]
pub struct Hashes<'a> {
    /// Of what is mounted.
    pub content: &'a ContentHash<'a>,
    /// Of secrets.
    pub secret: &'a SecretHash<'a>,
}

/// The project as objects of the engine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Desired {
    services: BTreeMap<String, DesiredService>,
    /// Networks that are ours to make, by key.
    pub networks: BTreeMap<String, NetworkSpec>,
    /// Volumes that are ours to make, by key.
    pub volumes: BTreeMap<String, VolumeSpec>,
}

/// One service: its containers differ in name and number only.
#[derive(Debug, Clone, PartialEq)]
struct DesiredService {
    /// Name before the number, or the whole name when the file fixes it.
    name: String,
    fixed_name: bool,
    template: ContainerSpec,
    hash: String,
}

impl Desired {
    /// The container of a service with a number, from 1.
    pub fn container(&self, service: &str, number: u32) -> Option<ContainerSpec> {
        let DesiredService { name, fixed_name, template, .. } = self.services.get(service)?;
        let name = if *fixed_name { name.clone() } else { format!("{name}-{number}") };
        let mut spec = ContainerSpec { name, ..template.clone() };
        spec.labels.insert(NUMBER_LABEL.into(), number.to_string());
        Some(spec)
    }

    /// The configuration hash of a service.
    pub fn hash(&self, service: &str) -> Option<&str> {
        self.services.get(service).map(|service| service.hash.as_str())
    }
}

/// Describes every service, network and volume of a project. `images` maps services to resolved image references.
pub fn desired(
    project: &Project,
    images: &BTreeMap<String, String>,
    hashes: Hashes<'_>,
) -> Result<Desired, DesiredError> {
    let mut services = BTreeMap::new();
    for (name, service) in &project.services {
        let image = images.get(name).ok_or_else(|| DesiredError::NoImage(name.clone()))?;
        services.insert(name.clone(), describe(project, service, image, hashes)?);
    }
    let networks = project.networks.iter().filter(|(_, network)| !network.external);
    Ok(Desired {
        services,
        networks: networks.map(|(key, _)| (key.clone(), network(project, key))).collect(),
        volumes: volumes(project),
    })
}

/// Volumes of a project that are ours to make, by key. They depend on no image.
pub fn volumes(project: &Project) -> BTreeMap<String, VolumeSpec> {
    let volumes = project.volumes.iter().filter(|(_, volume)| !volume.external);
    volumes.map(|(key, _)| (key.clone(), volume(project, key))).collect()
}

fn describe(
    project: &Project,
    service: &Service,
    image: &str,
    hashes: Hashes<'_>,
) -> Result<DesiredService, DesiredError> {
    let mut template = ContainerSpec {
        name: String::new(),
        image: image.to_owned(),
        entrypoint: service.entrypoint.clone(),
        command: service.command.clone(),
        environment: service.environment.clone(),
        user: service.user.clone(),
        working_dir: service.working_dir.clone(),
        hostname: service.hostname.clone(),
        init: service.init,
        ports: service.ports.clone(),
        mounts: mounts(project, service),
        secrets: service.secrets.iter().map(|used| secret_file(project, used)).collect(),
        networks: networks_of(project, service),
        healthcheck: service.healthcheck.clone(),
        restart: service.restart,
        stop_signal: service.stop_signal.clone(),
        stop_grace_period: service.stop_grace_period,
        mem_limit: service.mem_limit,
        cpus: service.cpus,
        shm_size: service.shm_size,
        cap_add: service.cap_add.clone(),
        cap_drop: service.cap_drop.clone(),
        security_opt: service.security_opt.clone(),
        read_only: service.read_only,
        extra_hosts: service.extra_hosts.clone(),
        ulimits: service.ulimits.clone(),
        sysctls: service.sysctls.clone(),
        labels: service.labels.clone(),
    };
    let mut contents = BTreeMap::new();
    for mount in service.mounts.iter().filter(|mount| mount.read_only) {
        if let MountKind::Bind(path) = &mount.kind {
            let unreadable =
                |source| DesiredError::Unreadable { service: service.name.clone(), path: path.clone(), source };
            if let Some(hash) = (hashes.content)(path).map_err(unreadable)? {
                contents.insert(mount.target.clone(), hash);
            }
        }
    }
    for file in &template.secrets {
        contents.insert(format!("{SECRETS_DIR}/{}", file.name), hash::hex(&(hashes.secret)(file.content.reveal())));
    }
    let hash = hash::container(&template, &service.labels, &contents);
    template.labels.extend(labels(project, &service.name, &hash));
    let fixed_name = service.container_name.is_some();
    let name = service.container_name.clone().unwrap_or_else(|| format!("{}-{}", project.name, service.name));
    Ok(DesiredService { name, fixed_name, template, hash })
}

/// Compose's labels and ours, without the number.
fn labels(project: &Project, service: &str, hash: &str) -> [(String, String); 7] {
    let files: Vec<_> = project.files.iter().map(|file| file.to_string_lossy()).collect();
    [
        (PROJECT_LABEL.into(), project.name.clone()),
        (SERVICE_LABEL.into(), service.to_owned()),
        (ONEOFF_LABEL.into(), "False".into()),
        (WORKING_DIR_LABEL.into(), project.dir.to_string_lossy().into()),
        (CONFIG_FILES_LABEL.into(), files.join(",")),
        (COMPOSE_HASH_LABEL.into(), hash.to_owned()),
        (CONFIG_HASH_LABEL.into(), hash.to_owned()),
    ]
}

/// What a service mounts, and a place for its secrets: an anonymous volume, which goes with its container.
fn mounts(project: &Project, service: &Service) -> Vec<Mount> {
    let place = || Mount { kind: MountKind::Anonymous, target: SECRETS_DIR.to_owned(), read_only: false };
    let own = service.mounts.iter().map(|mount| engine_mount(project, mount));
    own.chain((!service.secrets.is_empty()).then(place)).collect()
}

fn secret_file(project: &Project, used: &SecretUse) -> SecretFile {
    let SecretUse { source, target, uid, gid, mode } = used;
    let content = project.secrets.get(source).map(|secret| secret.content.clone()).unwrap_or_default();
    SecretFile { name: target.clone(), uid: *uid, gid: *gid, mode: *mode, content }
}

/// A mount with the engine's name of its volume.
fn engine_mount(project: &Project, mount: &Mount) -> Mount {
    let kind = match &mount.kind {
        MountKind::Volume(key) => {
            MountKind::Volume(project.volumes.get(key).map_or_else(|| key.clone(), |volume| volume.name.clone()))
        }
        other => other.clone(),
    };
    Mount { kind, ..mount.clone() }
}

/// Networks by engine name with every alias: the service's name always comes first.
fn networks_of(project: &Project, service: &Service) -> BTreeMap<String, Vec<String>> {
    let attachments = service.networks.iter().map(|(key, attachment)| {
        let name = project.networks.get(key).map_or_else(|| key.clone(), |network| network.name.clone());
        let mut aliases = vec![service.name.clone()];
        aliases.extend(attachment.aliases.iter().filter(|alias| **alias != service.name).cloned());
        (name, aliases)
    });
    attachments.collect()
}

fn network(project: &Project, key: &str) -> NetworkSpec {
    let network = &project.networks[key];
    let mut spec = NetworkSpec {
        name: network.name.clone(),
        driver: network.driver.clone(),
        internal: network.internal,
        labels: network.labels.clone(),
    };
    let hash = hash::network(&spec);
    spec.labels.insert(PROJECT_LABEL.into(), project.name.clone());
    spec.labels.insert(NETWORK_LABEL.into(), key.to_owned());
    spec.labels.insert(CONFIG_HASH_LABEL.into(), hash);
    spec
}

fn volume(project: &Project, key: &str) -> VolumeSpec {
    let volume = &project.volumes[key];
    let mut spec = VolumeSpec {
        name: volume.name.clone(),
        driver: volume.driver.clone(),
        driver_opts: volume.driver_opts.clone(),
        labels: volume.labels.clone(),
    };
    let hash = hash::volume(&spec);
    spec.labels.insert(PROJECT_LABEL.into(), project.name.clone());
    spec.labels.insert(VOLUME_LABEL.into(), key.to_owned());
    spec.labels.insert(LAYOUT_LABEL.into(), project.ext.layout().to_string());
    spec.labels.insert(CONFIG_HASH_LABEL.into(), hash);
    spec
}

#[cfg(test)]
mod tests {
    use super::super::graph::tests::project;
    use super::*;
    use crate::model::{Network, NetworkAttachment, Secret, SecretSource, Volume};

    fn one(content: &'static str) -> Desired {
        let mut project = project(&["web:"]);
        project.networks.insert("default".into(), Network { name: "shop_default".into(), ..Network::default() });
        project.volumes.insert("data".into(), Volume { name: "shop_data".into(), ..Volume::default() });
        let web = project.services.get_mut("web").unwrap();
        web.networks.insert("default".into(), NetworkAttachment { aliases: vec!["www".into()] });
        let mount = |kind, target: &str, read_only| Mount { kind, target: target.into(), read_only };
        web.mounts = vec![
            mount(MountKind::Volume("data".into()), "/data", false),
            mount(MountKind::Bind("/project/sql".into()), "/sql", true),
            mount(MountKind::Bind("/project/out".into()), "/out", false),
        ];
        let images = BTreeMap::from([("web".to_owned(), "web:1".to_owned())]);
        let hashes = Hashes {
            content: &|path| {
                assert_eq!(path, Path::new("/project/sql"), "only read-only mounts are inputs");
                Ok(Some(content.into()))
            },
            secret: &|_| unreachable!("there is none"),
        };
        desired(&project, &images, hashes).unwrap()
    }

    #[test]
    fn names_are_the_engines() {
        let container = one("").container("web", 2).unwrap();
        assert_eq!(container.name, "shop-web-2");
        assert_eq!(container.image, "web:1");
        assert_eq!(container.networks["shop_default"], ["web", "www"]);
        assert_eq!(container.mounts[0].kind, MountKind::Volume("shop_data".into()));
    }

    #[test]
    fn compose_finds_what_we_make() {
        let desired = one("");
        let container = desired.container("web", 1).unwrap();
        for (label, value) in
            [(PROJECT_LABEL, "shop"), (SERVICE_LABEL, "web"), (NUMBER_LABEL, "1"), (ONEOFF_LABEL, "False")]
        {
            assert_eq!(container.labels[label], value);
        }
        assert_eq!(container.labels[CONFIG_HASH_LABEL], desired.hash("web").unwrap());
        assert_eq!(desired.networks["default"].labels[NETWORK_LABEL], "default");
        assert_eq!(desired.volumes["data"].labels[PROJECT_LABEL], "shop");
    }

    #[test]
    fn an_edited_mounted_file_is_a_changed_configuration() {
        assert_eq!(one("a"), one("a"));
        assert_ne!(one("a").hash("web"), one("b").hash("web"));
    }

    fn without_content() -> Hashes<'static> {
        Hashes { content: &|_| Ok(None), secret: &|secret| secret.repeat(2) }
    }

    #[test]
    fn a_secret_is_a_file_on_a_volume_of_its_own_and_another_one_a_changed_configuration() {
        let with = |content: &str| {
            let mut project = project(&["web:"]);
            let source = SecretSource::Variable { name: "PASSWORD".into(), default: None };
            project.secrets.insert("password".into(), Secret { source, content: content.into() });
            let used =
                SecretUse { source: "password".into(), target: "web-password".into(), uid: 7, gid: 7, mode: 0o400 };
            project.services.get_mut("web").unwrap().secrets.push(used);
            let images = BTreeMap::from([("web".to_owned(), "web:1".to_owned())]);
            desired(&project, &images, without_content()).unwrap()
        };
        let container = with("hunter2").container("web", 1).unwrap();
        let [file] = &container.secrets[..] else { panic!("one file: {:?}", container.secrets) };
        assert_eq!((file.name.as_str(), file.content.reveal()), ("web-password", &b"hunter2"[..]));
        let place = Mount { kind: MountKind::Anonymous, target: "/run/secrets".into(), read_only: false };
        assert_eq!(container.mounts, [place]);
        assert_eq!(with("hunter2"), with("hunter2"));
        assert_ne!(with("hunter2").hash("web"), with("hunter2!").hash("web"));
    }

    #[test]
    fn a_service_needs_an_image() {
        let error = desired(&project(&["web:"]), &BTreeMap::new(), without_content()).unwrap_err();
        assert_eq!(error.to_string(), "no image is known for service `web`");
    }
}
