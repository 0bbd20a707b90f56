//! A project together with the engine it runs on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use crate::docker::{self, DockerEngine};
use crate::engine::backend::Backend;
use crate::engine::observe::observe;
use crate::engine::observed::Observed;
use crate::engine::reconcile::DEFAULT_GRACE;
use crate::failure::Failure;
use crate::model::{self, Project};
use crate::pipeline::Pipeline;
use crate::pipeline::address::Addresses;
use crate::pipeline::spec;

/// A loaded project, a connected engine, and the pipeline where the project has one.
pub struct Stack {
    /// The project.
    pub project: Arc<Project>,
    /// The engine.
    pub engine: Arc<DockerEngine>,
    /// Ways to the servers.
    pub addresses: Arc<Addresses>,
    /// The pipeline, when the Compose files name a pipeline.yml.
    pub pipeline: Option<Arc<Pipeline>>,
}

impl Stack {
    /// Loads the project, connects to the engine. Touches nothing.
    pub async fn open(context: &Context) -> Result<Self, Failure> {
        Self::open_with(context, spec::load).await
    }

    /// The same for a command that starts the pipeline: its SQL files are checked as well.
    pub async fn open_checked(context: &Context) -> Result<Self, Failure> {
        Self::open_with(context, spec::load_with_statements).await
    }

    async fn open_with(context: &Context, load: Loader) -> Result<Self, Failure> {
        Self::of(context, Arc::new(context.project()?), load).await
    }

    /// The same with services of a profile that is off otherwise.
    pub async fn open_with_profile(context: &Context, profile: &str) -> Result<Self, Failure> {
        Self::of(context, Arc::new(context.project_with(profile)?), spec::load).await
    }

    async fn of(context: &Context, project: Arc<Project>, load: Loader) -> Result<Self, Failure> {
        let environment = model::environment(context.load_options()?)?;
        let spec = pipeline_spec(&project, &environment, load)?;
        let engine = Arc::new(docker::connect(context.global.host.as_deref()).await?);
        let backend: Arc<dyn Backend> = engine.clone();
        let addresses = Arc::new(Addresses::new(backend, project.name.as_str(), engine.host()));
        let pipeline = spec.map(|(spec, root)| {
            Arc::new(Pipeline::new(Arc::new(spec), root, project.clone(), addresses.clone(), environment))
        });
        Ok(Self { project, engine, addresses, pipeline })
    }

    /// The engine as the seam that the other layers know.
    pub fn backend(&self) -> Arc<dyn Backend> {
        self.engine.clone()
    }

    /// What is there now.
    pub async fn observe(&self) -> Result<Observed, Failure> {
        Ok(observe(self.engine.as_ref(), &self.project).await?)
    }

    /// The pipeline, or a failure that says what is missing.
    pub fn pipeline(&self) -> Result<&Arc<Pipeline>, Failure> {
        self.pipeline.as_ref().ok_or_else(|| {
            Failure::usage("this project has no pipeline")
                .hint("name one in the Compose file: `x-pipectl: {pipeline: pipeline.yml}`")
        })
    }

    /// Where pipectl keeps notes about this project between two commands. `reset all` removes it.
    pub fn state_dir(&self) -> PathBuf {
        state_dir(&self.project)
    }

    /// Time until SIGKILL of a service.
    pub fn grace(&self, service: &str) -> Duration {
        let own = self.project.services.get(service).and_then(|service| service.stop_grace_period);
        own.unwrap_or(DEFAULT_GRACE)
    }
}

/// The same for those that need no engine.
pub fn state_dir(project: &Project) -> PathBuf {
    let root = project.dir.parent().unwrap_or(&project.dir);
    root.join(".pipectl").join(&project.name)
}

/// How thoroughly pipeline.yml is read.
type Loader = fn(&Path, spec::Lookup<'_>) -> Result<spec::PipelineSpec, spec::SpecErrors>;

/// Reads pipeline.yml, where the project has one, and gives the directory it lies in.
fn pipeline_spec(
    project: &Project,
    environment: &BTreeMap<String, String>,
    load: Loader,
) -> Result<Option<(spec::PipelineSpec, PathBuf)>, Failure> {
    let Some(file) = &project.ext.pipeline else { return Ok(None) };
    let spec = load(file, &|name| environment.get(name).cloned())?;
    let root = file.parent().map(PathBuf::from).unwrap_or_default();
    Ok(Some((spec, root)))
}

/// Checks pipeline.yml and the SQL files it names, without an engine.
pub fn check_pipeline(context: &Context, project: &Project) -> Result<(), Failure> {
    let environment = model::environment(context.load_options()?)?;
    pipeline_spec(project, &environment, spec::load_with_statements).map(drop)
}
