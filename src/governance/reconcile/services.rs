//! Services: made with the best type that the server knows. One that is there keeps its type, if it is one that pipectl
//! would give it.

use serde_json::{Value, json};

use super::{Reconciler, compare};
use crate::governance::assets::services::ServiceAsset;
use crate::governance::client::CatalogError;

impl Reconciler<'_> {
    pub(super) async fn service(&mut self, wanted: &ServiceAsset) -> Result<(), CatalogError> {
        let collection = wanted.kind.collection();
        let Some(held) = self.catalog.find(collection, wanted.name, "").await? else {
            return self.make_service(wanted).await;
        };
        let has = held.get("serviceType").and_then(Value::as_str).unwrap_or_default();
        let Some(candidate) = wanted.candidates.iter().find(|(word, _)| *word == has) else {
            return Err(CatalogError::OtherType {
                name: wanted.name.to_owned(),
                has: has.to_owned(),
                wanted: wanted.candidates.first().map_or("", |(word, _)| word).to_owned(),
            });
        };
        // A bot may see the connection or not; what it cannot see it cannot compare.
        let connection = held.pointer("/connection/config").filter(|config| config.is_object());
        let same = connection.is_none_or(|held| compare::holds(held, &candidate.1));
        if !same {
            let body = compare::with_peoples_words(&wanted.request(candidate), &held);
            self.catalog.put(collection, &body).await?;
            self.report.changes.push(format!("changed connection of service {}", wanted.name));
        }
        self.report.count(wanted.name);
        Ok(())
    }

    async fn make_service(&mut self, wanted: &ServiceAsset) -> Result<(), CatalogError> {
        let collection = wanted.kind.collection();
        let mut refused = None;
        for candidate in &wanted.candidates {
            let word = candidate.0;
            let mut body = wanted.request(candidate);
            body["description"] = json!(wanted.description);
            match self.catalog.put(collection, &body).await {
                Ok(_) => {
                    if let Some((first, message)) = refused {
                        let note =
                            format!("service {} has type {word}: the catalog refuses {first} ({message})", wanted.name);
                        self.report.notes.push(note);
                    }
                    self.report.count(wanted.name);
                    self.report.changes.push(format!("created service {} ({word})", wanted.name));
                    return Ok(());
                }
                // Unknown to this version, or with another connection.
                Err(CatalogError::Refused { status: 400, message, .. }) => {
                    refused = Some((word, message));
                }
                Err(error) => return Err(error),
            }
        }
        let (word, message) = refused.unwrap_or_default();
        let request = format!("PUT /{collection} {} as {word}", wanted.name);
        Err(CatalogError::Refused { request, status: 400, message })
    }
}
