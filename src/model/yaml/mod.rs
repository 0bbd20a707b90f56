//! YAML as a tree that remembers where everything was written, and typed access to it with errors that say so.
//!
//! Shared by the Compose loader and the pipeline specification.

mod fields;
mod node;
mod parse;
mod scalar;
mod source;

pub(crate) use fields::Fields;
pub(crate) use node::{Entry, Mapping, Merge, Node, Value};
pub(crate) use parse::parse;
pub(crate) use source::{Mark, Source};
