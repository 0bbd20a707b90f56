//! Lays the facts out for the screen.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Status;
use super::containers::ContainerStatus;
use crate::pipeline::kept::Kept;
use crate::pipeline::spec::PipelineSpec;
use crate::pipeline::status::{DestinationTable, Fact, JobStatus, PipelineStatus};
use crate::ui::status::{ContainerRow, Section, StatusView};
use crate::ui::{Mark, bytes};

/// Messages a second by topic.
type Rates = BTreeMap<String, f64>;

/// `rates` are messages a second by topic, where somebody watches.
pub fn view(status: &Status, spec: Option<&PipelineSpec>, rates: Option<&Rates>) -> StatusView {
    let verdict = if status.healthy {
        (Mark::Good, {
            let flows = if status.pipeline.is_some() { " and the data flows" } else { "" };
            format!("all {} containers are well{flows}", status.containers.len())
        })
    } else {
        (Mark::Bad, format!("{} thing(s) to look at", status.reasons.len()))
    };
    StatusView {
        project: status.project.clone(),
        containers: status.containers.iter().map(container).collect(),
        sections: status.pipeline.as_ref().map(|pipeline| sections(pipeline, spec, rates)).unwrap_or_default(),
        verdict,
        reasons: status.reasons.clone(),
    }
}

fn container(container: &ContainerStatus) -> ContainerRow {
    let service = if container.number > 1 {
        format!("{} {}", container.service, container.number)
    } else {
        container.service.clone()
    };
    let state = match container.exit_code {
        Some(code) if container.state == "exited" => format!("exited ({code})"),
        _ => container.state.to_owned(),
    };
    let mark = match container {
        ContainerStatus { ok: true, name: None, .. } => Mark::Skipped,
        ContainerStatus { ok: true, .. } => Mark::Good,
        ContainerStatus { health: Some("starting"), .. } => Mark::Pending,
        _ => Mark::Bad,
    };
    ContainerRow {
        mark,
        service,
        state,
        health: container.health.unwrap_or_default().to_owned(),
        uptime: container.uptime_s.map(Duration::from_secs),
        memory: container.memory,
        memory_limit: container.memory_limit,
        ports: container
            .ports
            .iter()
            .map(|(inside, outside)| format!("{outside}->{inside}"))
            .collect::<Vec<_>>()
            .join(" "),
    }
}

fn sections(status: &PipelineStatus, spec: Option<&PipelineSpec>, rates: Option<&Rates>) -> Vec<Section> {
    let mut sections = vec![capture(status), jobs(&status.jobs), flow(status, rates)];
    // Where the destination is silent, that is told with its tables.
    let kept = status.kept.known().filter(|kept| !kept.is_empty());
    sections.extend(kept.zip(spec).map(|(kept, spec)| left(kept, spec)));
    sections
}

/// What is left of tables that are not declared any more, and what removes it.
fn left(kept: &[Kept], spec: &PipelineSpec) -> Section {
    let mut section = Section::facts("Kept of what left pipeline.yml");
    for kept in kept {
        let name = kept.source.as_ref().unwrap_or(&kept.table);
        section.row(Mark::Skipped, [name.clone(), kept.is_there(spec)]);
        section.row(Mark::Skipped, ["to drop it".to_owned(), kept.drop_it(spec)]);
    }
    section
}

/// Connector and slot.
fn capture(status: &PipelineStatus) -> Section {
    let mut section = Section::facts("Capture");
    match &status.connector {
        Fact::Known(Some(connector)) => {
            let mark = if connector.is_running() { Mark::Good } else { Mark::Bad };
            let restarts = connector.restarts.as_ref().map_or_else(String::new, |restarts| format!(", {restarts}"));
            section.row(mark, ["connector".to_owned(), connector.summary() + &restarts]);
        }
        Fact::Known(None) => {
            section.row(Mark::Bad, ["connector", "not registered"]);
        }
        Fact::Unknown(why) => {
            section.row(Mark::Bad, ["connector", why.as_str()]);
        }
    }
    match &status.slot {
        Fact::Known(Some(slot)) => {
            let (mark, active) = match slot.active {
                true if slot.is_read_by_another() => (Mark::Bad, format!("read by {}", slot.reader)),
                true => (Mark::Good, "active".to_owned()),
                false => (Mark::Bad, "not active".to_owned()),
            };
            let lag = bytes(u64::try_from(slot.lag_bytes).unwrap_or_default());
            section.row(
                mark,
                [
                    "replication slot".to_owned(),
                    format!("{}: {active}, {lag} behind, WAL {}", slot.name, slot.wal_status),
                ],
            );
        }
        Fact::Known(None) => {
            section.row(Mark::Bad, ["replication slot", "does not exist"]);
        }
        Fact::Unknown(why) => {
            section.row(Mark::Bad, ["replication slot", why.as_str()]);
        }
    }
    section
}

fn jobs(jobs: &Fact<Vec<JobStatus>>) -> Section {
    let mut section = Section::table("Jobs", ["JOB", "STATE", "BATCHES", "LAST BATCH", "BEHIND"]);
    match jobs {
        Fact::Unknown(why) => {
            section.row(Mark::Bad, ["jobs", why.as_str()]);
        }
        Fact::Known(jobs) => {
            for JobStatus { job, lag, .. } in jobs {
                let mark = match job.state.as_str() {
                    "running" => Mark::Good,
                    "starting" => Mark::Pending,
                    _ => Mark::Bad,
                };
                let last = job
                    .batches
                    .last
                    .as_ref()
                    .map(|batch| format!("{} rows in {:.0} ms", batch.rows, batch.duration_ms));
                section.row(
                    mark,
                    [
                        job.name.clone(),
                        job.state.clone(),
                        job.batches.count.to_string(),
                        last.unwrap_or_default(),
                        lag.map_or_else(|| "unknown".to_owned(), |lag| format!("{lag} changes")),
                    ],
                );
            }
        }
    }
    section
}

/// One row a table: topic, lake, destination side by side.
fn flow(status: &PipelineStatus, rates: Option<&Rates>) -> Section {
    let mut columns = vec!["TABLE", "TOPIC END", "DELTA VERSION", "DESTINATION ROWS", "BEHIND"];
    columns.extend(rates.map(|_| "CHANGES/S"));
    let mut section = Section::table("Tables", columns);
    let process = status.jobs.known().and_then(|jobs| jobs.iter().find(|status| status.job.name == "process"));
    let unknown = [
        ("topics", status.topics.reason()),
        ("lake", status.tables.reason()),
        ("destination", status.destination.reason()),
    ];
    let none = BTreeMap::new();
    let topics = status.topics.known().unwrap_or(&none);
    for (topic, end) in topics {
        let name = topic.rsplit('.').next().unwrap_or(topic);
        let delta = status.tables.known().and_then(|tables| tables.get(name));
        let destination = status.destination.known().and_then(|tables| tables.iter().find(|table| is(table, name)));
        let behind = process.filter(|process| process.lag.is_some()).map(|process| process.unread.get(topic));
        let mut cells = vec![
            name.to_owned(),
            end.to_string(),
            delta.and_then(|table| table.version).map_or_else(|| "-".to_owned(), |version| version.to_string()),
            destination.map_or_else(|| "-".to_owned(), |table| table.rows.to_string()),
            behind.map_or_else(|| "-".to_owned(), |unread| unread.map_or(0, |unread| unread.changes).to_string()),
        ];
        cells.extend(rates.map(|rates| rates.get(topic).map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"))));
        section.row(Mark::Good, cells);
    }
    for table in status.destination.known().into_iter().flatten().filter(|table| table.topic.is_none()) {
        let name = table.table.rsplit('.').next().unwrap_or(&table.table);
        let mut cells = vec![name.to_owned(), "-".into(), "-".into(), table.rows.to_string(), "-".into()];
        cells.extend(rates.map(|_| "-".to_owned()));
        section.row(Mark::Good, cells);
    }
    for (part, why) in unknown {
        if let Some(why) = why {
            section.row(Mark::Bad, [part, why]);
        }
    }
    section
}

fn is(table: &DestinationTable, name: &str) -> bool {
    table.topic.as_deref().and_then(|topic| topic.rsplit('.').next()) == Some(name)
}
