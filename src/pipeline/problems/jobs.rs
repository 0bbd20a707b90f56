//! What is wrong with the Spark jobs.

use super::{Problem, STALLED_MS};
use crate::pipeline::hop::Hop;
use crate::pipeline::repair::Repair;
use crate::pipeline::status::{Fact, JOBS, JobStatus, PipelineStatus};

/// Jobs that are missing, do not run, fail, or stand still.
pub(super) fn look_at(problems: &mut Vec<Problem>, status: &PipelineStatus) {
    let jobs = match &status.jobs {
        Fact::Unknown(reason) => return problems.push(Hop::ChangeLog.beyond_repair(format!("jobs unknown: {reason}"))),
        Fact::Known(jobs) => jobs,
    };
    for (name, hop) in JOBS.into_iter().zip([Hop::ChangeLog, Hop::Destination]) {
        match jobs.iter().find(|status| status.job.name == name) {
            None => problems.push(hop.beyond_repair(format!("job {name} is not submitted; `pipectl up` submits it"))),
            Some(status) => problems.extend(job(hop, name, status)),
        }
    }
}

fn job(hop: Hop, name: &str, status: &JobStatus) -> Option<Problem> {
    let job = &status.job;
    // Each try of one that cannot work begins without a word; what counts is why the one before has ended.
    let (what, reason) = if let Some((times, reason)) = still_failing(status) {
        let often = if times > 1 { format!(" {times} times") } else { String::new() };
        (format!("is {} again after it has failed{often}: {reason}", job.state), reason)
    } else if job.state != "running" {
        let reason = if job.detail.is_empty() { &job.notice } else { &job.detail };
        let told = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        (format!("is {}{told}", job.state), reason.as_str())
    } else if job.warning.is_empty() {
        return stalled(hop, name, status);
    } else {
        (format!("tries again: {}", job.warning), job.warning.as_str())
    };
    Some(Problem { hop, what: format!("job {name} {what}"), repair: Repair::named_in(reason) })
}

/// How often in a row a job has failed that has done nothing since, though it has something to do, and why the last time.
fn still_failing(status: &JobStatus) -> Option<(usize, &str)> {
    let job = &status.job;
    let begins = job.state == "starting" && job.notice.is_empty();
    let has_done_nothing = job.state == "running" && job.batches.count == 0 && status.oldest_unread().is_some();
    job.failed_before().filter(|_| begins || has_done_nothing)
}

/// A job that runs, does nothing, and has left changes unread.
fn stalled(hop: Hop, name: &str, status: &JobStatus) -> Option<Problem> {
    let idle = status.idle_ms.is_none_or(|idle| idle > STALLED_MS);
    let (topic, unread) = status.oldest_unread()?;
    let waiting = unread.waiting_ms.filter(|waiting| *waiting > STALLED_MS && idle)?;
    Some(hop.with(Repair::Jobs, format!("job {name} runs and has not read {topic} for {} s", waiting / 1000)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::find;
    use super::super::tests::{healthy, spec, told};
    use super::*;
    use crate::pipeline::clients::jobserver::Run;
    use crate::pipeline::status::Unread;

    fn job_of<'a>(status: &'a mut PipelineStatus, name: &str) -> &'a mut JobStatus {
        let Fact::Known(jobs) = &mut status.jobs else { panic!("not known") };
        jobs.iter_mut().find(|status| status.job.name == name).expect("healthy has both")
    }

    #[test]
    fn what_a_job_is_at_before_it_runs_is_told() {
        let mut status = healthy();
        job_of(&mut status, "process").job.state = "starting".into();
        job_of(&mut status, "process").job.notice =
            "t is built anew: its definition changed (40 changes so far)".into();
        assert_eq!(
            told(&status),
            ["job process is starting: t is built anew: its definition changed (40 changes so far)"]
        );
    }

    #[test]
    fn a_job_that_fails_at_every_try_says_why_while_it_starts_again() {
        let run = |state: &str, detail: &str| Run { state: state.into(), detail: detail.into(), ..Run::default() };
        let mut status = healthy();
        job_of(&mut status, "process").job.state = "starting".into();
        job_of(&mut status, "process").job.runs =
            vec![run("stopped", ""), run("failed", "no space left"), run("starting", "")];
        assert_eq!(told(&status), ["job process is starting again after it has failed: no space left"]);

        job_of(&mut status, "process").job.runs.insert(2, run("failed", "no space left on the device"));
        assert_eq!(
            told(&status),
            ["job process is starting again after it has failed 2 times: no space left on the device"]
        );

        // One that runs and has nothing to do has no reason to do a batch.
        job_of(&mut status, "process").job.state = "running".into();
        assert_eq!(told(&status), Vec::<String>::new());
        job_of(&mut status, "process").unread =
            BTreeMap::from([("p.public.t".to_owned(), Unread { changes: 3, waiting_ms: Some(40) })]);
        assert_eq!(
            told(&status),
            ["job process is running again after it has failed 2 times: no space left on the device"]
        );

        // One that was stopped in between begins anew.
        job_of(&mut status, "process").job.runs.insert(3, run("stopped", ""));
        assert_eq!(told(&status), Vec::<String>::new());
    }

    #[test]
    fn a_job_names_its_own_repair() {
        let mut status = healthy();
        job_of(&mut status, "process").job.state = "failed".into();
        job_of(&mut status, "process").job.detail = "columns differ; then `pipectl repair resnapshot`".into();
        let problems = find(&status, &spec());
        assert_eq!(problems[0].to_string(), "job process is failed: columns differ; then `pipectl repair resnapshot`");
        assert_eq!(problems[0].repair, Some(Repair::Resnapshot));
    }

    #[test]
    fn what_a_running_job_fails_at_is_told() {
        let mut status = healthy();
        job_of(&mut status, "ingest").job.warning = "metastore does not answer".into();
        assert_eq!(told(&status), ["job ingest tries again: metastore does not answer"]);
    }
}
