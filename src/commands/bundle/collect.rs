//! Collects the files: all parts at once, each bounded in time, and what cannot be had is noted with its reason.

use std::future::Future;
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{declared, probes};
use crate::bundle::{Body, Bundle};
use crate::commands::context::Context;
use crate::commands::doctor;
use crate::commands::stack::Stack;
use crate::commands::status;
use crate::commands::up::State;
use crate::docker::DockerEngine;
use crate::engine::backend::{Backend, LogLine, LogOptions};
use crate::engine::observed::ContainerSummary;
use crate::engine::reconcile::UpOptions;
use crate::failure::Failure;
use crate::governance::session::CATALOGS;
use crate::governance::token::Store;
use crate::model::{self, render};
use crate::pipeline::mask;
use crate::pipeline::status::Fact;

/// Time until the engine must have answered.
const OPEN: Duration = Duration::from_secs(4);
/// Time for each part after that; all are asked at once.
const PART: Duration = Duration::from_secs(5);
/// Lines of each container's log.
const LINES: usize = 2_000;
/// What doctor.json is.
const VERDICTS: &str = "verdicts of `pipectl doctor`";
/// Where Linux tells how its memory is used.
const MEMINFO: &str = "/proc/meminfo";

/// The name of the project, where it can be read, and all that could be collected.
pub(super) async fn everything(context: &Context, created: &str) -> (Option<String>, Bundle) {
    let mut bundle = Bundle::default();
    let version = env!("CARGO_PKG_VERSION");
    let platform = format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH);
    bundle.about = vec![("pipectl", version.to_owned()), ("platform", platform), ("created", created.to_owned())];
    bundle.secrets.add_variables(context.variables());
    let project = project(context, &mut bundle);
    match std::fs::read_to_string(MEMINFO) {
        Ok(text) => bundle.add("meminfo.txt", "memory of the machine that pipectl runs on", Body::Text(text)),
        Err(error) => bundle.miss("meminfo.txt", format!("{MEMINFO}: {error}")),
    }
    let opened = bounded(OPEN, async { Stack::open(context).await.map_err(|failure| words(&failure)) }).await;
    match opened {
        Ok(stack) => {
            let parts = of_stack(context, &stack).await;
            store_tokens(&stack, &mut bundle);
            declared::add_named(context, &stack, &mut bundle);
            for part in parts {
                part.put(&mut bundle);
            }
        }
        Err(why) => {
            let examined = bounded(PART, async { Ok(doctor::examine(context).await) }).await;
            Part::File("doctor.json".to_owned(), VERDICTS, examined.and_then(|report| as_json(&report)))
                .put(&mut bundle);
            for what in ["engine.json", "plan.txt", "status.json", "probes.json", "containers/", "logs/"] {
                bundle.miss(what, why.clone());
            }
        }
    }
    (project, bundle)
}

/// The project as `config` prints it.
fn project(context: &Context, bundle: &mut Bundle) -> Option<String> {
    match context.quiet_project() {
        Ok(project) => {
            bundle.about.push(("project", project.name.clone()));
            for service in project.services.values() {
                bundle.secrets.add_variables(&service.environment);
                if let Some(credentials) = &service.ext.credentials {
                    bundle.secrets.add(&credentials.password);
                }
            }
            for secret in project.secrets.values() {
                bundle.secrets.add(&String::from_utf8_lossy(secret.content.reveal()));
            }
            if let Ok(variables) = context.load_options().and_then(|options| Ok(model::environment(options)?)) {
                bundle.secrets.add_variables(&variables);
                // What is derived from the key stands in the connector's configuration.
                if let Some(key) = variables.get(mask::KEY) {
                    bundle.secrets.add(&mask::salt(key));
                }
            }
            bundle.add("config.yaml", "the project, as `pipectl config` prints it", Body::Yaml(render::json(&project)));
            declared::add(&project, bundle);
            Some(project.name)
        }
        Err(failure) => {
            bundle.miss("config.yaml", words(&failure));
            None
        }
    }
}

/// The stored tokens of the catalogs are secret too.
fn store_tokens(stack: &Stack, bundle: &mut Bundle) {
    for catalog in CATALOGS {
        // One that cannot be read cannot be in a log either, and its shape is known.
        if let Ok(Some(token)) = Store::new(&stack.state_dir().join(catalog.service)).read() {
            bundle.secrets.add(token.reveal());
        }
    }
}

/// A part of the bundle that was asked for.
enum Part {
    /// A file, or why there is none.
    File(String, &'static str, Result<Body, String>),
    /// A container's inspection, which also tells what is secret.
    Inspection(String, Result<Value, String>),
}

impl Part {
    fn put(self, bundle: &mut Bundle) {
        match self {
            Self::File(path, about, Ok(body)) => bundle.add(path, about, body),
            Self::File(path, _, Err(why)) | Self::Inspection(path, Err(why)) => bundle.miss(path, why),
            Self::Inspection(path, Ok(value)) => {
                bundle.secrets.add_inspection(&value);
                bundle.add(path, "the engine's inspection of the container", Body::Json(value));
            }
        }
    }
}

async fn of_stack(context: &Context, stack: &Stack) -> Vec<Part> {
    let engine = async {
        let body = bounded(PART, engine_facts(&stack.engine)).await.map(Body::Json);
        vec![Part::File("engine.json".to_owned(), "the container engine", body)]
    };
    let asked = async {
        let answers = bounded(PART, probes::answers(stack)).await.and_then(|answers| as_json(&answers));
        vec![Part::File("probes.json".to_owned(), "what each readiness probe is told", answers)]
    };
    let (engine, judged, status, connector, asked, containers) = tokio::join!(
        engine,
        Box::pin(judged(context, stack)),
        Box::pin(state_of_data(stack)),
        Box::pin(connector(stack)),
        Box::pin(asked),
        containers(stack)
    );
    [engine, judged, status, connector, asked, containers].into_iter().flatten().collect()
}

async fn engine_facts(engine: &DockerEngine) -> Result<Value, String> {
    let info = engine.info().await.map_err(|error| error.to_string())?;
    Ok(json!({
        "address": info.address, "chosen_by": engine.chosen_by(), "version": info.version,
        "api": format!("{}.{}", info.api.0, info.api.1), "memory": info.memory, "cpus": info.cpus,
        "data_root": info.data_root, "storage_driver": info.storage_driver, "platform": info.platform,
        "kernel": info.kernel, "clock": info.clock, "proxy": info.proxy
    }))
}

/// The plan of `up` and doctor's verdicts: both begin with the inputs of every image, which are read once.
async fn judged(context: &Context, stack: &Stack) -> Vec<Part> {
    let judged = bounded(PART, async {
        let state = State::read(stack).await;
        let report = as_json(&doctor::examine_state(context, stack, &state).await);
        let plan = state.and_then(|state| {
            let options = UpOptions { images_present: state.present(), ..UpOptions::default() };
            state.plan(stack, &options)
        });
        Ok((report, plan.map(|plan| Body::Text(plan.to_string())).map_err(|failure| words(&failure))))
    });
    let (report, plan) = judged.await.unwrap_or_else(|why| (Err(why.clone()), Err(why)));
    vec![
        Part::File("doctor.json".to_owned(), VERDICTS, report),
        Part::File("plan.txt".to_owned(), "what `pipectl up` would do, and why", plan),
    ]
}

/// The connector's configuration, as Connect has it.
async fn connector(stack: &Stack) -> Vec<Part> {
    let Some(pipeline) = &stack.pipeline else { return Vec::new() };
    let name = &pipeline.spec.connector;
    let config = async {
        let connect = pipeline.connect().await.map_err(|error| error.to_string())?;
        let config = connect.config(name).await.map_err(|error| error.to_string())?;
        as_json(&config.ok_or_else(|| format!("there is no connector {name}"))?)
    };
    let about = "the connector's configuration, as Connect has it";
    vec![Part::File("connector-config.json".to_owned(), about, bounded(PART, config).await)]
}

/// `status --json`, and the parts of it that are looked at first in files of their own.
async fn state_of_data(stack: &Stack) -> Vec<Part> {
    let gathered = bounded(PART, async { status::gather(stack).await.map_err(|failure| words(&failure)) }).await;
    let mut parts = Vec::new();
    match gathered.as_ref().map(|status| status.pipeline.as_ref()) {
        Ok(Some(pipeline)) => {
            parts.push(of_fact("connector.json", "connector and tasks with their stack traces", &pipeline.connector));
            parts.push(of_fact("jobs.json", "states of the Spark jobs", &pipeline.jobs));
            parts.push(of_fact("topics.json", "topics with the offset of their next message", &pipeline.topics));
        }
        Ok(None) => {
            for file in ["connector.json", "jobs.json", "topics.json"] {
                let why = "the project has no pipeline, or nothing of it runs".to_owned();
                parts.push(Part::File(file.to_owned(), "", Err(why)));
            }
        }
        // status.json says why.
        Err(_) => {}
    }
    let body = gathered.and_then(|status| as_json(&status));
    parts.push(Part::File("status.json".to_owned(), "`pipectl status --json`", body));
    parts
}

fn of_fact<T: Serialize>(path: &str, about: &'static str, fact: &Fact<T>) -> Part {
    let body = match fact {
        Fact::Known(value) => as_json(value),
        Fact::Unknown(why) => Err(why.clone()),
    };
    Part::File(path.to_owned(), about, body)
}

/// Inspection and log of every container of the project.
async fn containers(stack: &Stack) -> Vec<Part> {
    let listed =
        bounded(PART, async { stack.engine.containers(&stack.project.name).await.map_err(|error| error.to_string()) });
    match listed.await {
        Ok(containers) => {
            let parts = join_all(containers.iter().map(|container| of_container(&stack.engine, container))).await;
            parts.into_iter().flatten().collect()
        }
        Err(why) => ["containers/", "logs/"].map(|path| Part::File(path.to_owned(), "", Err(why.clone()))).into(),
    }
}

async fn of_container(engine: &DockerEngine, container: &ContainerSummary) -> [Part; 2] {
    let inspect = async { engine.inspect_json(&container.id).await.map_err(|error| error.to_string()) };
    let (inspection, log) = tokio::join!(bounded(PART, inspect), bounded(PART, log(engine, &container.id)));
    [
        Part::Inspection(format!("containers/{}.json", container.name), inspection),
        Part::File(
            format!("logs/{}.log", container.name),
            "its last lines, with the engine's time stamps",
            log.map(Body::Text),
        ),
    ]
}

async fn log(engine: &DockerEngine, container: &str) -> Result<String, String> {
    let options = LogOptions { tail: Some(LINES), ..LogOptions::default() };
    let (sender, mut receiver) = mpsc::channel::<LogLine>(1_024);
    let collect = async {
        let mut text = String::new();
        while let Some(line) = receiver.recv().await {
            text.push_str(&line.time);
            text.push(' ');
            text.push_str(&line.text);
            text.push('\n');
        }
        text
    };
    let (ended, text) = tokio::join!(engine.follow_logs(container, &options, sender), collect);
    ended.map(|()| text).map_err(|error| error.to_string())
}

fn as_json(value: &impl Serialize) -> Result<Body, String> {
    serde_json::to_value(value).map(Body::Json).map_err(|error| error.to_string())
}

async fn bounded<T>(limit: Duration, ask: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    // On the heap: several of these side by side make a future too large for a caller's stack.
    tokio::time::timeout(limit, Box::pin(ask))
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", limit.as_secs())))
}

/// A failure in one line.
pub(super) fn words(failure: &Failure) -> String {
    std::iter::once(&failure.message).chain(&failure.causes).cloned().collect::<Vec<_>>().join(": ")
}
