//! The catalog's client, the wanted assets and lineage, and their reconciliation, against catalogs that work and fakes
//! that do not.

#[path = "../support/fake_http.rs"]
mod fake_http;

mod contract;
mod database;
mod events;
mod interrupted;
mod lineage;
mod official;
mod refusals;
mod runs;
mod shop;
mod stage;
mod trouble;
