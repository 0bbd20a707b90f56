//! What every command needs of the invocation: the screen, the files, the environment.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::published;
use super::stack::state_dir;
use crate::cli::{Cli, GlobalArgs};
use crate::exit;
use crate::failure::Failure;
use crate::model::{self, LoadOptions, Project};
use crate::pipeline::spec;
use crate::ui::Ui;

/// Variables of the Compose files that are set differently when it is pipectl that reads them. Its own probes decide on
/// readiness, so the containers' health checks are for `docker ps` only, and each of them costs the engine some 65 ms of
/// CPU: at an interval of 2 s that is half a core for this stack.
const DEFAULTS: [(&str, &str); 1] = [("HEALTH_INTERVAL", "30s")];

/// Variable of the Compose files that chooses the catalog's profile.
const GOVERNANCE: &str = "PIPECTL_GOVERNANCE";

/// Variable of the Compose files that chooses the source's profile, and its value for a source that is none of the services.
const SOURCE: &str = "PIPECTL_SOURCE";
const EXTERNAL: &str = "external-source";
/// Variable of the Compose files with the file that such a source's certificate is checked against: the connector's container gets it.
const SOURCE_CA: &str = "PIPECTL_SOURCE_CA";

/// The invocation.
pub struct Context {
    /// The screen.
    pub ui: Ui,
    /// Options of every command.
    pub global: GlobalArgs,
    /// How the project is loaded; an error when no Compose file was found, which only some commands mind.
    load: Result<LoadOptions, String>,
    hints: Vec<String>,
    /// True once the project's warnings were shown: a command may load it more than once.
    warned: AtomicBool,
    /// The process environment.
    environment: BTreeMap<String, String>,
    /// Where ports are published; read from the project's notes unless this command decides.
    published: Mutex<Option<published::Values>>,
}

impl Context {
    /// Reads the surroundings: working directory and environment.
    pub fn new(cli: &Cli, ui: &Ui) -> Result<Self, Failure> {
        let directory = std::env::current_dir()
            .map_err(|error| Failure::usage("the working directory cannot be read").because(error.to_string()))?;
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let (load, hints) = match cli.compose_files(&directory) {
            Ok(files) => (Ok(load_options(cli, files, environment.clone())), Vec::new()),
            Err(failure) => (Err(failure.message), failure.hints),
        };
        Ok(Self {
            ui: ui.clone(),
            global: cli.global.clone(),
            load,
            hints,
            warned: AtomicBool::new(false),
            environment,
            published: Mutex::new(None),
        })
    }

    /// How the project is loaded.
    pub fn load_options(&self) -> Result<&LoadOptions, Failure> {
        self.load.as_ref().map_err(|message| Failure { hints: self.hints.clone(), ..Failure::usage(message) })
    }

    /// The process environment, as far as it is text.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// Loads the project and passes its warnings on, the first time.
    pub fn project(&self) -> Result<Project, Failure> {
        let project = self.load()?;
        if !self.warned.swap(true, Ordering::Relaxed) {
            for warning in &project.warnings {
                self.ui.warning(warning, None);
            }
        }
        Ok(project)
    }

    /// The same with services of a profile that is off otherwise.
    pub fn project_with(&self, profile: &str) -> Result<Project, Failure> {
        let mut options = self.load_options()?.clone();
        options.profiles.push(profile.to_owned());
        self.load_with(&options)
    }

    /// Loads the project and keeps its warnings to itself.
    pub fn quiet_project(&self) -> Result<Project, Failure> {
        self.load()
    }

    /// Where the project's ports are published, as far as that is not where its files say.
    pub fn published(&self, project: &Project) -> Result<published::Values, Failure> {
        match &*self.decided() {
            Some(values) => Ok(values.clone()),
            None => published::read(&state_dir(project)),
        }
    }

    /// Decides on that for the rest of this command.
    pub fn publish(&self, values: published::Values) {
        *self.decided() = Some(values);
    }

    fn decided(&self) -> MutexGuard<'_, Option<published::Values>> {
        // Nothing can fail while it is held.
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// With the ports that were chosen for it. Where pipeline.yml names a database elsewhere, the services of the project's own source
    /// are left out.
    fn load(&self) -> Result<Project, Failure> {
        self.load_with(self.load_options()?)
    }

    fn load_with(&self, options: &LoadOptions) -> Result<Project, Failure> {
        let project = model::load(options)?;
        let published = published::completed(options, self.published(&project)?)?;
        let pipeline = project.ext.pipeline.as_deref();
        let is_external = pipeline.is_some_and(spec::is_external);
        if published.is_empty() && !is_external {
            return Ok(project);
        }
        let mut options = options.clone();
        options.defaults.extend(published);
        if is_external {
            let variables = model::environment(&options)?;
            let certificate =
                pipeline.and_then(|file| spec::source_certificate(file, &|name| variables.get(name).cloned()));
            let certificate = certificate.map(|file| (SOURCE_CA.to_owned(), file.to_string_lossy().into_owned()));
            options.environment.extend(certificate);
            options.environment.insert(SOURCE.to_owned(), EXTERNAL.to_owned());
        }
        Ok(model::load(&options)?)
    }

    /// Prints data. A reader that went away (`| head`) is a success.
    pub fn out(&self, text: &str) -> Result<(), Failure> {
        self.ui.out(text).map(drop).map_err(|error| unwritable(&error))
    }

    /// Prints a value as JSON.
    pub fn json(&self, value: &impl serde::Serialize) -> Result<(), Failure> {
        self.out(&serde_json::to_string_pretty(value).map_err(|error| no_json(&error))?)
    }

    /// The same on one line, for results that come one after the other.
    pub fn json_line(&self, value: &impl serde::Serialize) -> Result<(), Failure> {
        self.out(&serde_json::to_string(value).map_err(|error| no_json(&error))?)
    }
}

fn no_json(error: &serde_json::Error) -> Failure {
    Failure::stack("the result cannot be written as JSON").because(error.to_string())
}

/// The failure of a screen that cannot be written to.
pub fn unwritable(error: &std::io::Error) -> Failure {
    Failure::new(exit::FAILED, "the output cannot be written").because(error.to_string())
}

fn load_options(cli: &Cli, files: Vec<PathBuf>, mut environment: BTreeMap<String, String>) -> LoadOptions {
    if let Some(governance) = cli.global.governance {
        environment.insert(GOVERNANCE.to_owned(), governance.word().to_owned());
    }
    LoadOptions {
        files,
        project: cli.global.project.clone(),
        profiles: cli.global.profiles.clone(),
        environment,
        env_file: cli.global.env_file.clone(),
        defaults: DEFAULTS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}
