//! The second part of `pipectl doctor`, where something of the stack runs: the way of the data hop by hop, where it stops, and why.

use serde::Serialize;

use super::context::Context;
use super::stack::Stack;
use super::status::{self, Status};
use crate::pipeline::hop::Hop;
use crate::pipeline::path::{self, State, Station};
use crate::pipeline::problems::Problem;
use crate::pipeline::spec::PipelineSpec;
use crate::ui::Mark;
use crate::ui::doctor::CheckRow;

/// Every hop with what is wrong and what mends it.
#[derive(Serialize)]
pub struct Flow {
    /// True when changes pass every hop.
    flows: bool,
    hops: Vec<HopReport>,
}

#[derive(Serialize)]
struct HopReport {
    id: &'static str,
    /// `flows`, `stops` or `waits`.
    state: State,
    /// How far it is.
    detail: String,
    findings: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    finding: String,
    /// What to do.
    fix: String,
}

/// Looks at a stack that runs; nothing where none does, or where the project has no pipeline.
pub async fn look(context: &Context) -> Option<Flow> {
    // Why there is no stack is told by the checks.
    let stack = Stack::open(context).await.ok()?;
    let spec = &stack.pipeline.as_ref()?.spec;
    let status = status::gather(&stack).await.ok()?;
    let stations = path::follow(status.pipeline.as_ref()?, spec);
    Some(Flow::of(stations, |hop| troubles(&status, spec, hop)))
}

/// What is wrong with the containers that a hop needs.
fn troubles(status: &Status, spec: &PipelineSpec, hop: Hop) -> Vec<String> {
    hop.services(spec).into_iter().flat_map(|service| status.troubles(service)).collect()
}

impl Flow {
    fn of(stations: Vec<Station>, troubles: impl Fn(Hop) -> Vec<String>) -> Self {
        let hop = |station: Station| {
            let troubles = if station.problems.is_empty() { Vec::new() } else { troubles(station.hop) };
            HopReport {
                id: station.hop.name(),
                state: station.state,
                findings: station.problems.iter().map(|problem| found(problem, &troubles)).collect(),
                detail: station.detail,
            }
        };
        let hops: Vec<HopReport> = stations.into_iter().map(hop).collect();
        Self { flows: hops.iter().all(|hop| hop.state == State::Flows), hops }
    }

    /// True when changes pass every hop.
    pub fn is_good(&self) -> bool {
        self.flows
    }

    /// The hops as rows of the screen.
    pub fn rows(&self) -> Vec<CheckRow> {
        self.hops.iter().map(HopReport::row).collect()
    }

    /// The last line.
    pub fn verdict(&self) -> (Mark, String) {
        match self.hops.iter().find(|hop| hop.state == State::Stops) {
            None => (Mark::Good, "the data flows".to_owned()),
            Some(stop) => {
                let why = stop.findings.first().map_or("", |found| found.finding.as_str());
                (Mark::Bad, format!("the data stops at {}: {why}", stop.id))
            }
        }
    }
}

impl HopReport {
    fn row(&self) -> CheckRow {
        let mark = match self.state {
            State::Flows => Mark::Good,
            State::Stops => Mark::Bad,
            State::Waits => Mark::Pending,
        };
        // How far it got belongs to what stopped it.
        let told = |number: usize, found: &Found| match number {
            0 if !found.finding.contains(&self.detail) => format!("{}; {}", self.detail, found.finding),
            _ => found.finding.clone(),
        };
        let finding = |(number, found): (usize, &Found)| (mark, told(number, found), found.fix.clone());
        CheckRow {
            id: self.id.to_owned(),
            mark,
            detail: self.detail.clone(),
            findings: self.findings.iter().enumerate().map(finding).collect(),
        }
    }
}

/// What mends a problem: the containers that are at fault first, because no repair helps without them.
fn found(problem: &Problem, troubles: &[String]) -> Found {
    let fix = match (troubles, problem.repair, problem.known()) {
        ([], Some(repair), _) => format!("`{}`", repair.command()),
        ([], None, Some(known)) => known.next.to_owned(),
        ([], None, None) => String::new(),
        (troubles, ..) => troubles.join("; "),
    };
    // What it means, unless a container's own words said so already.
    let means = problem.known().map(|known| known.means).filter(|means| !fix.contains(means));
    let finding = means.map_or_else(|| problem.what.clone(), |means| format!("{}: {means}", problem.what));
    Found { finding, fix }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::repair::Repair;
    use crate::ui::doctor::render;

    fn station(hop: Hop, state: State, problems: Vec<Problem>) -> Station {
        Station { hop, state, detail: format!("{} is so far", hop.name()), problems }
    }

    fn problem(hop: Hop, what: &str, repair: Option<Repair>) -> Problem {
        Problem { hop, what: what.into(), repair }
    }

    #[test]
    fn where_it_stops_and_why_and_what_mends_it() {
        let stopped = problem(Hop::ChangeLog, "job ingest is stopped", None);
        let stations = vec![
            station(Hop::Topics, State::Flows, Vec::new()),
            station(Hop::ChangeLog, State::Stops, vec![stopped]),
            station(Hop::Destination, State::Waits, Vec::new()),
        ];
        let flow = Flow::of(stations, |_| vec!["spark-job-ingest exited with 0; `pipectl up` starts it".into()]);
        assert!(!flow.is_good());
        insta::assert_snapshot!(console::strip_ansi_codes(&render(&flow.rows(), &flow.verdict())), @r"
        ✓ topics       topics is so far
        ✗ change-log   change-log is so far; job ingest is stopped
                       fix: spark-job-ingest exited with 0; `pipectl up` starts it
        … destination  destination is so far

        ✗ the data stops at change-log: job ingest is stopped
        ");
    }

    #[test]
    fn a_repair_is_named_where_the_containers_are_well() {
        let lost = problem(Hop::Source, "replication slot s is lost", Some(Repair::Resnapshot));
        let flow = Flow::of(vec![station(Hop::Source, State::Stops, vec![lost])], |_| Vec::new());
        assert_eq!(flow.hops[0].findings[0].fix, "`pipectl repair resnapshot`");
    }

    #[test]
    fn what_is_known_is_explained_beside_faulty_containers_too() {
        let what = "job ingest tries again: File /t could only be written to 0 of the 1 minReplication nodes";
        let stopped = || vec![station(Hop::ChangeLog, State::Stops, vec![problem(Hop::ChangeLog, what, None)])];
        let found = |troubles: &[&str]| {
            let troubles: Vec<String> = troubles.iter().map(|&trouble| trouble.to_owned()).collect();
            let flow = Flow::of(stopped(), |_| troubles.clone());
            (flow.hops[0].findings[0].finding.clone(), flow.hops[0].findings[0].fix.clone())
        };
        let explained = format!("{what}: no DataNode takes the block: none is alive, or its disk is full");
        let fix = "`pipectl status` shows whether the datanode runs, `docker system df` the disk";
        assert_eq!(found(&[]), (explained.clone(), fix.to_owned()));
        assert_eq!(found(&["datanode is not there"]), (explained.clone(), "datanode is not there".to_owned()));
        let said = "job is not ready: 503: no DataNode takes the block: none is alive, or its disk is full; look";
        assert_eq!(found(&[said]), (what.to_owned(), said.to_owned()));
    }

    #[test]
    fn a_flow_that_nothing_stops_is_good() {
        let flow = Flow::of(vec![station(Hop::Source, State::Flows, Vec::new())], |_| panic!("nobody is at fault"));
        assert!(flow.is_good());
        assert_eq!(flow.verdict(), (Mark::Good, "the data flows".to_owned()));
    }
}
