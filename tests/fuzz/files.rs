//! What people write: Compose files, `.env`, pipeline.yml with its SQL, the connector's JSON.

use std::path::{Path, PathBuf};

use pipectl::model::{self, LoadOptions, ModelError, Project, dotenv};
use pipectl::pipeline::spec;
use pipectl::pipeline::sql::{self, Flavour, Relation};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::mutate::{Change, cases, changes, ends, mutate};

/// Files of a kind below a directory, in the order of their names.
fn files(directory: &str, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{directory}: {error}"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no .{extension} in {directory}");
    found
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn variables(name: &str) -> Option<String> {
    (name.len() % 2 == 0).then(|| name.to_lowercase())
}

fn load(file: PathBuf) -> Result<Project, ModelError> {
    ends(move || model::load(&LoadOptions { files: vec![file], project: Some("p".into()), ..LoadOptions::default() }))
}

/// One file of `seeds` with changes, written beside the others under its name.
fn changed(seeds: &[PathBuf], which: Index, donor: Index, changes: &[Change]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    for seed in seeds {
        std::fs::copy(seed, folder.path().join(seed.file_name().expect("a name"))).expect("copied");
    }
    let seed = &seeds[which.index(seeds.len())];
    let file = folder.path().join(seed.file_name().expect("a name"));
    std::fs::write(&file, mutate(&read(seed), &read(&seeds[donor.index(seeds.len())]), changes)).expect("written");
    (folder, file)
}

/// What was understood can be written down and is understood again; what was not is told of in words and with a line that is there.
fn judged(file: PathBuf) -> Result<(), TestCaseError> {
    match load(file) {
        // A step may come after one that the profiles leave out, and what is written down names it still.
        Ok(project) if !project.ext.steps.is_empty() => drop(model::render::yaml(&project)),
        Ok(project) => {
            let folder = tempfile::tempdir().expect("a folder");
            let again = folder.path().join("compose.yaml");
            let text = model::render::yaml(&project);
            std::fs::write(&again, &text).expect("written");
            if let Err(error) = load(again) {
                return Err(TestCaseError::fail(format!("{error}\n{text}")));
            }
        }
        Err(error) => {
            prop_assert!(!error.to_string().trim().is_empty());
            if let Some(place) = &error.place {
                let written = std::fs::read(&place.file).unwrap_or_default();
                let lines = String::from_utf8_lossy(&written).lines().count();
                prop_assert!(place.line <= lines + 1, "{error}");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn the_stack_with_one_of_its_files_changed(which: Index, donor: Index, changes in changes()) {
        let seeds = files("compose", "yaml");
        let (folder, _) = changed(&seeds, which, donor, &changes);
        judged(folder.path().join("compose.yaml"))?;
    }

    #[test]
    fn compose_files_of_every_form_changed(which: Index, donor: Index, changes in changes()) {
        let seeds: Vec<PathBuf> =
            ["tests/cases/good", "tests/cases/bad", "compose"].iter().flat_map(|directory| files(directory, "yaml")).collect();
        let text = mutate(&read(&seeds[which.index(seeds.len())]), &read(&seeds[donor.index(seeds.len())]), &changes);
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("compose.yaml");
        std::fs::write(&file, text).expect("written");
        judged(file)?;
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn an_environment_file_changed(changes in changes()) {
        let seed = read(Path::new("tests/cases/good/short-forms.env"));
        let more = b"export A='one\ntwo' # c\nB=\"a \\\"b\\\" ${A:-x} \\$\\n\"\nC=${B:+${A}} # d\nPATH\nE=\n";
        let text = String::from_utf8_lossy(&mutate(&[&seed[..], more].concat(), more, &changes)).into_owned();
        if let Err(error) = ends({ let text = text.clone(); move || dotenv::parse(&text, &variables) }) {
            prop_assert!(error.line >= 1 && error.line <= text.lines().count().max(1), "{error}");
        }
    }

    #[test]
    fn interpolated_text_changed(changes in changes()) {
        let seed = b"a ${A:-b ${BB:?say ${C}} } $D $$ ${EE+f}-${G-} ${H:+${I:-$$}}\n";
        let text = String::from_utf8_lossy(&mutate(seed, seed, &changes)).into_owned();
        if let Err(error) = ends(move || model::interpolate(&text, &variables)) {
            prop_assert!(!error.to_string().is_empty() && !error.hint().is_empty());
        }
    }

    #[test]
    fn a_statement_changed(which: Index, donor: Index, changes in changes()) {
        let seeds: Vec<PathBuf> = ["spark/transforms", "tests/cases/pipeline/sql", "tests/cases/pipeline/batches"]
            .iter()
            .flat_map(|directory| files(directory, "sql"))
            .collect();
        let text = mutate(&read(&seeds[which.index(seeds.len())]), &read(&seeds[donor.index(seeds.len())]), &changes);
        let text = String::from_utf8_lossy(&text).into_owned();
        ends(move || {
            let relation = Relation::table("orders", ["order_id", "amount", "customer_id"]);
            for flavour in [Flavour::Spark, Flavour::Postgres] {
                if let Err(reason) = sql::trace(&text, flavour, std::slice::from_ref(&relation)) {
                    assert!(!reason.is_empty());
                }
                if let sql::Reading::Select(query) = sql::read(&text, flavour) {
                    let _ = sql::result(&query, std::slice::from_ref(&relation));
                    let _ = sql::names::strays(&query, std::slice::from_ref(&relation));
                    let _ = sql::reads::reads(&query);
                    let _ = sql::batch::mixed(&query, "orders");
                }
            }
        });
    }
}

/// pipeline.yml and the SQL files it names, in a folder of their own.
fn pipeline(donor: &Path, text: &[u8], sql: impl Fn(&Path) -> Vec<u8>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let base = donor.parent().expect("a folder");
    for directory in ["spark/transforms", "sql", "."] {
        if !base.join(directory).is_dir() {
            continue;
        }
        std::fs::create_dir_all(folder.path().join(directory)).expect("a folder");
        for entry in std::fs::read_dir(base.join(directory)).expect("readable") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "sql") {
                let name = path.file_name().expect("a name");
                std::fs::write(folder.path().join(directory).join(name), sql(&path)).expect("written");
            }
        }
    }
    let file = folder.path().join("pipeline.yml");
    std::fs::write(&file, text).expect("written");
    (folder, file)
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn a_pipeline_changed(which: Index, donor: Index, changes in changes(), in_sql: bool) {
        let mut seeds = files("tests/cases/pipeline", "yml");
        seeds.extend(["pipeline.yml", "tests/cases/pipeline/statements/pipeline.yml"].map(PathBuf::from));
        let seed = &seeds[which.index(seeds.len())];
        let other = read(&seeds[donor.index(seeds.len())]);
        let text = if in_sql { read(seed) } else { mutate(&read(seed), &other, &changes) };
        let sql = |path: &Path| if in_sql { mutate(&read(path), &other, &changes) } else { read(path) };
        let (_folder, file) = pipeline(seed, &text, sql);
        match ends(move || spec::load_with_statements(&file, &variables)) {
            Ok(spec) => drop((spec.topics(), spec.table_include_list(), spec.destination_tables())),
            Err(errors) => prop_assert!(!errors.to_string().trim().is_empty()),
        }
    }
}
