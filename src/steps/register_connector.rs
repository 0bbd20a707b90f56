//! `register-connector`: gives Kafka Connect the configuration of `file`, unless it has exactly that already.

use std::path::Path;
use std::time::Duration;

use backon::Retryable;

use super::{client_failure, failure, patience, text_argument};
use crate::engine::work::{SayFn, StepDone, StepError};
use crate::model::ext::Step;
use crate::pipeline::clients::ClientError;
use crate::pipeline::connector::{Registration, load};
use crate::pipeline::{Pipeline, generated, mask, new_tables, publication};

const USES: &str = "register-connector";
const FILE: &str = "debezium/register-postgres.json";
/// For one attempt to reach the source.
const SOURCE_PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(pipeline: &Pipeline, step: &Step, say: &SayFn) -> Result<StepDone, StepError> {
    let file = text_argument(step, "file").unwrap_or(FILE);
    let wanted = match load(pipeline, Path::new(file)) {
        Ok(wanted) => wanted,
        Err(error) => {
            let hint = format!("correct {file}, then `pipectl up`");
            return Err(StepError { message: error.to_string(), hint: Some(hint), look_at: Vec::new() });
        }
    };
    let name = &wanted.name;
    say(&format!("comparing connector {name}"));
    let work = || async { register(pipeline, &wanted).await };
    let notify = |error: &ClientError, _| say(&error.to_string());
    match work.retry(patience()).when(retries).notify(notify).await {
        Ok(Registered::Already) => Ok(StepDone { changed: false, detail: format!("connector {name} is registered") }),
        Ok(Registered::Without(left)) => Ok(StepDone { changed: true, detail: told(name, &left) }),
        Ok(Registered::Refused(masks)) => Err(refused(&masks)),
        Err(error) if error.status() == Some(400) => {
            let message = refusal(pipeline, &wanted, &error).await;
            let hint = format!("correct {file} or pipeline.yml, then `pipectl up`");
            Err(failure(pipeline, USES, message, Some(hint)).await)
        }
        Err(error) => Err(client_failure(pipeline, USES, &format!("register connector {name}"), &error).await),
    }
}

/// A 500 of this request is an answer: Connect could not load the plugin or reach its store.
fn retries(error: &ClientError) -> bool {
    error.is_transient() && error.status() != Some(500)
}

/// What became of a registration.
enum Registered {
    /// It is there.
    Already,
    /// It is new; with the tables that are not captured any more.
    Without(Vec<String>),
    /// What was captured already is masked otherwise; one line each.
    Refused(Vec<String>),
}

async fn register(pipeline: &Pipeline, wanted: &Registration) -> Result<Registered, ClientError> {
    let (connect, spec) = (pipeline.connect().await?, &pipeline.spec);
    let existing = connect.config(&wanted.name).await?;
    let mut config = wanted.config.clone();
    let source = pipeline.source(SOURCE_PATIENCE).await?;
    generated::exclude(&mut config, &generated::read(&source, spec).await?);
    new_tables::carry(&mut config, existing.as_ref(), spec, &publication::members(pipeline, &source).await?);
    if existing.as_ref() == Some(&config) {
        return Ok(Registered::Already);
    }
    let masks = existing.as_ref().map(|existing| mask::changed(existing, &config, spec)).unwrap_or_default();
    if !masks.is_empty() {
        return Ok(Registered::Refused(masks));
    }
    connect.put_config(&wanted.name, &config).await?;
    Ok(Registered::Without(existing.map(|existing| new_tables::left(&existing, spec)).unwrap_or_default()))
}

/// Rows that were captured keep their values, or their hashes, wherever they are; no table that is built anew from them has others.
fn refused(masks: &[String]) -> StepError {
    let message = format!(
        "columns are masked otherwise than when they were captured; nothing was changed\n{}\nrows of before keep what they \
         have in topics, lake and destination",
        masks.join("\n")
    );
    let hint = "`pipectl repair resnapshot` removes all of it and reads the source anew; or take the change back, then `pipectl up`";
    StepError { message, hint: Some(hint.to_owned()), look_at: Vec::new() }
}

fn told(name: &str, left: &[String]) -> String {
    if left.is_empty() {
        return format!("registered connector {name}");
    }
    format!(
        "registered connector {name} without {}, which pipeline.yml declares no more; what it has brought is kept, see `pipectl status`",
        left.join(", ")
    )
}

/// Connect's refusal, field by field where it tells the fields.
async fn refusal(pipeline: &Pipeline, wanted: &Registration, error: &ClientError) -> String {
    let fields = async { pipeline.connect().await?.validate(&wanted.config).await };
    let mut lines = vec![format!("Kafka Connect refuses the configuration of connector {}", wanted.name)];
    match fields.await {
        Ok(fields) if !fields.is_empty() => {
            lines.extend(fields.iter().map(|field| format!("{}: {}", field.field, field.errors.join("; "))));
        }
        // Without fields the refusal itself has to do.
        Ok(_) | Err(_) => lines.push(error.to_string()),
    }
    lines.join("\n")
}
