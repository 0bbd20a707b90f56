//! The Spark jobs as pipelines.

use serde_json::json;

use super::about::Text;
use super::{Asset, Measure};
use crate::governance::kind::Kind;
use crate::governance::names;
use crate::governance::openlineage::{Dataset, Runs, delta_tables, destination_tables, topics};
use crate::pipeline::clients::jobserver::Job;
use crate::pipeline::spec::PipelineSpec;

pub(super) fn assets(spec: &PipelineSpec, jobs: &[Job]) -> Vec<Asset> {
    let ingest =
        format!("Reads all topics, appends every change to the change log in {}, merges it by key.", spec.lake.path);
    let process = format!(
        "Reads the change log, applies the transformations, writes tables and aggregates of {} in one transaction per batch.",
        spec.destination.service
    );
    // Job 2 reads the change log, which holds the rows of the Delta tables: as in the lineage, those stand for it.
    let of = |name: &str, job, tasks, inputs: Vec<Dataset>, outputs: Vec<Dataset>| {
        let runs = jobs.iter().find(|job| job.name == name).map(|job| job.runs.clone()).unwrap_or_default();
        Runs { job, tasks, runs, inputs, outputs }
    };
    vec![
        job(&ingest, of("ingest", names::INGEST, ["append", "merge"], topics(spec), delta_tables(spec))),
        job(
            &process,
            of("process", names::PROCESS, ["transform", "aggregate"], delta_tables(spec), destination_tables(spec)),
        ),
    ]
}

fn job(description: &str, runs: Runs) -> Asset {
    let [first, second] = runs.tasks;
    let body = json!({"tasks": [{"name": first, "downstreamTasks": [second]}, {"name": second}]});
    Asset::new(Kind::Pipeline, ("service", names::SPARK), runs.job, body)
        .described(Text { description: Some(description.to_owned()), ..Text::default() })
        .measured((!runs.runs.is_empty()).then_some(Measure::Runs(runs)))
}
