//! Configurations for `OpenMetadata`'s own client: what it gets to read.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use pipectl::governance::client::Version;
use pipectl::governance::names;
use pipectl::governance::official::{Access, VERSION, workflows};
use pipectl::pipeline::spec::External;
use pipectl::pipeline::tls::{Authorities, Tls};
use serde_json::json;

use crate::lineage::own_spec;
use crate::stage::all;

const ACCESS: Access<'static> = Access {
    server: "http://catalog:8585/api",
    token: "TOKEN",
    source: ("reader", "SOURCE-PASSWORD"),
    destination: ("writer", "DESTINATION-PASSWORD"),
};

#[test]
fn the_version_is_that_of_the_image() {
    let image = std::fs::read_to_string("compose/images/openmetadata-client/requirements.in").expect("a file");
    let pinned =
        image.lines().find_map(|line| line.strip_prefix("openmetadata-ingestion")?.split_once("==")).expect("a pin");
    assert_eq!(Version::parse(pinned.1), Some(VERSION), "{image}");
}

#[test]
fn the_workflows_of_the_official_client() {
    let documents: Vec<String> = workflows(&own_spec(), &all(), &ACCESS)
        .iter()
        .map(|workflow| serde_yaml::to_string(&workflow.configuration).expect("YAML"))
        .collect();
    assert_snapshot!(documents.join("---\n"));
}

#[test]
fn only_what_is_chosen_and_what_the_client_can_read() {
    let mut spec = own_spec();
    spec.connector = "cdc+1".into();
    let of = |services: &[&'static str]| {
        let services: BTreeSet<_> = services.iter().copied().collect();
        let found = workflows(&spec, &services, &ACCESS);
        found.iter().map(|workflow| workflow.service).collect::<Vec<_>>()
    };
    assert_eq!(of(&[names::KAFKA]), [names::KAFKA]);
    assert_eq!(of(&[names::LAKE, names::SPARK]), [""; 0]);
    assert_eq!(of(&names::SERVICES), [names::SOURCE, names::DESTINATION, names::KAFKA, names::CONNECT]);
    let connect = &workflows(&spec, &BTreeSet::from([names::CONNECT]), &ACCESS)[0].configuration;
    let filter = connect.pointer("/source/sourceConfig/config/pipelineFilterPattern/includes/0");
    assert_eq!(filter.and_then(|text| text.as_str()), Some(r"^cdc\+1$"), "{connect:#}");
}

#[test]
fn a_source_elsewhere_is_read_in_its_mode_of_tls() {
    let mut spec = own_spec();
    let mut connection = |tls: Tls| {
        spec.source.external = Some(External { host: "db.example.com".into(), port: 5432, tls });
        workflows(&spec, &BTreeSet::from([names::SOURCE]), &ACCESS)[0].configuration["source"]["serviceConnection"]["config"].take()
    };
    let plain = connection(Tls::Prefer);
    assert_eq!((&plain["sslMode"], &plain["sslConfig"]), (&json!("prefer"), &json!(null)));
    let pem = std::fs::read_to_string("tests/cases/tls/ca.pem").expect("a certificate");
    let checked = connection(Tls::VerifyFull(Authorities::read("ca.pem", pem.clone()).expect("usable")));
    assert_eq!((&checked["sslMode"], &checked["sslConfig"]), (&json!("verify-full"), &json!({"caCertificate": pem})));
}
