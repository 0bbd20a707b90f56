//! The way of a change hop by hop, as it is now: how far each hop is, and where the flow stops.
//!
//! A pure function of the facts and problems that `status` has; nothing here is asked or judged a second time.

use serde::Serialize;

use super::hop::Hop;
use super::problems::Problem;
use super::spec::PipelineSpec;
use super::status::{Fact, JobStatus, PipelineStatus, Unread};

/// One hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Station {
    /// Which.
    pub hop: Hop,
    /// Whether changes pass it.
    pub state: State,
    /// How far it is; why that is not known.
    pub detail: String,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// Whether changes pass a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// They do.
    Flows,
    /// They stop here.
    Stops,
    /// Nothing is wrong with it; nothing new reaches it, because the flow stops before it.
    Waits,
}

/// Every hop in order.
pub fn follow(status: &PipelineStatus, spec: &PipelineSpec) -> Vec<Station> {
    let mut before = true;
    let station = |hop: Hop| {
        let problems: Vec<Problem> = status.problems.iter().filter(|problem| problem.hop == hop).cloned().collect();
        let state = match (problems.is_empty(), before) {
            (false, _) => State::Stops,
            (true, true) => State::Flows,
            (true, false) => State::Waits,
        };
        // The merged tables are a branch of their own: job 2 reads the change log.
        before &= problems.is_empty() || hop == Hop::Tables;
        Station { hop, state, detail: detail(hop, status, spec), problems }
    };
    Hop::ALL.into_iter().map(station).collect()
}

fn detail(hop: Hop, status: &PipelineStatus, spec: &PipelineSpec) -> String {
    match hop {
        Hop::Source => known(&status.slot, |slot| match slot {
            Some(slot) => format!(
                "slot {} {}: confirmed {}, the log ends at {}, {} bytes behind",
                slot.name,
                if slot.active { "in use" } else { "not in use" },
                if slot.confirmed.is_empty() { "nothing yet" } else { slot.confirmed.as_str() },
                slot.current,
                slot.lag_bytes
            ),
            None => format!("no slot {}", spec.source.slot),
        }),
        Hop::Connector => known(&status.connector, |connector| match connector {
            Some(connector) => {
                let first = connector.failed().and_then(|failed| failed.reasons().into_iter().next());
                first.map_or_else(|| connector.summary(), |first| format!("{}: {first}", connector.summary()))
            }
            None => format!("no connector {}", spec.connector),
        }),
        Hop::Topics => known(&status.topics, |ends| {
            format!("{} of {} topics, {} messages", ends.len(), spec.topics().len(), ends.values().sum::<i64>())
        }),
        Hop::ChangeLog => job(status, "ingest"),
        Hop::Tables => known(&status.tables, |tables| merged(status, tables.len())),
        Hop::Destination => job(status, "process"),
    }
}

fn known<T>(fact: &Fact<T>, tell: impl FnOnce(&T) -> String) -> String {
    match fact {
        Fact::Known(value) => tell(value),
        Fact::Unknown(reason) => reason.clone(),
    }
}

/// How far a job is.
fn job(status: &PipelineStatus, name: &str) -> String {
    known(&status.jobs, |jobs| match jobs.iter().find(|status| status.job.name == name) {
        Some(found) => format!("job {name}: {}", behind(found)),
        None => format!("no job {name}"),
    })
}

fn behind(status: &JobStatus) -> String {
    let topics = |unread: &Unread, topic: &str| match unread.waiting_ms {
        Some(waiting) => format!("{} of {topic} for {}", unread.changes, readable(waiting)),
        None => format!("{} of {topic}", unread.changes),
    };
    match status.lag {
        None => "how far it is, is not known".to_owned(),
        Some(0) => "has all changes".to_owned(),
        Some(lag) => {
            let of: Vec<String> = status.unread.iter().map(|(topic, unread)| topics(unread, topic)).collect();
            format!("{lag} changes behind ({})", of.join(", "))
        }
    }
}

/// How far the tables are behind the change log.
fn merged(status: &PipelineStatus, tables: usize) -> String {
    let ingest = status.jobs.known().and_then(|jobs| jobs.iter().find(|status| status.job.name == "ingest"));
    let Some(ingest) = ingest else { return format!("{tables} tables") };
    let merges = ingest.job.merge.values();
    let left: i64 = merges
        .flat_map(|merge| &merge.offsets)
        .map(|(topic, merged)| (ingest.job.position(topic).unwrap_or(*merged) - merged).max(0))
        .sum();
    match left {
        0 => format!("{tables} tables, merged up to the change log"),
        left => format!("{tables} tables, the next merge takes {left} changes"),
    }
}

fn readable(milliseconds: i64) -> String {
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        _ => format!("{} s", milliseconds / 1000),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::problems::tests::{healthy, spec};
    use super::super::problems::{self, STALLED_MS};
    use super::*;

    fn followed(mut status: PipelineStatus) -> Vec<String> {
        status.problems = problems::find(&status, &spec());
        let shown = |station: Station| {
            let problems: Vec<String> = station.problems.iter().map(ToString::to_string).collect();
            format!("{:?} {}: {} [{}]", station.state, station.hop.name(), station.detail, problems.join(" | "))
        };
        follow(&status, &spec()).into_iter().map(shown).collect()
    }

    #[test]
    fn every_hop_of_a_good_flow_tells_its_lag() {
        let mut status = healthy();
        let Fact::Known(jobs) = &mut status.jobs else { panic!("known above") };
        jobs[1].lag = Some(2);
        jobs[1].unread = BTreeMap::from([("p.public.t".to_owned(), Unread { changes: 2, waiting_ms: Some(180) })]);
        assert_eq!(
            followed(status),
            [
                "Flows source: slot s in use: confirmed nothing yet, the log ends at , 9 bytes behind []",
                "Flows connector: connector RUNNING, task 0 RUNNING []",
                "Flows topics: 1 of 1 topics, 7 messages []",
                "Flows change-log: job ingest: has all changes []",
                "Flows tables: 0 tables, merged up to the change log []",
                "Flows destination: job process: 2 changes behind (2 of p.public.t for 180 ms) []",
            ]
        );
    }

    #[test]
    fn the_flow_stops_at_the_first_hop_with_a_problem_and_those_after_it_wait() {
        let mut status = healthy();
        let Fact::Known(jobs) = &mut status.jobs else { panic!("known above") };
        jobs[0].lag = Some(3);
        let unread = Unread { changes: 3, waiting_ms: Some(STALLED_MS + 10_000) };
        jobs[0].unread = BTreeMap::from([("p.public.t".to_owned(), unread)]);
        let followed = followed(status);
        assert_eq!(
            followed[3..],
            [
                "Stops change-log: job ingest: 3 changes behind (3 of p.public.t for 40 s) \
                 [job ingest runs and has not read p.public.t for 40 s; `pipectl repair jobs`]",
                "Waits tables: 0 tables, merged up to the change log []",
                "Waits destination: job process: has all changes []",
            ]
        );
    }

    #[test]
    fn tables_that_are_not_merged_do_not_hold_up_the_destination() {
        let mut status = healthy();
        status.tables = Fact::Unknown("no answer within 2 s".into());
        let followed = followed(status);
        assert_eq!(
            followed[4..],
            [
                "Stops tables: no answer within 2 s [Delta tables unknown: no answer within 2 s]",
                "Flows destination: job process: has all changes []",
            ]
        );
    }
}
