//! Images from and to registries: one progress for all layers, retries for hiccups, a quick end where none can be reached.

use std::collections::HashMap;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bollard::models::CreateImageInfo;
use bollard::query_parameters::{CreateImageOptionsBuilder, PushImageOptionsBuilder};
use futures_util::StreamExt;

use super::connect::DockerEngine;
use super::objects::split_reference;
use super::registry::{self, Login};
use crate::engine::backend::{BackendError, ProgressFn, Result};

/// Further attempts after a passing failure.
const RETRIES: usize = 3;

impl DockerEngine {
    pub(super) async fn pull_image(&self, reference: &str, progress: &ProgressFn) -> Result<()> {
        let again = ExponentialBuilder::default()
            .with_min_delay(Duration::from_secs(1))
            .with_max_delay(Duration::from_secs(8))
            .with_max_times(RETRIES);
        let login = registry::login(reference).await;
        (|| self.pull_once(reference, &login, progress))
            .retry(again)
            .when(|error| matches!(error, BackendError::Refused { message, .. } if is_passing(message)))
            .notify(|error, delay| progress(0, 0, &format!("trying again in {} s: {error}", delay.as_secs())))
            .await
            .map_err(|error| login.explain(error))
    }

    /// Puts an image into the registry that its reference names. The engine does not tell layers apart here, so there are words only.
    pub async fn push(&self, reference: &str, progress: &ProgressFn) -> Result<()> {
        let login = registry::login(reference).await;
        let context = self.context(format!("push {reference}"), format!("image {reference}"));
        let (repository, tag) = split_reference(reference);
        let options = PushImageOptionsBuilder::default().tag(tag).build();
        let mut events = std::pin::pin!(self.docker.push_image(repository, Some(options), login.credentials()));
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| login.explain(context.error(error)))?;
            progress(0, 0, &event.status.unwrap_or_default().to_lowercase());
        }
        Ok(())
    }

    async fn pull_once(&self, reference: &str, login: &Login, progress: &ProgressFn) -> Result<()> {
        let context = self.context(format!("pull {reference}"), format!("image {reference}"));
        let query = CreateImageOptionsBuilder::default();
        // The engine takes a digest as part of the name, but without a tag it would pull every tag there is.
        let query = if reference.contains('@') {
            query.from_image(reference)
        } else {
            let (repository, tag) = split_reference(reference);
            query.from_image(repository).tag(tag)
        };
        let mut layers = Layers::default();
        let mut events = std::pin::pin!(self.docker.create_image(Some(query.build()), None, login.credentials()));
        while let Some(event) = events.next().await {
            layers.take(event.map_err(|error| context.error(error))?);
            let (done, total) = layers.bytes();
            progress(done, total, &layers.word);
        }
        Ok(())
    }
}

/// Whether trying again may help. A registry that does not resolve, refuses, or lacks the image will not change its mind.
fn is_passing(message: &str) -> bool {
    const FINAL: [&str; 9] = [
        "no such host",
        "connection refused",
        "network is unreachable",
        "waiting for connection",
        "not found",
        "denied",
        "unauthorized",
        "manifest unknown",
        "no space left",
    ];
    const PASSING: [&str; 9] =
        ["timeout", "Timeout", "connection reset", "EOF", "TLS handshake", "502", "503", "504", "server misbehaving"];
    !FINAL.iter().any(|word| message.contains(word)) && PASSING.iter().any(|word| message.contains(word))
}

/// Bytes per layer, as far as the engine has told.
#[derive(Debug, Default)]
struct Layers {
    bytes: HashMap<String, (u64, u64)>,
    word: String,
}

impl Layers {
    fn take(&mut self, event: CreateImageInfo) {
        let status = event.status.unwrap_or_default();
        let number = |value: Option<i64>| value.and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
        if let Some(id) = event.id {
            let layer = self.bytes.entry(id).or_default();
            match status.as_str() {
                "Downloading" => {
                    let detail = event.progress_detail.unwrap_or_default();
                    *layer = (number(detail.current), number(detail.total));
                }
                // Later states report bytes of another kind (extracted ones): the download is complete.
                "Verifying Checksum" | "Download complete" | "Extracting" | "Pull complete" => layer.0 = layer.1,
                _ => {}
            }
        }
        if !status.is_empty() {
            self.word = status.to_lowercase();
        }
    }

    fn bytes(&self) -> (u64, u64) {
        self.bytes.values().fold((0, 0), |(done, total), layer| (done + layer.0, total + layer.1))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn layers_add_up() {
        let mut layers = Layers::default();
        let events = [
            json!({"status": "Pulling from library/debian", "id": "trixie"}),
            json!({"status": "Downloading", "id": "a", "progressDetail": {"current": 10, "total": 100}}),
            json!({"status": "Downloading", "id": "b", "progressDetail": {"current": 5, "total": 50}}),
            json!({"status": "Download complete", "id": "b"}),
            json!({"status": "Extracting", "id": "b", "progressDetail": {"current": 1, "total": 900}}),
        ];
        for event in events {
            layers.take(serde_json::from_value(event).expect("a pull event"));
        }
        assert_eq!(layers.bytes(), (60, 150));
        assert_eq!(layers.word, "extracting");
    }

    #[test]
    fn only_hiccups_are_tried_again() {
        assert!(is_passing("Get \"https://r/v2/\": net/http: TLS handshake timeout"));
        assert!(is_passing("read tcp 10.0.0.1:443: connection reset by peer"));
        assert!(!is_passing("Get \"https://r/v2/\": dial tcp: lookup r on 10.0.0.1:53: no such host"));
        assert!(!is_passing("dial tcp 127.0.0.1:5000: connect: connection refused"));
        assert!(!is_passing("request canceled while waiting for connection (Client.Timeout exceeded)"));
        assert!(!is_passing("pull access denied for x, repository does not exist"));
    }
}
