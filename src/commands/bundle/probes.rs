//! What every readiness probe is told now, and how long the answer took.

use std::time::Instant;

use futures_util::future::join_all;
use serde::Serialize;

use crate::commands::stack::Stack;
use crate::commands::status;
use crate::engine::backend::Backend;
use crate::engine::observed::{ContainerSummary, RunState};
use crate::engine::work::Probed;
use crate::probes::Registry;

/// A probe, and what it was told.
#[derive(Serialize)]
pub(super) struct Asked {
    service: String,
    container: String,
    probe: String,
    /// `ready`, `not yet`, `never`, or `not asked` where the container does not run.
    verdict: &'static str,
    answer: String,
    ms: u64,
}

/// Asks all at once.
pub(super) async fn answers(stack: &Stack) -> Result<Vec<Asked>, String> {
    let containers = stack.engine.containers(&stack.project.name).await.map_err(|error| error.to_string())?;
    let prober = Registry::new(stack.project.clone(), stack.addresses.clone());
    let ask = async |container: &ContainerSummary| {
        let service = stack.project.services.get(&container.service)?;
        let ready = service.ext.ready.as_ref()?;
        let began = Instant::now();
        let (verdict, answer) = if container.state == RunState::Running {
            match status::ask(&prober, &container.service, ready).await {
                Probed::Ready(said) => ("ready", said),
                Probed::NotYet(said) => ("not yet", said),
                Probed::Busy(said) => ("busy", said),
                Probed::Never(said) => ("never", said),
            }
        } else {
            ("not asked", format!("the container is {}", container.state.describe()))
        };
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (service, container) = (container.service.clone(), container.name.clone());
        Some(Asked { service, container, probe: ready.probe.clone(), verdict, answer, ms })
    };
    Ok(join_all(containers.iter().map(ask)).await.into_iter().flatten().collect())
}
