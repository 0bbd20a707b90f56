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
