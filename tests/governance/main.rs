//! The catalog's client, the wanted assets and lineage, and their reconciliation, against catalogs that work and fakes
//! that do not.

mod contract;
mod lineage;
mod shop;
mod stage;
