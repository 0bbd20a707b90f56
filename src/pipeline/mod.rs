//! pipeline (see docs/architecture.md).

pub mod spec;
