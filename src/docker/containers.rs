//! Containers: create, start, stop, remove, and what they use.

use std::path::Path;
use std::time::Duration;

use bollard::body_full;
use bollard::errors::Error;
use bollard::models::{EndpointSettings, NetworkConnectRequest};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, KillContainerOptionsBuilder, RemoveContainerOptionsBuilder,
    StatsOptionsBuilder, StopContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use futures_util::StreamExt;
use tokio::time::Instant;

use super::connect::DockerEngine;
use super::{cgroup, observe, secrets, spec};
use crate::engine::backend::{BackendError, ContainerSpec, Result};
use crate::engine::observed::{ContainerDetail, PROJECT_LABEL};
use crate::model::SECRETS_DIR;

/// How long a removal that another client began may take.
const REMOVAL_DEADLINE: Duration = Duration::from_secs(30);
/// How long the engine may take to finish a container that a killed command has asked for.
const TAKE_OVER_DEADLINE: Duration = Duration::from_secs(30);
/// How often either is looked at.
const POLL: Duration = Duration::from_millis(50);

impl DockerEngine {
    pub(super) async fn make_container(&self, wanted: &ContainerSpec) -> Result<String> {
        let context = self.context(format!("create container {}", wanted.name), format!("image {}", wanted.image));
        let (body, later) = spec::request(wanted, self.api);
        let deadline = Instant::now() + TAKE_OVER_DEADLINE;
        let created = loop {
            let options = CreateContainerOptionsBuilder::default().name(&wanted.name).build();
            match self.docker.create_container(Some(options), body.clone()).await {
                Err(Error::DockerResponseServerError { status_code: 409, .. })
                    if Instant::now() < deadline && self.is_left_over(wanted).await? =>
                {
                    self.delete_container(&wanted.name).await?;
                    tokio::time::sleep(POLL).await;
                }
                answer => break answer.map_err(|error| context.error(error))?,
            }
        };
        if let Err(failure) = self.complete(&created.id, wanted, later).await {
            // It carries the label of a complete container: left behind, the next run would take it for one.
            self.delete_container(&created.id).await?;
            return Err(failure);
        }
        Ok(created.id)
    }

    /// Whether the name is taken by what the engine makes, or has just made, for a command of this project that was killed: it finishes what
    /// it was asked for, after the next command has looked. The name is taken before there is a container to look at.
    async fn is_left_over(&self, wanted: &ContainerSpec) -> Result<bool> {
        let found = match self.inspect_json(&wanted.name).await {
            Ok(found) => found,
            Err(BackendError::NotFound { .. }) => return Ok(true),
            Err(error) => return Err(error),
        };
        let project = found["Config"]["Labels"][PROJECT_LABEL].as_str();
        Ok(found["State"]["Status"] == "created" && project == wanted.labels.get(PROJECT_LABEL).map(String::as_str))
    }

    /// What the create request does not do: further networks, and secrets.
    async fn complete(
        &self,
        container: &str,
        wanted: &ContainerSpec,
        networks: Vec<(String, EndpointSettings)>,
    ) -> Result<()> {
        let context = self.context(format!("create container {}", wanted.name), format!("image {}", wanted.image));
        for (network, endpoint) in networks {
            let request = NetworkConnectRequest { container: container.to_owned(), endpoint_config: Some(endpoint) };
            self.docker.connect_network(&network, request).await.map_err(|error| context.error(error))?;
        }
        self.put_secrets(container, wanted).await
    }

    async fn put_secrets(&self, container: &str, wanted: &ContainerSpec) -> Result<()> {
        if wanted.secrets.is_empty() {
            return Ok(());
        }
        let context = self.context(format!("put secrets into {}", wanted.name), format!("container {container}"));
        let archive = secrets::archive(&wanted.secrets).map_err(|error| context.refused(&error.to_string()))?;
        let options = UploadToContainerOptionsBuilder::default().path(SECRETS_DIR).build();
        let sent = self.docker.upload_to_container(container, Some(options), body_full(archive.into())).await;
        sent.map_err(|error| context.error(error))
    }

    pub(super) async fn start_container(&self, container: &str) -> Result<()> {
        let context = self.context(format!("start container {container}"), format!("container {container}"));
        self.docker
            .start_container(container, None::<bollard::query_parameters::StartContainerOptions>)
            .await
            .map_err(|error| context.error(error))
    }

    pub(super) async fn stop_container(&self, container: &str, grace: Duration) -> Result<()> {
        let context = self.context(format!("stop container {container}"), format!("container {container}"));
        let seconds = i32::try_from(spec::whole_seconds(grace)).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        // The engine answers only when the container has stopped.
        let stopped = self.patient(grace).stop_container(container, Some(options)).await;
        absent_is_fine(stopped).map_err(|error| context.error(error))
    }

    pub(super) async fn kill_container(&self, container: &str) -> Result<()> {
        let context = self.context(format!("kill container {container}"), format!("container {container}"));
        let options = KillContainerOptionsBuilder::default().signal("SIGKILL").build();
        match absent_is_fine(self.docker.kill_container(container, Some(options)).await) {
            Err(Error::DockerResponseServerError { message, .. }) if message.contains("is not running") => Ok(()),
            result => result.map_err(|error| context.error(error)),
        }
    }

    pub(super) async fn delete_container(&self, container: &str) -> Result<()> {
        let context = self.context(format!("remove container {container}"), format!("container {container}"));
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        match absent_is_fine(self.docker.remove_container(container, Some(options)).await) {
            Err(Error::DockerResponseServerError { status_code: 409, message }) if message.contains("in progress") => {
                self.until_gone(container, &message).await
            }
            result => result.map_err(|error| context.error(error)),
        }
    }

    /// Another client removes it: done when it is gone.
    async fn until_gone(&self, container: &str, message: &str) -> Result<()> {
        let gone = async {
            loop {
                match self.look_at(container).await {
                    Ok(_) => tokio::time::sleep(POLL).await,
                    Err(BackendError::NotFound { .. }) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        };
        tokio::time::timeout(REMOVAL_DEADLINE, gone)
            .await
            .unwrap_or_else(|_| Err(self.context(format!("remove container {container}"), "").refused(message)))
    }

    pub(super) async fn look_at(&self, container: &str) -> Result<ContainerDetail> {
        let context = self.context(format!("inspect container {container}"), format!("container {container}"));
        self.docker
            .inspect_container(container, None::<InspectContainerOptions>)
            .await
            .map(observe::detail)
            .map_err(|error| context.error(error))
    }

    /// A container in full, as the engine describes it.
    pub async fn inspect_json(&self, container: &str) -> Result<serde_json::Value> {
        let context = self.context(format!("inspect container {container}"), format!("container {container}"));
        let inspected = self.docker.inspect_container(container, None::<InspectContainerOptions>).await;
        let inspected = inspected.map_err(|error| context.error(error))?;
        serde_json::to_value(inspected).map_err(|error| context.refused(&error.to_string()))
    }

    pub(super) async fn memory_of(&self, container: &ContainerDetail) -> Result<u64> {
        let ContainerDetail { id, name, pid, .. } = container;
        if let Some(bytes) = pid.and_then(|pid| cgroup::memory(Path::new("/"), pid, id)) {
            return Ok(bytes);
        }
        let context = self.context(format!("read the memory use of {name}"), format!("container {name}"));
        let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
        let stats = match self.docker.stats(id, Some(options)).next().await {
            Some(stats) => stats.map_err(|error| context.error(error))?,
            None => return Err(context.refused("the engine sent no statistics")),
        };
        observe::memory(&stats).ok_or_else(|| context.refused("the container is not running"))
    }
}

/// A removal of what is not there has done its job.
pub(super) fn absent_is_fine<T: Default>(result: std::result::Result<T, Error>) -> std::result::Result<T, Error> {
    match result {
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(T::default()),
        other => other,
    }
}
