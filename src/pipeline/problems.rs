//! What is wrong with the flow, and which repair mends it: decided from the facts that `status` gathers.

mod jobs;

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::hop::Hop;
use super::known::{self, Known};
use super::repair::Repair;
use super::spec::PipelineSpec;
use super::status::{DestinationTable, Fact, PipelineStatus};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub hop: Hop,
    /// What, in one line.
    pub what: String,
    /// What mends it, where pipectl can.
    pub repair: Option<Repair>,
}

impl Problem {
    /// What its server is known to fail with, where it is that.
    pub fn known(&self) -> Option<&'static Known> {
        known::explain([self.what.as_str()])
    }

    /// The line that is shown where containers of its hop are at fault: without them no restart of a part helps.
    pub fn beside_faulty_containers(&self) -> String {
        match self.repair {
            Some(Repair::Connector | Repair::Jobs) => self.what.clone(),
            _ => self.to_string(),
        }
    }
}

/// What `pipectl repair` would do about these. Restarting a part does not help where containers of its hop are at fault: those are started
/// first, and what is then still wrong is found by the next look.
pub fn repairs(problems: &[Problem], at_fault: impl Fn(Hop) -> bool) -> BTreeSet<Repair> {
    let helps = |problem: &Problem| {
        let repair = problem.repair?;
        let restarts = matches!(repair, Repair::Connector | Repair::Jobs);
        (!restarts || !at_fault(problem.hop)).then_some(repair)
    };
    problems.iter().filter_map(helps).collect()
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)?;
        let known = self.known();
        if let Some(known) = known {
            write!(formatter, ": {}", known.means)?;
        }
        match (self.repair, known) {
            (Some(repair), _) if self.what.contains(&repair.command()) => Ok(()),
            (Some(repair), Some(known)) if known.next.contains(&repair.command()) => {
                write!(formatter, "; {}", known.next)
            }
            (Some(repair), _) => write!(formatter, "; `{}`", repair.command()),
            (None, Some(known)) => write!(formatter, "; {}", known.next),
            (None, None) => Ok(()),
        }
    }
}

/// As the line that is shown.
impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Hop {
    fn beyond_repair(self, what: String) -> Problem {
        Problem { hop: self, what, repair: None }
    }

    fn with(self, repair: Repair, what: String) -> Problem {
        Problem { hop: self, what, repair: Some(repair) }
    }
}

/// Milliseconds after which a change that a running job has not read, while it commits nothing else, tells that the job stands still.
pub const STALLED_MS: i64 = 30_000;

/// Everything that is wrong, in the order in which data flows.
pub fn find(status: &PipelineStatus, spec: &PipelineSpec) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(connector(status, &spec.connector));
    problems.extend(slot(status, &spec.source.slot));
    problems.extend(publication(status, spec));
    topics(&mut problems, status, spec);
    jobs::look_at(&mut problems, status);
    unknown(&mut problems, Hop::Tables, "Delta tables", &status.tables);
    unknown(&mut problems, Hop::Destination, "destination", &status.destination);
    problems
}

fn connector(status: &PipelineStatus, name: &str) -> Option<Problem> {
    match &status.connector {
        Fact::Unknown(reason) => Some(Hop::Connector.beyond_repair(format!("connector unknown: {reason}"))),
        Fact::Known(None) => {
            Some(Hop::Connector.beyond_repair(format!("connector {name} is not registered; `pipectl up` registers it")))
        }
        Fact::Known(Some(status)) if status.is_running() => None,
        Fact::Known(Some(status)) => {
            let tried = status.restarts.as_ref();
            let Some(failed) = status.failed() else {
                // Between two restarts, or on its way for the first time.
                let after = tried.and_then(|tried| Some(format!(", {tried}: {}", tried.reason.as_deref()?)));
                return Some(Hop::Connector.beyond_repair(status.summary() + &after.unwrap_or_default()));
            };
            let reasons = failed.reasons();
            let named = Repair::named_in(&reasons.join(" "));
            let known = reasons.iter().find(|reason| known::explain([reason.as_str()]).is_some());
            // A restart does not help against what is known: its explanation says what does.
            let repair = named.or_else(|| known.is_none().then_some(Repair::Connector));
            let reason = known.or(reasons.last()).map_or_else(String::new, |reason| format!(": {reason}"));
            let tried = tried.map_or_else(String::new, |tried| format!("; {tried}"));
            Some(Problem { hop: Hop::Connector, what: format!("{}{reason}{tried}", status.summary()), repair })
        }
    }
}

fn slot(status: &PipelineStatus, name: &str) -> Option<Problem> {
    match &status.slot {
        Fact::Unknown(reason) => Some(Hop::Source.beyond_repair(format!("replication slot unknown: {reason}"))),
        Fact::Known(None) if nothing_has_arrived(status) => Some(Hop::Source.beyond_repair(format!(
            "replication slot {name} does not exist yet: the connector makes it; `pipectl up` goes on from here"
        ))),
        Fact::Known(None) => {
            let what = format!("replication slot {name} does not exist: changes since it was dropped cannot be read");
            Some(Hop::Source.with(Repair::Resnapshot, what))
        }
        Fact::Known(Some(slot)) if slot.wal_status == "lost" => {
            let what =
                format!("replication slot {name} is lost: the source has removed write-ahead log it still needed");
            Some(Hop::Source.with(Repair::Resnapshot, what))
        }
        Fact::Known(Some(slot)) if slot.wal_status == "unreserved" => Some(
            Hop::Source.beyond_repair(format!("replication slot {name} is unreserved: changes are about to be lost")),
        ),
        Fact::Known(Some(slot)) if !slot.active => {
            // There is nothing wrong with the source: nobody reads.
            Some(Hop::Connector.beyond_repair(format!("replication slot {name} is not in use")))
        }
        Fact::Known(Some(slot)) if slot.is_read_by_another() => Some(Hop::Source.beyond_repair(format!(
            "replication slot {name} is read by `{}` and not by the connector: the changes that it takes never arrive; end it at the source \
             (`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '{name}'`), and the \
             connector goes on by itself",
            slot.reader
        ))),
        Fact::Known(Some(_)) => None,
    }
}

/// True where `up` has not come as far as the first change, so there is none to miss.
fn nothing_has_arrived(status: &PipelineStatus) -> bool {
    let registered = matches!(status.connector, Fact::Known(Some(_)));
    let tables = status.destination.known();
    !registered && tables.is_some_and(|tables| tables.iter().all(|table| table.applied.is_none()))
}

/// The source's or the connector's silence is told already.
fn publication(status: &PipelineStatus, spec: &PipelineSpec) -> Vec<Problem> {
    let (name, mut problems) = (&spec.source.publication, Vec::new());
    if let Some(tables) = status.unpublished.known().filter(|tables| !tables.is_empty()) {
        // Where there is none, the connector cannot go on: what it has to read next is from a time without a publication.
        let repair = if tables.len() == spec.tables.len() { Repair::Resnapshot } else { Repair::Tables };
        let what = format!("publication {name} leaves out {}: changes there are not captured", tables.join(", "));
        problems.push(Hop::Source.with(repair, what));
    }
    if let Some(tables) = status.missed.known().filter(|tables| !tables.is_empty()) {
        let what = format!(
            "publication {name} left out {} for a time: what changed there meanwhile was not captured",
            tables.join(", ")
        );
        problems.push(Hop::Source.with(Repair::Tables, what));
    }
    problems
}

/// A topic that ends before what has been read of it was deleted and made anew.
fn topics(problems: &mut Vec<Problem>, status: &PipelineStatus, spec: &PipelineSpec) {
    let ends = match &status.topics {
        Fact::Unknown(reason) => return problems.push(Hop::Topics.beyond_repair(format!("topics unknown: {reason}"))),
        Fact::Known(ends) => ends,
    };
    let ingest = status.jobs.known().and_then(|jobs| jobs.iter().find(|status| status.job.name == "ingest"));
    let applied = |topic: &str| {
        let tables = status.destination.known().map_or(&[][..], Vec::as_slice);
        let table = |table: &&DestinationTable| table.topic.as_deref() == Some(topic);
        tables.iter().find(table).and_then(|table| table.applied)
    };
    for topic in spec.topics() {
        let read = ingest.and_then(|status| status.job.position(&topic)).max(applied(&topic)).unwrap_or_default();
        match ends.get(&topic) {
            None if nothing_has_arrived(status) => problems.push(
                Hop::Topics.beyond_repair(format!("topic {topic} does not exist yet: `pipectl up` goes on from here")),
            ),
            None => problems.push(Hop::Topics.with(
                Repair::Resnapshot,
                format!("topic {topic} does not exist: changes in it that had not been read are gone"),
            )),
            Some(end) if *end < read => problems.push(Hop::Topics.with(
                Repair::Resnapshot,
                format!("topic {topic} ends at {end}, but has been read up to {read}: it was deleted and made anew"),
            )),
            Some(_) => {}
        }
    }
}

fn unknown<T>(problems: &mut Vec<Problem>, hop: Hop, what: &str, fact: &Fact<T>) {
    if let Fact::Unknown(reason) = fact {
        problems.push(hop.beyond_repair(format!("{what} unknown: {reason}")));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::pipeline::clients::connect::{ConnectorStatus, Restarts, TaskState};
    use crate::pipeline::clients::jobserver::{Batch, Batches, Job};
    use crate::pipeline::spec::{Source, Table};
    use crate::pipeline::status::{JOBS, JobStatus, Slot, Unread};

    fn part(state: &str, trace: Option<&str>) -> TaskState {
        TaskState { id: None, state: state.into(), trace: trace.map(str::to_owned) }
    }

    pub(crate) fn spec() -> PipelineSpec {
        PipelineSpec {
            connector: "c".into(),
            topic_prefix: "p".into(),
            source: Source { slot: "s".into(), publication: "pub".into(), ..Source::default() },
            tables: [("public.t".to_owned(), Table::default())].into_iter().collect(),
            ..PipelineSpec::default()
        }
    }

    fn slot(active: bool, wal_status: &str) -> Fact<Option<Slot>> {
        Fact::Known(Some(Slot {
            name: "s".into(),
            active,
            lag_bytes: 9,
            wal_status: wal_status.into(),
            ..Slot::default()
        }))
    }

    fn job(name: &str, read: i64) -> JobStatus {
        let last = Batch { offsets: BTreeMap::from([("p.public.t".to_owned(), read)]), ..Batch::default() };
        let batches = Batches { last: Some(last), ..Batches::default() };
        JobStatus {
            job: Job { name: name.into(), state: "running".into(), batches, ..Job::default() },
            lag: Some(0),
            ..JobStatus::default()
        }
    }

    pub(crate) fn healthy() -> PipelineStatus {
        let connector = ConnectorStatus {
            name: "c".into(),
            connector: part("RUNNING", None),
            tasks: vec![part("RUNNING", None)],
            restarts: None,
        };
        PipelineStatus {
            connector: Fact::Known(Some(connector)),
            slot: slot(true, "reserved"),
            unpublished: Fact::Known(Vec::new()),
            missed: Fact::Known(Vec::new()),
            kept: Fact::Known(Vec::new()),
            topics: Fact::Known(BTreeMap::from([("p.public.t".to_owned(), 7)])),
            jobs: Fact::Known(JOBS.iter().map(|name| job(name, 7)).collect()),
            tables: Fact::Known(BTreeMap::new()),
            destination: Fact::Known(Vec::new()),
            healthy: true,
            problems: Vec::new(),
            repairs: BTreeSet::new(),
        }
    }

    pub(super) fn told(status: &PipelineStatus) -> Vec<String> {
        find(status, &spec()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_a_start_has_not_made_yet_is_not_taken_for_lost() {
        let none = || "debezium has no container".to_owned();
        let status = PipelineStatus {
            connector: Fact::Unknown(none()),
            slot: Fact::Known(None),
            topics: Fact::Known(BTreeMap::new()),
            jobs: Fact::Unknown("spark-driver has no container".into()),
            ..healthy()
        };
        assert_eq!(
            told(&status),
            [
                "connector unknown: debezium has no container",
                "replication slot s does not exist yet: the connector makes it; `pipectl up` goes on from here",
                "topic p.public.t does not exist yet: `pipectl up` goes on from here",
                "jobs unknown: spark-driver has no container",
            ]
        );
        assert!(find(&status, &spec()).iter().all(|problem| problem.repair.is_none()));
    }

    #[test]
    fn a_slot_that_another_program_reads_is_not_the_connectors() {
        let read_by = |reader: &str| {
            let Fact::Known(Some(slot)) = slot(true, "reserved") else { unreachable!("a slot") };
            PipelineStatus { slot: Fact::Known(Some(Slot { reader: reader.into(), ..slot })), ..healthy() }
        };
        assert_eq!(told(&read_by("Debezium Streaming")), Vec::<String>::new());
        let told = told(&read_by("pg_recvlogical"));
        assert!(
            told[0].starts_with("replication slot s is read by `pg_recvlogical` and not by the connector"),
            "{told:?}"
        );
    }

    #[test]
    fn nothing_wrong_is_healthy() {
        assert_eq!(told(&healthy()), Vec::<String>::new());
    }

    #[test]
    fn a_failed_task_under_a_running_connector_is_told_with_its_reason() {
        let mut status = healthy();
        let Fact::Known(Some(connector)) = &mut status.connector else { panic!("known above") };
        connector.tasks = vec![part("FAILED", Some("Exception: in task\n\tat x\nCaused by: disk full\n"))];
        let first = "connector RUNNING, task 0 FAILED: Caused by: disk full; `pipectl repair connector`";
        assert_eq!(told(&status), [first]);
    }

    #[test]
    fn against_what_is_known_a_task_is_not_just_restarted() {
        let mut status = healthy();
        let Fact::Known(Some(connector)) = &mut status.connector else { panic!("known above") };
        let trace =
            "ConnectException: failed\nCaused by: FATAL:  permission denied to start WAL sender\nCaused by: closed";
        connector.tasks = vec![part("FAILED", Some(trace))];
        assert_eq!(
            told(&status),
            [
                "connector RUNNING, task 0 FAILED: Caused by: FATAL:  permission denied to start WAL sender: the connector's role may not \
              replicate; `ALTER ROLE .. REPLICATION` at the source, then `pipectl up`"
            ]
        );
        assert_eq!(find(&status, &spec())[0].repair, None);
    }

    #[test]
    fn a_failed_task_is_told_with_its_restarts_and_so_is_one_between_two_of_them() {
        let mut status = healthy();
        let Fact::Known(Some(connector)) = &mut status.connector else { panic!("known above") };
        connector.tasks = vec![part("FAILED", Some("Exception: in task\n\tat x\nCaused by: too large\n"))];
        connector.restarts = Some(Restarts {
            restarts: 2,
            last_ms_ago: Some(4000),
            next_in_ms: Some(8200),
            lasting: false,
            reason: Some("Caused by: too large".into()),
        });
        let failed = "connector RUNNING, task 0 FAILED: Caused by: too large; restarted 2 times, again in 8 s; \
                      `pipectl repair connector`";
        assert_eq!(told(&status), [failed]);
        let Fact::Known(Some(connector)) = &mut status.connector else { panic!("known above") };
        connector.tasks = vec![part("RESTARTING", None)];
        connector.restarts.as_mut().expect("set above").next_in_ms = None;
        let between = "connector RUNNING, task 0 RESTARTING, restarted 2 times, last 4 s ago: Caused by: too large";
        assert_eq!(told(&status), [between]);
        let Fact::Known(Some(connector)) = &mut status.connector else { panic!("known above") };
        connector.tasks = vec![part("RUNNING", None)];
        assert_eq!(told(&status), Vec::<String>::new(), "it has come back");
    }

    #[test]
    fn what_lost_changes_needs_a_new_snapshot() {
        let mut status = healthy();
        let Fact::Known(Some(connector)) = &mut status.connector else { panic!("known above") };
        let trace = "Caused by: ERROR: can no longer get changes from replication slot \"s\"";
        connector.tasks = vec![part("FAILED", Some(trace))];
        status.slot = slot(false, "lost");
        status.unpublished = Fact::Known(vec!["public.t".into()]);
        status.topics = Fact::Known(BTreeMap::new());
        assert_eq!(
            told(&status),
            [
                "connector RUNNING, task 0 FAILED: Caused by: ERROR: can no longer get changes from replication slot \"s\": \
                 changes were lost with the replication slot: what the connector had not read yet is gone from the source's log; \
                 `pipectl repair resnapshot` reads the source's rows anew",
                "replication slot s is lost: the source has removed write-ahead log it still needed; \
                 `pipectl repair resnapshot`",
                "publication pub leaves out public.t: changes there are not captured; `pipectl repair resnapshot`",
                "topic p.public.t does not exist: changes in it that had not been read are gone; \
                 `pipectl repair resnapshot`",
            ]
        );
    }

    #[test]
    fn a_table_that_the_publication_lacks_or_lacked_is_read_anew_alone() {
        let mut spec = spec();
        spec.tables.insert("public.u".to_owned(), Table::default());
        let mut status = healthy();
        status.topics = Fact::Known(BTreeMap::from([("p.public.t".to_owned(), 7), ("p.public.u".to_owned(), 0)]));
        status.unpublished = Fact::Known(vec!["public.t".into()]);
        status.missed = Fact::Known(vec!["public.u".into()]);
        let told: Vec<String> = find(&status, &spec).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "publication pub leaves out public.t: changes there are not captured; `pipectl repair tables`",
                "publication pub left out public.u for a time: what changed there meanwhile was not captured; \
                 `pipectl repair tables`",
            ]
        );
    }

    #[test]
    fn a_topic_that_ends_before_what_was_read_is_another_one() {
        let mut status = healthy();
        status.topics = Fact::Known(BTreeMap::from([("p.public.t".to_owned(), 2)]));
        let only = "topic p.public.t ends at 2, but has been read up to 7: it was deleted and made anew; \
                    `pipectl repair resnapshot`";
        assert_eq!(told(&status), [only]);
    }

    #[test]
    fn what_is_known_of_it_is_told_with_what_to_do() {
        let mut status = healthy();
        let Fact::Known(jobs) = &mut status.jobs else { panic!("known above") };
        jobs[0].job.warning = "File /t could only be written to 0 of the 1 minReplication nodes.".into();
        let only = "job ingest tries again: File /t could only be written to 0 of the 1 minReplication nodes.: no DataNode takes the \
                    block: none is alive, or its disk is full; `pipectl status` shows whether the datanode runs, `docker system df` the disk";
        assert_eq!(told(&status), [only]);
    }

    #[test]
    fn a_job_that_runs_and_reads_nothing_is_told_one_that_is_busy_is_not() {
        let mut status = healthy();
        let Fact::Known(jobs) = &mut status.jobs else { panic!("known above") };
        jobs[0].unread = BTreeMap::from([("p.public.t".to_owned(), Unread { changes: 3, waiting_ms: Some(41_500) })]);
        jobs[0].idle_ms = Some(900);
        assert_eq!(told(&status), Vec::<String>::new());
        let Fact::Known(jobs) = &mut status.jobs else { panic!("known above") };
        jobs[0].idle_ms = Some(60_000);
        let only = "job ingest runs and has not read p.public.t for 41 s; `pipectl repair jobs`";
        assert_eq!(told(&status), [only]);
        let stalled = &find(&status, &spec())[0];
        assert_eq!(stalled.beside_faulty_containers(), "job ingest runs and has not read p.public.t for 41 s");
    }

    #[test]
    fn a_part_is_not_restarted_where_its_containers_are_at_fault() {
        let stalled = Hop::ChangeLog.with(Repair::Jobs, "job ingest runs and has not read p.public.t for 41 s".into());
        let lost = Hop::Source.with(Repair::Resnapshot, "replication slot s is lost".into());
        let found = |problems: &[Problem], faulty: &[Hop]| -> Vec<Repair> {
            repairs(problems, |hop| faulty.contains(&hop)).into_iter().collect()
        };
        assert_eq!(found(std::slice::from_ref(&stalled), &[]), [Repair::Jobs]);
        assert_eq!(found(std::slice::from_ref(&stalled), &[Hop::ChangeLog]), []);
        assert_eq!(found(std::slice::from_ref(&stalled), &[Hop::Source]), [Repair::Jobs]);
        // What is lost is not brought back by a container.
        assert_eq!(found(&[stalled, lost], &[Hop::Source, Hop::ChangeLog]), [Repair::Resnapshot]);
    }

    #[test]
    fn each_dead_part_is_named() {
        let mut status = healthy();
        status.slot = slot(false, "reserved");
        status.jobs = Fact::Known(Vec::new());
        status.destination = Fact::Unknown("Postgres at 127.0.0.1:5434 is unreachable: connection refused".into());
        assert_eq!(
            told(&status),
            [
                "replication slot s is not in use",
                "job ingest is not submitted; `pipectl up` submits it",
                "job process is not submitted; `pipectl up` submits it",
                "destination unknown: Postgres at 127.0.0.1:5434 is unreachable: connection refused",
            ]
        );
    }
}
