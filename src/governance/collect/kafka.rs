//! Topics with their partitions and settings.

use std::collections::BTreeMap;

use super::PATIENCE;
use crate::pipeline::clients::{ClientError, topic_settings};
use crate::pipeline::{KAFKA, Pipeline};

/// A topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicFacts {
    /// Partitions.
    pub partitions: usize,
    /// Settings that apply to it, the broker's defaults included.
    pub settings: BTreeMap<String, String>,
}

/// Reads the pipeline's topics.
pub(super) async fn read(pipeline: &Pipeline) -> Result<BTreeMap<String, TopicFacts>, ClientError> {
    let there = pipeline.kafka(PATIENCE).await?.topics().await?;
    let ours: Vec<String> = pipeline.spec.topics().into_iter().filter(|topic| there.contains_key(topic)).collect();
    let address = pipeline.address_of(KAFKA).await?;
    let mut settings = topic_settings::read(&address, &ours, PATIENCE).await?;
    let facts = |topic: String| {
        let settings = settings.remove(&topic).unwrap_or_default();
        (topic.clone(), TopicFacts { partitions: there.get(&topic).copied().unwrap_or_default(), settings })
    };
    Ok(ours.into_iter().map(facts).collect())
}
