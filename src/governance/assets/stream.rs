//! Topics and the connector.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::about::{Abouts, Text};
use super::{Asset, Measure, types};
use crate::governance::collect::kafka::TopicFacts;
use crate::governance::kind::Kind;
use crate::governance::{fqn, names};
use crate::pipeline::clients::connect::ConnectorStatus;
use crate::pipeline::spec::{PipelineSpec, Table};

/// The state of a connector that Kafka Connect does not know, and of its task.
const UNREGISTERED: &str = "Failed";

/// The pipeline's topics; what else the broker holds (Connect's own, consumer offsets) is none of its assets.
pub(super) fn topics(spec: &PipelineSpec, facts: &BTreeMap<String, TopicFacts>, abouts: &Abouts) -> Vec<Asset> {
    let tables = spec.tables.iter().filter_map(|(name, table)| Some((name, table, facts.get(&spec.topic(name))?)));
    tables.map(|(name, table, facts)| topic(spec, name, table, facts, abouts)).collect()
}

fn topic(spec: &PipelineSpec, name: &str, table: &Table, facts: &TopicFacts, abouts: &Abouts) -> Asset {
    let row = || -> Vec<Value> {
        let field = |(column, kind): (&String, &String)| json!({"name": fqn::entity_name(column), "dataType": types::event(kind), "dataTypeDisplay": kind});
        table.columns.iter().map(field).collect()
    };
    // `after` first: that is the row, and readers that take the first match get the right one.
    let envelope = json!([{
        "name": names::ENVELOPE,
        "dataType": "RECORD",
        "children": [
            {"name": names::AFTER, "dataType": "RECORD", "children": row()},
            {"name": "before", "dataType": "RECORD", "children": row()},
            {"name": "op", "dataType": "STRING"},
            {"name": "ts_ms", "dataType": "LONG"},
        ],
    }]);
    let mut rest = json!({
        "partitions": facts.partitions,
        "messageSchema": {"schemaText": "", "schemaType": "JSON", "schemaFields": envelope},
    });
    let number = |key: &str| facts.settings.get(key).and_then(|value| value.parse::<i64>().ok());
    let settings = [
        ("retentionTime", "retention.ms"),
        ("retentionSize", "retention.bytes"),
        ("maximumMessageSize", "max.message.bytes"),
        ("minimumInSyncReplicas", "min.insync.replicas"),
    ];
    for (field, setting) in settings {
        if let Some(value) = number(setting) {
            rest[field] = json!(value);
        }
    }
    if let Some(policy) = facts.settings.get("cleanup.policy") {
        rest["cleanupPolicies"] = policy.split(',').map(str::trim).collect();
    }
    let pointer = "/messageSchema/schemaFields/0/children/0/children";
    let about = |column: &str| abouts.column(&names::topic_column(spec, name, column), None);
    Asset::new(Kind::Topic, ("service", names::KAFKA), &spec.topic(name), rest)
        .described(abouts.entity(&names::topic(spec, name), Some(&format!("Every change of `{name}`, in order."))))
        .with_columns(pointer, table.columns.keys().map(String::as_str), about)
}

/// The connector. One that is not registered moves nothing: its last state would go on saying that it does.
pub(super) fn connector(spec: &PipelineSpec, status: Option<&ConnectorStatus>) -> Vec<Asset> {
    let tasks: Vec<(String, &'static str)> = match status {
        Some(status) => {
            status.tasks.iter().map(|task| (task.id.unwrap_or_default().to_string(), state(&task.state))).collect()
        }
        None => vec![("0".to_owned(), UNREGISTERED)],
    };
    let names: Vec<Value> = match tasks.as_slice() {
        [] => vec![json!({"name": "0"})],
        tasks => tasks.iter().map(|(name, _)| json!({"name": name})).collect(),
    };
    let description = format!(
        "Reads replication slot `{}` of {} and writes one topic per table.",
        spec.source.slot,
        spec.source.host()
    );
    let own = status.map_or(UNREGISTERED, |status| state(&status.connector.state));
    let all = std::iter::once(own).chain(tasks.iter().map(|(_, state)| *state));
    // The task is the part that moves data, and the part that fails while the connector stays RUNNING.
    let worst = all.max_by_key(|state| ["Successful", "Pending", "Failed"].iter().position(|known| known == state));
    let measure = Measure::Run { state: worst.unwrap_or("Pending"), tasks: tasks.iter().cloned().collect() };
    let asset = Asset::new(Kind::Pipeline, ("service", names::CONNECT), &spec.connector, json!({"tasks": names}));
    vec![asset.described(Text { description: Some(description), ..Text::default() }).measured(Some(measure))]
}

/// Connect's states as the catalog's: it knows runs that end, and a stream that runs is one that succeeds.
fn state(connect: &str) -> &'static str {
    match connect {
        "RUNNING" => "Successful",
        "FAILED" => "Failed",
        _ => "Pending",
    }
}
