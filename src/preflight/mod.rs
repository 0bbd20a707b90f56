//! What is checked before anything is started: engine, memory, disk, ports and what else makes a start fail, all
//! problems at once. `pipectl up` asks for the findings, `pipectl doctor` for every verdict.
//!
//! The checks are pure functions of [`Facts`]; `gather` collects those, and `mend` does what a finding allows.

mod architecture;
mod clock;
mod disk;
mod engine;
mod facts;
mod gather;
mod leftovers;
mod limits;
mod machine;
mod memory;
pub mod mend;
mod moves;
mod ports;
mod proxy;
mod refused;
mod subnet;

use serde::Serialize;

use crate::failure::Failure;

pub use facts::{Facts, Owner, Proxy};
pub use gather::{Engine, Sources, Wanted, gather};
pub use machine::{Machine, Route};
pub use moves::{Move, moves};
pub use refused::Refused;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// `up` would fail or harm.
    Error,
    /// It may work, slowly or not for long.
    Warning,
    /// Worth knowing; `up` does not speak of it.
    Note,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable id of the check, for `--skip`.
    pub id: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What was found, with numbers.
    pub finding: String,
    /// What to do.
    pub fix: String,
    /// What `pipectl doctor --fix` may do about it; nothing where a person has to decide.
    #[serde(skip)]
    pub remedy: Option<Remedy>,
}

impl Finding {
    fn new(id: &'static str, severity: Severity, finding: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { id, severity, finding: finding.into(), fix: fix.into(), remedy: None }
    }

    fn with(self, remedy: Remedy) -> Self {
        Self { remedy: Some(remedy), ..self }
    }
}

/// Something that is safe to do unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Raise a kernel setting until the next reboot.
    Sysctl {
        /// Its name with dots, for example `vm.max_map_count`.
        name: &'static str,
        /// The value it gets.
        value: u64,
    },
    /// Remove containers that have ended and that no service needs any more.
    RemoveContainers(Vec<String>),
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong; what was seen.
    Good(String),
    /// There was nothing to look at; why.
    Unchecked(String),
    /// Problems.
    Found(Vec<Finding>),
}

impl Verdict {
    /// The findings, or the good word where there are none.
    fn of(findings: Vec<Finding>, good: impl FnOnce() -> String) -> Self {
        if findings.is_empty() { Self::Good(good()) } else { Self::Found(findings) }
    }

    /// For a check that needs what the engine would tell.
    fn without_engine() -> Self {
        Self::Unchecked("no engine answers".to_owned())
    }

    /// For a check that needs the Compose files.
    fn without_project() -> Self {
        Self::Unchecked("the project cannot be read".to_owned())
    }

    /// For a check of the machine that runs the containers, where that is not this one.
    fn elsewhere() -> Self {
        Self::Unchecked("containers do not run on this machine's kernel".to_owned())
    }
}

/// A check: its id and how it judges.
type Check = (&'static str, fn(&Facts) -> Verdict);

/// Every check, in the order in which they are shown. The ids are a public contract.
const CHECKS: [Check; 17] = [
    ("project", engine::project),
    ("engine", engine::reachable),
    ("storage-driver", engine::storage_driver),
    ("memory", memory::check),
    ("disk", disk::check),
    ("ports", ports::check),
    ("subnet", subnet::check),
    ("max-map-count", limits::max_map_count),
    ("inotify", limits::inotify),
    ("open-files", limits::open_files),
    ("architecture", architecture::check),
    ("clock", clock::check),
    ("proxy", proxy::check),
    ("leftovers", leftovers::check),
    ("data", refused::data),
    ("external", refused::external),
    ("bind", refused::bind),
];

/// Ids of all checks.
pub fn ids() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|(id, _)| *id)
}

/// Every check with its verdict; those in `skip` are left out.
pub fn examine(facts: &Facts, skip: &[String]) -> Vec<(&'static str, Verdict)> {
    let wanted = CHECKS.iter().filter(|(id, _)| !skip.iter().any(|skipped| skipped == id));
    wanted.map(|(id, judge)| (*id, judge(facts))).collect()
}

/// Every problem in the facts, errors first, but for those of the checks in `skip`.
pub fn check(facts: &Facts, skip: &[String]) -> Vec<Finding> {
    let verdicts = examine(facts, skip).into_iter();
    let mut findings: Vec<_> = verdicts
        .flat_map(|(_, verdict)| match verdict {
            Verdict::Found(findings) => findings,
            Verdict::Good(_) | Verdict::Unchecked(_) => Vec::new(),
        })
        .collect();
    findings.sort_by_key(|finding| finding.severity);
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

/// Bytes for people: `5.10 GiB`. More digits than a table has: of two sizes that are compared here, one is too small,
/// and that must show.
pub(crate) fn human(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_distinct() {
        let all: std::collections::BTreeSet<_> = ids().collect();
        assert_eq!(all.len(), CHECKS.len());
    }

    #[test]
    fn a_finding_carries_the_id_of_its_check() {
        // Facts with which as many checks as possible find something.
        let facts = facts::tests::troubled();
        let mut seen = 0;
        for (id, verdict) in examine(&facts, &[]) {
            if let Verdict::Found(findings) = verdict {
                assert!(findings.iter().all(|finding| finding.id == id), "{id}: {findings:?}");
                seen += 1;
            }
        }
        assert_eq!(seen, CHECKS.len() - 2, "the project was read and the engine answered");
    }

    #[test]
    fn skipped_checks_are_left_out() {
        let examined = examine(&Facts::default(), &["ports".into(), "disk".into()]);
        assert_eq!(examined.len(), CHECKS.len() - 2);
        assert!(examined.iter().all(|(id, _)| !["ports", "disk"].contains(id)));
    }

    #[test]
    fn errors_come_first_and_only_they_fail() {
        let facts = facts::tests::troubled();
        let findings = check(&facts, &[]);
        assert!(findings.is_sorted_by_key(|finding| finding.severity));
        let failure = failure(&findings).expect("there are errors");
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        assert_eq!((failure.code, failure.causes.len()), (crate::exit::PREFLIGHT, errors));
        let mild: Vec<_> = findings.into_iter().filter(|finding| finding.severity != Severity::Error).collect();
        assert!(super::failure(&mild).is_none());
    }
}
