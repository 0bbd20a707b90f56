//! What the catalog should hold of each service. Pure: facts and pipeline.yml in, create requests out.

pub mod about;
mod database;
mod jobs;
mod lake;
pub mod services;
mod stream;
mod types;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use self::about::{Abouts, Text};
use super::client::Version;
use super::collect::Facts;
use super::kind::Kind;
use super::lineage::Lineage;
use super::openlineage::Runs;
use super::{fqn, names};
use crate::pipeline::spec::PipelineSpec;

/// One entity as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Asset {
    /// Kind.
    pub kind: Kind,
    /// Fully qualified name.
    pub fqn: String,
    /// The create request with all that the pipeline owns of it; people's texts and tags are not in here.
    pub body: Value,
    /// What people should know of it.
    pub about: Text,
    /// What people should know of its columns.
    pub columns: Vec<Column>,
    /// What changes all the time and is no change of the entity.
    pub measure: Option<Measure>,
}

/// A described column of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// JSON pointer to the column in the entity.
    pub pointer: String,
    /// Its name, which must be found there.
    pub name: String,
    /// What is known of it.
    pub about: Text,
}

/// A measurement.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// Of a table: estimated rows, and bytes.
    Table {
        /// Rows.
        rows: Option<i64>,
        /// Bytes.
        bytes: Option<u64>,
        /// Version of a Delta table.
        delta_version: Option<i64>,
    },
    /// Of a directory.
    Directory {
        /// Bytes.
        bytes: u64,
        /// Files.
        files: u64,
    },
    /// Of a pipeline: `Successful`, `Failed` or `Pending`, also of each of its tasks.
    Run {
        /// State.
        state: &'static str,
        /// By task.
        tasks: BTreeMap<String, &'static str>,
    },
    /// Of a pipeline whose single runs are known.
    Runs(Runs),
}

/// A service and what is known of it: nothing when its server could not be asked, which is no reason to delete anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Holding {
    /// Name of the service.
    pub service: &'static str,
    /// Its entities, parents first; nothing when they are not known.
    pub assets: Option<Vec<Asset>>,
}

/// What the catalog should hold of each service that facts were collected of.
pub fn wanted(spec: &PipelineSpec, facts: &Facts, lineage: &Lineage, version: Version) -> Vec<Holding> {
    let abouts = Abouts::of(spec, lineage);
    let database = |service, name, facts: &Option<_>| {
        facts.as_ref().map(|facts| database::assets(service, name, facts, &abouts, version))
    };
    let holdings = [
        (names::SOURCE, database(names::SOURCE, &spec.source.database, &facts.source)),
        (names::KAFKA, facts.topics.as_ref().map(|topics| stream::topics(spec, topics, &abouts))),
        (names::CONNECT, facts.connector.as_ref().map(|connector| stream::connector(spec, connector.as_ref()))),
        (names::LAKE, facts.lake.as_ref().map(|lake| lake::assets(spec, lake, &abouts, version))),
        (names::DESTINATION, database(names::DESTINATION, &spec.destination.database, &facts.destination)),
        (names::SPARK, facts.jobs.as_ref().map(|jobs| jobs::assets(spec, jobs))),
    ];
    let chosen = holdings.into_iter().filter(|(service, _)| facts.services.contains(service));
    chosen.map(|(service, assets)| Holding { service, assets }).collect()
}

impl Asset {
    /// An entity of which nothing but its place is known.
    fn new(kind: Kind, parent: (&str, &str), name: &str, rest: Value) -> Self {
        let name = fqn::entity_name(name);
        let (key, parent) = parent;
        let mut body = Map::from_iter([("name".to_owned(), json!(name)), (key.to_owned(), json!(parent))]);
        if let Value::Object(rest) = rest {
            body.extend(rest.into_iter().filter(|(_, value)| !value.is_null()));
        }
        let fqn = fqn::below(parent, &name);
        Self { kind, fqn, body: Value::Object(body), about: Text::default(), columns: Vec::new(), measure: None }
    }

    fn described(mut self, about: Text) -> Self {
        self.about = about;
        self
    }

    fn measured(mut self, measure: Option<Measure>) -> Self {
        self.measure = measure;
        self
    }

    /// Describes the columns that stand in an array at `pointer`.
    fn with_columns<'c>(
        mut self,
        pointer: &str,
        names: impl IntoIterator<Item = &'c str>,
        about: impl Fn(&str) -> Text,
    ) -> Self {
        let column = |(index, name): (usize, &str)| Column {
            pointer: format!("{pointer}/{index}"),
            name: fqn::entity_name(name),
            about: about(name),
        };
        let columns = names.into_iter().enumerate().map(column);
        self.columns.extend(columns.filter(|column| column.about != Text::default()));
        self
    }
}

/// One line an asset, one line a column: for tests and `-vv`.
pub fn told(holdings: &[Holding]) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    for holding in holdings {
        let _ = writeln!(text, "{}", holding.service);
        for asset in holding.assets.iter().flatten() {
            let _ = writeln!(text, "  {} {}{}", asset.kind.word(), asset.fqn, asset.about.told());
            for column in asset.body.get("columns").and_then(Value::as_array).into_iter().flatten() {
                let word = |key| column.get(key).and_then(Value::as_str).unwrap_or_default();
                let name = word("name");
                let about = asset.columns.iter().find(|known| known.name == name).map(|known| known.about.told());
                let _ = writeln!(
                    text,
                    "    {name} {} {} {}{}",
                    word("dataTypeDisplay"),
                    word("dataType"),
                    word("constraint"),
                    about.unwrap_or_default()
                );
            }
        }
    }
    text
}
