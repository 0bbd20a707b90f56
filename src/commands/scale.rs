//! `pipectl scale SERVICE=N`: `up` of these services with other numbers.

use super::Exit;
use super::context::Context;
use super::run::Running;
use super::stack::Stack;
use super::unfinished::Unfinished;
use super::up::{State, bring_up, summary};
use crate::cli::ScaleArgs;
use crate::engine::reconcile::UpOptions;
use crate::exit;
use crate::images;

pub async fn run(context: &Context, arguments: &ScaleArgs) -> Exit {
    let stack = Stack::open(context).await?;
    let state = State::read(&stack).await?;
    Unfinished::of(&stack).check(&state.observed)?;
    let options = UpOptions {
        services: arguments.replicas.iter().map(|replicas| replicas.service.clone()).collect(),
        scale: arguments.replicas.iter().map(|replicas| (replicas.service.clone(), replicas.count)).collect(),
        images_present: state.present(),
        ..UpOptions::default()
    };
    let plan = state.plan(&stack, &options)?;
    state.preflight(context, &stack, &options).await?;
    let told = |report: &_| summary(&plan, report);
    let running = Running::plain("scale", &told);
    bring_up(context, &stack, state, &plan, images::Options::default(), running).await?;
    Ok(exit::OK)
}
