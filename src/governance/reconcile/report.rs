//! What a run did, for the screen and for `--json`.

use serde::Serialize;

use crate::governance::assets::Asset;
use crate::governance::kind::Kind;

/// Everything that a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ingested {
    /// By service, in the order of the flow.
    pub services: Vec<Counts>,
    /// Every change, one line each.
    pub changes: Vec<String>,
    /// Lineage edges that the pipeline has.
    pub edges: usize,
    /// Column mappings on them.
    pub mappings: usize,
    /// What could not be done or is only partly known.
    pub notes: Vec<String>,
    /// What is wrong: servers that did not answer, edges that are not as they should be.
    pub problems: Vec<String>,
}

/// What was done to one service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Service.
    pub service: String,
    /// Entities that are new.
    pub created: usize,
    /// Entities that were changed.
    pub changed: usize,
    /// Entities that were as they should be.
    pub unchanged: usize,
    /// Entities that are gone and were marked deleted.
    pub deleted: usize,
    /// Sizes, row estimates and run states that were renewed; they are no changes.
    pub measured: usize,
    #[serde(skip)]
    touched: Vec<String>,
}

impl Ingested {
    /// True when nothing had to be done.
    pub fn is_unchanged(&self) -> bool {
        self.changes.is_empty()
    }

    /// The counts of a service.
    pub fn count(&mut self, service: &str) -> &mut Counts {
        let place = self.services.iter().position(|counts| counts.service == service).unwrap_or_else(|| {
            self.services.push(Counts { service: service.to_owned(), ..Counts::default() });
            self.services.len() - 1
        });
        &mut self.services[place]
    }

    pub(super) fn created(&mut self, service: &str, asset: &Asset) {
        let counts = self.count(service);
        counts.created += 1;
        counts.touched.push(asset.fqn.clone());
        self.changes.push(format!("created {} {}", asset.kind.word(), asset.fqn));
    }

    pub(super) fn changed(&mut self, service: &str, asset: &Asset, what: &str) {
        let counts = self.count(service);
        // An entity counts once, as new or as changed.
        if !counts.touched.contains(&asset.fqn) {
            counts.changed += 1;
            counts.touched.push(asset.fqn.clone());
            self.changes.push(format!("changed {what} of {} {}", asset.kind.word(), asset.fqn));
        }
    }

    pub(super) fn deleted(&mut self, service: &str, kind: Kind, fqn: &str) {
        self.count(service).deleted += 1;
        self.changes.push(format!("deleted {} {fqn}", kind.word()));
    }

    /// An entity that was there and whose turn is over.
    pub(super) fn seen(&mut self, service: &str, asset: &Asset) {
        let counts = self.count(service);
        if !counts.touched.contains(&asset.fqn) {
            counts.unchanged += 1;
        }
    }

    /// One line: "22 created, 3 changed; 11 edges with 66 column mappings".
    pub fn summary(&self) -> String {
        let sum = |number: fn(&Counts) -> usize| self.services.iter().map(number).sum::<usize>();
        let counts = [
            (sum(|counts| counts.created), "created"),
            (sum(|counts| counts.changed), "changed"),
            (sum(|counts| counts.deleted), "deleted"),
            (sum(|counts| counts.unchanged), "unchanged"),
        ];
        let told = counts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}"));
        let assets = told.collect::<Vec<_>>().join(", ");
        let assets = if assets.is_empty() { "no assets".to_owned() } else { format!("assets: {assets}") };
        if self.edges == 0 {
            return assets;
        }
        format!("{assets}; lineage: {} edges with {} column mappings", self.edges, self.mappings)
    }
}
