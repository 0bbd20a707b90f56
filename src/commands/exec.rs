//! `pipectl exec SERVICE -- COMMAND`: runs a command in the first running container of a service.

use super::Exit;
use super::context::{Context, unwritable};
use super::stack::Stack;
use crate::cli::ExecArgs;
use crate::engine::backend::Backend;
use crate::engine::graph::Graph;
use crate::engine::observed::RunState;
use crate::engine::reconcile::PlanError;
use crate::failure::Failure;

pub async fn run(context: &Context, arguments: &ExecArgs) -> Exit {
    let stack = Stack::open(context).await?;
    let graph = Graph::new(&stack.project).map_err(PlanError::from)?;
    graph.check_service(&stack.project, &arguments.service).map_err(PlanError::from)?;
    let containers = stack.engine.containers(&stack.project.name).await?;
    let running = containers
        .iter()
        .find(|container| container.service == arguments.service && container.state == RunState::Running)
        .ok_or_else(|| {
            Failure::stack(format!("service {} has no running container", arguments.service))
                .hint(format!("`pipectl up {}` starts it", arguments.service))
        })?;
    let output = stack.engine.exec(&running.id, &arguments.command).await?;
    context.out(&output.stdout)?;
    context.ui.pass_on(&output.stderr).map_err(|error| unwritable(&error))?;
    Ok(u8::try_from(output.exit_code).unwrap_or(crate::exit::FAILED))
}
