//! Probes, steps and status against a stack that runs. Not part of plain `cargo test`:
//! `PIPECTL_PROJECT=pipectl cargo test --test pipeline_live -- --ignored --nocapture --test-threads 1`.

#![expect(clippy::print_stdout, reason = "run by hand, for the times it prints")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use pipectl::docker;
use pipectl::engine::backend::Backend;
use pipectl::engine::work::{Probed, Prober, Stepper};
use pipectl::model::{self, LoadOptions, Project};
use pipectl::pipeline::address::Addresses;
use pipectl::pipeline::{Pipeline, spec, status};
use pipectl::{probes, steps};

struct Scene {
    project: Arc<Project>,
    addresses: Arc<Addresses>,
    pipeline: Arc<Pipeline>,
}

impl Scene {
    async fn open() -> Self {
        let environment: BTreeMap<String, String> = std::env::vars().collect();
        let options = LoadOptions {
            files: vec![PathBuf::from("compose/compose.yaml")],
            project: environment.get("PIPECTL_PROJECT").cloned(),
            environment: environment.clone(),
            ..LoadOptions::default()
        };
        let project = Arc::new(model::load(&options).expect("the project's own files"));
        let engine = docker::connect(None).await.expect("a running engine");
        let host = engine.host().to_owned();
        let backend: Arc<dyn Backend> = Arc::new(engine);
        let addresses = Arc::new(Addresses::new(backend, project.name.as_str(), host));
        let file = project.ext.pipeline.clone().expect("a pipeline.yml");
        let spec = Arc::new(
            spec::load(&file, &|name| environment.get(name).cloned()).expect("the project's own specification"),
        );
        let root = file.parent().expect("a directory").to_owned();
        let pipeline = Arc::new(Pipeline::new(spec, root, project.clone(), addresses.clone(), environment));
        Self { project, addresses, pipeline }
    }
}

#[tokio::test]
#[ignore = "needs a running stack"]
async fn every_service_is_ready() {
    let scene = Scene::open().await;
    let prober = probes::Registry::new(scene.project.clone(), scene.addresses.clone());
    let mut waiting = Vec::new();
    for (name, service) in &scene.project.services {
        let Some(ready) = &service.ext.ready else { continue };
        let began = Instant::now();
        let answer = prober.poll(name, ready).await;
        println!("{name}: {} {answer:?} in {:?}", ready.probe, began.elapsed());
        if !matches!(answer, Probed::Ready(_)) {
            waiting.push(format!("{name}: {answer:?}"));
        }
    }
    assert!(waiting.is_empty(), "{}", waiting.join("\n"));
}

#[tokio::test]
#[ignore = "needs a running stack"]
async fn steps_find_their_work_done_the_second_time() {
    let scene = Scene::open().await;
    let stepper = steps::Registry::new(scene.pipeline.clone());
    // Names sort by accident; what a step needs is declared.
    let mut pending: Vec<_> = scene.project.ext.steps.values().filter(|step| step.uses != "prove-flow").collect();
    let names: Vec<String> = pending.iter().map(|step| step.name.clone()).collect();
    while !pending.is_empty() {
        let open: Vec<String> = pending.iter().map(|step| step.name.clone()).collect();
        let next = pending.iter().position(|step| !step.after.iter().any(|name| open.contains(name)));
        let step = pending.remove(next.expect("steps without a cycle"));
        for round in 1..=2 {
            let began = Instant::now();
            let done =
                stepper.run(step, &|text| println!("  {text}")).await.unwrap_or_else(|error| panic!("{error:?}"));
            println!("{} (round {round}): {done:?} in {:?}", step.name, began.elapsed());
            assert!(round == 1 || !done.changed, "{} changed something the second time", step.name);
        }
    }
    assert!(!names.is_empty());
}

#[tokio::test]
#[ignore = "needs a running stack"]
async fn status_is_gathered_within_half_a_second() {
    let scene = Scene::open().await;
    let began = Instant::now();
    let gathered = status::gather(&scene.pipeline).await;
    let elapsed = began.elapsed();
    println!("{}\nin {elapsed:?}", serde_json::to_string_pretty(&gathered).expect("plain data"));
    assert!(elapsed.as_millis() < 500, "{elapsed:?}");
    assert!(gathered.healthy, "{:?}", gathered.problems);
}
