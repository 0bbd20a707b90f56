//! `connector-running`: waits until the connector *and its task* run. Connect calls a connector RUNNING whose task has failed. The worker
//! restarts that by itself (debezium/worker), with pauses that grow; who types a command has mended something, and waits for none.

use std::time::Duration;

use tokio::time::Instant;

use super::{client_failure, failure};
use crate::engine::work::{SayFn, StepDone, StepError};
use crate::pipeline::Pipeline;
use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::connect::{Connect, ConnectorStatus, TaskState};
use crate::pipeline::repair::Repair;

const USES: &str = "connector-running";
const LOOK: Duration = Duration::from_millis(100);
/// Pause before a failed task is restarted: most causes that pass need a moment (a slot still held, a database starting).
const BACK_OFF: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];
/// Time in which the status may still be that of before the restart.
const SETTLE: Duration = Duration::from_secs(3);

pub(super) async fn run(pipeline: &Pipeline, say: &SayFn) -> Result<StepDone, StepError> {
    let name = &pipeline.spec.connector;
    let mut restarts = 0;
    let mut restarted_at: Option<Instant> = None;
    let mut waited = false;
    loop {
        let looked = look(pipeline, name).await;
        match looked {
            Ok((_, Some(status))) if status.is_running() => {
                let detail =
                    if restarts > 0 { format!("{}, after a restart", status.summary()) } else { status.summary() };
                return Ok(StepDone { changed: waited, detail });
            }
            Ok((connect, Some(status))) => {
                say(&status.summary());
                let settled = restarted_at.is_none_or(|at| at.elapsed() > SETTLE);
                match status.failed() {
                    None => restarted_at = restarted_at.filter(|at| at.elapsed() <= SETTLE),
                    Some(failed) if settled => {
                        let Some(pause) = BACK_OFF.get(restarts) else {
                            return Err(task_failure(pipeline, name, failed).await);
                        };
                        say(&format!("{}; restarting it in {} s", status.summary(), pause.as_secs()));
                        tokio::time::sleep(*pause).await;
                        if let Err(error) = connect.restart_failed(name).await {
                            if !error.is_transient() {
                                return Err(client_failure(pipeline, USES, "restart the failed task", &error).await);
                            }
                        }
                        restarts += 1;
                        restarted_at = Some(Instant::now());
                    }
                    Some(_) => {}
                }
                if status.connector.state == "PAUSED" || status.connector.state == "STOPPED" {
                    let hint = Some("`pipectl connector resume`".to_owned());
                    return Err(failure(
                        pipeline,
                        USES,
                        format!("connector {name} is {}", status.connector.state),
                        hint,
                    )
                    .await);
                }
            }
            Ok((_, None)) => say(&format!("connector {name} has no status yet")),
            Err(error) if error.is_transient() => say(&error.to_string()),
            Err(error) => return Err(client_failure(pipeline, USES, "ask for the connector's status", &error).await),
        }
        waited = true;
        tokio::time::sleep(LOOK).await;
    }
}

async fn look(pipeline: &Pipeline, name: &str) -> Result<(Connect, Option<ConnectorStatus>), ClientError> {
    let connect = pipeline.connect().await?;
    let status = connect.status(name).await?;
    Ok((connect, status))
}

async fn task_failure(pipeline: &Pipeline, name: &str, failed: &TaskState) -> StepError {
    let part = failed.id.map_or_else(|| format!("connector {name}"), |id| format!("task {id} of connector {name}"));
    let reasons = failed.reasons();
    let hint = hint_for(&reasons.join(" "));
    let message = std::iter::once(format!("{part} failed again after {} restarts", BACK_OFF.len()))
        .chain(reasons)
        .collect::<Vec<_>>();
    failure(pipeline, USES, message.join("\n"), Some(hint)).await
}

/// What usually helps against the usual causes.
fn hint_for(reasons: &str) -> String {
    let says = |word: &str| reasons.contains(word);
    if let Some(repair) = Repair::named_in(reasons) {
        format!("changes were lost with the slot; `{}` reads the source anew", repair.command())
    } else if says("is active for PID") {
        "another process reads from the replication slot; stop it, then `pipectl up`".to_owned()
    } else if says("publication") && says("does not exist") {
        "create the publication (postgresql/create_publication.sql), then `pipectl up`".to_owned()
    } else if says("password authentication failed") {
        "POSTGRES_USER and POSTGRES_PASSWORD must be those of the source database; then `pipectl up`".to_owned()
    } else {
        "`pipectl logs debezium` has the whole trace; `pipectl up` tries again".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::hint_for;

    #[test]
    fn hints_fit_their_causes() {
        assert!(hint_for("The connector is trying to read change stream starting at LSN but this is no longer available on the server.").contains("repair resnapshot"));
        assert!(hint_for("ERROR: replication slot \"s\" is active for PID 7").contains("another process"));
        assert!(hint_for("ERROR: publication \"p\" does not exist").contains("create_publication.sql"));
        assert!(hint_for("java.lang.OutOfMemoryError").contains("pipectl logs debezium"));
    }
}
