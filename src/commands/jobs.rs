//! `pipectl jobs`: look at the Spark jobs, restart one.

use super::Exit;
use super::context::Context;
use super::lifecycle;
use super::stack::Stack;
use crate::cli::{JobsAction, JobsArgs};
use crate::exit;
use crate::failure::Failure;
use crate::pipeline::status::JOBS;
use crate::ui::Mark;
use crate::ui::table::Table;

pub async fn run(context: &Context, arguments: &JobsArgs) -> Exit {
    if let Some(JobsAction::Restart { job }) = &arguments.action {
        if !JOBS.contains(&job.as_str()) {
            return Err(
                Failure::usage(format!("there is no job `{job}`")).hint(format!("the jobs are {}", JOBS.join(" and ")))
            );
        }
        // A job is a service of its own: its container's connection is what keeps it running.
        return lifecycle::restart(context, &[format!("spark-job-{job}")]).await;
    }
    let stack = Stack::open(context).await?;
    let jobs = stack.pipeline()?.job_server().await?.jobs().await?;
    if arguments.json {
        context.json(&jobs)?;
    } else {
        let mut table = Table::new(["JOB", "STATE", "BATCHES", "LAST BATCH", "DETAIL"]);
        for job in &jobs {
            let mark = if job.state == "running" { Mark::Good } else { Mark::Bad };
            let last =
                job.batches.last.as_ref().map(|batch| format!("{} rows in {:.0} ms", batch.rows, batch.duration_ms));
            let count = job.batches.count.to_string();
            table.marked(
                mark,
                [job.name.clone(), job.state.clone(), count, last.unwrap_or_default(), job.detail.clone()],
            );
        }
        context.out(&table.render(context.ui.width()))?;
    }
    let well = jobs.len() == JOBS.len() && jobs.iter().all(|job| job.state == "running");
    Ok(if well { exit::OK } else { exit::FAILED })
}
