//! `create-topics`: one topic per table of pipeline.yml, and Debezium's topics for heartbeats and signals.
//!
//! They are made here because the broker does not make topics by itself, and with one partition, because the order of
//! changes to a table rests on it. Those of tables keep changes as long as pipeline.yml says (`topics.retention`).

use std::time::Duration;

use backon::Retryable;

use super::{client_failure, failure, patience};
use crate::engine::work::{SayFn, StepDone, StepError};
use crate::pipeline::clients::kafka::Kafka;
use crate::pipeline::clients::{ClientError, topic_settings};
use crate::pipeline::{KAFKA, Pipeline};

const USES: &str = "create-topics";
/// The topic's setting, in milliseconds.
const RETENTION: &str = "retention.ms";
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(pipeline: &Pipeline, say: &SayFn) -> Result<StepDone, StepError> {
    let mut wanted = pipeline.spec.topics();
    wanted.extend(pipeline.spec.own_topics());
    say("listing topics");
    let work = || async {
        let kafka = pipeline.kafka(PATIENCE).await?;
        let (created, split) = ensure(&kafka, &wanted).await?;
        let kept = if split.is_empty() { keep(pipeline).await? } else { 0 };
        Ok((created, kept, split))
    };
    let notify = |error: &ClientError, _| say(&error.to_string());
    let ensured = work.retry(patience()).when(ClientError::is_transient).notify(notify).await;
    match ensured {
        Ok((created, kept, split)) if split.is_empty() => {
            Ok(StepDone { changed: created + kept > 0, detail: told(created, kept, wanted.len()) })
        }
        Ok((.., split)) => {
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

/// Number of topics of tables that got the declared retention.
async fn keep(pipeline: &Pipeline) -> Result<usize, ClientError> {
    let Some(retention) = pipeline.spec.topic_retention else { return Ok(0) };
    let (address, topics) = (pipeline.address_of(KAFKA).await?, pipeline.spec.topics());
    let settings = topic_settings::read(&address, &topics, PATIENCE).await?;
    let wanted = retention.as_millis().to_string();
    let other = |topic: &String| settings.get(topic).and_then(|of_topic| of_topic.get(RETENTION)) != Some(&wanted);
    let topics: Vec<String> = topics.into_iter().filter(other).collect();
    if !topics.is_empty() {
        topic_settings::write(&address, &topics, (RETENTION, &wanted), PATIENCE).await?;
    }
    Ok(topics.len())
}

fn told(created: usize, kept: usize, all: usize) -> String {
    let created =
        if created == 0 { format!("all {all} topics exist") } else { format!("created {created} of {all} topics") };
    if kept == 0 { created } else { format!("{created}, set the retention of {kept}") }
}
