//! The catalog's client, the wanted assets and lineage, and their reconciliation, against catalogs that work and fakes
//! that do not.

#[expect(dead_code, reason = "the tests of the engine use more of it")]
#[path = "../support/fake_backend.rs"]
mod fake_backend;
#[path = "../support/fake_http.rs"]
mod fake_http;
#[expect(dead_code, reason = "the tests of other inputs use more of it")]
#[path = "../support/mutate.rs"]
mod mutate;

#[path = "../support/om_schemas.rs"]
mod om_schemas;

mod catalogs;
mod conformance;
mod contract;
mod database;
mod events;
mod interrupted;
mod lineage;
mod mangled;
mod official;
mod refusals;
mod runs;
mod service_types;
mod shop;
mod stage;
mod trouble;
