//! `pipectl verify`: follow marked rows, compare tables.

use super::Exit;
use super::context::Context;
use super::stack::Stack;
use crate::cli::VerifyArgs;
use crate::event::{Event, Events, Outcome, PlannedOperation};
use crate::exit;
use crate::failure::Failure;
use crate::governance;
use crate::pipeline::verify::{Check, Followed, Place, Scope, Verify, VerifyOptions, VerifyReport, junit_of_error};
use crate::ui::Mark;
use crate::ui::verify::{CheckRow, HopRow, VerifyView, render};

pub async fn run(context: &Context, arguments: &VerifyArgs) -> Exit {
    let stack = Stack::open(context).await?;
    let pipeline = stack.pipeline()?.clone();
    let scope = match (arguments.full, arguments.compare) {
        (true, _) => Scope::Full,
        (_, true) => Scope::Compare,
        _ => Scope::Tables,
    };
    let options = VerifyOptions { scope, timeout: arguments.timeout };

    // One operation on the screen, whose detail says what is being waited for.
    let (events, receiver) = Events::channel();
    let screen = context.ui.show(receiver);
    let began = std::time::Instant::now();
    events.send(Event::RunStarted { command: "verify".into(), project: stack.project.name.clone() });
    events.send(Event::Planned { operations: vec![operation()] });
    events.send(Event::Started { id: 0 });
    let progress = events.clone();
    let say = move |detail: &str| {
        progress.send(Event::Progress { id: 0, detail: detail.to_owned(), done: None, total: None });
    };
    let mut report = Verify::new(&pipeline).run(&options, &say).await;
    if let Ok(report) = &mut report {
        say("reading the lineage back");
        let check = governance::check(&pipeline).await;
        report.ok &= check.as_ref().is_none_or(|check| check.ok);
        report.checks.extend(check);
    }
    let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (ok, detail) = match &report {
        Ok(report) => (report.ok, verdict(report)),
        Err(error) => (false, error.to_string()),
    };
    let outcome = if ok { Outcome::Done } else { Outcome::Failed };
    events.send(Event::Finished { id: 0, outcome, elapsed_ms, detail: detail.clone() });
    events.send(Event::RunFinished { ok, elapsed_ms, summary: detail });
    drop((events, say));
    screen.finished().await.map_err(|error| super::context::unwritable(&error))?;

    if let Some(file) = &arguments.junit {
        let text =
            report.as_ref().map_or_else(|error| junit_of_error(&error.to_string(), elapsed_ms), VerifyReport::to_junit);
        std::fs::write(file, text).map_err(|error| {
            Failure::stack(format!("{} cannot be written", file.display())).because(error.to_string())
        })?;
    }
    show(context, arguments, &report?)
}

fn show(context: &Context, arguments: &VerifyArgs, report: &VerifyReport) -> Exit {
    if arguments.json {
        context.json(report)?;
    } else if !context.ui.is_json() {
        context.out(&render(&view(report), context.ui.width()))?;
    }
    if report.ok {
        return Ok(exit::OK);
    }
    let mut failure = Failure::stack("verification failed");
    for check in report.failures() {
        failure = failure.because(format!("{}: expected {}, seen {}", check.name, check.expected, check.seen));
    }
    Err(failure.hint("`pipectl status` shows where the flow stops"))
}

fn operation() -> PlannedOperation {
    PlannedOperation {
        id: 0,
        verb: "step".into(),
        subject: "verify".into(),
        service: None,
        cause: "asked for".into(),
        after: Vec::new(),
    }
}

fn verdict(report: &VerifyReport) -> String {
    let (all, failed) = (report.all_checks().count(), report.failures().count());
    if failed == 0 { format!("verified: all {all} checks hold") } else { format!("{failed} of {all} checks failed") }
}

fn view(report: &VerifyReport) -> VerifyView {
    let hop = |followed: &Followed, place: Place| {
        let hop = followed.hops.iter().find(|hop| hop.place == place)?;
        hop.check.ok.then_some(hop.check.ms)
    };
    let hops = report.followed.iter().map(|followed| HopRow {
        operation: format!("{} of {}", followed.operation.word(), followed.table),
        topic: hop(followed, Place::Topic),
        change_log: hop(followed, Place::ChangeLog),
        delta: hop(followed, Place::Delta),
        delta_awaited: followed.hops.iter().any(|hop| hop.place == Place::Delta),
        destination: hop(followed, Place::Destination),
    });
    let checks = report.checks.iter().map(|Check { name, ok, expected, seen, ms }| CheckRow {
        name: name.clone(),
        ok: *ok,
        expected: expected.clone(),
        seen: seen.clone(),
        ms: *ms,
    });
    let mark = if report.ok { Mark::Good } else { Mark::Bad };
    let (hops, checks) = (hops.collect(), checks.collect());
    VerifyView { hops, checks, notes: report.notes.clone(), verdict: (mark, verdict(report)) }
}
