//! Turns what went wrong into what a person needs: what failed, why, the evidence, and the next command.

use std::collections::BTreeSet;
use std::time::Duration;

use super::evidence::{LOOK_BACK, pick};
use super::gate::{GateError, Reason};
use super::{GivenUp, Tools};
use crate::engine::backend::{Backend, BackendError};
use crate::engine::plan::{Action, Gate, Plan, Until};
use crate::engine::readable;
use crate::engine::work::StepError;
use crate::exit;
use crate::failure::Failure;
use crate::model::ext::Step;

/// The hint that closes every failure of a run.
pub(super) const RESUME: &str = "once that is repaired, `pipectl up` goes on from here";

/// The hint for what was left out, where nothing better is known.
pub(super) const RETRY: &str = "the next `pipectl up` tries it again";

/// Failure of a gate, with what the container wrote.
pub(super) async fn gate(backend: &dyn Backend, service: &str, gate: &Gate, error: GateError) -> Failure {
    let GateError { reason, last, elapsed } = error;
    let job = gate.until == Until::Completed;
    let before = if job { "" } else { " before it was ready" };
    let failure = match &reason {
        Reason::Exited(code) => {
            let failure = Failure::stack(format!("{service} exited with {code}{before}"));
            match explain(*code) {
                Some(meaning) => failure.because(format!("exit code {code} means: {meaning}")),
                None => failure,
            }
        }
        Reason::OutOfMemory => Failure::stack(format!("{service} was killed: out of memory"))
            .because("the kernel ended it because it needed more than its memory limit")
            .hint(format!("raise `mem_limit` of service {service}, or lower what it is told to use")),
        Reason::Loop { restarts, code } => {
            let code = code.map(|code| format!(", last with exit code {code}")).unwrap_or_default();
            Failure::stack(format!("{service} restarts in a loop"))
                .because(format!("it ended and was restarted {restarts} times{code}"))
        }
        Reason::Dead(message) => Failure::stack(format!("{service} is dead")).because(message.as_str()),
        Reason::Unhealthy(output) => Failure::stack(format!("{service} is unhealthy"))
            .because(format!("its health check says: {}", if output.is_empty() { "nothing" } else { output })),
        Reason::NoHealthcheck => Failure::stack(format!("{service} has no health check to wait for"))
            .hint(format!("give service {service} a `healthcheck`, or depend on it with `service_started`")),
        Reason::Never(answer) => Failure::stack(format!("{service} cannot become ready")).because(answer.as_str()),
        Reason::Deadline => {
            let done = if job { "has not finished" } else { "is not ready" };
            Failure::new(exit::TIMEOUT, format!("{service} {done} after {}", readable(gate.timeout)))
        }
        Reason::Engine(error) => {
            let failure = Failure::new(code_of(error), format!("{service} cannot be watched"));
            let failure = Failure { outdated: is_removed(error), ..failure };
            return failure.because(error.to_string()).hint(RESUME);
        }
    };
    let said = if last.is_empty() { None } else { Some(format!("last answer: {last}")) };
    let when = format!("after {} of the {} that it has", readable(elapsed), readable(gate.timeout));
    let failure = match (&reason, said, &gate.until) {
        // The deadline is in the message.
        (Reason::Deadline, Some(said), _) => failure.because(said),
        (Reason::Deadline, None, _) => failure,
        // There was a reason before the deadline; a probe's last answer still tells how far it got.
        (_, Some(said), Until::Probe(_)) => failure.because(format!("{when}; {said}")),
        _ => failure.because(when),
    };
    with_logs(backend, &gate.container, failure)
        .await
        .hint(format!("`pipectl logs {service}` shows all that it wrote"))
        .hint(RESUME)
}

/// Failure of a call to the engine or the image provider.
pub(super) fn call(action: &Action, service: Option<&str>, error: BackendError) -> Failure {
    let subject = action.subject();
    let what = match action {
        Action::EnsureImage { .. } => format!("failed to get image {subject}"),
        action => format!("failed to {} {subject}", action.verb()),
    };
    let cause = match (&error, action) {
        // The operation is in the message already, unless an image takes several.
        (BackendError::Refused { message, .. }, action) if !matches!(action, Action::EnsureImage { .. }) => {
            message.clone()
        }
        (error, _) => error.to_string(),
    };
    let outdated = matches!(action, Action::StartContainer { .. }) && is_removed(&error);
    let failure = Failure { outdated, ..Failure::new(code_of(&error), what).because(cause) };
    let failure = match error {
        BackendError::PortTaken { port, .. } => {
            failure.hint(format!("`ss -ltnp 'sport = :{port}'` shows who listens there")).hint(match service {
                Some(service) => format!("end that program, or publish another port for service {service}"),
                None => "end that program, or publish another port".into(),
            })
        }
        BackendError::Build { step, output, .. } => failure.evidence(format!("output of `{step}`"), output),
        BackendError::Unreachable { .. } => failure.hint("start the container engine: `systemctl start docker`"),
        BackendError::Permission { .. } => {
            failure.hint("run as root or as a member of group docker: `sudo usermod -aG docker $USER`")
        }
        BackendError::Login { registry, .. } => failure.hint(format!("log in: `docker login {registry}`")),
        BackendError::TooOld { .. } | BackendError::NotFound { .. } | BackendError::Refused { .. } => failure,
    };
    failure.hint(RESUME)
}

/// Failure of a step, with the last lines of the containers that it names.
pub(super) async fn step(plan: &Plan, backend: &dyn Backend, step: &Step, error: StepError) -> Failure {
    let mut failure = Failure::stack(format!("step {} failed", step.name));
    failure.causes.extend(error.message.lines().map(str::to_owned));
    for name in &error.look_at {
        // A step names services; which containers those are is known here.
        let containers = match plan.containers_of(name) {
            containers if containers.is_empty() => vec![name.as_str()],
            containers => containers,
        };
        for container in containers {
            failure = with_logs(backend, container, failure).await;
        }
    }
    failure.hints.extend(error.hint);
    failure.hint(RESUME)
}

/// Failure of a run whose time was over: what it was waiting for, what was said last, and what the servers in question wrote.
pub(super) async fn late(plan: &Plan, tools: &Tools, limit: Duration, given_up: &[GivenUp]) -> Failure {
    let mut failure = Failure::new(exit::TIMEOUT, format!("not done within {}, as --timeout says", readable(limit)));
    let mut containers = Vec::new();
    for GivenUp { id, said } in given_up {
        let operation = &plan.operations[*id];
        let what = match &operation.action {
            Action::Await(gate) => {
                containers.push(gate.container.clone());
                format!("{} was not ready", operation.service.as_deref().unwrap_or(&gate.container))
            }
            Action::RunStep(step) => {
                containers.extend(tools.stepper.look_at(step).await);
                format!("step {} was not done", step.name)
            }
            action => format!("{} was not there", action.subject()),
        };
        failure.causes.push(if said.is_empty() { what } else { format!("{what}; last: {said}") });
    }
    let mut seen = BTreeSet::new();
    for container in containers.iter().filter(|container| seen.insert(*container)) {
        failure = with_logs(tools.backend.as_ref(), container, failure).await;
    }
    failure.hint("`pipectl up` goes on from here")
}

/// Adds what a container wrote. Evidence that cannot be had is said so, and never hides the failure itself.
pub(super) async fn with_logs(backend: &dyn Backend, container: &str, mut failure: Failure) -> Failure {
    match backend.logs(container, LOOK_BACK).await {
        Ok(lines) => failure.evidence.extend(pick(container, &lines)),
        Err(error) => failure.causes.push(format!("the log of {container} cannot be read: {error}")),
    }
    failure
}

/// True when what was to be used is gone, or going. The engine finishes what it was asked for by a command that was killed: it may remove
/// a container that the next command has found running and made its plan with.
fn is_removed(error: &BackendError) -> bool {
    match error {
        BackendError::NotFound { .. } => true,
        BackendError::Refused { message, .. } => message.contains("marked for removal"),
        _ => false,
    }
}

fn code_of(error: &BackendError) -> u8 {
    match error {
        BackendError::Unreachable { .. } | BackendError::Permission { .. } | BackendError::TooOld { .. } => {
            exit::ENGINE
        }
        _ => exit::FAILED,
    }
}

/// What some exit codes mean by convention.
fn explain(code: i64) -> Option<&'static str> {
    match code {
        126 => Some("the command is not executable"),
        127 => Some("the command was not found in the image"),
        137 => Some("killed (SIGKILL)"),
        139 => Some("crashed (SIGSEGV)"),
        143 => Some("asked to stop (SIGTERM)"),
        _ => None,
    }
}
