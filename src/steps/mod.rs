//! Pipeline steps: small, idempotent actions on running servers, each `check` -> `apply` -> `verify`.
//!
//! A step is a node of the same plan as a container. One that finds its work done ends within milliseconds, so all of
//! them can be part of every `up`.

mod catalogue_assets;
mod check_databases;
mod connector_running;
mod create_topics;
mod hdfs_writable;
mod jobs_running;
mod prove_flow;
mod read_new_tables;
mod register_connector;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::engine::work::{SayFn, StepDone, StepError, Stepper};
use crate::model::ext::Step;
use crate::pipeline::Pipeline;
use crate::pipeline::clients::ClientError;

/// The steps there are.
const NAMES: [&str; 9] = [
    "check-databases",
    "create-topics",
    "register-connector",
    "connector-running",
    "read-new-tables",
    "hdfs-writable",
    "jobs-running",
    "catalogue-assets",
    "prove-flow",
];

/// All steps by name.
pub struct Registry {
    pipeline: Arc<Pipeline>,
}

impl Registry {
    /// Steps of a pipeline.
    pub fn new(pipeline: Arc<Pipeline>) -> Self {
        Self { pipeline }
    }

    async fn dispatch(&self, step: &Step, say: &SayFn) -> Result<StepDone, StepError> {
        let pipeline = self.pipeline.as_ref();
        match step.uses.as_str() {
            "check-databases" => check_databases::run(pipeline, say).await,
            "create-topics" => create_topics::run(pipeline, say).await,
            "register-connector" => register_connector::run(pipeline, step, say).await,
            "read-new-tables" => read_new_tables::run(pipeline, say).await,
            "connector-running" => connector_running::run(pipeline, say).await,
            "hdfs-writable" => hdfs_writable::run(pipeline, say).await,
            "jobs-running" => jobs_running::run(pipeline, say).await,
            "catalogue-assets" => catalogue_assets::run(pipeline, step, say).await,
            "prove-flow" => prove_flow::run(pipeline, step, say).await,
            other => Err(StepError {
                message: format!("step `{}` uses `{other}`, which does not exist", step.name),
                hint: Some(format!("there are {}", NAMES.join(", "))),
                look_at: Vec::new(),
            }),
        }
    }
}

#[async_trait]
impl Stepper for Registry {
    async fn run(&self, step: &Step, say: &SayFn) -> Result<StepDone, StepError> {
        // What the step said last is what it was waiting for when its time is over.
        let mut last = None;
        let (sender, mut said) = mpsc::unbounded_channel::<String>();
        // The receiver outlives the step, so sending cannot fail.
        let noting = move |text: &str| drop(sender.send(text.to_owned()));
        let work = tokio::time::timeout(step.timeout, self.dispatch(step, &noting));
        tokio::pin!(work);
        let ended = loop {
            tokio::select! {
                Some(text) = said.recv() => {
                    say(&text);
                    last = Some(text);
                }
                ended = &mut work => break ended,
            }
        };
        if let Ok(done) = ended {
            return done;
        }
        let last = last.map_or_else(|| "it had not heard from any server".to_owned(), |text| format!("last: {text}"));
        Err(StepError {
            message: format!("step {} did not finish within {}; {last}", step.name, limit(step.timeout)),
            hint: Some("`pipectl status` shows what runs; `pipectl up` goes on from here".to_owned()),
            look_at: self.look_at(step).await,
        })
    }

    async fn look_at(&self, step: &Step) -> Vec<String> {
        self.pipeline.containers(services_of(&step.uses)).await
    }
}

fn limit(timeout: Duration) -> String {
    if timeout.subsec_millis() == 0 {
        format!("{} s", timeout.as_secs())
    } else {
        format!("{} ms", timeout.as_millis())
    }
}

/// The services whose logs tell why a step got stuck.
fn services_of(uses: &str) -> &'static [&'static str] {
    match uses {
        "create-topics" => &["kafka"],
        "register-connector" | "connector-running" => &["debezium"],
        "hdfs-writable" => &["namenode", "datanode"],
        "jobs-running" => &["spark-job-ingest", "spark-job-process", "spark-driver"],
        "catalogue-assets" => &["catalog", "om-server"],
        "prove-flow" => &["debezium", "spark-job-ingest", "spark-job-process", "spark-driver"],
        _ => &[],
    }
}

/// A failed step: what, and the containers whose logs help.
async fn failure(pipeline: &Pipeline, uses: &str, message: String, hint: Option<String>) -> StepError {
    StepError { message, hint, look_at: pipeline.containers(services_of(uses)).await }
}

/// A server that does not answer or refuses.
async fn client_failure(pipeline: &Pipeline, uses: &str, doing: &str, error: &ClientError) -> StepError {
    let hint = error.is_transient().then(|| "`pipectl status` shows what runs; `pipectl up` tries again".to_owned());
    failure(pipeline, uses, format!("cannot {doing}: {error}"), hint).await
}

/// A text argument of a step.
fn text_argument<'a>(step: &'a Step, name: &str) -> Option<&'a str> {
    step.args.get(name).and_then(Value::as_str)
}

/// Retries what a server that has only just started may refuse; bounded by the step's own deadline.
pub(crate) fn patience() -> backon::ExponentialBuilder {
    backon::ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(1))
        .without_max_times()
}
