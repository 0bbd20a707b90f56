//! `pipectl config`: the project as it was understood, after pipeline.yml and its SQL files were checked.

use super::Exit;
use super::context::Context;
use super::stack;
use crate::cli::ConfigArgs;
use crate::exit;
use crate::model::render;
use crate::pipeline::spec::SCHEMA;

pub fn run(context: &Context, arguments: &ConfigArgs) -> Exit {
    if arguments.schema {
        context.out(SCHEMA.trim_end())?;
        return Ok(exit::OK);
    }
    let project = context.project()?;
    // Completions and scripts ask for the names, which are there whatever is wrong elsewhere.
    if !arguments.services {
        stack::check_pipeline(context, &project)?;
    }
    if context.global.quiet && !arguments.services && !arguments.json {
        return Ok(exit::OK);
    }
    match (arguments.services, arguments.json) {
        (true, true) => context.json(&project.services.keys().collect::<Vec<_>>())?,
        (true, false) => context.out(&project.services.keys().cloned().collect::<Vec<_>>().join("\n"))?,
        (false, true) => context.json(&render::json(&project))?,
        (false, false) => context.out(&render::yaml(&project))?,
    }
    Ok(exit::OK)
}
