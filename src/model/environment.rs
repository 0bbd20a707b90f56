//! The variables that files may refer to: the process environment, and below it the `.env` files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::dotenv;
use super::error::ModelError;
use super::load::LoadOptions;

/// Variables in three layers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    process: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
    defaults: BTreeMap<String, String>,
}

impl Environment {
    /// The variables of a project in `dir`: `.env` there wins over the one in the directory above (the repository's
    /// root), the process environment wins over both. A file given by the user replaces both; the caller's defaults
    /// lie below all of them.
    pub fn of_project(options: &LoadOptions, dir: &Path) -> Result<Self, ModelError> {
        let mut environment =
            Self { process: options.environment.clone(), files: BTreeMap::new(), defaults: options.defaults.clone() };
        if let Some(file) = &options.env_file {
            environment.add(file)?;
        } else {
            for file in dir.parent().into_iter().chain([dir]).map(|dir| dir.join(".env")) {
                if file.is_file() {
                    environment.add(&file)?;
                }
            }
        }
        Ok(environment)
    }

    /// The variables of an included project: what is set here already stays, its own files add to it.
    pub fn of_include(&self, env_files: &[PathBuf], dir: &Path) -> Result<Self, ModelError> {
        let default = dir.join(".env");
        let files = if !env_files.is_empty() {
            env_files.to_vec()
        } else if default.is_file() {
            vec![default]
        } else {
            Vec::new()
        };
        let mut below = Self { process: self.process.clone(), files: BTreeMap::new(), defaults: self.defaults.clone() };
        for file in &files {
            below.add(file)?;
        }
        below.files.extend(self.files.clone());
        Ok(below)
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<String> {
        let layers = [&self.process, &self.files, &self.defaults];
        layers.into_iter().find_map(|layer| layer.get(name)).cloned()
    }

    /// True when the process or a file sets it, the caller's defaults aside.
    pub fn is_set(&self, name: &str) -> bool {
        self.process.contains_key(name) || self.files.contains_key(name)
    }

    /// Sets a variable as if the process had it.
    pub fn set(&mut self, name: &str, value: &str) {
        self.process.insert(name.to_owned(), value.to_owned());
    }

    /// All variables with their values.
    pub fn into_variables(self) -> BTreeMap<String, String> {
        let mut variables = self.defaults;
        variables.extend(self.files);
        variables.extend(self.process);
        variables
    }

    fn add(&mut self, file: &Path) -> Result<(), ModelError> {
        let values = dotenv::read(file, &|name| self.get(name))?;
        self.files.extend(values);
        Ok(())
    }
}
