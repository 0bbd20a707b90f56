//! `pipectl status`: every part as it is, asked at once; a part that does not answer is a finding, not an error.

mod containers;
mod pace;
mod retrying;
mod view;

use std::time::{Duration, Instant};

use serde::Serialize;

use super::Exit;
use super::context::{Context, unwritable};
use super::stack::Stack;
use crate::cli::StatusArgs;
use crate::exit;
use crate::failure::Failure;
use crate::pipeline::hop::Hop;
use crate::pipeline::problems;
use crate::pipeline::spec::PipelineSpec;
use crate::pipeline::status::{self, PipelineStatus};
use crate::ui::Reader;
use crate::ui::status::render;
use containers::ContainerStatus;
pub use containers::ask;
use pace::Pace;

/// Time between two frames of `--watch`.
const FRAME: Duration = Duration::from_secs(1);

/// Everything, as `--json` prints it.
#[derive(Serialize)]
pub struct Status {
    project: String,
    /// True when nothing at all is wrong.
    healthy: bool,
    /// What is wrong, one line each, with the next command.
    reasons: Vec<String>,
    containers: Vec<ContainerStatus>,
    /// Absent when the project has no pipeline, or nothing of it runs.
    pub pipeline: Option<PipelineStatus>,
}

pub async fn run(context: &Context, arguments: &StatusArgs) -> Exit {
    let stack = Stack::open(context).await?;
    if arguments.watch {
        return watch(context, &stack).await;
    }
    let status = gather(&stack).await?;
    if arguments.json {
        context.json(&status)?;
    } else {
        context.out(&render(&view::view(&status, spec(&stack), None), context.ui.width()))?;
    }
    Ok(if status.healthy { exit::OK } else { exit::FAILED })
}

async fn watch(context: &Context, stack: &Stack) -> Exit {
    let cancel = context.ui.interrupts(None).map_err(|error| unwritable(&error))?;
    let mut screen = context.ui.watch();
    let mut pace = Pace::default();
    let mut frames = tokio::time::interval(FRAME);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return Ok(exit::OK),
            _ = frames.tick() => {}
        }
        stack.addresses.forget().await;
        let status = tokio::select! {
            () = cancel.cancelled() => return Ok(exit::OK),
            status = gather(stack) => status?,
        };
        let ends = status.pipeline.as_ref().and_then(|pipeline| pipeline.topics.known());
        let rates = ends.map(|ends| pace.rates(Instant::now(), ends)).unwrap_or_default();
        let text = render(&view::view(&status, spec(stack), Some(&rates)), context.ui.width());
        let drawn = screen.draw(&text).map_err(|error| unwritable(&error))?;
        if drawn == Reader::Gone {
            return Ok(exit::OK);
        }
    }
}

fn spec(stack: &Stack) -> Option<&PipelineSpec> {
    stack.pipeline.as_ref().map(|pipeline| pipeline.spec.as_ref())
}

impl Status {
    /// True when nothing at all is wrong.
    pub fn is_healthy(&self) -> bool {
        self.healthy
    }

    /// What is wrong, one line each, with the next command.
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// What is wrong with the containers of a service.
    pub fn troubles(&self, service: &str) -> impl Iterator<Item = String> {
        troubles(&self.containers, service).into_iter()
    }
}

fn troubles(containers: &[ContainerStatus], service: &str) -> Vec<String> {
    containers.iter().filter(|container| container.service == service).filter_map(ContainerStatus::problem).collect()
}

/// Looks at everything at once.
pub async fn gather(stack: &Stack) -> Result<Status, Failure> {
    let facts = async {
        match &stack.pipeline {
            Some(pipeline) => Some(Box::pin(status::gather(pipeline)).await),
            None => None,
        }
    };
    let (containers, pipeline) = tokio::join!(containers::gather(stack), facts);
    let containers = containers?;
    // With no container at all every server is silent; saying so six times would hide the one line that helps.
    let mut pipeline = pipeline.filter(|_| containers.iter().any(|container| container.name.is_some()));
    let mut reasons: Vec<String> = containers.iter().filter_map(ContainerStatus::problem).collect();
    if containers.iter().all(|container| container.name.is_none()) {
        reasons = vec!["nothing of this project is running; `pipectl up` starts it".to_owned()];
    }
    if let (Some(status), Some(declared)) = (&mut pipeline, &stack.pipeline) {
        retrying::explain(stack, &containers, status).await;
        let spec = &declared.spec;
        let at_fault = |hop: Hop| hop.services(spec).iter().any(|service| !troubles(&containers, service).is_empty());
        reasons.extend(status.problems.iter().map(|problem| {
            if at_fault(problem.hop) { problem.beside_faulty_containers() } else { problem.to_string() }
        }));
        status.repairs = problems::repairs(&status.problems, at_fault);
    }
    Ok(Status { project: stack.project.name.clone(), healthy: reasons.is_empty(), reasons, containers, pipeline })
}
