//! Makes the catalog hold what it should: writes what differs, marks what is gone as deleted, keeps what people wrote.
//! A second run finds nothing to do.

mod annotate;
mod compare;
mod edges;
mod measures;
mod memory;
mod report;
mod runs;
mod services;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

pub use edges::{Graph, read_edges};
pub use memory::{FILE as MEMORY, Memory, MemoryError};
pub use report::{Counts, Ingested};

use super::assets::services::ServiceAsset;
use super::assets::{Asset, Holding};
use super::client::{Catalog, CatalogError};
use super::kind::Kind;
use super::lineage::Lineage;
use super::names;
use super::session::GovernanceError;
use crate::engine::work::SayFn;

/// Kinds of entities below a kind of service, parents first: the query that lists each one's.
const BELOW: [(Kind, &[Kind]); 4] = [
    (Kind::DatabaseService, &[Kind::Database, Kind::Schema, Kind::Table]),
    (Kind::MessagingService, &[Kind::Topic]),
    (Kind::PipelineService, &[Kind::Pipeline]),
    (Kind::StorageService, &[Kind::Container]),
];

/// One run against one catalog.
pub struct Reconciler<'a> {
    catalog: &'a Catalog,
    memory: Memory,
    /// Tags and owners that were looked up; nothing for those that do not exist.
    tags: BTreeMap<String, bool>,
    owners: BTreeMap<String, Option<Value>>,
    /// Kinds that the catalog has no measurements of.
    unmeasured: BTreeSet<Kind>,
    report: Ingested,
}

impl<'a> Reconciler<'a> {
    /// A run that remembers what it writes in a state directory.
    pub fn new(catalog: &'a Catalog, state: &Path) -> Result<Self, MemoryError> {
        let (tags, owners, report) = (BTreeMap::new(), BTreeMap::new(), Ingested::default());
        Ok(Self { catalog, memory: Memory::read(state)?, tags, owners, unmeasured: BTreeSet::new(), report })
    }

    /// Assets, then the lineage where it is given: with the pipelines whose edges are ours.
    ///
    /// What was written is remembered whatever comes of it: after a catalog that went away in the middle, our own texts
    /// would otherwise count as somebody's.
    pub async fn run(
        mut self,
        services: &[ServiceAsset],
        holdings: &[Holding],
        lineage: Option<(&Lineage, &[String])>,
        say: &SayFn,
    ) -> Result<Ingested, GovernanceError> {
        let done = async {
            say("writing assets");
            self.assets(services, holdings).await?;
            if let Some((lineage, pipelines)) = lineage {
                say("writing lineage");
                self.lineage(lineage, pipelines).await?;
            }
            Ok::<(), GovernanceError>(())
        };
        let done = done.await;
        let kept = self.memory.keep();
        done?;
        kept?;
        Ok(self.report)
    }

    /// Services, then what each holds. What is not known is left as it is.
    async fn assets(&mut self, services: &[ServiceAsset], holdings: &[Holding]) -> Result<(), GovernanceError> {
        for holding in holdings {
            for service in services {
                if service.name == holding.service {
                    self.service(service).await?;
                }
            }
            if let Some(assets) = &holding.assets {
                let kinds =
                    services.iter().filter(|service| service.name == holding.service).map(|service| service.kind);
                self.holding(holding.service, kinds.collect(), assets).await?;
                // Whoever ends this program now loses nothing of what is done.
                self.memory.keep()?;
            }
        }
        Ok(())
    }

    async fn holding(
        &mut self,
        service: &'static str,
        kinds: BTreeSet<Kind>,
        assets: &[Asset],
    ) -> Result<(), CatalogError> {
        let held = self.held(service, &kinds).await?;
        let mut found: BTreeMap<(Kind, &str), &Value> = BTreeMap::new();
        for (kind, entity) in &held {
            if let Some(name) = entity.get("fullyQualifiedName").and_then(Value::as_str) {
                found.insert((*kind, name), entity);
            }
        }
        let mut postponed = Vec::new();
        for asset in assets {
            let current = found.get(&(asset.kind, asset.fqn.as_str())).copied();
            if current.is_none() {
                if let Some(first) = compare::without_foreign_keys(&asset.body) {
                    self.put(service, asset, &first, None).await?;
                    postponed.push(asset);
                    continue;
                }
            }
            self.entity(service, asset, current).await?;
        }
        for asset in postponed {
            let current = self.catalog.find(asset.kind.collection(), &asset.fqn, &self.fields(asset.kind)).await?;
            self.entity(service, asset, current.as_ref()).await?;
        }
        self.remove_gone(service, assets, &held).await
    }

    /// One entity: structure by PUT, then texts by PATCH, then measurements.
    async fn entity(
        &mut self,
        service: &'static str,
        asset: &Asset,
        current: Option<&Value>,
    ) -> Result<(), CatalogError> {
        let entity = match current {
            Some(current) if compare::holds(current, &asset.body) => current.clone(),
            Some(current) => {
                let body = compare::with_peoples_words(&asset.body, current);
                self.put(service, asset, &body, Some(current)).await?
            }
            None => self.put(service, asset, &asset.body, None).await?,
        };
        self.annotate(service, asset, &entity).await?;
        self.measure(service, asset, &entity).await?;
        if current.is_some() {
            self.report.seen(service, asset);
        }
        Ok(())
    }

    async fn put(
        &mut self,
        service: &'static str,
        asset: &Asset,
        body: &Value,
        current: Option<&Value>,
    ) -> Result<Value, CatalogError> {
        let entity = self.catalog.put(asset.kind.collection(), body).await?;
        match current {
            Some(_) => self.report.changed(service, asset, "structure"),
            None => self.report.created(service, asset),
        }
        // The answer to a PUT leaves out what has to be asked for.
        let read = self.catalog.find(asset.kind.collection(), &asset.fqn, &self.fields(asset.kind)).await?;
        Ok(read.unwrap_or(entity))
    }

    async fn annotate(&mut self, service: &'static str, asset: &Asset, entity: &Value) -> Result<(), CatalogError> {
        let mut wanted: BTreeSet<&String> = asset.about.tags.iter().collect();
        wanted.extend(asset.columns.iter().flat_map(|column| &column.about.tags));
        let mut known = BTreeSet::new();
        for tag in wanted {
            if self.tag_exists(tag).await? {
                known.insert(tag.clone());
            }
        }
        let owners = self.owners_of(asset).await?;
        let owners = (self.catalog.version().owners_field(), owners);
        let operations = annotate::patch(entity, asset, &mut self.memory, &known, owners);
        if operations.is_empty() {
            self.memory.settle();
            return Ok(());
        }
        let written = match entity.get("id").and_then(Value::as_str) {
            Some(id) => self.catalog.patch(asset.kind.collection(), id, &Value::Array(operations)).await,
            None => {
                Err(CatalogError::Incomplete { request: format!("PUT /{}", asset.kind.collection()), missing: "id" })
            }
        };
        if let Err(error) = written {
            self.memory.take_back();
            return Err(error);
        }
        self.memory.settle();
        self.report.changed(service, asset, "texts");
        Ok(())
    }

    /// A catalog may have no place for measurements of a kind: then it is not asked again, and that is no error.
    async fn measure(&mut self, service: &'static str, asset: &Asset, entity: &Value) -> Result<(), CatalogError> {
        let Some(measure) = asset.measure.as_ref().filter(|_| !self.unmeasured.contains(&asset.kind)) else {
            return Ok(());
        };
        match measures::write(self.catalog, asset, measure, entity).await {
            Ok(written) => self.report.count(service).measured += usize::from(written),
            Err(CatalogError::UnknownRoute { request, .. }) => {
                tracing::info!(request, "the catalog keeps no such measurements");
                self.unmeasured.insert(asset.kind);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Everything that the catalog holds of a service, with its kind.
    async fn held(&self, service: &str, kinds: &BTreeSet<Kind>) -> Result<Vec<(Kind, Value)>, CatalogError> {
        let mut held = Vec::new();
        let below = BELOW.iter().filter(|(kind, _)| kinds.contains(kind));
        let below: Vec<Kind> = below.flat_map(|(_, below)| below.iter().copied()).collect();
        for kind in below {
            let parents: Vec<String> = match kind {
                // Schemas and tables are listed by database.
                Kind::Schema | Kind::Table => held
                    .iter()
                    .filter(|(kind, _)| *kind == Kind::Database)
                    .filter_map(|(_, database): &(Kind, Value)| database.get("fullyQualifiedName")?.as_str())
                    .map(|database| format!("database={}", super::fqn::path_segment(database)))
                    .collect(),
                _ => vec![format!("service={service}")],
            };
            for query in parents {
                let listed = self.catalog.list(kind.collection(), &query, &self.fields(kind)).await?;
                held.extend(listed.into_iter().map(|entity| (kind, entity)));
            }
        }
        Ok(held)
    }

    async fn remove_gone(
        &mut self,
        service: &'static str,
        assets: &[Asset],
        held: &[(Kind, Value)],
    ) -> Result<(), CatalogError> {
        let wanted: BTreeSet<(Kind, &str)> = assets.iter().map(|asset| (asset.kind, asset.fqn.as_str())).collect();
        // Children first, so that what a parent takes with it is not asked for again.
        for (kind, entity) in held.iter().rev() {
            let text = |key| entity.get(key).and_then(Value::as_str);
            let (Some(name), Some(id)) = (text("fullyQualifiedName"), text("id")) else { continue };
            if !wanted.contains(&(*kind, name)) {
                self.catalog.delete(kind.collection(), id).await?;
                self.report.deleted(service, *kind, name);
            }
        }
        Ok(())
    }

    async fn tag_exists(&mut self, tag: &str) -> Result<bool, CatalogError> {
        if let Some(known) = self.tags.get(tag) {
            return Ok(*known);
        }
        let exists = self.catalog.find("tags", tag, "").await?.is_some();
        if !exists {
            self.report.notes.push(format!("tag {tag} does not exist in the catalog and is left out; create it there"));
        }
        self.tags.insert(tag.to_owned(), exists);
        Ok(exists)
    }

    /// References to the owners that exist; nothing when there is none.
    async fn owners_of(&mut self, asset: &Asset) -> Result<Option<Value>, CatalogError> {
        let mut references = Vec::new();
        for owner in &asset.about.owners {
            if !self.owners.contains_key(owner) {
                let found = self.owner(owner).await?;
                if found.is_none() {
                    let note = format!("owner {owner} is neither a user nor a team of the catalog and is left out");
                    self.report.notes.push(note);
                }
                self.owners.insert(owner.clone(), found);
            }
            references.extend(self.owners.get(owner).cloned().flatten());
        }
        let list = self.catalog.version().owners_field() == "owners";
        Ok(match references.as_slice() {
            [] => None,
            _ if list => Some(Value::Array(references)),
            [first, ..] => Some(first.clone()),
        })
    }

    async fn owner(&self, name: &str) -> Result<Option<Value>, CatalogError> {
        for (collection, kind) in [("users", "user"), ("teams", "team")] {
            let found = match self.catalog.find(collection, name, "").await {
                Err(CatalogError::UnknownRoute { .. }) => None,
                other => other?,
            };
            if let Some(id) = found.as_ref().and_then(|found| found.get("id")) {
                return Ok(Some(json!({"id": id, "type": kind})));
            }
        }
        Ok(None)
    }

    fn fields(&self, kind: Kind) -> String {
        kind.fields(self.catalog.version())
    }
}

/// The chosen services; all of them when nothing was chosen. The error is the name that is none.
pub fn chosen(name: Option<&str>) -> Result<BTreeSet<&'static str>, String> {
    let Some(name) = name else { return Ok(names::SERVICES.into()) };
    match names::SERVICES.iter().find(|service| **service == name) {
        Some(service) => Ok(BTreeSet::from([*service])),
        None => Err(name.to_owned()),
    }
}
