//! An engine that only knows images: enough for the provider.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use pipectl::engine::backend::{
    Backend, BackendError, BuildRequest, ContainerSpec, EngineInfo, ExecOutput, LogLine, LogOptions, NetworkSpec,
    OutputFn, ProgressFn, Result, VolumeSpec,
};
use pipectl::engine::observed::{ContainerDetail, ContainerSummary, ImageSummary, NetworkSummary, VolumeSummary};

/// Remembers every call that makes something; pulls only what was published; fails builds on demand.
#[derive(Default)]
pub struct FakeImages(Mutex<State>);

#[derive(Default)]
struct State {
    local: BTreeSet<String>,
    published: BTreeSet<String>,
    failures: BTreeMap<String, (String, u32)>,
    dockerfiles: BTreeMap<String, String>,
    calls: Vec<String>,
}

impl FakeImages {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("not poisoned")
    }

    pub fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }

    /// The next `times` builds of a repository fail and print `line`.
    pub fn fail_build(&self, repository: &str, line: &str, times: u32) {
        self.state().failures.insert(repository.to_owned(), (line.to_owned(), times));
    }

    /// Makes a reference available for pulls.
    pub fn publish(&self, reference: &str) {
        self.state().published.insert(reference.to_owned());
    }

    /// The Dockerfile that was sent for an image.
    pub fn dockerfile(&self, reference: &str) -> String {
        self.state().dockerfiles.get(reference).cloned().expect("the image was built")
    }
}

fn unsupported<T>() -> Result<T> {
    Err(BackendError::Refused { operation: "do that".into(), message: "the fake only knows images".into() })
}

#[async_trait]
impl Backend for FakeImages {
    async fn images(&self) -> Result<Vec<ImageSummary>> {
        let image =
            |reference: &String| ImageSummary { references: vec![reference.clone()], ..ImageSummary::default() };
        Ok(self.state().local.iter().map(image).collect())
    }

    async fn pull(&self, reference: &str, progress: &ProgressFn) -> Result<()> {
        progress(1, 2, "downloading");
        let mut state = self.state();
        if !state.published.contains(reference) {
            return Err(BackendError::Refused {
                operation: format!("pull {reference}"),
                message: "no such host".into(),
            });
        }
        state.calls.push(format!("pull {reference}"));
        state.local.insert(reference.to_owned());
        Ok(())
    }

    async fn build(&self, request: BuildRequest, output: &OutputFn) -> Result<()> {
        let reference = request.references[0].clone();
        let mut dockerfile = String::new();
        let mut archive = tar::Archive::new(std::fs::File::open(&request.context).expect("the archive"));
        for entry in archive.entries().expect("entries") {
            let mut entry = entry.expect("an entry");
            if entry.path().expect("a path") == Path::new(&request.dockerfile) {
                entry.read_to_string(&mut dockerfile).expect("text");
            }
        }
        output("Step 1/1 : FROM x");
        // Gives other requests the time to ask for the same image.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let mut state = self.state();
        state.calls.push(format!("build {reference}{}", if request.no_cache { " without layers" } else { "" }));
        let repository = reference.split(':').next().unwrap_or_default().to_owned();
        if let Some((line, times)) = state.failures.get_mut(&repository) {
            if *times > 0 {
                *times -= 1;
                return Err(BackendError::Build {
                    image: reference,
                    step: "Step 1/1 : FROM x".into(),
                    message: "returned a non-zero code: 1".into(),
                    output: vec![line.clone()],
                });
            }
        }
        state.dockerfiles.insert(reference.clone(), dockerfile);
        state.local.insert(reference);
        Ok(())
    }

    async fn tag(&self, image: &str, reference: &str) -> Result<()> {
        let mut state = self.state();
        if !state.local.contains(image) {
            return Err(BackendError::NotFound { what: format!("image {image}") });
        }
        state.calls.push(format!("tag {image} as {reference}"));
        state.local.insert(reference.to_owned());
        Ok(())
    }

    async fn import(&self, rootfs: &Path, reference: &str) -> Result<()> {
        let content = std::fs::read_to_string(rootfs).expect("the root file system");
        let mut state = self.state();
        state.calls.push(format!("import {} as {reference}", content.trim()));
        state.local.insert(reference.to_owned());
        Ok(())
    }

    async fn remove_image(&self, reference: &str) -> Result<()> {
        self.state().local.remove(reference);
        Ok(())
    }

    async fn info(&self) -> Result<EngineInfo> {
        unsupported()
    }
    async fn containers(&self, _: &str) -> Result<Vec<ContainerSummary>> {
        unsupported()
    }
    async fn all_containers(&self) -> Result<Vec<ContainerSummary>> {
        unsupported()
    }
    async fn networks(&self, _: &str, _: &[String]) -> Result<Vec<NetworkSummary>> {
        unsupported()
    }
    async fn volumes(&self, _: &str, _: &[String]) -> Result<Vec<VolumeSummary>> {
        unsupported()
    }
    async fn inspect(&self, _: &str) -> Result<ContainerDetail> {
        unsupported()
    }
    async fn memory(&self, _: &ContainerDetail) -> Result<u64> {
        unsupported()
    }
    async fn create_network(&self, _: &NetworkSpec) -> Result<()> {
        unsupported()
    }
    async fn remove_network(&self, _: &str) -> Result<()> {
        unsupported()
    }
    async fn create_volume(&self, _: &VolumeSpec) -> Result<()> {
        unsupported()
    }
    async fn remove_volume(&self, _: &str) -> Result<()> {
        unsupported()
    }
    async fn create_container(&self, _: &ContainerSpec) -> Result<String> {
        unsupported()
    }
    async fn start(&self, _: &str) -> Result<()> {
        unsupported()
    }
    async fn stop(&self, _: &str, _: Duration) -> Result<()> {
        unsupported()
    }
    async fn kill(&self, _: &str) -> Result<()> {
        unsupported()
    }
    async fn remove_container(&self, _: &str) -> Result<()> {
        unsupported()
    }
    async fn exec(&self, _: &str, _: &[String]) -> Result<ExecOutput> {
        unsupported()
    }
    async fn logs(&self, _: &str, _: usize) -> Result<Vec<String>> {
        unsupported()
    }
    async fn follow_logs(&self, _: &str, _: &LogOptions, _: tokio::sync::mpsc::Sender<LogLine>) -> Result<()> {
        unsupported()
    }
}
