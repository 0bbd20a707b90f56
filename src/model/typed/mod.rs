//! From the merged tree to the types: reads, normalises and checks.

mod build;
mod deploy;
mod environment;
mod ext;
mod project;
mod resources;
mod secrets;
mod service;

pub(crate) use project::{Facts, project};

/// What the readers need besides the tree.
pub(crate) struct Context<'c> {
    /// The variables.
    pub lookup: &'c dyn Fn(&str) -> Option<String>,
    /// What is accepted without effect.
    pub warnings: Vec<String>,
}
