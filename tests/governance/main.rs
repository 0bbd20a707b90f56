//! The catalog's client, the wanted assets and lineage, and their reconciliation, against a fake catalog.

mod lineage;
