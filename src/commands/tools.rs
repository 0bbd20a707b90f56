//! Puts together what the executor works with.

use std::sync::Arc;

use async_trait::async_trait;

use super::stack::Stack;
use crate::engine::execute::Tools;
use crate::engine::work::{ImageProvider, SayFn, StepDone, StepError, Stepper};
use crate::model::ext::Step;
use crate::probes;
use crate::steps;

/// The tools for running a plan on a stack.
pub fn tools(stack: &Stack, images: Arc<dyn ImageProvider>) -> Tools {
    Tools {
        backend: stack.backend(),
        prober: Arc::new(probes::Registry::new(stack.project.clone(), stack.addresses.clone())),
        stepper: match &stack.pipeline {
            Some(pipeline) => Arc::new(steps::Registry::new(pipeline.clone())),
            None => Arc::new(NoPipeline),
        },
        images,
    }
}

/// For Compose files that declare steps but name no pipeline.yml.
struct NoPipeline;

#[async_trait]
impl Stepper for NoPipeline {
    async fn run(&self, step: &Step, _: &SayFn) -> Result<StepDone, StepError> {
        Err(StepError {
            message: format!("step {} needs a pipeline, and the Compose files name none", step.name),
            hint: Some("name one in the Compose file: `x-pipectl: {pipeline: pipeline.yml}`".to_owned()),
            look_at: Vec::new(),
        })
    }

    async fn look_at(&self, _: &Step) -> Vec<String> {
        Vec::new()
    }
}
