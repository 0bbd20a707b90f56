//! The files of this repository load: what `pipectl up` starts from.

use std::path::{Path, PathBuf};

use pipectl::engine::graph::Graph;
use pipectl::model::{self, LoadOptions, MountKind, render};
use pipectl::pipeline::CONNECT;
use pipectl::pipeline::connector::SOURCE_CERTIFICATE;
use pipectl::pipeline::spec;

#[test]
fn the_stack_loads_with_every_profile_and_without_warnings() {
    for profiles in [vec![], vec!["*".to_owned()]] {
        let options =
            LoadOptions { files: vec![PathBuf::from("compose/compose.yaml")], profiles, ..LoadOptions::default() };
        let project = model::load(&options).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(project.warnings, Vec::<String>::new());
        let services: Vec<&str> = project.services.keys().map(String::as_str).collect();
        for service in ["postgres-source", "kafka", "debezium", "postgres-dest"] {
            assert!(services.contains(&service), "{service} is not among {services:?}");
        }
        for port in project.services.values().flat_map(|service| &service.ports) {
            assert_eq!(
                port.host_ip.as_deref(),
                Some("127.0.0.1"),
                "demo credentials serve this machine only: {port:?}"
            );
        }
    }
}

#[test]
fn every_step_runs_whoever_has_the_source() {
    for source in ["source", "external-source"] {
        let environment = [("PIPECTL_SOURCE".to_owned(), source.to_owned())].into();
        let files = vec![PathBuf::from("compose/compose.yaml")];
        let project = model::load(&LoadOptions { files, environment, ..LoadOptions::default() });
        let project = project.unwrap_or_else(|error| panic!("{error}"));
        let selection = Graph::new(&project).and_then(|graph| graph.select(&project, &[]));
        let selected = selection.unwrap_or_else(|error| panic!("{error}")).steps;
        assert_eq!(selected, project.ext.steps.keys().cloned().collect(), "with profile {source}");
        for step in ["connector", "capture", "new-tables", "catalogue", "proof"] {
            assert!(selected.contains(step), "{step} runs with profile {source}");
        }
    }
}

#[test]
fn the_connector_has_the_certificate_where_it_is_told_to_look() {
    let mounted = |environment: &[(&str, &str)]| {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let files = vec![PathBuf::from("compose/compose.yaml")];
        let project = model::load(&LoadOptions { files, environment, ..LoadOptions::default() }).expect("it loads");
        let mounts = &project.services[CONNECT.service].mounts;
        let mount = mounts.iter().find(|mount| mount.target == SOURCE_CERTIFICATE).expect("a mount");
        assert!(mount.read_only);
        mount.kind.clone()
    };
    let MountKind::Bind(nothing) = mounted(&[]) else { panic!("no file of this machine") };
    let text = std::fs::read_to_string(nothing).expect("a file is there in any case");
    assert!(!text.contains("BEGIN CERTIFICATE"));
    let given = mounted(&[("PIPECTL_SOURCE_CA", "/etc/ssl/odd: name.pem")]);
    assert_eq!(given, MountKind::Bind(PathBuf::from("/etc/ssl/odd: name.pem")));
}

#[test]
fn the_stack_as_config_shows_it_is_the_same_stack() {
    let files = vec![PathBuf::from("compose/compose.yaml")];
    let shown = render::yaml(&model::load(&LoadOptions { files, ..LoadOptions::default() }).expect("it loads"));
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("compose.yaml");
    std::fs::write(&file, &shown).expect("written");
    let again = model::load(&LoadOptions { files: vec![file], ..LoadOptions::default() });
    assert_eq!(render::yaml(&again.unwrap_or_else(|error| panic!("{error}"))), shown);
}

#[test]
fn the_pipeline_loads_and_names_services_of_the_stack() {
    let spec = spec::load(Path::new("pipeline.yml"), &|_| None).unwrap_or_else(|error| panic!("{error}"));
    let options = LoadOptions { files: vec![PathBuf::from("compose/compose.yaml")], ..LoadOptions::default() };
    let project = model::load(&options).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(spec.source.external, None);
    for service in [&spec.source.service, &spec.destination.service] {
        assert!(project.services.contains_key(service), "{service}");
    }
}

/// What writes volumes: file below compose/images, what stands before its version there, and the version that wrote layout 1. Of each so
/// much of the version that another one may not read what this one wrote.
const WRITERS: [(&str, &str, &str, &str); 4] = [
    ("Postgres", "postgres/Dockerfile", " postgresql-", "17"),
    ("Kafka", "jars-kafka/pom.xml", "<kafka.version>", "4"),
    ("Hadoop", "jars-hdfs/pom.xml", "<hadoop.version>", "3"),
    // The schema of the metastore's database goes by major and minor version.
    ("Hive", "jars-hms/pom.xml", "<hive.version>", "3.1"),
];
/// The layout that these versions write.
const LAYOUT: u32 = 1;

#[test]
fn another_version_of_what_writes_volumes_has_another_layout() {
    let files = vec![PathBuf::from("compose/compose.yaml")];
    let project =
        model::load(&LoadOptions { files, ..LoadOptions::default() }).unwrap_or_else(|error| panic!("{error}"));
    let mut changed = Vec::new();
    for (name, file, before, version) in WRITERS {
        let path = Path::new("compose/images").join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let rest = text.split(before).nth(1).unwrap_or_else(|| panic!("no `{before}` in {}", path.display()));
        let found: String = rest.chars().take_while(|letter| letter.is_ascii_digit() || *letter == '.').collect();
        let parts = version.split('.').count();
        if found.split('.').take(parts).collect::<Vec<_>>().join(".") != version {
            changed.push(format!("{name} is {found} in {} and was {version}", path.display()));
        }
    }
    assert!(
        changed.is_empty() && project.ext.layout() == LAYOUT,
        "layout {} in compose/compose.yaml, {LAYOUT} here; {changed:?}. A server may refuse, or alter, what another version of it wrote: \
         with another version `x-pipectl.layout` gets one more, so that `up` refuses the old data before anything starts on it. Then set \
         WRITERS and LAYOUT of this test to what is true now.",
        project.ext.layout()
    );
}
