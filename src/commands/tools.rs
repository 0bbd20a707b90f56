//! Puts together what the executor works with.

use std::sync::Arc;

use super::stack::Stack;
use crate::engine::execute::Tools;
use crate::engine::work::ImageProvider;
use crate::probes;
use crate::steps;

/// The tools for running a plan on a stack.
pub fn tools(stack: &Stack, images: Arc<dyn ImageProvider>) -> Tools {
    Tools {
        backend: stack.backend(),
        prober: Arc::new(probes::Registry::new(stack.project.clone(), stack.addresses.clone())),
        stepper: Arc::new(steps::Registry::new(stack.pipeline.clone())),
        images,
    }
}
