//! Governance: a catalog of every asset of the pipeline, and the lineage between them, column by column.
//!
//! `assets` and `lineage` decide what the catalog should hold, from pipeline.yml, the transformations and what `collect`
//! read from the servers. `reconcile` makes it so and reads it back. `client` speaks to the catalog, whichever it is.

pub mod client;
pub mod fqn;
pub mod lineage;
pub mod names;
pub mod token;
