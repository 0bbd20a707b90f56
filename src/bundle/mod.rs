//! An archive for whoever is to help: files, a manifest, and no secret in any of them.
//!
//! Who collects the files adds them to a [`Bundle`] with everything that is known to be secret; what is written has
//! passed through [`Secrets::clean`], the manifest too.

mod archive;
mod scan;
mod secrets;

use serde::Serialize;
use serde_json::Value;

pub use archive::{WriteError, write};
pub use secrets::{REMOVED, Secrets};

/// What is to be packed.
#[derive(Debug, Default)]
pub struct Bundle {
    /// Facts for the manifest: versions, project, time.
    pub about: Vec<(&'static str, String)>,
    /// Files.
    pub files: Vec<File>,
    /// What could not be collected, and why.
    pub missing: Vec<Missing>,
    /// What must not be in any file.
    pub secrets: Secrets,
}

/// A file of the archive.
#[derive(Debug)]
pub struct File {
    /// Path in the archive.
    pub path: String,
    /// What it tells, for the manifest.
    pub about: &'static str,
    /// Content.
    pub body: Body,
}

/// Content of a file before it is cleaned.
#[derive(Debug)]
pub enum Body {
    /// Text: logs, plans.
    Text(String),
    /// Data, written as JSON.
    Json(Value),
    /// Data, written as YAML.
    Yaml(Value),
}

/// Something that is not in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The file or part that is not there.
    pub what: String,
    /// Why.
    pub why: String,
}

/// The manifest, which is a file of the archive itself.
#[derive(Serialize)]
struct Manifest<'a> {
    about: std::collections::BTreeMap<&'a str, &'a str>,
    files: Vec<Listed<'a>>,
    not_collected: &'a [Missing],
    removed: &'static str,
}

#[derive(Serialize)]
struct Listed<'a> {
    path: &'a str,
    about: &'a str,
    bytes: usize,
}

impl Bundle {
    /// Adds a file.
    pub fn add(&mut self, path: impl Into<String>, about: &'static str, body: Body) {
        self.files.push(File { path: path.into(), about, body });
    }

    /// Notes what could not be had.
    pub fn miss(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.missing.push(Missing { what: what.into(), why: why.into() });
    }

    /// Path and content of every file as it is written, the manifest first.
    pub fn cleaned(self) -> Result<Vec<(String, String)>, serde_json::Error> {
        let Self { about, mut files, missing, secrets } = self;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let mut written = Vec::new();
        let mut kinds = Vec::new();
        for file in files {
            let text = match file.body {
                Body::Text(text) => secrets.clean(&text),
                Body::Json(value) => serde_json::to_string_pretty(&secrets.clean_value(value))?,
                // Every JSON value is a YAML value: what cannot be written there is written as it is.
                Body::Yaml(value) => {
                    let value = secrets.clean_value(value);
                    serde_yaml::to_string(&value).or_else(|_| serde_json::to_string_pretty(&value))?
                }
            };
            kinds.push(file.about);
            written.push((secrets.clean(&file.path), text));
        }
        let listed = written.iter().zip(kinds);
        let manifest = Manifest {
            about: about.iter().map(|(name, value)| (*name, value.as_str())).collect(),
            files: listed.map(|((path, text), about)| Listed { path, about, bytes: text.len() }).collect(),
            not_collected: &missing,
            removed: REMOVED,
        };
        let manifest = secrets.clean_value(serde_json::to_value(&manifest)?);
        written.insert(0, ("manifest.json".to_owned(), serde_json::to_string_pretty(&manifest)?));
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_file_and_the_manifest_are_cleaned() {
        let mut bundle = Bundle { about: vec![("project", "shop".into())], ..Bundle::default() };
        bundle.secrets.add("hunter2hunter2");
        bundle.add("logs/web.log", "its log", Body::Text("login with hunter2hunter2\n".into()));
        bundle.add("config.yaml", "the project", Body::Yaml(json!({"environment": {"A": "hunter2hunter2"}})));
        bundle.add("plan.json", "the plan", Body::Json(json!(["hunter2hunter2"])));
        bundle.miss("status.json", "refused: hunter2hunter2");
        let files = bundle.cleaned().expect("plain data");
        let paths: Vec<_> = files.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["manifest.json", "config.yaml", "logs/web.log", "plan.json"]);
        assert!(files.iter().all(|(_, text)| !text.contains("hunter2") && text.contains(REMOVED)), "{files:?}");
        let manifest: Value = serde_json::from_str(&files[0].1).expect("JSON");
        assert_eq!(manifest["not_collected"][0]["what"], "status.json");
        assert_eq!(manifest["files"][2]["bytes"], files[3].1.len());
    }
}
