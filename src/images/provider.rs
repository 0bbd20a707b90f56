//! Gets images: local, else pulled, else built, parents first. Requests for one image share one build.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex as SyncMutex};
use std::time::Instant;

use async_trait::async_trait;
use futures_util::future::{BoxFuture, FutureExt as _, try_join_all};
use tokio::sync::{Mutex, OnceCell, Semaphore, mpsc};

use super::archive::{Contents, write};
use super::catalogue::{Catalogue, Image, Origin, is_present};
use super::{context, dockerfile, host, rootfs};
use crate::engine::backend::{Backend, BackendError, BuildRequest, OutputFn, ProgressFn, Result};
use crate::engine::observed::{IMAGE_HASH_LABEL, ImageSummary};
use crate::engine::work::ImageProvider;
use crate::model::Build;

/// How images are got.
#[derive(Debug, Clone)]
pub struct Options {
    /// Prefix of prebuilt images, tried before building: `PREFIX/kafka:<hash>`.
    pub registry: Option<String>,
    /// Take prebuilt images only: where one is not there, that is an error.
    pub only_prebuilt: bool,
    /// What is made although it is there.
    pub again: Again,
    /// Builds that may run at once.
    pub parallel: usize,
}

/// What is made again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Again {
    /// Nothing.
    #[default]
    Nothing,
    /// The images that are asked for, from the layers that the engine kept; not those they build on.
    Asked,
    /// They and all that they build on, without any layer of earlier builds: with the packages of today.
    Everything,
}

impl Default for Options {
    fn default() -> Self {
        Self { registry: None, only_prebuilt: false, again: Again::default(), parallel: 2 }
    }
}

/// Makes the images of one catalogue present.
pub struct Provider {
    backend: Arc<dyn Backend>,
    catalogue: Catalogue,
    options: Options,
    builds: Semaphore,
    local: OnceCell<Vec<ImageSummary>>,
    made: SyncMutex<HashMap<String, Slot>>,
}

/// An image's outcome: who holds the lock makes the image, the others wait and find how it went.
type Slot = Arc<Mutex<Option<Result<()>>>>;

#[async_trait]
impl ImageProvider for Provider {
    async fn ensure(&self, reference: &str, progress: &ProgressFn, output: &OutputFn) -> Result<String> {
        match self.catalogue.find(reference) {
            Some(image) => self.own(image, self.options.again != Again::Nothing, progress, output).await,
            None => self.upstream(reference, progress).await,
        }
    }
}

impl Provider {
    /// A provider for one run.
    pub fn new(backend: Arc<dyn Backend>, catalogue: Catalogue, options: Options) -> Self {
        let builds = Semaphore::new(options.parallel.max(1));
        let made = SyncMutex::default();
        Self { backend, catalogue, options, builds, local: OnceCell::new(), made }
    }

    /// The images it knows.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The engine's images at the first question; what this provider makes is remembered in `made`.
    async fn is_local(&self, reference: &str) -> Result<bool> {
        let local = self.local.get_or_try_init(|| self.backend.images()).await?;
        Ok(is_present(reference, local))
    }

    async fn upstream(&self, reference: &str, progress: &ProgressFn) -> Result<String> {
        if self.is_local(reference).await? {
            return Ok("present".to_owned());
        }
        if self.catalogue.forbids_pull(reference) {
            return Err(BackendError::Refused {
                operation: format!("get {reference}"),
                message: "it is not on this machine and its `pull_policy` is `never`".to_owned(),
            });
        }
        self.backend.pull(reference, progress).await.map_err(|error| match error {
            BackendError::Refused { operation, message } => BackendError::Refused {
                operation,
                message: format!(
                    "{message}; this image only exists in its registry: where that cannot be reached, bring it with \
                     `docker save {reference}` on another machine and `docker load` here"
                ),
            },
            other => other,
        })?;
        Ok("pulled".to_owned())
    }

    /// Boxed because it calls itself for parents.
    fn own<'a>(
        &'a self,
        image: &'a Image,
        force: bool,
        progress: &'a ProgressFn,
        output: &'a OutputFn,
    ) -> BoxFuture<'a, Result<String>> {
        async move {
            if !force && self.is_local(&image.reference()).await? {
                return Ok("present".to_owned());
            }
            let slot = self.slot(&image.name);
            let mut outcome = if let Ok(free) = slot.try_lock() {
                free
            } else {
                progress(0, 0, &format!("waiting for {}, which something else needs too", image.repository));
                slot.lock().await
            };
            if let Some(known) = outcome.as_ref() {
                return known.clone().map(|()| "made for another image".to_owned());
            }
            let begun = Instant::now();
            let made = self.make(image, progress, output).await;
            *outcome = Some(made.as_ref().map(|_| ()).map_err(Clone::clone));
            made.map(|how| format!("{how} in {:.1} s", begun.elapsed().as_secs_f64()))
        }
        .boxed()
    }

    fn slot(&self, name: &str) -> Slot {
        let mut made = self.made.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(made.entry(name.to_owned()).or_default())
    }

    async fn make(&self, image: &Image, progress: &ProgressFn, output: &OutputFn) -> Result<String> {
        if let Some(how) = self.prebuilt(image, progress, output).await? {
            return Ok(how);
        }
        let parents = image.parents.iter().filter_map(|name| self.catalogue.named(name));
        let again = self.options.again == Again::Everything;
        try_join_all(parents.map(|parent| self.own(parent, again, progress, output))).await?;
        // Taken after the parents are done: a build that only waits must not keep others from running.
        progress(0, 0, &format!("waiting to build {}", image.repository));
        let _running = self.builds.acquire().await.map_err(|error| refused(image, &error.to_string()))?;
        let how = match &image.origin {
            Origin::Rootfs(_) => rootfs::provide(self.backend.as_ref(), image, progress, output).await?,
            Origin::Build(build) => self.build(image, build, progress, output).await?,
        };
        self.backend.tag(&image.reference(), &image.latest()).await?;
        Ok(how)
    }

    /// A prebuilt image of the same inputs. Its absence is no error: it is built then.
    async fn prebuilt(&self, image: &Image, progress: &ProgressFn, output: &OutputFn) -> Result<Option<String>> {
        let Some(prefix) = &self.options.registry else { return Ok(None) };
        let remote = image.prebuilt(prefix);
        match self.backend.pull(&remote, progress).await {
            Ok(()) => {
                // What tells the next run that the image is there comes last.
                for reference in [image.latest(), image.reference()] {
                    self.backend.tag(&remote, &reference).await?;
                }
                Ok(Some(format!("pulled {remote}")))
            }
            // Who names a registry and cannot log in there does not want to wait for a build.
            Err(
                error @ (BackendError::Unreachable { .. }
                | BackendError::Permission { .. }
                | BackendError::Login { .. }),
            ) => Err(error),
            Err(error) if self.options.only_prebuilt => Err(error),
            Err(error) => {
                output(&format!("{error}; building {} instead", image.repository));
                Ok(None)
            }
        }
    }

    async fn build(&self, image: &Image, build: &Build, progress: &ProgressFn, output: &OutputFn) -> Result<String> {
        let archive = self.pack(image, build).await?;
        let mut args = build.args.clone();
        for (name, value) in host::proxies() {
            args.entry(name).or_insert(value);
        }
        let request = BuildRequest {
            references: vec![image.reference(), image.latest()],
            context: archive.path().to_owned(),
            dockerfile: image.origin.recipe().to_owned(),
            target: build.target.clone(),
            args,
            no_cache: self.options.again == Again::Everything,
            labels: BTreeMap::from([(IMAGE_HASH_LABEL.to_owned(), image.hash.clone())]),
        };
        match self.watched_build(request.clone(), &image.repository, progress, output).await {
            Err(BackendError::Build { step, message, output: lines, .. }) if is_network_trouble(&message, &lines) => {
                output(&format!("{}: the network failed in `{step}`; building it once more", image.repository));
                self.watched_build(request, &image.repository, progress, output).await?;
            }
            result => result?,
        }
        Ok("built".to_owned())
    }

    /// Builds, and turns the builder's step lines into progress.
    async fn watched_build(
        &self,
        request: BuildRequest,
        repository: &str,
        progress: &ProgressFn,
        output: &OutputFn,
    ) -> Result<()> {
        let (sender, mut lines) = mpsc::unbounded_channel();
        let forward = move |line: &str| {
            // The receiver lives as long as the build below.
            let _ = sender.send(line.to_owned());
        };
        let show = |line: String| {
            if let Some(step) = step_of(&line) {
                progress(0, 0, &format!("{repository} step {step}"));
            }
            output(&line);
        };
        let mut building = std::pin::pin!(self.backend.build(request, &forward));
        let result = loop {
            tokio::select! {
                biased;
                Some(line) = lines.recv() => show(line),
                result = &mut building => break result,
            }
        };
        while let Ok(line) = lines.try_recv() {
            show(line);
        }
        result
    }

    /// The context as an archive on disk, with exact parents and this machine's certificate authorities.
    async fn pack(&self, image: &Image, build: &Build) -> Result<tempfile::NamedTempFile> {
        let recipe = image.origin.recipe().to_owned();
        let exact: BTreeMap<String, String> = image
            .parents
            .iter()
            .filter_map(|name| Some((name.clone(), self.catalogue.named(name)?.reference())))
            .collect();
        let dir = build.context.clone();
        let executable = build.executable.clone();
        if executable.is_some() && !cfg!(target_os = "linux") {
            let message =
                "it holds this program, and containers run the Linux build of it only; run pipectl on Linux to have it";
            return Err(refused(image, message));
        }
        let packed = tokio::task::spawn_blocking(move || -> std::io::Result<_> {
            let text = std::fs::read_to_string(dir.join(&recipe))?;
            let mut entries = context::entries(&dir, &recipe)?;
            if let Some(name) = executable {
                context::add_executable(&mut entries, &name)?;
            }
            let contents = Contents {
                entries,
                text: dockerfile::pin(&text, |name| exact.get(name).cloned()),
                dockerfile: recipe,
                certificates: host::certificates()?,
            };
            let file = tempfile::NamedTempFile::new()?;
            write(&contents, std::io::BufWriter::new(file.as_file()))?;
            Ok(file)
        })
        .await;
        let packed = packed.map_err(|error| refused(image, &error.to_string()))?;
        packed.map_err(|error| refused(image, &format!("packing {}: {error}", build.context.display())))
    }
}

fn refused(image: &Image, message: &str) -> BackendError {
    BackendError::Refused { operation: format!("build {}", image.repository), message: message.to_owned() }
}

/// `3/7: RUN ..` of `Step 3/7 : RUN ..`.
fn step_of(line: &str) -> Option<String> {
    let rest = line.strip_prefix("Step ").or_else(|| line.strip_prefix("STEP "))?;
    let (number, instruction) = rest.split_once(':')?;
    Some(format!("{}: {}", number.trim(), instruction.trim()))
}

/// What package managers write when a download failed, as opposed to a build that cannot succeed.
fn is_network_trouble(message: &str, lines: &[String]) -> bool {
    const SIGNS: [&str; 14] = [
        "Temporary failure",
        "Failed to fetch",
        "Unable to fetch",
        "Could not connect",
        "Connection timed out",
        "Connection reset",
        "connection reset",
        "Could not transfer artifact",
        "Read timed out",
        "ReadTimeoutError",
        "NewConnectionError",
        "Hash Sum mismatch",
        "TLS handshake",
        "Could not resolve host",
    ];
    let texts: BTreeSet<&str> = lines.iter().map(String::as_str).chain([message]).collect();
    texts.iter().any(|text| SIGNS.iter().any(|sign| text.contains(sign)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_lines_become_progress() {
        assert_eq!(step_of("Step 3/7 : RUN apt-get update").as_deref(), Some("3/7: RUN apt-get update"));
        assert_eq!(step_of(" ---> 12ab"), None);
    }

    #[test]
    fn only_failed_downloads_are_worth_a_second_build() {
        let lines = ["E: Failed to fetch deb/x.deb  Connection timed out".to_owned()];
        assert!(is_network_trouble("returned a non-zero code: 100", &lines));
        assert!(!is_network_trouble("returned a non-zero code: 2", &["cc: error".to_owned()]));
    }
}
