//! The Spark jobs as pipelines.

use std::collections::BTreeMap;

use serde_json::json;

use super::about::Text;
use super::{Asset, Measure};
use crate::governance::kind::Kind;
use crate::governance::names;
use crate::pipeline::clients::jobserver::Job;
use crate::pipeline::spec::PipelineSpec;

pub(super) fn assets(spec: &PipelineSpec, jobs: &[Job]) -> Vec<Asset> {
    let running = |name: &str| jobs.iter().find(|job| job.name == name);
    let ingest =
        format!("Reads all topics, appends every change to the change log in {}, merges it by key.", spec.lake.path);
    let process = format!(
        "Reads the change log, applies the transformations, writes tables and aggregates of {} in one transaction per batch.",
        spec.destination.service
    );
    vec![
        job(names::INGEST, &ingest, ["append", "merge"], running("ingest")),
        job(names::PROCESS, &process, ["transform", "aggregate"], running("process")),
    ]
}

fn job(name: &str, description: &str, tasks: [&str; 2], job: Option<&Job>) -> Asset {
    let [first, second] = tasks;
    let body = json!({"tasks": [{"name": first, "downstreamTasks": [second]}, {"name": second}]});
    let measure = job.map(|job| {
        let state = match job.state.as_str() {
            "running" => "Successful",
            "failed" => "Failed",
            _ => "Pending",
        };
        let tasks: BTreeMap<String, &'static str> = tasks.iter().map(|task| ((*task).to_owned(), state)).collect();
        Measure::Run { state, tasks }
    });
    Asset::new(Kind::Pipeline, ("service", names::SPARK), name, body)
        .described(Text { description: Some(description.to_owned()), ..Text::default() })
        .measured(measure)
}
