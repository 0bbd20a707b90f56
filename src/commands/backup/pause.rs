//! Stops what runs and starts it again: exactly the containers that ran, in the order of the graph.

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use crate::commands::context::Context;
use crate::commands::run::{Running, run};
use crate::commands::stack::Stack;
use crate::engine::backend::Backend;
use crate::engine::observed::{ContainerSummary, Observed};
use crate::engine::reconcile;
use crate::failure::Failure;

/// Containers that ran before.
pub struct Paused {
    ran: Vec<ContainerSummary>,
}

impl Paused {
    /// What runs now.
    pub fn of(observed: &Observed) -> Self {
        Self { ran: observed.containers.iter().filter(|container| container.state.is_live()).cloned().collect() }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.ran.len()
    }

    /// Stops all of them, dependents before what they depend on.
    pub async fn stop(
        &self,
        context: &Context,
        stack: &Stack,
        observed: &Observed,
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        let plan = reconcile::stop(&stack.project, observed, &[])?;
        let told = |_: &_| "everything is stopped".to_owned();
        let running = Running { cancel: Some(cancel.clone()), ..Running::plain("stop", &told) };
        run(context, stack, &plan, &running).await.map(drop)
    }

    /// Starts them again and waits until they are ready.
    pub async fn start(&self, context: &Context, stack: &Stack, cancel: &CancellationToken) -> Result<(), Failure> {
        let names: BTreeSet<&str> = self.ran.iter().map(|container| container.name.as_str()).collect();
        let mut observed = stack.observe().await?;
        // The plan sees only what ran: what somebody had stopped stays so.
        observed.containers.retain(|container| names.contains(container.name.as_str()));
        let known = |container: &&ContainerSummary| stack.project.services.contains_key(&container.service);
        let services: BTreeSet<String> =
            observed.containers.iter().filter(known).map(|container| container.service.clone()).collect();
        // Of services that the files do not name, or not with these profiles, nothing is known but that they ran.
        for stranger in observed.containers.iter().filter(|container| !known(container)) {
            stack.engine.start(&stranger.name).await?;
        }
        if services.is_empty() {
            return Ok(());
        }
        let services: Vec<String> = services.into_iter().collect();
        let mut plan = reconcile::start(&stack.project, &observed, &services)?;
        plan.warnings.clear();
        let cancel = if cancel.is_cancelled() { CancellationToken::new() } else { cancel.clone() };
        let told = |_: &_| "everything that ran before is ready again".to_owned();
        let running = Running { cancel: Some(cancel), ..Running::plain("start", &told) };
        run(context, stack, &plan, &running).await.map(drop)
    }
}
