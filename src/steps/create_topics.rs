//! `create-topics`: one topic per table of pipeline.yml, and Debezium's topics for heartbeats and signals.
//!
//! They are made here because the broker does not make topics by itself, and with one partition, because the order of
//! changes to a table rests on it.

use std::time::Duration;

use backon::Retryable;

use super::{client_failure, failure, patience};
use crate::engine::work::{SayFn, StepDone, StepError};
use crate::pipeline::Pipeline;
use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::kafka::Kafka;

const USES: &str = "create-topics";

pub(super) async fn run(pipeline: &Pipeline, say: &SayFn) -> Result<StepDone, StepError> {
    let mut wanted = pipeline.spec.topics();
    wanted.extend(pipeline.spec.own_topics());
    say("listing topics");
    let work = || async {
        let kafka = pipeline.kafka(Duration::from_secs(5)).await?;
        ensure(&kafka, &wanted).await
    };
    let notify = |error: &ClientError, _| say(&error.to_string());
    let ensured = work.retry(patience()).when(ClientError::is_transient).notify(notify).await;
    match ensured {
        Ok((created, split)) if split.is_empty() => {
            Ok(StepDone { changed: created > 0, detail: told(created, wanted.len()) })
        }
        Ok((_, split)) => {
            let message =
                format!("topics with more than one partition cannot keep the order of changes: {}", split.join(", "));
            Err(failure(pipeline, USES, message, Some("`pipectl repair resnapshot`".to_owned())).await)
        }
        Err(error) => Err(client_failure(pipeline, USES, "create the topics", &error).await),
    }
}

/// Number of topics made, and the names of those that have several partitions.
async fn ensure(kafka: &Kafka, wanted: &[String]) -> Result<(usize, Vec<String>), ClientError> {
    let there = kafka.topics().await?;
    let split = wanted.iter().filter(|topic| there.get(*topic).is_some_and(|partitions| *partitions > 1));
    let split: Vec<String> = split.cloned().collect();
    if !split.is_empty() {
        return Ok((0, split));
    }
    let mut created = 0;
    for topic in wanted.iter().filter(|topic| !there.contains_key(*topic)) {
        created += usize::from(kafka.create_topic(topic).await?);
    }
    Ok((created, split))
}

fn told(created: usize, all: usize) -> String {
    if created == 0 { format!("all {all} topics exist") } else { format!("created {created} of {all} topics") }
}
