//! `pipectl ingest --with official`: `OpenMetadata`'s own client, unmodified, in a container for each service that it reads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cli::IngestArgs;
use crate::commands::Exit;
use crate::commands::context::{Context, unwritable};
use crate::commands::progress::Progress;
use crate::commands::run::{Running, run as run_plan};
use crate::commands::stack::Stack;
use crate::commands::up::State;
use crate::engine::backend::{Backend, ContainerSpec, LogLine, LogOptions};
use crate::engine::observed::RunState;
use crate::engine::plan::{Action, Operation, Plan};
use crate::engine::transfer::Transfer;
use crate::exit;
use crate::failure::Failure;
use crate::governance::official::{Access, SERVICES, VERSION, Workflow, workflows};
use crate::governance::session;
use crate::images::{Options, Provider};
use crate::ui::table::Table;
use crate::ui::{Mark, STOPPING};

/// The Compose service of the client, and the profile that it is in.
const SERVICE: &str = "openmetadata-client";
const PROFILE: &str = "official-client";
/// The client's user in its image.
const USER: u64 = 10_004;
/// Lines of the client's log that are shown when it fails.
const LINES: usize = 20;
/// Between two looks at a container whose log has ended.
const LOOK: Duration = Duration::from_millis(50);

const QUESTION: &str = "openmetadata-ingestion is under the Collate Community License Agreement 1.0 (free to use, not to be \
                        offered to others as an online service). Accept it, download the client and run it?";

/// What came of one workflow.
#[derive(Serialize)]
struct Outcome {
    service: &'static str,
    connector: &'static str,
    exit_code: i64,
    seconds: f64,
    #[serde(skip)]
    log: Vec<String>,
}

pub(super) async fn run(context: &Context, arguments: &IngestArgs, services: &BTreeSet<&'static str>) -> Exit {
    let readable: BTreeSet<&'static str> = SERVICES.into_iter().filter(|name| services.contains(name)).collect();
    if readable.is_empty() {
        let failure = Failure::usage("OpenMetadata's client reads neither Delta on HDFS nor these Spark jobs");
        return Err(failure.hint(format!("it reads {}; `pipectl ingest` reads everything", SERVICES.join(", "))));
    }
    if !accepted(context, arguments.accept_licence)? {
        return Ok(exit::FAILED);
    }
    let stack = Stack::open_with_profile(context, PROFILE).await?;
    let pipeline = stack.pipeline()?.clone();
    if !stack.project.services.contains_key(SERVICE) {
        let failure = Failure::usage(format!("the Compose files have no service {SERVICE} in the profile {PROFILE}"));
        return Err(failure.hint("take it over from compose/governance.yaml of a new project: `pipectl init DIR`"));
    }
    // A token that the catalog accepts, before anything is downloaded.
    let session::Found { endpoint, catalog } = session::open(&pipeline, None).await?;
    if catalog.version() != VERSION {
        let (served, service) = (catalog.version(), endpoint.service);
        let failure =
            format!("{service} has version {served}, and OpenMetadata's client {VERSION} works with {VERSION} alone");
        return Err(Failure::usage(failure)
            .hint("`pipectl ingest` reads the same with pipectl's own collectors, for any version")
            .hint("or unset OM_VERSION: the server of the Compose files has the client's version"));
    }
    let Some((token, _)) = session::known(&pipeline, endpoint)? else {
        return Err(Failure::stack("there is no token").hint("`pipectl token refresh` gets one from the catalog"));
    };
    let (source, destination) = (pipeline.source_role(), pipeline.destination_role());
    let access = Access {
        server: &format!("http://{}:{}/api", endpoint.service, endpoint.port),
        token: token.reveal(),
        source: (&source.0, &source.1),
        destination: (&destination.0, &destination.1),
    };
    let workflows = workflows(&pipeline.spec, &readable, &access);
    let container = image(context, &stack).await?;
    let outcomes = all(context, &stack, &container, &workflows).await?;
    show(context, arguments.json, &outcomes)
}

/// Whether the licence is accepted: by the option, else by a person.
fn accepted(context: &Context, yes: bool) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    let answer = context.ui.confirm(QUESTION).map_err(|error| {
        Failure::usage("OpenMetadata's client is only used after its licence was accepted: Collate Community License Agreement 1.0")
            .because(error.to_string())
            .hint("`pipectl ingest --with official --accept-licence` accepts it; `pipectl ingest` needs no such client")
    })?;
    if !answer {
        context.ui.note("nothing was downloaded, nothing was read; `pipectl ingest` needs no such client");
    }
    Ok(answer)
}

/// The container to make, its image made where it is missing.
async fn image(context: &Context, stack: &Stack) -> Result<ContainerSpec, Failure> {
    let state = State::read(stack).await?;
    let container = state.desired(stack)?.container(SERVICE, 1);
    let container = container.ok_or_else(|| Failure::stack(format!("service {SERVICE} cannot be described")))?;
    if state.present().contains(&container.image) {
        return Ok(container);
    }
    let operation = Operation {
        optional: false,
        instead: None,
        in_place_of: Vec::new(),
        action: Action::EnsureImage { reference: container.image.clone() },
        cause: "not there".to_owned(),
        service: None,
        after: Vec::new(),
        after_ended: Vec::new(),
        on_change: false,
    };
    let plan = Plan { operations: vec![operation], ..Plan::default() };
    let images = Arc::new(Provider::new(stack.backend(), state.catalogue, Options::default()));
    let told = |_: &_| "the client is here".to_owned();
    run_plan(context, stack, &plan, &Running { images, ..Running::plain("ingest --with official", &told) }).await?;
    Ok(container)
}

/// Every workflow, one after the other; one that fails does not hinder the others.
async fn all(
    context: &Context,
    stack: &Stack,
    container: &ContainerSpec,
    workflows: &[Workflow],
) -> Result<Vec<Outcome>, Failure> {
    let stop = context.ui.interrupts(Some(STOPPING)).map_err(|error| unwritable(&error))?;
    let announced = workflows.iter().map(|workflow| ("read", workflow.service.to_owned())).collect();
    let progress = Progress::begin(context, "ingest", &stack.project.name, announced);
    let mut outcomes = Vec::new();
    let mut broken = Ok(());
    for (id, workflow) in workflows.iter().enumerate() {
        let task = progress.start(id);
        let ran = one(stack, container, workflow, &stop).await;
        let code = ran.as_ref().map(|outcome| outcome.exit_code).map_err(Clone::clone);
        let verdict = code.and_then(|code| match code {
            0 => Ok(()),
            code => Err(Failure::stack(format!("the client ended with code {code}"))),
        });
        // An end with another code than 0 is told here, and once more with its log when all have run.
        let shown = task.ended(verdict, |()| "complete".to_owned());
        let Ok(outcome) = ran else {
            broken = shown;
            break;
        };
        outcomes.push(outcome);
    }
    let good = outcomes.iter().filter(|outcome| outcome.exit_code == 0).count();
    progress.end(broken, &format!("{good} of {} services read by the official client", workflows.len())).await?;
    Ok(outcomes)
}

/// One workflow in a container of its own, which is gone afterwards whatever came of it.
async fn one(
    stack: &Stack,
    container: &ContainerSpec,
    workflow: &Workflow,
    stop: &CancellationToken,
) -> Result<Outcome, Failure> {
    let engine = stack.engine.as_ref();
    let began = Instant::now();
    // One that a killed run has left.
    engine.remove_container(&container.name).await?;
    let id = engine.create_container(container).await?;
    let ended = tokio::select! {
        ended = to_its_end(stack, &id, workflow) => ended,
        () = stop.cancelled() => Err(Failure::new(exit::INTERRUPTED, "interrupted")),
    };
    let removed = engine.remove_container(&id).await;
    let (exit_code, log) = ended?;
    removed?;
    let Workflow { service, connector, .. } = *workflow;
    Ok(Outcome { service, connector, exit_code, seconds: began.elapsed().as_secs_f64(), log })
}

async fn to_its_end(stack: &Stack, id: &str, workflow: &Workflow) -> Result<(i64, Vec<String>), Failure> {
    let engine = stack.engine.as_ref();
    let archive = archive(engine.upload_root(), workflow)
        .map_err(|error| Failure::stack("the workflow cannot be packed").because(error.to_string()))?;
    let archive = futures_util::stream::iter([Ok(bytes::Bytes::from(archive))]);
    engine.write_volume(id, Box::pin(archive)).await?;
    engine.start(id).await?;
    let (sender, mut receiver) = mpsc::channel::<LogLine>(64);
    let options = LogOptions { follow: true, ..LogOptions::default() };
    let mut last = std::collections::VecDeque::new();
    let keep = async {
        while let Some(line) = receiver.recv().await {
            tracing::debug!(service = workflow.service, "{}", line.text);
            if last.len() == LINES {
                last.pop_front();
            }
            last.push_back(line.text);
        }
    };
    let (followed, ()) = tokio::join!(engine.follow_logs(id, &options, sender), keep);
    followed?;
    loop {
        let detail = engine.inspect(id).await?;
        if detail.state != RunState::Running {
            return Ok((detail.exit_code, last.into()));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The configuration as a file that the client's user alone can read.
fn archive(root: &str, workflow: &Workflow) -> std::io::Result<Vec<u8>> {
    let text = serde_yaml::to_string(&workflow.configuration).map_err(std::io::Error::other)?;
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o400);
    header.set_uid(USER);
    header.set_gid(USER);
    header.set_size(text.len() as u64);
    builder.append_data(&mut header, format!("{root}/workflow.yaml"), text.as_bytes())?;
    builder.into_inner()
}

fn show(context: &Context, json: bool, outcomes: &[Outcome]) -> Exit {
    if json {
        context.json(&outcomes)?;
    } else {
        let mut table = Table::new(["SERVICE", "WORKFLOW", "EXIT CODE", "RESULT"]);
        for outcome in outcomes {
            let (mark, result) = if outcome.exit_code == 0 { (Mark::Good, "complete") } else { (Mark::Bad, "failed") };
            let code = outcome.exit_code.to_string();
            table.marked(mark, [outcome.service, outcome.connector, &code, result].map(str::to_owned));
        }
        context.out(&table.render(context.ui.width()))?;
    }
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.exit_code != 0).collect();
    if failed.is_empty() {
        return Ok(exit::OK);
    }
    let named = failed.iter().map(|outcome| outcome.service).collect::<Vec<_>>().join(", ");
    let failure = Failure::stack(format!("OpenMetadata's client has not read {named} completely"));
    let failure = failed.into_iter().fold(failure, |failure, outcome| {
        failure.evidence(format!("the client's log, {}", outcome.service), outcome.log.clone())
    });
    Err(failure.hint("`pipectl ingest` reads the same with pipectl's own collectors"))
}
