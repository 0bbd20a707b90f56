//! Decides and does: observed state -> pure reconcile -> plan (a DAG) -> executor -> events.
//!
//! Knows containers, images, networks, volumes, probes and steps; knows nothing of what runs in them.

pub mod backend;
pub mod observed;
pub mod plan;
pub mod work;
