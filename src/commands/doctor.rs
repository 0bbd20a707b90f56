//! `pipectl doctor`: every check with its verdict, and with `--fix` what can be mended safely.

use std::path::Path;

use serde::Serialize;

use super::Exit;
use super::checks;
use super::context::Context;
use super::flow::{self, Flow};
use super::stack::Stack;
use super::up::State;
use crate::cli::DoctorArgs;
use crate::docker;
use crate::engine::backend::Backend;
use crate::engine::observed::Observed;
use crate::exit;
use crate::failure::Failure;
use crate::model::Project;
use crate::preflight::{self, Engine, Facts, Finding, Refused, Severity, Sources, Verdict, Wanted, mend};
use crate::ui::Mark;
use crate::ui::doctor::{CheckRow, render};

/// All verdicts, as `--json` prints them.
#[derive(Serialize)]
pub struct Report {
    /// True when there is no error among the findings, and nothing stops the data.
    ok: bool,
    checks: Vec<CheckReport>,
    /// The way of the data, where something of the stack runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<Flow>,
    /// What `--fix` did or could not do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mended: Vec<MendReport>,
}

#[derive(Serialize)]
struct CheckReport {
    id: &'static str,
    /// `ok`, `unchecked`, or the worst of the findings.
    result: &'static str,
    /// What was seen, or why it was not looked at; nothing where something was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    findings: Vec<FindingReport>,
}

#[derive(Serialize)]
struct FindingReport {
    #[serde(flatten)]
    finding: Finding,
    /// True when `--fix` would mend it.
    fixable: bool,
}

#[derive(Serialize)]
struct MendReport {
    id: &'static str,
    done: bool,
    detail: String,
}

pub async fn run(context: &Context, arguments: &DoctorArgs) -> Exit {
    checks::known(&arguments.skip)?;
    let mut facts = gather(context).await;
    let mut mended = Vec::new();
    if arguments.fix {
        mended = fix(context, &facts, &arguments.skip).await;
        if !mended.is_empty() {
            facts = gather(context).await;
        }
    }
    let mut report = report(&facts, &arguments.skip, mended);
    let can_start = report.ok;
    report.flow = flow::look(context).await;
    report.ok &= report.flow.as_ref().is_none_or(Flow::is_good);
    if arguments.json {
        context.json(&report)?;
    } else {
        context.out(&render(&rows(&report), &verdict(&report)))?;
        if let Some(flow) = &report.flow {
            context.out(&render(&flow.rows(), &flow.verdict()))?;
        }
    }
    Ok(match (can_start, report.ok) {
        (false, _) => exit::PREFLIGHT,
        (true, false) => exit::FAILED,
        (true, true) => exit::OK,
    })
}

/// The verdicts on what is there now.
pub async fn examine(context: &Context) -> Report {
    report(&gather(context).await, &[], Vec::new())
}

/// The same where its state was read already.
pub async fn examine_state(context: &Context, stack: &Stack, state: &Result<State, Failure>) -> Report {
    report(&of_state(context, stack, state).await, &[], Vec::new())
}

/// As much as can be learned: without an engine, without a project, without either.
async fn gather(context: &Context) -> Facts {
    let stack = match Stack::open_checked(context).await {
        Ok(stack) => stack,
        Err(failure) if failure.code == exit::USAGE => return without_project(context, failure).await,
        Err(failure) => return without_engine(context, failure).await,
    };
    of_state(context, &stack, &State::read(&stack).await).await
}

async fn of_state(context: &Context, stack: &Stack, state: &Result<State, Failure>) -> Facts {
    let everything = async {
        let state = state.as_ref().map_err(Clone::clone)?;
        let everything = checks::select(stack, &[])?;
        let refused = checks::refused(context, stack, state, &everything)?;
        checks::facts(stack, state, &everything, refused, checks::outdated_volumes(stack, state)?).await
    };
    match everything.await {
        Ok(facts) => facts,
        Err(failure) if failure.code == exit::USAGE => without_project(context, failure).await,
        Err(failure) => without_engine(context, failure).await,
    }
}

async fn without_project(context: &Context, failure: Failure) -> Facts {
    match docker::connect(context.global.host.as_deref()).await {
        Ok(engine) => {
            let found = Engine { backend: &engine, chosen_by: engine.chosen_by(), host: engine.host() };
            match preflight::gather(Sources::of_process(Ok(found), Err(failure.clone()))).await {
                Ok(facts) => facts,
                Err(error) => local(Err(failure), error.into()).await,
            }
        }
        Err(error) => local(Err(failure), error.into()).await,
    }
}

async fn without_engine(context: &Context, failure: Failure) -> Facts {
    // Its warnings were shown when the stack was opened.
    local(context.quiet_project(), failure).await
}

/// What this machine alone tells.
async fn local(project: Result<Project, Failure>, no_engine: Failure) -> Facts {
    let nothing = Observed::default();
    let wanted = project.as_ref().map_err(Clone::clone).map(|project| Wanted {
        project,
        selected: &|_| true,
        observed: &nothing,
        images: &[],
        missing_images: 0,
        outdated_volumes: Vec::new(),
        refused: Refused::default(),
    });
    match preflight::gather(Sources::of_process(Err(no_engine.clone()), wanted)).await {
        Ok(facts) => facts,
        // Only an engine can refuse, and none is asked.
        Err(_) => Facts { no_engine: Some(no_engine), ..Facts::default() },
    }
}

/// Says what will be done, does it, and says what came of it.
async fn fix(context: &Context, facts: &Facts, skip: &[String]) -> Vec<MendReport> {
    let findings = preflight::check(facts, skip);
    let intentions = mend::intentions(&findings);
    if intentions.is_empty() {
        context.ui.note("nothing here can be mended without a person's decision");
        return Vec::new();
    }
    for intention in intentions {
        context.ui.note(&format!("going to {intention}"));
    }
    let engine = match facts.no_engine {
        None => docker::connect(context.global.host.as_deref()).await.ok(),
        Some(_) => None,
    };
    let backend = engine.as_ref().map(|engine| engine as &dyn Backend);
    let mut reports = Vec::new();
    for mended in mend::mend(&findings, backend, Path::new("/")).await {
        let (done, detail) = match mended.outcome {
            Ok(what) => (true, what),
            Err(why) => (false, why),
        };
        if done {
            context.ui.note(&detail);
        } else {
            context.ui.warning(&detail, None);
        }
        reports.push(MendReport { id: mended.id, done, detail });
    }
    reports
}

fn report(facts: &Facts, skip: &[String], mended: Vec<MendReport>) -> Report {
    let check = |(id, verdict): (&'static str, Verdict)| match verdict {
        Verdict::Good(detail) => CheckReport { id, result: "ok", detail: Some(detail), findings: Vec::new() },
        Verdict::Unchecked(why) => CheckReport { id, result: "unchecked", detail: Some(why), findings: Vec::new() },
        Verdict::Found(findings) => {
            let worst = findings.iter().map(|finding| finding.severity).min().unwrap_or(Severity::Note);
            let with_remedy = |finding: Finding| FindingReport { fixable: finding.remedy.is_some(), finding };
            let findings = findings.into_iter().map(with_remedy).collect();
            CheckReport { id, result: word(worst), detail: None, findings }
        }
    };
    let checks: Vec<_> = preflight::examine(facts, skip).into_iter().map(check).collect();
    Report { ok: checks.iter().all(|check| check.result != word(Severity::Error)), checks, flow: None, mended }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn mark(severity: Severity) -> Mark {
    match severity {
        Severity::Error => Mark::Bad,
        Severity::Warning => Mark::Warn,
        Severity::Note => Mark::Pending,
    }
}

fn rows(report: &Report) -> Vec<CheckRow> {
    let finding = |found: &FindingReport| {
        let by_itself = if found.fixable { " (`pipectl doctor --fix` does it)" } else { "" };
        (mark(found.finding.severity), found.finding.finding.clone(), format!("{}{by_itself}", found.finding.fix))
    };
    let row = |check: &CheckReport| CheckRow {
        id: check.id.to_owned(),
        mark: if check.result == "ok" { Mark::Good } else { Mark::Skipped },
        detail: check.detail.clone().unwrap_or_default(),
        findings: check.findings.iter().map(finding).collect(),
    };
    report.checks.iter().map(row).collect()
}

fn verdict(report: &Report) -> (Mark, String) {
    let count = |severity| {
        let findings = report.checks.iter().flat_map(|check| &check.findings);
        findings.filter(|found| found.finding.severity == severity).count()
    };
    match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => (Mark::Good, "nothing stands in the way of `pipectl up`".to_owned()),
        (0, warnings) => (Mark::Warn, format!("`pipectl up` can start, with {warnings} warning(s)")),
        (errors, _) => (Mark::Bad, format!("`pipectl up` would fail: {errors} thing(s) to mend")),
    }
}
