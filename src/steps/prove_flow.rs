//! `prove-flow`: one marked row goes from the source to the destination and away again, before the eyes of the user.

use super::{client_failure, failure};
use crate::engine::work::{SayFn, StepDone, StepError};
use crate::model::ext::Step;
use crate::pipeline::Pipeline;
use crate::pipeline::verify::{Followed, Place, Scope, Verify, VerifyError, VerifyOptions};

const USES: &str = "prove-flow";

pub(super) async fn run(pipeline: &Pipeline, step: &Step, say: &SayFn) -> Result<StepDone, StepError> {
    if let Some(external) = &pipeline.spec.source.external {
        let detail =
            format!("no row sent: nothing is written to {}; `pipectl verify` compares the tables", external.host);
        return Ok(StepDone { changed: false, detail });
    }
    // A little before the step's own deadline, so that what was seen is reported rather than that time is over.
    let timeout = step.timeout.mul_f64(0.9);
    let options = VerifyOptions { scope: Scope::Flow, timeout };
    match Verify::new(pipeline).run(&options, say).await {
        Ok(report) if report.followed.is_empty() => {
            let detail = format!("no row sent: {}; `pipectl verify` compares the tables", report.notes.join("; "));
            Ok(StepDone { changed: false, detail })
        }
        Ok(report) if report.ok => Ok(StepDone { changed: true, detail: told(&report.followed) }),
        Ok(report) => {
            let lines = report
                .failures()
                .map(|check| format!("{}: expected {}, seen {}", check.name, check.expected, check.seen));
            let message =
                std::iter::once("a row did not get from the source to the destination".to_owned()).chain(lines);
            let hint = Some("`pipectl status` shows where the data stands; `pipectl verify` tries again".to_owned());
            Err(failure(pipeline, USES, message.collect::<Vec<_>>().join("\n"), hint).await)
        }
        Err(VerifyError::Client(error)) => Err(client_failure(pipeline, USES, "follow a row", &error).await),
        Err(error) => Err(failure(pipeline, USES, error.to_string(), None).await),
    }
}

/// "insert 412 ms, delete 380 ms to the destination".
fn told(followed: &[Followed]) -> String {
    let times = followed.iter().filter_map(|followed| {
        let hop = followed.hops.iter().find(|hop| hop.place == Place::Destination)?;
        Some(format!("{} {} ms", followed.operation.word(), hop.check.ms))
    });
    let table = followed.first().map_or("", |followed| followed.table.as_str());
    format!("{table}: {} to the destination", times.collect::<Vec<_>>().join(", "))
}
