//! `check-databases`: both databases have what pipeline.yml declares, or everything that differs is told at once. Reads only.

use std::fmt::Write as _;
use std::time::Duration;

use backon::Retryable;

use super::{client_failure, patience};
use crate::engine::work::{SayFn, StepDone, StepError};
use crate::pipeline::Pipeline;
use crate::pipeline::clients::ClientError;
use crate::pipeline::databases::{Findings, check, problem::Problem};

const USES: &str = "check-databases";

pub(super) async fn run(pipeline: &Pipeline, say: &SayFn) -> Result<StepDone, StepError> {
    say("comparing the databases with pipeline.yml");
    let work = || check(pipeline, Duration::from_secs(5));
    let notify = |error: &ClientError, _| say(&error.to_string());
    match work.retry(patience()).when(ClientError::is_transient).notify(notify).await {
        Ok(Findings { problems, remarks }) if problems.is_empty() => {
            let tables = pipeline.spec.tables.len();
            let mut told = vec![format!("{tables} table(s) as declared, here and there")];
            told.extend(remarks);
            Ok(StepDone { changed: false, detail: told.join("; ") })
        }
        Ok(found) => Err(refused(&found.problems)),
        Err(error) => Err(client_failure(pipeline, USES, "compare the databases with pipeline.yml", &error).await),
    }
}

/// Everything at once: what is mended one by one costs a start each.
fn refused(problems: &[Problem]) -> StepError {
    let mut message =
        format!("the databases differ from pipeline.yml in {} point(s); nothing was captured", problems.len());
    for problem in problems {
        // Writing into a String cannot fail.
        let _ = write!(message, "\n{problem}");
    }
    let hint = "change the file or run the SQL, then `pipectl up`".to_owned();
    StepError { message, hint: Some(hint), look_at: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_differences_are_told_at_once() {
        let missing = Problem::new("pipeline.yml:8".to_owned(), "the source has no table public.orders");
        let column = Problem::new("pipeline.yml:21".to_owned(), "public.orders has no column `note`");
        let error = refused(&[missing.mend("CREATE TABLE ..;").mend("take it out"), column]);
        insta::assert_snapshot!(error.message, @r"
        the databases differ from pipeline.yml in 2 point(s); nothing was captured
        pipeline.yml:8: the source has no table public.orders
          mend: CREATE TABLE ..;
          or: take it out
        pipeline.yml:21: public.orders has no column `note`
        ");
        assert_eq!(error.hint.as_deref(), Some("change the file or run the SQL, then `pipectl up`"));
    }
}
