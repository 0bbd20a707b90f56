//! What the collectors ask a catalog to create, held against the published schemas of such requests.

use pipectl::governance::assets;
use pipectl::governance::assets::services::services;
use pipectl::governance::client::Version;
use pipectl::governance::kind::Kind;
use serde_json::json;

use crate::lineage::{own_lineage, own_spec};
use crate::om_schemas::{directory, hold};
use crate::shop::facts;

/// The version that the schemas were published with.
const PUBLISHED: Version = Version { major: 2, minor: 0 };

fn schema(kind: Kind) -> &'static str {
    match kind {
        Kind::DatabaseService => "api/services/createDatabaseService",
        Kind::MessagingService => "api/services/createMessagingService",
        Kind::PipelineService => "api/services/createPipelineService",
        Kind::StorageService => "api/services/createStorageService",
        Kind::Database => "api/data/createDatabase",
        Kind::Schema => "api/data/createDatabaseSchema",
        Kind::Table => "api/data/createTable",
        Kind::Topic => "api/data/createTopic",
        Kind::Pipeline => "api/data/createPipeline",
        Kind::Container => "api/data/createContainer",
    }
}

#[expect(clippy::print_stderr, reason = "the reason is for whoever runs the tests with --nocapture")]
fn without_schemas() -> bool {
    if directory().is_none() {
        eprintln!("skipped: PIPECTL_OM_SCHEMAS is not set");
    }
    directory().is_none()
}

#[test]
fn what_is_created_is_what_the_schemas_say() {
    if without_schemas() {
        return;
    }
    let spec = own_spec();
    let holdings = assets::wanted(&spec, &facts(&spec), &own_lineage(), PUBLISHED);
    for asset in holdings.iter().filter_map(|holding| holding.assets.as_ref()).flatten() {
        hold(schema(asset.kind), &asset.fqn, &asset.body);
    }
}

#[test]
fn each_type_of_a_service_is_what_the_schemas_say() {
    if without_schemas() {
        return;
    }
    for service in services(&own_spec(), "admin", PUBLISHED) {
        for candidate in &service.candidates {
            let what = format!("{} as {}", service.name, candidate.0);
            hold(schema(service.kind), &what, &service.request(candidate));
        }
    }
}

#[test]
fn the_schemas_refuse_what_they_should() {
    if without_schemas() {
        return;
    }
    let spec = own_spec();
    let holdings = assets::wanted(&spec, &facts(&spec), &own_lineage(), PUBLISHED);
    let assets = holdings.into_iter().filter_map(|holding| holding.assets).flatten();
    let mut table = assets.into_iter().find(|asset| asset.kind == Kind::Table).expect("a table").body;
    table["columns"][0]["dataType"] = json!("INTT");
    let refused = std::panic::catch_unwind(|| hold(schema(Kind::Table), "a table", &table));
    assert!(refused.is_err(), "INTT passed");
}
