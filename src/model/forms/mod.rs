//! Short and long forms of Compose values, each read from one node.

pub(crate) mod bytes;
pub(crate) mod command;
pub(crate) mod duration;
pub(crate) mod healthcheck;
pub(crate) mod ports;
pub(crate) mod secrets;
pub(crate) mod volumes;
