//! `deploy`: the part of it that means something on one engine.

use super::Context;
use crate::model::error::ModelError;
use crate::model::forms::bytes;
use crate::model::yaml::{Fields, Node};

/// What `deploy` sets.
#[derive(Default)]
pub(crate) struct Deploy {
    /// Number of containers.
    pub replicas: Option<u32>,
    /// Memory limit in bytes.
    pub memory: Option<u64>,
    /// Limit in CPUs.
    pub cpus: Option<f64>,
}

/// Keys for clusters.
const WITHOUT_EFFECT: [&str; 6] =
    ["endpoint_mode", "labels", "placement", "restart_policy", "rollback_config", "update_config"];

/// Reads `deploy`; `what` is the service.
pub(crate) fn read(node: &Node, what: &str, context: &mut Context<'_>) -> Result<Deploy, ModelError> {
    let mut fields = Fields::of(node, format!("`deploy` of {what}"))?;
    let mut deploy = Deploy { replicas: fields.read("replicas", Node::integer)?, ..Deploy::default() };
    fields.read("mode", |node, what| match node.loose(what)? {
        "replicated" => Ok(()),
        other => Err(node.error(format!("{what}: `{other}` is not supported by pipectl"))),
    })?;
    fields.read("resources", |node, what| {
        let mut fields = Fields::of(node, what)?;
        fields.ignore(&["reservations"], &mut context.warnings);
        fields.read("limits", |node, what| {
            let mut fields = Fields::of(node, what)?;
            fields.unsupported(&["devices", "pids"]);
            deploy.memory = fields.read("memory", bytes::read)?;
            deploy.cpus = fields.read("cpus", cpus)?;
            fields.finish()
        })?;
        fields.finish()
    })?;
    fields.ignore(&WITHOUT_EFFECT, &mut context.warnings);
    fields.finish()?;
    Ok(deploy)
}

/// A limit in CPUs.
pub(crate) fn cpus(node: &Node, what: &str) -> Result<f64, ModelError> {
    let number = node.loose(what)?.trim().parse::<f64>().ok();
    number.filter(|cpus| cpus.is_finite() && *cpus >= 0.0).ok_or_else(|| node.mismatch(what, "a number of CPUs"))
}
