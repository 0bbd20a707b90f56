//! The way in: files -> trees -> variables put in -> includes -> merged -> typed -> checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::ModelError;
use super::include::{self, Include};
use super::interpolate::interpolate_noting;
use super::typed;
use super::yaml::{self, Node, Source, Value};
use super::{KnownSecret, PortVariable, Project, canonical, merge, paths, published};

/// What to load.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Compose files; each later one is laid over those before it.
    pub files: Vec<PathBuf>,
    /// Project name; without it `COMPOSE_PROJECT_NAME`, `PIPECTL_PROJECT`, `name:`, the directory's name.
    pub project: Option<String>,
    /// Chosen profiles (`*` for all); without any, those of `COMPOSE_PROFILES`.
    pub profiles: Vec<String>,
    /// The process environment.
    pub environment: BTreeMap<String, String>,
    /// Replaces the `.env` files of the project.
    pub env_file: Option<PathBuf>,
    /// Values of variables that neither the environment nor a file sets.
    pub defaults: BTreeMap<String, String>,
}

/// The variables that the files of a project may refer to: the process environment and, below it, the `.env` files.
pub fn environment(options: &LoadOptions) -> Result<BTreeMap<String, String>, ModelError> {
    let dir = directory(options)?;
    Ok(Environment::of_project(options, &dir)?.into_variables())
}

/// Loads a project. The first mistake ends it, with its place.
pub fn load(options: &LoadOptions) -> Result<Project, ModelError> {
    let dir = directory(options)?;
    let mut environment = Environment::of_project(options, &dir)?;
    let open = options.files.iter().map(|file| paths::absolute(file)).collect();
    let mut loader = Loader { open, ..Loader::default() };
    let trees = loader.parse(&options.files, &dir)?;
    let name = project_name(options, &trees, &environment, &dir)?;
    environment.set("COMPOSE_PROJECT_NAME", &name);
    let tree = loader.combine(trees, &environment)?;
    let profiles = chosen_profiles(options, &environment);
    let lookup = |name: &str| environment.get(name);
    let Loader { files, port_variables, known_secrets, warnings, .. } = loader;
    let facts = typed::Facts { name, dir, files, port_variables, known_secrets, profiles };
    typed::project(&tree, facts, &lookup, warnings)
}

/// Reads files and everything that they include.
#[derive(Default)]
struct Loader {
    /// Files read, in order.
    files: Vec<PathBuf>,
    /// Files that are being read now: the path from the first file to the current one.
    open: Vec<PathBuf>,
    warnings: Vec<String>,
    port_variables: Vec<PortVariable>,
    known_secrets: Vec<KnownSecret>,
    /// Variables that were warned about.
    unset: BTreeSet<String>,
}

impl Loader {
    fn parse(&mut self, files: &[PathBuf], base: &Path) -> Result<Vec<Node>, ModelError> {
        let mut trees = Vec::new();
        for file in files {
            let source = Source::read(file, base)?;
            let absolute = paths::absolute(file);
            if !self.files.contains(&absolute) {
                self.files.push(absolute);
            }
            let tree = yaml::parse(&source)?;
            if tree.mapping().is_none() {
                return Err(tree.mismatch("a Compose file", "a mapping with `services`"));
            }
            trees.push(tree);
        }
        Ok(trees)
    }

    /// Makes one tree of the files of one project or include.
    fn combine(&mut self, trees: Vec<Node>, environment: &Environment) -> Result<Node, ModelError> {
        let mut combined: Option<Node> = None;
        for mut tree in trees {
            self.port_variables.extend(published::variables(&tree, environment));
            self.known_secrets.extend(published::known_secrets(&tree, environment));
            self.interpolate(&mut tree, environment)?;
            self.include(&mut tree, environment)?;
            canonical::file(&mut tree)?;
            combined = Some(match combined {
                Some(base) => merge::merge(base, tree),
                None => tree,
            });
        }
        let mut combined = combined.ok_or_else(|| ModelError::new("no Compose file is given"))?;
        merge::settle(&mut combined);
        Ok(combined)
    }

    fn interpolate(&mut self, node: &mut Node, environment: &Environment) -> Result<(), ModelError> {
        let mark = node.mark.clone();
        match &mut node.value {
            Value::Sequence(items) => {
                for item in items {
                    self.interpolate(item, environment)?;
                }
            }
            Value::Mapping(entries) => {
                for entry in entries.values_mut() {
                    self.interpolate(&mut entry.node, environment)?;
                }
            }
            Value::Scalar(scalar) if scalar.text.contains('$') => {
                let mut unset = Vec::new();
                let lookup = |name: &str| environment.get(name);
                let text = interpolate_noting(&scalar.text, &lookup, &mut |name| unset.push(name.to_owned()));
                scalar.text = text.map_err(|error| {
                    ModelError::at(&mark.narrow(error.expression()), error.to_string()).hint(error.hint())
                })?;
                scalar.interpolated = !scalar.quoted;
                for name in unset {
                    if self.unset.insert(name.clone()) {
                        self.warnings.push(format!("{mark:?}: variable `{name}` is not set and taken as empty"));
                    }
                }
            }
            Value::Scalar(_) | Value::Null => {}
        }
        Ok(())
    }

    fn include(&mut self, tree: &mut Node, environment: &Environment) -> Result<(), ModelError> {
        let Some(entry) = tree.mapping_mut().and_then(|entries| entries.shift_remove("include")) else {
            return Ok(());
        };
        if entry.node.is_null() {
            return Ok(());
        }
        for Include { files, env_files, dir, mark } in include::read(&entry.node)? {
            let opened = self.open.len();
            for file in &files {
                let file = paths::absolute(file);
                if self.open.contains(&file) {
                    let message = format!("{} is included while it is being read itself", file.display());
                    return Err(ModelError::at(&mark, message).hint("files must not include each other in a circle"));
                }
                self.open.push(file);
            }
            let environment = environment.of_include(&env_files, &dir)?;
            let trees = self.parse(&files, &dir).map_err(|error| match error.place {
                // The file is missing: the mistake is where it was named.
                Some(ref place) if place.line == 0 && files.contains(&place.file) => {
                    ModelError::at(&mark, format!("{}: {}", place.file.display(), error.message))
                }
                _ => error,
            })?;
            let included = self.combine(trees, &environment)?;
            self.open.truncate(opened);
            include::import(tree, &included)?;
        }
        Ok(())
    }
}

/// Directory of the project: that of its first file.
fn directory(options: &LoadOptions) -> Result<PathBuf, ModelError> {
    let first = options.files.first().ok_or_else(|| ModelError::new("no Compose file is given"))?;
    Ok(paths::absolute(first).parent().map(Path::to_owned).unwrap_or_default())
}

fn chosen_profiles(options: &LoadOptions, environment: &Environment) -> Vec<String> {
    if !options.profiles.is_empty() {
        return options.profiles.clone();
    }
    let listed = environment.get("COMPOSE_PROFILES").unwrap_or_default();
    listed.split(',').map(str::trim).filter(|profile| !profile.is_empty()).map(str::to_owned).collect()
}

fn project_name(
    options: &LoadOptions,
    trees: &[Node],
    environment: &Environment,
    dir: &Path,
) -> Result<String, ModelError> {
    let given = options.project.clone().or_else(|| environment.get("COMPOSE_PROJECT_NAME"));
    if let Some(name) = given.or_else(|| environment.get("PIPECTL_PROJECT")).filter(|name| !name.is_empty()) {
        return check_name(&name).map(|()| name.clone()).map_err(ModelError::new);
    }
    if let Some(node) = trees.iter().rev().find_map(|tree| tree.at(&["name"])).filter(|node| !node.is_null()) {
        let text = node.string("`name` of the project")?;
        let name = interpolate_noting(&text, &|name| environment.get(name), &mut |_| {})
            .map_err(|error| node.error(error.to_string()).hint(error.hint()))?;
        return check_name(&name).map(|()| name).map_err(|message| node.error(message));
    }
    let directory = dir.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let allowed = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let name: String = directory.chars().filter(allowed).collect();
    let name = name.trim_start_matches(['_', '-']).to_owned();
    check_name(&name).map(|()| name).map_err(|_| {
        ModelError::in_file(dir, "the directory's name makes no project name").hint("give one: `name:` in the file")
    })
}

fn check_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    if name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(format!(
        "project name `{name}` must be of lower-case letters, digits, `-` and `_` and begin with a letter or digit"
    ))
}
