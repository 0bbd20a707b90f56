//! Routes beside those of entities and graph: runs, measurements, usage, search, connection tests.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post, put};
use axum::{Extension, Router};
use serde_json::{Value, json};

use super::super::access::Principal;
use super::super::entity;
use super::super::entity::list::Include;
use super::super::error::{CatalogError, Result};
use super::super::ingestions;
use super::super::kinds::shapes::{PROFILER, SAMPLES};
use super::super::kinds::{self, Kind};
use super::super::profile;
use super::super::runs;
use super::super::search::{self, Filter, Scope};
use super::super::shape::{self, Field};
use super::super::usage;
use super::answer;
use super::request::{self, By, Parameters};
use super::{Base, Shared};

/// What a client tests before it reads a system: name, meaning, whether it must work.
type Steps = &'static [(&'static str, &'static str, bool)];

/// Connection tests by service type. The optional steps fail on a plain installation and only warn.
const TESTS: [(&str, Steps); 3] = [
    (
        "Postgres",
        &[
            ("CheckAccess", "Connects to the database.", true),
            ("GetDatabases", "Lists the databases.", true),
            ("GetSchemas", "Lists the schemas.", true),
            ("GetTables", "Lists the tables of a schema.", true),
            ("GetViews", "Lists the views of a schema.", false),
            ("GetTags", "Reads policy tags.", false),
            ("GetQueries", "Reads executed queries; needs pg_stat_statements.", false),
        ],
    ),
    (
        "Kafka",
        &[
            ("GetTopics", "Lists the topics.", true),
            ("CheckSchemaRegistry", "Asks the schema registry, where there is one.", false),
        ],
    ),
    (
        "KafkaConnect",
        &[
            ("GetClusterInfo", "Asks for the version of Kafka Connect.", true),
            ("GetPipelines", "Lists the connectors.", true),
            ("GetPlugins", "Lists the connector classes.", false),
        ],
    ),
];

/// The routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/services/testConnectionDefinitions/name/{name}", get(connection_test))
        .route("/pipelines/{id}/status", put(report_run).get(list_runs))
        .route("/pipelines/{id}/status/{timestamp}", delete(remove_run))
        .route("/tables/{id}/tableProfile", put(report_profile))
        .route("/tables/{id}/tableProfile/latest", get(read_profile))
        .route("/tables/{id}/tableProfilerConfig", attached(&PROFILER_CONFIG))
        .route("/topics/{id}/sampleData", attached(&SAMPLE_DATA))
        .route("/services/ingestionPipelines/{id}/pipelineStatus", put(report_ingestion).get(list_ingestions))
        .route("/services/ingestionPipelines/{id}/pipelineStatus/{run}", get(read_ingestion))
        .route("/services/ingestionPipelines/progress/{id}/{run}", put(report_progress))
        .route("/system/settings/profilerConfiguration", get(profiler_configuration))
        .route("/usage/{kind}/{id}", usage_of(By::Id))
        .route("/usage/{kind}/name/{id}", usage_of(By::Name))
        .route("/usage/compute.percentile/{kind}/{date}", post(rank))
        .route("/search/fieldQuery", get(by_field))
        .route("/search/query", get(by_words))
}

/// A field of an entity with a route of its own.
#[derive(Debug)]
struct Attached {
    kind: &'static str,
    field: &'static str,
    shape: &'static [Field],
    /// A setting is a change of the entity, a sample is not.
    is_setting: bool,
}

static PROFILER_CONFIG: Attached =
    Attached { kind: "table", field: "tableProfilerConfig", shape: PROFILER, is_setting: true };
static SAMPLE_DATA: Attached = Attached { kind: "topic", field: "sampleData", shape: SAMPLES, is_setting: false };

fn attached(what: &'static Attached) -> MethodRouter<Shared> {
    put(attach).get(read_attached).delete(detach).layer(Extension(what))
}

fn usage_of(by: By) -> MethodRouter<Shared> {
    put(report_usage).post(report_usage).get(read_usage).layer(Extension(by))
}

async fn connection_test(Path(name): Path<String>) -> Result<Response> {
    let service = name.strip_suffix(".testConnectionDefinition").unwrap_or(&name);
    let Some((_, steps)) = TESTS.iter().find(|(known, _)| *known == service) else {
        return Err(CatalogError::missing("testConnectionDefinition", name));
    };
    let steps: Vec<Value> = steps
        .iter()
        .map(|(name, description, mandatory)| json!({"name": name, "description": description, "mandatory": mandatory}))
        .collect();
    let definition = format!("{service}.testConnectionDefinition");
    let display = format!("{service} Test Connection");
    Ok(answer::ok(&json!({
        "name": service, "fullyQualifiedName": definition, "displayName": display, "steps": steps, "deleted": false,
    })))
}

async fn report_run(
    State(app): State<Shared>,
    Extension(base): Extension<Base>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response> {
    let body = request::json(&body)?;
    let document = app
        .write(move |_, writing| {
            let pipeline = By::Name.find(writing, pipelines()?, &name, Include::NonDeleted)?;
            answer::shown(writing, &runs::report(writing, &pipeline, body)?, &base)
        })
        .await?;
    Ok(answer::ok(&document))
}

async fn list_runs(State(app): State<Shared>, Path(name): Path<String>, parameters: Parameters) -> Result<Response> {
    let (start, end) = (parameters.time("startTs", 0)?, parameters.time("endTs", i64::MAX)?);
    let limit = parameters.number("limit", 100, 1000)?;
    let found = app
        .read(move |_, view| {
            let pipeline = By::Name.find(view, pipelines()?, &name, Include::All)?;
            runs::between(view, pipeline.id(), start, end)
        })
        .await?;
    let total = found.len();
    let data: Vec<Value> = found.into_iter().take(limit).collect();
    Ok(answer::ok(&json!({"data": data, "paging": {"total": total}})))
}

async fn remove_run(
    State(app): State<Shared>,
    Extension(base): Extension<Base>,
    Path((name, timestamp)): Path<(String, i64)>,
) -> Result<Response> {
    let document = app
        .write(move |_, writing| {
            let pipeline = By::Name.find(writing, pipelines()?, &name, Include::All)?;
            answer::shown(writing, &runs::remove(writing, &pipeline, timestamp)?, &base)
        })
        .await?;
    Ok(answer::ok(&document))
}

async fn report_profile(
    State(app): State<Shared>,
    Extension(base): Extension<Base>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response> {
    let body = request::json(&body)?;
    let document = app
        .write(move |_, writing| {
            let table = By::Id.find(writing, kinds::named("table")?, &id, Include::NonDeleted)?;
            answer::shown(writing, &profile::report(writing, &table, body)?, &base)
        })
        .await?;
    Ok(answer::ok(&document))
}

/// By name, as the interface has it, though the measurement is reported by id.
async fn read_profile(
    State(app): State<Shared>,
    Extension(base): Extension<Base>,
    Path(name): Path<String>,
) -> Result<Response> {
    let document = app
        .read(move |_, view| {
            let table = By::Name.find(view, kinds::named("table")?, &name, Include::NonDeleted)?;
            answer::shown(view, &table, &base)
        })
        .await?;
    Ok(answer::ok(&document))
}

async fn attach(
    State(app): State<Shared>,
    Extension(what): Extension<&'static Attached>,
    Extension(base): Extension<Base>,
    Extension(who): Extension<Principal>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response> {
    let Value::Object(mut value) = request::json(&body)? else {
        return Err(CatalogError::bad(format!("{} is a JSON object", what.field)));
    };
    shape::check(&mut value, &[what.shape])?;
    changed(&app, what, base, who, id, Some(Value::Object(value))).await
}

async fn detach(
    State(app): State<Shared>,
    Extension(what): Extension<&'static Attached>,
    Extension(base): Extension<Base>,
    Extension(who): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Response> {
    changed(&app, what, base, who, id, None).await
}

async fn changed(
    app: &Shared,
    what: &'static Attached,
    base: Base,
    who: Principal,
    id: String,
    value: Option<Value>,
) -> Result<Response> {
    let document = app
        .write(move |_, writing| {
            let entity = By::Id.find(writing, kinds::named(what.kind)?, &id, Include::NonDeleted)?;
            let entity = if what.is_setting {
                entity::set(writing, &entity, what.field, value, &who)?
            } else {
                entity::attach(writing, &entity, what.field, value)?
            };
            answer::shown(writing, &entity, &base)
        })
        .await?;
    Ok(answer::ok(&document))
}

async fn read_attached(
    State(app): State<Shared>,
    Extension(what): Extension<&'static Attached>,
    Extension(base): Extension<Base>,
    Path(id): Path<String>,
) -> Result<Response> {
    let document = app
        .read(move |_, view| {
            let entity = By::Id.find(view, kinds::named(what.kind)?, &id, Include::NonDeleted)?;
            answer::shown(view, &entity, &base)
        })
        .await?;
    Ok(answer::ok(&document))
}

async fn report_ingestion(
    State(app): State<Shared>,
    Extension(base): Extension<Base>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response> {
    let body = request::json(&body)?;
    let document = app
        .write(move |_, writing| {
            let pipeline = By::Name.find(writing, ingestion()?, &name, Include::NonDeleted)?;
            answer::shown(writing, &ingestions::report(writing, &pipeline, body)?, &base)
        })
        .await?;
    Ok(answer::ok(&document))
}

async fn report_progress(
    State(app): State<Shared>,
    Extension(base): Extension<Base>,
    Path((name, run)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response> {
    let body = request::json(&body)?;
    let document = app
        .write(move |_, writing| {
            let pipeline = By::Name.find(writing, ingestion()?, &name, Include::NonDeleted)?;
            answer::shown(writing, &ingestions::progress(writing, &pipeline, &run, body)?, &base)
        })
        .await?;
    Ok(answer::ok(&document))
}

async fn list_ingestions(
    State(app): State<Shared>,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Response> {
    let (start, end) = (parameters.time("startTs", 0)?, parameters.time("endTs", i64::MAX)?);
    let limit = parameters.number("limit", 100, 1000)?;
    let found = app
        .read(move |_, view| {
            let pipeline = By::Name.find(view, ingestion()?, &name, Include::All)?;
            ingestions::between(view, pipeline.id(), start, end)
        })
        .await?;
    let total = found.len();
    let data: Vec<Value> = found.into_iter().take(limit).collect();
    Ok(answer::ok(&json!({"data": data, "paging": {"total": total}})))
}

async fn read_ingestion(State(app): State<Shared>, Path((name, run)): Path<(String, String)>) -> Result<Response> {
    let found = app
        .read(move |_, view| {
            let pipeline = By::Name.find(view, ingestion()?, &name, Include::All)?;
            let found = ingestions::find(view, pipeline.id(), &run)?;
            found.map(Value::Object).ok_or_else(|| CatalogError::missing("pipelineStatus", run))
        })
        .await?;
    Ok(answer::ok(&found))
}

/// What a profiler computes where nobody has set it otherwise: everything. There is none here, so it cannot be set.
async fn profiler_configuration() -> Response {
    answer::ok(&json!({"config_type": "profilerConfiguration", "config_value": {"metricConfiguration": []}}))
}

async fn report_usage(
    State(app): State<Shared>,
    Extension(by): Extension<By>,
    Extension(base): Extension<Base>,
    Path((kind, text)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response> {
    let (kind, body) = (kinds::named(&kind)?, request::json(&body)?);
    let usage = app
        .write(move |_, writing| {
            let entity = usage::report(writing, &by.find(writing, kind, &text, Include::NonDeleted)?, body)?;
            Ok(usage::answer(writing, &entity, &base.0))
        })
        .await?;
    Ok(answer::document(StatusCode::CREATED, &usage))
}

async fn read_usage(
    State(app): State<Shared>,
    Extension(by): Extension<By>,
    Extension(base): Extension<Base>,
    Path((kind, text)): Path<(String, String)>,
) -> Result<Response> {
    let kind = kinds::named(&kind)?;
    let usage = app
        .read(move |_, view| {
            let entity = by.find(view, kind, &text, Include::NonDeleted)?;
            Ok(usage::answer(view, &entity, &base.0))
        })
        .await?;
    Ok(answer::ok(&usage))
}

async fn rank(State(app): State<Shared>, Path((kind, date)): Path<(String, String)>) -> Result<Response> {
    let kind = kinds::named(&kind)?;
    app.write(move |_, writing| usage::rank(writing, kind, &date)).await?;
    Ok(answer::done())
}

async fn by_field(
    State(app): State<Shared>,
    Extension(base): Extension<Base>,
    parameters: Parameters,
) -> Result<Response> {
    let scope = scope(&parameters)?;
    let field = parameters.required("fieldName")?.to_owned();
    let pattern = parameters.required("fieldValue")?.to_owned();
    let hits = app.read(move |_, view| search::by_field(view, &field, &pattern, &scope, &base.0)).await?;
    Ok(answer::ok(&hits))
}

async fn by_words(
    State(app): State<Shared>,
    Extension(base): Extension<Base>,
    parameters: Parameters,
) -> Result<Response> {
    let scope = scope(&parameters)?;
    let query = parameters.get("q").unwrap_or_default().to_owned();
    let hits = app.read(move |_, view| search::by_words(view, &query, &scope, &base.0)).await?;
    Ok(answer::ok(&hits))
}

fn scope(parameters: &Parameters) -> Result<Scope> {
    let deleted = parameters.flag("deleted")?;
    // `_score` is the order of a search engine by likeness; here every hit is as good as another.
    let sort = parameters.get("sort_field").filter(|field| *field != "_score");
    let order = parameters.get("sort_order").unwrap_or("asc");
    if !["asc", "desc"].contains(&order) {
        return Err(CatalogError::bad(format!("query param sort_order: `{order}` is neither asc nor desc")));
    }
    Ok(Scope {
        index: parameters.get("index").map(str::to_owned),
        from: parameters.number("from", 0, 1_000_000)?,
        size: parameters.number("size", 10, 10_000)?,
        include: if deleted { Include::Deleted } else { Include::NonDeleted },
        after: parameters.get("search_after").map(str::to_owned),
        filter: parameters.get("query_filter").map(Filter::parse).transpose()?,
        sort: sort.filter(|field| *field != "fullyQualifiedName" || order == "desc").map(str::to_owned),
        descending: order == "desc",
        fields: parameters.get("include_source_fields").map(|fields| fields.split(',').map(str::to_owned).collect()),
    })
}

fn ingestion() -> Result<&'static Kind> {
    kinds::named("ingestionPipeline")
}

fn pipelines() -> Result<&'static Kind> {
    kinds::named("pipeline")
}
