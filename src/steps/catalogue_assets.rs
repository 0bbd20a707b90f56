//! `catalogue-assets`: token, assets, lineage, and reading the lineage back.

use super::{failure, text_argument};
use crate::engine::work::{SayFn, StepDone, StepError};
use crate::governance::{self, names};
use crate::model::ext::Step;
use crate::pipeline::Pipeline;

const USES: &str = "catalogue-assets";

pub(super) async fn run(pipeline: &Pipeline, step: &Step, say: &SayFn) -> Result<StepDone, StepError> {
    let report = match governance::ingest(pipeline, text_argument(step, "catalog"), &names::SERVICES.into(), say).await
    {
        Ok(report) => report,
        Err(error) => {
            let hint = error.hint().or_else(|| Some("`pipectl ingest` tries again".to_owned()));
            return Err(failure(pipeline, USES, format!("cannot fill the catalog: {error}"), hint).await);
        }
    };
    if !report.problems.is_empty() {
        let lines = std::iter::once("the catalog is not complete".to_owned()).chain(report.problems);
        let hint = Some("`pipectl ingest` tries again".to_owned());
        return Err(failure(pipeline, USES, lines.collect::<Vec<_>>().join("\n"), hint).await);
    }
    Ok(StepDone { changed: !report.is_unchanged(), detail: report.summary() })
}
