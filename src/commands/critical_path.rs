//! `pipectl critical-path`: what made the last start take as long as it did.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::Exit;
use super::context::Context;
use super::stack::state_dir;
use crate::cli::CriticalPathArgs;
use crate::engine::execute::Report;
use crate::engine::plan::Plan;
use crate::exit;
use crate::failure::Failure;
use crate::ui::table::Table;

/// The last start that changed something. One record, replaced by the next: it is as small as a plan is deep.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    /// When it ended, RFC 3339.
    finished: String,
    /// How long all of it took, in milliseconds.
    elapsed_ms: u64,
    /// Operations of the plan.
    operations: usize,
    /// The chain of operations that decided how long it took, first one first.
    chain: Vec<Link>,
}

/// One operation of the chain.
#[derive(Debug, Serialize, Deserialize)]
struct Link {
    verb: String,
    subject: String,
    cause: String,
    /// How long it took, in milliseconds.
    elapsed_ms: u64,
}

impl Record {
    /// What a run of a plan has to tell.
    pub fn of(plan: &Plan, report: &Report, elapsed: Duration) -> Self {
        let times = report.elapsed();
        let planned = plan.planned();
        let link = |id: usize| Link {
            verb: planned[id].verb.clone(),
            subject: planned[id].subject.clone(),
            cause: planned[id].cause.clone(),
            elapsed_ms: milliseconds(times[id]),
        };
        Self {
            finished: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            elapsed_ms: milliseconds(elapsed),
            operations: planned.len(),
            chain: plan.critical_path(&times).into_iter().map(link).collect(),
        }
    }

    /// Keeps it in the project's state directory, whole or not at all.
    pub fn keep(&self, directory: &Path) -> Result<(), Failure> {
        let path = file(directory);
        let write = || {
            std::fs::create_dir_all(directory)?;
            let mut file = tempfile::NamedTempFile::new_in(directory)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.persist(&path).map(drop).map_err(|error| error.error)
        };
        write().map_err(|error| {
            Failure::stack(format!("cannot keep {}", path.display()))
                .because(error.to_string())
                .hint("make the directory .pipectl writable for you")
        })
    }

    fn read(directory: &Path) -> Result<Self, Failure> {
        let path = file(directory);
        let nothing = || {
            Failure::stack("no start of this project is on record")
                .hint("`pipectl up` keeps the times of every start that changes something")
        };
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(nothing()),
            Err(error) => {
                return Err(Failure::stack(format!("cannot read {}", path.display())).because(error.to_string()));
            }
        };
        serde_json::from_slice(&text).map_err(|error| {
            Failure::stack(format!("{} cannot be understood", path.display()))
                .because(error.to_string())
                .hint("the next `pipectl up` that changes something replaces it")
        })
    }

    fn text(&self, width: Option<usize>) -> String {
        let spent: u64 = self.chain.iter().map(|link| link.elapsed_ms).sum();
        let mut table = Table::new(["SECONDS", "UNTIL", "DOES", "WHAT", "BECAUSE"]).right([0, 1]);
        let mut until = 0;
        for link in &self.chain {
            until += link.elapsed_ms;
            let (verb, subject, cause) = (link.verb.clone(), link.subject.clone(), link.cause.clone());
            table.row([seconds(link.elapsed_ms), seconds(until), verb, subject, cause]);
        }
        format!(
            "{}\n`pipectl up` of {} took {} s; this chain, {} of its {} operations, took {} s of it\n",
            table.render(width),
            self.finished,
            seconds(self.elapsed_ms),
            self.chain.len(),
            self.operations,
            seconds(spent),
        )
    }
}

pub fn run(context: &Context, arguments: &CriticalPathArgs) -> Exit {
    let record = Record::read(&state_dir(&context.project()?))?;
    if arguments.json {
        context.json(&record)?;
    } else {
        context.out(&record.text(context.ui.width()))?;
    }
    Ok(exit::OK)
}

/// The record of a project with this state directory.
pub fn file(directory: &Path) -> PathBuf {
    directory.join("last-up.json")
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// With one decimal, rounded down.
fn seconds(milliseconds: u64) -> String {
    format!("{}.{}", milliseconds / 1000, milliseconds % 1000 / 100)
}
