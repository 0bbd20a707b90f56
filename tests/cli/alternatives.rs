//! One catalog runs, whichever was asked for: there and back by profiles, and what a person reads of it.

use std::time::Duration;

use crate::fake_daemon::Fate;
use crate::harness::{Run, Stage};

/// A catalog and a larger one at the same address, which a profile asks for.
const CATALOGS: &str = "
name: shop
x-pipectl: {profiles: ['${KIND:-lite}']}
services:
  catalog:
    image: 'web:1'
    ports: ['127.0.0.1:8585:80']
    profiles: [lite, large]
    volumes: ['small:/data']
    x-pipectl: {optional: true, endpoint: {label: Catalog, url: 'http://127.0.0.1:8585'}}
  om-db:
    image: 'db:1'
    profiles: [large]
    volumes: ['large:/data']
    x-pipectl: {optional: true, instead: catalog}
  om-server:
    image: '${IMAGE:-db:1}'
    ports: ['127.0.0.1:8585:8585']
    profiles: [large]
    depends_on: [om-db]
    x-pipectl: {optional: true, instead: catalog, endpoint: {label: Catalog, url: 'http://127.0.0.1:8585'}}
volumes: {small: {}, large: {}}
";

fn large(stage: &Stage, arguments: &[&str], image: &str) -> Run {
    let mut command = stage.command(arguments);
    command.env("KIND", "large").env("IMAGE", image);
    stage.finish(command)
}

fn up(stage: &Stage, image: &str) -> Run {
    let ran = large(stage, &["up"], image);
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(ran.stderr.matches("http://127.0.0.1:8585").count(), 1, "one address: {ran}");
    ran
}

fn names(stage: &Stage) -> Vec<String> {
    stage.world().names()
}

#[test]
fn one_catalog_runs_there_and_back_and_each_keeps_its_data() {
    let stage = Stage::new(CATALOGS);
    assert_eq!(stage.run(&["up"]).code, 0);
    assert_eq!(names(&stage), ["shop-catalog-1"]);

    let ran = up(&stage, "db:1");
    assert_eq!(names(&stage), ["shop-om-db-1", "shop-om-server-1"], "{ran}");
    assert!(ran.stderr.contains("everything is ready"), "the stand-in is not missed: {ran}");
    assert!(large(&stage, &["up"], "db:1").stderr.contains("nothing changed"));
    let status = large(&stage, &["status"], "db:1");
    assert_eq!(status.code, 0, "{status}");

    let back = stage.run(&["up"]);
    assert_eq!(back.code, 0, "{back}");
    assert_eq!(names(&stage), ["shop-catalog-1"], "{back}");
    let volumes: Vec<String> = stage.world().volumes.keys().cloned().collect();
    assert_eq!(volumes, ["shop_large", "shop_small"]);
}

#[test]
fn a_failed_pull_leaves_the_catalog_that_runs_alone() {
    let stage = Stage::new(CATALOGS);
    assert_eq!(stage.run(&["up"]).code, 0);
    stage.calls();
    let ran = up(&stage, "example.com/om:1");
    assert!(ran.stderr.contains("om-db, om-server: left out, catalog takes over: failed to get image"), "{ran}");
    assert_eq!(ran.stderr.matches("warning").count(), 1, "{ran}");
    assert!(!ran.stderr.contains("catalog: skipped"), "{ran}");
    assert!(ran.stderr.contains("everything but om-db, om-server is ready"), "{ran}");
    let touched: Vec<String> = stage.calls().into_iter().filter(|call| call.contains("catalog")).collect();
    assert_eq!(touched, [""; 0]);
    let plan = large(&stage, &["up", "--plan"], "example.com/om:1");
    assert!(
        plan.stdout.lines().any(|line| line.contains("shop-catalog-1") && line.contains("only if needed")),
        "{plan}"
    );
}

#[test]
fn one_that_ends_at_once_is_taken_over_from_and_nothing_is_amiss_then() {
    let stage = Stage::new(CATALOGS);
    stage.world().fates.insert("om-server".into(), Fate::Exits(Duration::ZERO, 3));
    let ran = up(&stage, "db:1");
    assert!(ran.stderr.contains("om-db, om-server: left out, catalog takes over: "), "{ran}");
    assert!(ran.stderr.contains("catalog: ready"), "{ran}");
    let status = large(&stage, &["status", "--json"], "db:1");
    assert_eq!(status.code, 0, "{status}");
    assert_eq!(status.stdout.matches("catalog runs instead").count(), 2, "{status}");
}

#[test]
fn the_address_of_either_is_said_once() {
    let stage = Stage::new(CATALOGS);
    let told = large(&stage, &["credentials"], "db:1");
    assert_eq!(told.stdout.matches("http://127.0.0.1:8585").count(), 1, "{told}");
    let all = large(&stage, &["credentials", "--json"], "db:1");
    assert_eq!(all.stdout.matches("\"service\"").count(), 2, "programs are told of both: {all}");
}

#[test]
fn a_token_at_its_old_place_moves_with_the_next_up() {
    let stage = Stage::new(CATALOGS);
    stage.write(".pipectl/shop/ingestion-bot.jwt", "a-token-of-an-earlier-version");
    assert_eq!(stage.run(&["up"]).code, 0);
    assert!(!stage.dir().join(".pipectl/shop/ingestion-bot.jwt").exists());
    let kept = std::fs::read_to_string(stage.dir().join(".pipectl/shop/catalog/ingestion-bot.jwt")).expect("moved");
    assert_eq!(kept, "a-token-of-an-earlier-version");
}
