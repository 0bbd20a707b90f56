//! What is checked before anything is started: memory, disk and ports, all problems at once.
//!
//! The checks are pure functions of [`Facts`]; `gather` collects those.

mod disk;
mod gather;
mod memory;
mod ports;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::engine::backend::EngineInfo;
use crate::failure::Failure;
use crate::model::{Port, Project};

pub use gather::gather;

/// What the checks look at.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The engine.
    pub engine: EngineInfo,
    /// Free bytes where the engine keeps its data; absent when that is not on this machine.
    pub free_disk: Option<u64>,
    /// Images that must still be built or pulled.
    pub missing_images: usize,
    /// Ports to be published by containers that do not run yet, with their service.
    pub wanted_ports: Vec<(String, Port)>,
    /// Ports among them that something else holds, with its name.
    pub taken_ports: BTreeMap<u16, Owner>,
    /// Variables of the Compose files that move these ports elsewhere.
    pub port_variables: BTreeMap<u16, String>,
    /// Service and memory limit in bytes of everything that is to run.
    pub memory_limits: Vec<(String, u64)>,
}

/// Who holds a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A container, by name.
    Container(String),
    /// A process: name and id.
    Process(String, u32),
    /// Somebody, but this user may not see who.
    Unknown,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// `up` would fail or harm.
    Error,
    /// It may work, slowly or not for long.
    Warning,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable id of the check, for `--skip-preflight`.
    pub id: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What was found, with numbers.
    pub finding: String,
    /// What to do.
    pub fix: String,
}

/// Every problem in the facts, errors first.
pub fn check(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<_> =
        memory::check(facts).into_iter().chain(disk::check(facts)).chain(ports::check(facts)).collect();
    findings.sort_by_key(|finding| finding.severity == Severity::Warning);
    findings
}

/// The failure that stops `up`, when there is an error among the findings.
pub fn failure(findings: &[Finding]) -> Option<Failure> {
    let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    if errors.is_empty() {
        return None;
    }
    let what = if errors.len() == 1 { "a check".to_owned() } else { format!("{} checks", errors.len()) };
    let mut failure =
        Failure::new(crate::exit::PREFLIGHT, format!("{what} before the start failed; nothing was touched"));
    for error in errors {
        failure = failure.because(format!("{}: {}", error.id, error.finding)).hint(error.fix.clone());
    }
    Some(failure)
}

/// Memory limits of the selected services (all when the selection is empty), replicas counted.
pub fn memory_limits(project: &Project, selected: &dyn Fn(&str) -> bool) -> Vec<(String, u64)> {
    project
        .services
        .values()
        .filter(|service| selected(&service.name))
        .filter_map(|service| Some((service.name.clone(), service.mem_limit? * u64::from(service.scale))))
        .collect()
}

/// Bytes for people: `5.10 GiB`. More digits than a table has: of two sizes that are compared here, one is too small,
/// and that must show.
pub(crate) fn human(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
