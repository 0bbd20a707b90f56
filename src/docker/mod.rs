//! The container engine: [`Backend`](crate::engine::backend::Backend) over bollard.
//!
//! `address` finds the engine, `connect` opens it, the other files do one kind of call each; `error` turns what the
//! engine says into [`BackendError`](crate::engine::backend::BackendError). No policy lives here.

mod address;
mod backend;
mod build;
mod cgroup;
mod connect;
mod containers;
mod error;
mod exec;
mod lines;
mod logs;
mod objects;
mod observe;
mod ports;
mod pull;
mod registry;
mod secrets;
mod spec;
mod transfer;

pub use connect::{DockerEngine, connect};
