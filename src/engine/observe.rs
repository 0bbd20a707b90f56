//! Takes the snapshot that `reconcile` decides on. Any listing that fails is an error, never "nothing there".

use futures_util::future::try_join_all;

use super::backend::{Backend, BackendError, Result};
use super::observed::{ContainerSummary, Observed, RunState};
use crate::model::Project;

/// One snapshot of all that belongs to a project.
pub async fn observe(backend: &dyn Backend, project: &Project) -> Result<Observed> {
    let networks: Vec<String> = project.networks.values().map(|network| network.name.clone()).collect();
    let volumes: Vec<String> = project.volumes.values().map(|volume| volume.name.clone()).collect();
    let containers = async {
        let containers = backend.containers(&project.name).await?;
        let ended = containers.iter().filter(|container| container.state == RunState::Exited);
        let codes = try_join_all(ended.map(|container| exit_code(backend, container))).await?;
        Ok::<_, BackendError>((containers, codes))
    };
    let ((containers, codes), networks, volumes) = tokio::try_join!(
        containers,
        backend.networks(&project.name, &networks),
        backend.volumes(&project.name, &volumes)
    )?;
    Ok(Observed { containers, networks, volumes, exit_codes: codes.into_iter().flatten().collect() })
}

/// The exit code of one container; none when it was removed since the listing.
async fn exit_code(backend: &dyn Backend, container: &ContainerSummary) -> Result<Option<(String, i64)>> {
    match backend.inspect(&container.id).await {
        Ok(detail) => Ok(Some((container.name.clone(), detail.exit_code))),
        Err(BackendError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
