//! `pipectl scale SERVICE=N`: `up` of these services with other numbers.

use super::Exit;
use super::checks;
use super::context::Context;
use super::run::Running;
use super::stack::Stack;
use super::up::{State, bring_up, summary};
use crate::cli::ScaleArgs;
use crate::engine::reconcile::UpOptions;
use crate::exit;
use crate::images;

pub async fn run(context: &Context, arguments: &ScaleArgs) -> Exit {
    let stack = Stack::open(context).await?;
    let state = State::read(&stack).await?;
    let options = UpOptions {
        services: arguments.replicas.iter().map(|replicas| replicas.service.clone()).collect(),
        scale: arguments.replicas.iter().map(|replicas| (replicas.service.clone(), replicas.count)).collect(),
        images_present: state.present(),
        ..UpOptions::default()
    };
    let plan = checks::passed(context, &stack, &state, &options, Some(&[])).await?;
    let told = |report: &_| summary(&plan, report);
    let running = Running::plain("scale", &told);
    bring_up(context, &stack, state, &plan, images::Options::default(), running).await?;
    Ok(exit::OK)
}
