//! Image builds with the engine's classic builder, which every engine has, and imports of root file systems.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::time::Duration;

use bollard::body_try_stream;
use bollard::query_parameters::{BuildImageOptionsBuilder, CreateImageOptionsBuilder};
use futures_util::StreamExt;
use tokio_util::io::ReaderStream;

use super::connect::DockerEngine;
use super::lines::LineBuffer;
use super::objects::split_reference;
use crate::engine::backend::{BackendError, BuildRequest, OutputFn, Result};

/// The engine begins to answer after it has taken the whole archive.
const UPLOAD: Duration = Duration::from_secs(1800);
/// Lines of the failing step that are kept.
const KEPT_LINES: usize = 30;

impl DockerEngine {
    pub(super) async fn build_image(&self, request: BuildRequest, output: &OutputFn) -> Result<()> {
        let image = request.references.first().cloned().unwrap_or_default();
        let context = self.context(format!("build {image}"), format!("image {image}"));
        // The first reference is given last: what goes by it finds an image that has all the others.
        let mut names = request.references.iter().rev();
        let name = names.next().map_or("", String::as_str);
        let mut query = BuildImageOptionsBuilder::default()
            .dockerfile(&request.dockerfile)
            .t(name)
            .buildargs(&request.args.into_iter().collect::<HashMap<_, _>>())
            .labels(&request.labels.into_iter().collect::<HashMap<_, _>>())
            .nocache(request.no_cache)
            .rm(true)
            .forcerm(true);
        if let Some(target) = &request.target {
            query = query.target(target);
        }
        let archive = open(&request.context).await?;
        let body = body_try_stream(ReaderStream::new(archive));
        let docker = self.patient(UPLOAD);
        let mut events = std::pin::pin!(docker.build_image(query.build(), None, Some(body)));
        let mut log = BuildLog::default();
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    log.take(event.stream.as_deref().or(event.status.as_deref()).unwrap_or_default(), output);
                }
                Err(bollard::errors::Error::DockerStreamError { error }) => return Err(log.failure(&image, &error)),
                Err(error) => return Err(context.error(error)),
            }
        }
        for reference in names {
            self.tag_image(name, reference).await?;
        }
        Ok(())
    }

    pub(super) async fn import_image(&self, rootfs: &Path, reference: &str) -> Result<()> {
        let context = self.context(format!("import {} as {reference}", rootfs.display()), format!("image {reference}"));
        let (repository, tag) = split_reference(reference);
        let query = CreateImageOptionsBuilder::default().from_src("-").repo(repository).tag(tag).build();
        let body = body_try_stream(ReaderStream::new(open(rootfs).await?));
        let docker = self.patient(UPLOAD);
        let mut events = std::pin::pin!(docker.create_image(Some(query), Some(body), None));
        while let Some(event) = events.next().await {
            event.map_err(|error| context.error(error))?;
        }
        Ok(())
    }
}

async fn open(path: &Path) -> Result<tokio::fs::File> {
    tokio::fs::File::open(path).await.map_err(|error| BackendError::Refused {
        operation: format!("read {}", path.display()),
        message: error.to_string(),
    })
}

/// Follows the builder's text: which step runs and what it wrote last.
#[derive(Debug, Default)]
struct BuildLog {
    buffer: LineBuffer,
    step: String,
    recent: VecDeque<String>,
}

impl BuildLog {
    fn take(&mut self, text: &str, output: &OutputFn) {
        for line in self.buffer.push(text.as_bytes()) {
            self.line(line, output);
        }
    }

    fn line(&mut self, line: String, output: &OutputFn) {
        if line.trim().is_empty() {
            return;
        }
        output(&line);
        if is_step(&line) {
            self.step = line;
            self.recent.clear();
            return;
        }
        if self.recent.len() == KEPT_LINES {
            self.recent.pop_front();
        }
        self.recent.push_back(line);
    }

    fn failure(&mut self, image: &str, error: &str) -> BackendError {
        if let Some(line) = self.buffer.finish() {
            self.recent.push_back(line);
        }
        BackendError::Build {
            image: image.to_owned(),
            step: if self.step.is_empty() { "reading the Dockerfile".to_owned() } else { self.step.clone() },
            message: error.trim().to_owned(),
            output: self.recent.iter().cloned().collect(),
        }
    }
}

/// `Step 3/7 : RUN ..` of Docker, `STEP 3/7: RUN ..` of Podman.
fn is_step(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("Step ").or_else(|| line.strip_prefix("STEP ")) else { return false };
    rest.split_once('/').is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_failure_names_its_step_and_the_steps_last_lines() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&seen);
        let output = move |line: &str| lines.lock().expect("not poisoned").push(line.to_owned());
        let mut log = BuildLog::default();
        log.take("Step 1/2 : FROM base\n ---> 12ab\n", &output);
        log.take("Step 2/2 : RUN make", &output);
        log.take("\n ---> Running in 77\ncc: err", &output);
        log.take("or\n", &output);
        let error = log.failure("x:1", "The command '/bin/sh -c make' returned a non-zero code: 2\n");
        let BackendError::Build { step, message, output: kept, .. } = error else { panic!("not a build error") };
        assert_eq!(step, "Step 2/2 : RUN make");
        assert_eq!(message, "The command '/bin/sh -c make' returned a non-zero code: 2");
        assert_eq!(kept, [" ---> Running in 77", "cc: error"]);
        assert_eq!(seen.lock().expect("not poisoned").len(), 5);
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut log = BuildLog::default();
        for number in 0..100 {
            log.take(&format!("line {number}\n"), &|_| {});
        }
        let BackendError::Build { output, .. } = log.failure("x", "e") else { panic!("not a build error") };
        assert_eq!((output.len(), output[0].as_str()), (KEPT_LINES, "line 70"));
    }

    #[test]
    fn steps_are_told_from_output() {
        assert!(is_step("Step 3/7 : RUN x") && is_step("STEP 1/2: FROM y"));
        assert!(!is_step("Step by step") && !is_step("Stepping 1/2"));
    }
}
