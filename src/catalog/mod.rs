//! The lite catalog: a small server that speaks the part of the OpenMetadata 2.0 interface that clients of this pipeline use.
//!
//! For machines that cannot hold or pull OpenMetadata, and for tests. `kinds` is the table of entity types, `entity` the one
//! engine for all of them, `lineage` the graph, `store` the file, `http` the routes. docs/catalog.md tells what it answers.

pub mod access;
mod clock;
mod entity;
mod error;
mod fqn;
mod graph;
mod http;
mod ingestions;
mod kinds;
mod lineage;
mod locations;
mod profile;
mod runs;
mod search;
mod seed;
mod server;
mod shape;
mod store;
mod usage;

pub use error::{CatalogError, Result};
pub use server::{Options, Server, check};

/// Version of OpenMetadata whose interface this is. Clients compare major and minor with their own.
pub const INTERFACE: &str = "2.0.5";
