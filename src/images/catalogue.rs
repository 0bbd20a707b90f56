//! Every image of a project: those its services name or build, and the helper images those build on.
//!
//! `FROM pipectl/X` and `COPY --from=pipectl/X` mean the image of that name that a service builds, else the one in the
//! project's `images/X/`. A directory with `make.sh` instead of a Dockerfile makes a root file system.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::context::{add_executable, entries};
use super::dockerfile::parents;
use super::identity::{Inputs, identity};
use super::reference::{NAMESPACE, listed_as, repository, short_name, tag};
use crate::engine::observed::ImageSummary;
use crate::model::{Build, Project};

/// Script of a directory that makes a root file system.
pub(super) const ROOTFS_SCRIPT: &str = "make.sh";

/// Why a project's images cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// A build context is not there.
    #[error("the build context of image {image} is missing: {}", path.display())]
    NoContext {
        /// The image.
        image: String,
        /// Where it should be.
        path: PathBuf,
    },
    /// A Dockerfile names an image of ours that nothing makes.
    #[error("{} builds on pipectl/{parent}, but no service builds it and {} does not exist", dockerfile.display(), expected.display())]
    UnknownParent {
        /// The Dockerfile.
        dockerfile: PathBuf,
        /// Short name of the parent.
        parent: String,
        /// Where a helper image would be.
        expected: PathBuf,
    },
    /// Images build on each other in a circle.
    #[error("images build on each other in a circle: {}", path.join(" -> "))]
    Cycle {
        /// The circle, first and last are the same.
        path: Vec<String>,
    },
    /// Two services give one image name to different builds.
    #[error("services {first} and {second} build image {image} in different ways")]
    Conflict {
        /// The image.
        image: String,
        /// A service.
        first: String,
        /// Another one.
        second: String,
    },
    /// A service has neither an image nor a build.
    #[error("service {service} has neither `image` nor `build`")]
    NoImage {
        /// The service.
        service: String,
    },
    /// A file of a context cannot be read.
    #[error("failed to read the build context of image {image} in {}", path.display())]
    Read {
        /// The image.
        image: String,
        /// The context.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// An image that is made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Short name: the X of `pipectl/X`.
    pub name: String,
    /// Repository, `pipectl/X` unless the project says otherwise.
    pub repository: String,
    /// Hash of everything it is made from.
    pub hash: String,
    /// What it is made from.
    pub origin: Origin,
    /// Short names of the images it builds on.
    pub parents: Vec<String>,
}

impl Image {
    /// `repository:hash`.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.repository, self.hash)
    }

    /// Where it is prebuilt: `PREFIX/name:hash`.
    pub fn prebuilt(&self, prefix: &str) -> String {
        format!("{}/{}:{}", prefix.trim_end_matches('/'), self.name, self.hash)
    }

    /// `repository:latest`, for people: nothing here goes by it.
    pub fn latest(&self) -> String {
        format!("{}:latest", self.repository)
    }
}

/// What an image is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A build context.
    Build(Build),
    /// A directory with a script that makes a root file system.
    Rootfs(PathBuf),
}

impl Origin {
    /// The directory with the inputs.
    pub fn dir(&self) -> &Path {
        match self {
            Self::Build(build) => &build.context,
            Self::Rootfs(dir) => dir,
        }
    }

    /// The Dockerfile or script, within the directory.
    pub(super) fn recipe(&self) -> &str {
        match self {
            Self::Build(build) => build.dockerfile.as_deref().unwrap_or("Dockerfile"),
            Self::Rootfs(_) => ROOTFS_SCRIPT,
        }
    }
}

/// The images of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    images: BTreeMap<String, Image>,
    services: BTreeMap<String, String>,
    never_pulled: BTreeSet<String>,
}

/// Reads and hashes every build context of a project.
pub fn catalogue(project: &Project) -> Result<Catalogue, ImagesError> {
    let helpers = project.dir.join("images");
    let mut collector = Collector { helpers, builds: BTreeMap::new(), done: BTreeMap::new() };
    for (service, build) in project.services.iter().filter_map(|(name, s)| Some((name, s.build.as_ref()?))) {
        let repository = own_repository(project, service);
        let name = short_name(&repository).to_owned();
        let known = collector.builds.entry(name.clone()).or_insert_with(|| ServiceBuild {
            service: service.clone(),
            repository,
            build: build.clone(),
        });
        if known.build != *build {
            let (first, second) = (known.service.clone(), service.clone());
            return Err(ImagesError::Conflict { image: name, first, second });
        }
    }
    let mut services = BTreeMap::new();
    let mut never_pulled = BTreeSet::new();
    for (name, service) in &project.services {
        let image = match (&service.image, &service.build) {
            (_, Some(_)) => Some(short_name(&own_repository(project, name)).to_owned()),
            (Some(image), None) => collector.short_name_of_own(image),
            (None, None) => return Err(ImagesError::NoImage { service: name.clone() }),
        };
        let reference = match image {
            Some(image) => collector.resolve(&image, &mut Vec::new())?.reference(),
            None => service.image.clone().unwrap_or_default(),
        };
        if service.pull_policy.as_deref() == Some("never") {
            never_pulled.insert(reference.clone());
        }
        services.insert(name.clone(), reference);
    }
    Ok(Catalogue { images: collector.done, services, never_pulled })
}

/// Repository of the image that a service builds.
fn own_repository(project: &Project, service: &str) -> String {
    let written = project.services.get(service).and_then(|service| service.image.as_deref());
    written.map_or_else(|| format!("{NAMESPACE}{service}"), |image| repository(image).to_owned())
}

struct ServiceBuild {
    service: String,
    repository: String,
    build: Build,
}

/// Resolves names to images, each once, parents first.
struct Collector {
    helpers: PathBuf,
    builds: BTreeMap<String, ServiceBuild>,
    done: BTreeMap<String, Image>,
}

impl Collector {
    /// A service may use, without building it, an image that another service or a helper directory makes.
    fn short_name_of_own(&self, image: &str) -> Option<String> {
        if tag(image).is_some_and(|tag| tag != "latest") || image.contains('@') {
            return None;
        }
        let repository = repository(image);
        let name = short_name(repository);
        let built = self.builds.get(name).is_some_and(|build| build.repository == repository);
        let helper = repository.strip_prefix(NAMESPACE) == Some(name) && self.helpers.join(name).is_dir();
        (built || helper).then(|| name.to_owned())
    }

    /// `open` holds the names on the way here, to find circles.
    fn resolve(&mut self, name: &str, open: &mut Vec<String>) -> Result<Image, ImagesError> {
        if let Some(image) = self.done.get(name) {
            return Ok(image.clone());
        }
        if let Some(start) = open.iter().position(|known| known == name) {
            let path = open[start..].iter().map(String::as_str).chain([name]).map(str::to_owned).collect();
            return Err(ImagesError::Cycle { path });
        }
        let (repository, origin) = self.origin(name);
        let dir = origin.dir().to_owned();
        let recipe = origin.recipe().to_owned();
        if !dir.is_dir() {
            return Err(ImagesError::NoContext { image: name.to_owned(), path: dir });
        }
        let unreadable = |source| ImagesError::Read { image: name.to_owned(), path: dir.clone(), source };
        let mut entries = entries(&dir, &recipe).map_err(unreadable)?;
        if let Origin::Build(Build { executable: Some(name), .. }) = &origin {
            add_executable(&mut entries, name).map_err(unreadable)?;
        }
        let (names, target, args) = match &origin {
            Origin::Rootfs(_) => (Vec::new(), None, BTreeMap::new()),
            Origin::Build(build) => {
                let text = std::fs::read_to_string(dir.join(&recipe)).map_err(unreadable)?;
                (parents(&text), build.target.clone(), build.args.clone())
            }
        };
        let mut hashes = BTreeMap::new();
        open.push(name.to_owned());
        for parent in &names {
            let is_service = self.builds.contains_key(parent);
            let expected = self.helpers.join(parent);
            if !is_service && !expected.is_dir() {
                let (dockerfile, parent) = (dir.join(&recipe), parent.clone());
                return Err(ImagesError::UnknownParent { dockerfile, parent, expected });
            }
            hashes.insert(parent.clone(), self.resolve(parent, open)?.hash);
        }
        open.pop();
        let inputs =
            Inputs { entries: &entries, recipe: &recipe, target: target.as_deref(), args: &args, parents: &hashes };
        let hash = identity(&inputs).map_err(unreadable)?;
        let image = Image { name: name.to_owned(), repository, hash, origin, parents: names };
        self.done.insert(name.to_owned(), image.clone());
        Ok(image)
    }

    fn origin(&self, name: &str) -> (String, Origin) {
        if let Some(own) = self.builds.get(name) {
            return (own.repository.clone(), Origin::Build(own.build.clone()));
        }
        let dir = self.helpers.join(name);
        let origin = if dir.join(ROOTFS_SCRIPT).is_file() && !dir.join("Dockerfile").exists() {
            Origin::Rootfs(dir)
        } else {
            Origin::Build(Build { context: dir, ..Build::default() })
        };
        (format!("{NAMESPACE}{name}"), origin)
    }
}

impl Catalogue {
    /// The image reference of every service.
    pub fn references(&self) -> BTreeMap<String, String> {
        self.services.clone()
    }

    /// Every image that is made here, by short name.
    pub fn images(&self) -> impl Iterator<Item = &Image> {
        self.images.values()
    }

    /// An image by its short name.
    pub fn named(&self, name: &str) -> Option<&Image> {
        self.images.get(name)
    }

    /// An image by its exact reference.
    pub fn find(&self, reference: &str) -> Option<&Image> {
        self.images.values().find(|image| image.reference() == reference)
    }

    /// References of services' images that are not there; sorted, each once.
    pub fn missing(&self, local: &[ImageSummary]) -> Vec<String> {
        self.missing_of(&|_| true, local)
    }

    /// The same of the selected services only.
    pub fn missing_of(&self, selected: &dyn Fn(&str) -> bool, local: &[ImageSummary]) -> Vec<String> {
        let services = self.services.iter().filter(|(service, _)| selected(service));
        let wanted: BTreeSet<_> = services.map(|(_, reference)| reference).collect();
        wanted.into_iter().filter(|reference| !is_present(reference, local)).cloned().collect()
    }

    /// Whether none of these images has this reference.
    pub fn is_missing(reference: &str, local: &[ImageSummary]) -> bool {
        !is_present(reference, local)
    }

    /// What has to be made for the services: their missing images and the missing ones those build on, parents first.
    /// The parents of an image that is there are not looked at.
    pub fn build_order(&self, local: &[ImageSummary]) -> Vec<&Image> {
        let mut order = Vec::new();
        for reference in self.missing(local) {
            if let Some(image) = self.find(&reference) {
                self.add_with_parents(image, local, &mut order);
            }
        }
        order
    }

    fn add_with_parents<'a>(&'a self, image: &'a Image, local: &[ImageSummary], order: &mut Vec<&'a Image>) {
        if order.iter().any(|known| known.name == image.name) || is_present(&image.reference(), local) {
            return;
        }
        for parent in image.parents.iter().filter_map(|name| self.images.get(name)) {
            self.add_with_parents(parent, local, order);
        }
        order.push(image);
    }

    /// Local references of our images that no current input makes any more: what `pipectl images prune` removes.
    pub fn stale(&self, local: &[ImageSummary]) -> Vec<String> {
        let is_current = |reference: &String| self.images.values().any(|image| image.reference() == *reference);
        let mut own = self.own(local);
        own.retain(|reference| !is_current(reference) && tag(reference).is_some_and(is_hash));
        own
    }

    /// Local references of our images, whatever they were made from.
    pub fn own(&self, local: &[ImageSummary]) -> Vec<String> {
        let is_own = |reference: &&String| self.images.values().any(|image| image.repository == repository(reference));
        let own: BTreeSet<_> = local.iter().flat_map(|image| &image.references).filter(is_own).collect();
        own.into_iter().cloned().collect()
    }

    /// Whether a service forbids pulling this reference.
    pub(super) fn forbids_pull(&self, reference: &str) -> bool {
        self.never_pulled.contains(reference)
    }
}

/// Whether an image is there.
pub(super) fn is_present(reference: &str, local: &[ImageSummary]) -> bool {
    let listed = listed_as(reference);
    local.iter().any(|image| image.references.contains(&listed))
}

fn is_hash(tag: &str) -> bool {
    tag.len() == 12 && tag.bytes().all(|byte| byte.is_ascii_hexdigit())
}
