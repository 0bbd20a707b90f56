//! `pipectl graph`: what starts after what.

use super::Exit;
use super::context::Context;
use crate::cli::{GraphArgs, GraphFormat};
use crate::engine::graph::{Format, Graph};
use crate::engine::reconcile::PlanError;
use crate::exit;

pub fn run(context: &Context, arguments: &GraphArgs) -> Exit {
    let project = context.project()?;
    let graph = Graph::new(&project).map_err(PlanError::from)?;
    context.out(&graph.render(match arguments.format {
        GraphFormat::Text => Format::Text,
        GraphFormat::Mermaid => Format::Mermaid,
        GraphFormat::Dot => Format::Dot,
        GraphFormat::Json => Format::Json,
    }))?;
    Ok(exit::OK)
}
