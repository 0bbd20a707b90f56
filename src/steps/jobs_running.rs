//! `jobs-running`: waits until both Spark jobs run and have completed their first trigger.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{client_failure, failure};
use crate::engine::work::{SayFn, StepDone, StepError};
use crate::pipeline::Pipeline;
use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::jobserver::JobReadiness;
use crate::pipeline::status::JOBS;

const USES: &str = "jobs-running";
const LOOK: Duration = Duration::from_millis(100);
/// A job whose container is restarted by its policy fails again and again; so often is enough to call it a loop.
const FAILURES: usize = 3;

pub(super) async fn run(pipeline: &Pipeline, say: &SayFn) -> Result<StepDone, StepError> {
    let mut waited = false;
    // By job, when it failed: a new time is a new failure.
    let mut failures: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    loop {
        let mut waiting = Vec::new();
        for (name, readiness) in look(pipeline).await {
            match readiness {
                Ok(JobReadiness::Ready) => {}
                Ok(JobReadiness::NotYet(detail)) => waiting.push(format!("{name}: {detail}")),
                Ok(JobReadiness::Failed(detail)) => {
                    let since = failed_since(pipeline, name).await;
                    let times = failures.entry(name).or_default();
                    if since.is_some_and(|since| !times.contains(&since)) {
                        times.extend(since);
                    }
                    if times.len() >= FAILURES || is_final(&detail) {
                        return Err(job_failure(pipeline, name, &detail).await);
                    }
                    waiting.push(format!("{name}: failed, {detail}"));
                }
                Err(error) if error.is_transient() => waiting.push(format!("{name}: {error}")),
                Err(error) => return Err(client_failure(pipeline, USES, "ask for the jobs' state", &error).await),
            }
        }
        if waiting.is_empty() {
            return Ok(StepDone { changed: waited, detail: format!("{} run", JOBS.join(" and ")) });
        }
        say(&waiting.join(", "));
        waited = true;
        tokio::time::sleep(LOOK).await;
    }
}

async fn look(pipeline: &Pipeline) -> Vec<(&'static str, Result<JobReadiness, ClientError>)> {
    let ask = |name: &'static str| async move {
        let readiness = async { pipeline.job_server().await?.readiness(name).await };
        (name, readiness.await)
    };
    let [first, second] = JOBS.map(ask);
    let (first, second) = tokio::join!(first, second);
    vec![first, second]
}

/// When the job failed; nothing when it runs again already or the server went away.
async fn failed_since(pipeline: &Pipeline, name: &str) -> Option<i64> {
    let job = async { pipeline.job_server().await?.job(name).await };
    job.await.ok().flatten().filter(|job| job.state == "failed").map(|job| job.since_ms)
}

/// Mistakes in the user's own files, which no restart cures.
fn is_final(detail: &str) -> bool {
    let lower = detail.to_lowercase();
    [".sql", "pipeline.yml", "parse_syntax_error", "pipectl reset"].iter().any(|sign| lower.contains(sign))
}

async fn job_failure(pipeline: &Pipeline, name: &str, detail: &str) -> StepError {
    let hint = if detail.contains(".sql") {
        format!("correct the file, then `pipectl up`; `pipectl logs spark-job-{name}` has the whole message")
    } else {
        format!("`pipectl logs spark-job-{name}` has the whole message; `pipectl up` tries again")
    };
    let mut error = failure(pipeline, USES, format!("job {name} failed: {detail}"), Some(hint)).await;
    error.look_at.retain(|container| container.contains(name) || container.contains("driver"));
    error
}

#[cfg(test)]
mod tests {
    use super::is_final;

    #[test]
    fn mistakes_in_files_are_final_and_lost_servers_are_not() {
        assert!(is_final("spark/transforms/orders.sql:3: PARSE_SYNTAX_ERROR near 'FORM'"));
        assert!(!is_final("connection to postgres-dest lost"));
    }
}
