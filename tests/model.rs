//! Compose files in tests/cases: what they resolve to, or the exact words in which they are refused.
//!
//! `UPDATE_CASES=1 cargo test --test model` writes the expectations anew; read the difference before committing it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pipectl::model::{self, LoadOptions, ModelError, Project};

fn options(files: &[&str]) -> LoadOptions {
    let environment = [("HOME", "/home/me"), ("SET", "value")];
    LoadOptions {
        files: files.iter().map(PathBuf::from).collect(),
        environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..LoadOptions::default()
    }
}

fn load(file: &str) -> Result<Project, ModelError> {
    model::load(&options(&[file]))
}

/// Files of a directory with this ending, sorted.
fn cases(directory: &str, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    files.sort();
    assert!(!files.is_empty(), "no cases in {directory}");
    files
}

/// Compares with an expectation file; paths of this checkout are cut.
fn compare(actual: &str, expectation: &Path) {
    let root = std::env::current_dir().unwrap();
    let actual = actual.replace(&*root.to_string_lossy(), "<repo>");
    if std::env::var_os("UPDATE_CASES").is_some() {
        std::fs::write(expectation, &actual).unwrap();
    }
    let expected = std::fs::read_to_string(expectation).unwrap_or_default();
    assert_eq!(actual, expected, "\n{} differs; got:\n{actual}", expectation.display());
}

#[test]
fn good_files_resolve_as_expected_and_to_themselves() {
    for case in cases("tests/cases/good", ".yaml") {
        if case.to_string_lossy().ends_with(".resolved.yaml") {
            continue;
        }
        let project = load(&case.to_string_lossy()).unwrap_or_else(|error| panic!("{error}"));
        let warnings: String = project.warnings.iter().map(|warning| ["# warning: ", warning, "\n"].concat()).collect();
        compare(&(model::render::yaml(&project) + &warnings), &case.with_extension("resolved.yaml"));
        assert_round_trip(&project);
    }
}

/// What is rendered is Compose again and means the same.
fn assert_round_trip(project: &Project) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("compose.yaml");
    std::fs::write(&file, model::render::yaml(project)).unwrap();
    let options = LoadOptions { profiles: vec!["*".into()], files: vec![file], ..options(&[]) };
    let again = model::load(&options);
    let again = again.unwrap_or_else(|error| panic!("{error}"));
    let expected = Project {
        dir: again.dir.clone(),
        files: again.files.clone(),
        disabled: BTreeMap::new(),
        // It has values in the place of variables.
        port_variables: again.port_variables.clone(),
        known_secrets: again.known_secrets.clone(),
        warnings: Vec::new(),
        ..project.clone()
    };
    assert_eq!(again, expected);
}

#[test]
fn bad_files_are_refused_with_place_and_advice() {
    for case in cases("tests/cases/bad", ".yaml") {
        let error = load(&case.to_string_lossy()).err().unwrap_or_else(|| panic!("{} was accepted", case.display()));
        compare(&format!("{error}\n"), &case.with_extension("txt"));
    }
}

#[test]
fn included_files_keep_their_directory_and_their_variables() {
    let project = load("tests/cases/include/compose.yaml").unwrap();
    compare(&model::render::yaml(&project), Path::new("tests/cases/include/resolved.txt"));
    let names: Vec<_> = project.files.iter().map(|file| file.file_name().unwrap().to_string_lossy()).collect();
    assert_eq!(names, ["compose.yaml", "db.yaml", "web.yaml", "web.override.yaml"]);
}

#[test]
fn a_later_file_is_laid_over_what_was_included() {
    let files = ["tests/cases/include/compose.yaml", "tests/cases/include/override.yaml"];
    let project = model::load(&options(&files)).unwrap();
    let db = &project.services["db"];
    assert_eq!(db.command, None);
    assert_eq!(db.environment, [("KEEP", "1"), ("LEVEL", "debug")].map(|(k, v)| (k.into(), v.into())).into());
    assert_eq!(db.ports.iter().filter_map(|port| port.published).collect::<Vec<_>>(), [6000]);
    assert_eq!(project.services["own"].depends_on.keys().collect::<Vec<_>>(), ["db", "web"]);
}

#[test]
fn two_definitions_of_one_service_are_refused() {
    let error = project_of(&[
        ("compose.yaml", "include: [other.yaml]\nservices:\n  web: {image: a}\n"),
        ("other.yaml", "services:\n  web: {image: b}\n"),
    ])
    .unwrap_err();
    assert!(error.contains("compose.yaml:3:3: service `web` is defined twice"), "{error}");
    assert!(error.contains("other.yaml:2:3"), "{error}");
}

#[test]
fn files_that_include_each_other_are_refused() {
    let error = project_of(&[
        ("compose.yaml", "include: [other.yaml]\nservices: {}\n"),
        ("other.yaml", "include: [compose.yaml]\n"),
    ])
    .unwrap_err();
    assert!(error.contains("other.yaml:1:11: "), "{error}");
    assert!(error.contains("is included while it is being read itself"), "{error}");
}

#[test]
fn the_name_comes_from_the_option_the_environment_the_file_or_the_directory() {
    let with = |name: Option<&str>, environment: &[(&str, &str)], text: &str| {
        let directory = tempfile::tempdir().unwrap();
        let dir = directory.path().join("My.Project");
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("compose.yaml"), text).unwrap();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let options = LoadOptions {
            files: vec![dir.join("compose.yaml")],
            project: name.map(str::to_owned),
            environment,
            ..LoadOptions::default()
        };
        model::load(&options).unwrap().name
    };
    let named = "name: from-file\nservices: {}\n";
    assert_eq!(with(Some("option"), &[("COMPOSE_PROJECT_NAME", "env")], named), "option");
    assert_eq!(with(None, &[("COMPOSE_PROJECT_NAME", "env")], named), "env");
    assert_eq!(with(None, &[("PIPECTL_PROJECT", "own")], named), "own");
    assert_eq!(with(None, &[], named), "from-file");
    assert_eq!(with(None, &[], "services: {}\n"), "myproject");
}

#[test]
fn a_variable_may_choose_the_profiles_of_services_and_steps() {
    let text = "name: shop\nservices:\n  web: {image: web}\n  small: {image: s, profiles: [lite]}\n  big: {image: b, profiles: [full]}\n\
                x-pipectl:\n  profiles: ['${CHOICE:-lite}']\n  steps:\n    fill: {uses: fill, profiles: [lite], after: [small]}\n    \
                fill-big: {uses: fill, profiles: [full], after: [big]}\n";
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("compose.yaml"), text).unwrap();
    let with = |choice: Option<&str>| {
        let environment = choice.map(|choice| ("CHOICE".to_owned(), choice.to_owned())).into_iter().collect();
        let options =
            LoadOptions { files: vec![directory.path().join("compose.yaml")], environment, ..LoadOptions::default() };
        model::load(&options).map(|project| {
            let names: Vec<&str> =
                project.services.keys().chain(project.ext.steps.keys()).map(String::as_str).collect();
            names.join(" ")
        })
    };
    assert_eq!(with(None).unwrap(), "small web fill");
    assert_eq!(with(Some("full")).unwrap(), "big web fill-big");
    assert_eq!(with(Some("none")).unwrap(), "web");
    let error = with(Some("ful")).unwrap_err().to_string();
    assert!(error.contains("no service has the profile `ful`") && error.contains("`full`"), "{error}");
}

#[test]
fn the_process_wins_over_env_files_and_the_nearer_one_over_the_farther() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().join("compose");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(directory.path().join(".env"), "A=root\nB=root\nC=root\n").unwrap();
    std::fs::write(dir.join(".env"), "B=project\nC=project\n").unwrap();
    std::fs::write(dir.join("compose.yaml"), "services:\n  web: {image: \"$A-$B-$C\"}\n").unwrap();
    std::fs::write(dir.join("other.env"), "A=given\n").unwrap();
    let mut options = LoadOptions { files: vec![dir.join("compose.yaml")], ..LoadOptions::default() };
    options.environment.insert("C".into(), "process".into());
    let image = |options: &LoadOptions| model::load(options).unwrap().services["web"].image.clone().unwrap();
    assert_eq!(image(&options), "root-project-process");
    assert_eq!(model::environment(&options).unwrap()["B"], "project");
    options.env_file = Some(dir.join("other.env"));
    assert_eq!(image(&options), "given--process");
}

#[test]
fn profiles_decide_which_services_run() {
    let text = concat!(
        "services:\n  web: {image: x}\n",
        "  ui: {image: x, profiles: [ui], volumes: [\"data:/data\"], networks: [back]}\n",
        "volumes: {data: }\nnetworks: {back: }\n",
    );
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("compose.yaml");
    std::fs::write(&file, text).unwrap();
    let load = |profiles: &[&str]| {
        let profiles = profiles.iter().map(|&profile| profile.to_owned()).collect();
        model::load(&LoadOptions { files: vec![file.clone()], profiles, ..LoadOptions::default() })
    };
    let project = load(&[]).unwrap();
    assert_eq!(project.services.keys().collect::<Vec<_>>(), ["web"]);
    assert_eq!(project.disabled["ui"], ["ui"]);
    assert!(project.volumes.is_empty(), "only what is used is made");
    assert_eq!(project.networks.keys().collect::<Vec<_>>(), ["default"]);
    let project = load(&["ui"]).unwrap();
    assert_eq!(project.services.len(), 2);
    assert_eq!(project.networks.keys().collect::<Vec<_>>(), ["back", "default"]);
    let error = load(&["iu"]).unwrap_err().to_string();
    assert_eq!(error, "no service has the profile `iu`\nhint: did you mean `ui`?");
}

#[test]
fn a_missing_file_is_named() {
    let error = load("tests/cases/nothing.yaml").unwrap_err().to_string();
    assert_eq!(error, "tests/cases/nothing.yaml: cannot be read: no such file");
}

/// Loads the first of some files that are written into one directory.
fn project_of(files: &[(&str, &str)]) -> Result<Project, String> {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let options = LoadOptions { files: vec![directory.path().join(files[0].0)], ..LoadOptions::default() };
    model::load(&options).map_err(|error| error.to_string())
}
