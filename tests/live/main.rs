//! The real pipeline, driven through the real binary: every scenario states its obligation in its name.
//!
//! `cargo test --test live [-- FILTER..]` runs them (`-- --list` names them) in this order on one stack (project `pipectl-live`,
//! ports of tests/live/ports.env, a copy of the project directory), each starting from "up". A scenario that fails leaves
//! its evidence (state, logs, what the command printed) in target/live-evidence/<scenario>/; with `PIPECTL_LIVE_KEEP` set, the stack
//! stays too.

#![expect(clippy::print_stdout, reason = "a test harness of its own reports on stdout")]

mod changed;
mod converge;
mod diagnose;
mod equal;
mod explained;
mod external;
mod faults;
mod governance;
mod hardening;
mod inject;
mod inputs;
mod keep;
mod known;
mod known_builds;
mod known_capture;
mod lifecycle;
mod logs;
mod losses;
mod offline;
mod prove;
#[path = "../support/provoked.rs"]
mod provoked;
mod reread;
mod restarts;
mod secrets;
mod stack;
mod torture;
#[path = "../support/torture/mod.rs"]
mod torture_workload;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use stack::Stack;

type Scenario = (&'static str, fn(&Stack));

/// Lines of a failure's message that the summary at the end repeats.
const SUMMARY_LINES: usize = 40;

/// In this order: each later one relies on nothing but a stack that `up` can bring up.
const SCENARIOS: &[Scenario] = &[
    ("up from nothing ends with a row proved in the destination", prove::up_from_nothing),
    ("status says that every part is well, and says so to scripts", prove::status_is_well),
    ("verify follows an insert, an update and a delete through every hop and compares every table", prove::verify_full),
    ("the lineage is complete when up returns, and read back", governance::lineage_is_complete),
    ("ingest twice changes nothing", governance::ingest_twice_changes_nothing),
    ("a dropped edge makes verify fail, and ingest repairs it", governance::a_dropped_edge_fails_verify),
    (
        "a new column appears in the catalog, and an edited description stays",
        governance::a_new_column_appears_and_an_edited_description_stays,
    ),
    (
        "a job that is stopped and started is two runs in the catalog, with what each has done",
        governance::stopped_and_started_is_two_runs,
    ),
    ("the token is in no log, event, inspection or configuration", secrets::the_token_is_nowhere_else),
    ("other passwords reach every service, and nothing shows them", secrets::passwords_are_replaced_and_nowhere_else),
    ("without governance there is no catalog to check", governance::without_governance_there_is_no_catalog),
    (
        "where OpenMetadata's images cannot be pulled, up says so and the lite catalog takes over",
        governance::openmetadata_without_its_images,
    ),
    ("a second up changes nothing", converge::second_up_changes_nothing),
    ("editing a transformation recreates the jobs alone", converge::edited_transformation),
    ("a worker is added and removed", converge::scale_workers),
    ("a job is stopped and started on its own", converge::one_job_alone),
    (
        "logs of several services are followed at once, filtered, since a moment, as JSON",
        logs::several_are_followed_filtered_since_a_moment_as_json,
    ),
    ("logs go on over a restart, each line once", lifecycle::logs_go_on_over_a_restart),
    (
        "another project from an empty folder lives beside it and goes without a trace",
        lifecycle::another_project_beside_it,
    ),
    (
        "a large transaction, a rolled-back one, changed keys and a truncate leave three equal stores",
        converge::odd_changes_arrive,
    ),
    ("a connector that is restarted in the middle of a COPY loses no row of it", reread::restarts_in_a_copy),
    ("a snapshot that is begun again leaves no row that was deleted meanwhile", reread::a_crash_in_a_snapshot),
    (
        "a connector killed while it reads a table that joins loses no change of the others",
        reread::a_crash_while_a_table_joins,
    ),
    ("a task that fails is restarted by nobody but the worker, and status tells of it", restarts::failed_task),
    ("killed movers of the data come back and no change is lost", converge::killed_movers),
    ("killed stores come back and no change is lost", converge::killed_stores),
    ("servers that crash at random under load lose nothing and double nothing", faults::random_crashes),
    ("frozen servers are named, and lose nothing once they go on", faults::frozen_servers),
    ("servers that lose each other find back to equal tables", faults::cut_networks),
    ("a quiet source does not keep its log", faults::quiet_source),
    ("a dropped replication slot stops the flow and is repaired", losses::slot_dropped),
    ("an invalidated replication slot is named and repaired", losses::slot_invalidated),
    ("a deleted topic is named and repaired", losses::topic_deleted),
    ("a topic made anew is not taken for the old one", losses::topic_made_anew),
    ("changes that retention removed unread are named and read anew", losses::unread_changes_removed),
    ("a publication that lacks a table is named and completed", losses::publication_lacks_a_table),
    ("lost checkpoints lose nothing and double nothing", losses::checkpoints_deleted),
    ("a destination changed by hand is filled anew from the lake", losses::destination_changed_by_hand),
    ("a column that is added or dropped stops the flow until it is declared", losses::column_added_then_dropped),
    (
        "a column that is renamed, or widened beyond its declaration, stops the flow until it is declared",
        losses::column_renamed_or_widened,
    ),
    ("a table that leaves pipeline.yml is kept and told, and comes back without a hole", changed::table_left_and_back),
    ("old rows follow a changed transformation and a changed aggregate", changed::definitions),
    ("a table added while the others flow is read once, with its old rows, through a function", losses::table_added),
    ("status names what is broken and what to type", converge::status_names_the_broken_part),
    ("doctor says where the data stops, and repair mends it", diagnose::doctor_says_where_the_data_stops),
    ("HDFS in safe mode is explained", diagnose::safe_mode_is_explained),
    ("a data node of another file system is explained", diagnose::a_data_node_of_another_file_system_is_explained),
    ("up continues where Ctrl-C stopped it", lifecycle::interrupted_up_resumes),
    ("an up that is killed at any step or wait is completed by the next one", lifecycle::killed_up_converges),
    ("down keeps the data and up continues with it", lifecycle::down_keeps_data),
    ("a backup restored into an empty project continues the flow with equal tables", keep::backup_restored),
    ("a full disk under HDFS or Kafka is named, and loses nothing once there is room", faults::full_disks),
    ("a transformation that does not parse is named with its file", inputs::broken_transformation),
    ("a connector configuration that Connect refuses is explained", inputs::refused_connector),
    ("a container that exits at start fails its gate at once with its log", inputs::container_exits),
    ("a health check that never passes ends at its deadline", inputs::never_ready),
    ("an image build that fails shows the failing step's output", inputs::failing_build),
    ("a taken port is named with its owner before anything is touched", inputs::taken_port),
    ("a taken port is replaced on request and every address follows", diagnose::a_taken_port_is_replaced_on_request),
    ("what a server is known to fail with is explained", known::of_one_server),
    (
        "what servers that do not find each other are known to fail with is explained",
        known::of_servers_without_each_other,
    ),
    ("what an image build is known to fail with is explained", known_builds::of_image_builds),
    ("what the capture of changes is known to fail with is explained", known_capture::of_the_capture),
    ("what the flow is known to fail with is explained", known::of_the_flow),
    ("torture: random transactions on every type leave three equal stores", torture::torture),
    ("a source that is there already is captured and not written to", external::captured_and_not_written_to),
    ("reset pipeline starts the flow anew with equal tables", lifecycle::reset_pipeline),
    ("reset all leaves nothing behind", lifecycle::reset_all),
];

/// Only when asked for by name (`make test-more`): the first copies every image twice, which takes longer than all that CI has time for,
/// the second takes an engine that nobody else uses.
const ON_REQUEST: &[Scenario] = &[
    ("images carried to a machine without a network come up there and a row is proved", offline::up_without_a_network),
    ("the engine's own death loses nothing", faults::engine_crash),
];

fn main() -> ExitCode {
    let filters: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let named = |name: &str| filters.iter().any(|filter| name.contains(filter.as_str()));
    let usual = SCENARIOS.iter().filter(|(name, _)| filters.is_empty() || named(name));
    let asked_for = usual.chain(ON_REQUEST.iter().filter(|(name, _)| named(name)));
    if std::env::args().any(|argument| argument == "--list") {
        asked_for.for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let stack = Stack::new();
    let mut passed = 0;
    let mut failures = Vec::new();
    for (name, scenario) in asked_for {
        println!("live: {name} ...");
        let started = Instant::now();
        // A scenario fails by panicking, as in any Rust test; the others still run.
        let ended = catch_unwind(AssertUnwindSafe(|| scenario(&stack)));
        let missing = explained::missing(name);
        let why = match &ended {
            Err(panic) => Some(message(panic.as_ref())),
            Ok(()) if missing.is_empty() => None,
            Ok(()) => Some(format!("nothing explained {} (tests/support/provoked.rs)", missing.join(", "))),
        };
        let took = started.elapsed().as_secs_f32();
        let Some(why) = why else {
            passed += 1;
            println!("live: {name} ... ok ({took:.1} s)");
            continue;
        };
        println!("live: {name} ... FAILED ({took:.1} s), evidence in {}", stack.evidence(name).display());
        failures.push((name, why));
    }
    // To look at what a failure left behind.
    if failures.is_empty() || std::env::var_os("PIPECTL_LIVE_KEEP").is_none() {
        stack.remove();
    }
    // At the end, where it is found in a log of an hour, or in what is kept of it.
    for (name, why) in &failures {
        println!("\nfailed: {name}\n{why}");
    }
    println!("{passed} passed, {} failed", failures.len());
    if failures.is_empty() && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a scenario panicked with, as far as it fits a summary.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let lines = text.unwrap_or("a panic without a text").lines().take(SUMMARY_LINES);
    lines.collect::<Vec<_>>().join("\n")
}
