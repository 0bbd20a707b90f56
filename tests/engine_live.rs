//! The engine on a real container engine. Part of `make test-live`: `cargo test --test engine_live`.
//! Needs an image with a shell: `PIPECTL_TEST_IMAGE`, by default `pipectl/base:latest`.

#![expect(clippy::print_stdout, reason = "who runs it by hand wants to see the measured times")]

#[path = "support/fake_backend.rs"]
#[expect(dead_code, reason = "the shared stack has fakes beside the project reader that is used here")]
mod fake_backend;
#[path = "engine/stack.rs"]
#[expect(dead_code, reason = "only the project reader and the fakes of probes and steps are used here")]
mod stack;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pipectl::docker::connect;
use pipectl::engine::backend::Backend;
use pipectl::engine::desired::{Hashes, desired};
use pipectl::engine::execute::{Options, Report, Tools, run};
use pipectl::engine::observe::observe;
use pipectl::engine::plan::Plan;
use pipectl::engine::reconcile::{self, UpOptions};
use pipectl::event::Events;
use pipectl::model::{Healthcheck, Project, RestartPolicy};
use tokio_util::sync::CancellationToken;

/// A project on a real engine.
struct Live {
    project: Project,
    backend: Arc<dyn Backend>,
    image: String,
}

impl Live {
    /// Reads the project and removes what an earlier run left. Every container sleeps unless a test says otherwise.
    async fn new(name: &str, lines: &[&str]) -> Self {
        let mut project = stack::project(lines);
        let prefix = std::env::var("PIPECTL_TEST_PREFIX").unwrap_or_else(|_| "pipectl-test".to_owned());
        project.name = format!("{prefix}-{name}");
        for (key, network) in &mut project.networks {
            network.name = format!("{}_{key}", project.name);
        }
        for (key, volume) in &mut project.volumes {
            volume.name = format!("{}_{key}", project.name);
        }
        for service in project.services.values_mut() {
            service.command = Some(shell("exec sleep 1000"));
            service.stop_grace_period = Some(Duration::from_secs(1));
            service.init = Some(true);
            if let Some(check) = &mut service.healthcheck {
                *check = Healthcheck { interval: Some(Duration::from_secs(1)), ..check.clone() };
            }
        }
        let image = std::env::var("PIPECTL_TEST_IMAGE").unwrap_or_else(|_| "pipectl/base:latest".to_owned());
        let live = Self { project, backend: Arc::new(connect(None).await.expect("a running engine")), image };
        live.reset().await;
        live
    }

    async fn up_plan(&self) -> Plan {
        let images: BTreeMap<_, _> =
            self.project.services.keys().map(|name| (name.clone(), self.image.clone())).collect();
        let hashes = Hashes { content: &|_| Ok(None), secret: &<[u8]>::to_vec };
        let desired = desired(&self.project, &images, hashes).expect("described");
        let observed = observe(self.backend.as_ref(), &self.project).await.expect("observed");
        let options = UpOptions { images_present: [self.image.clone()].into(), ..UpOptions::default() };
        reconcile::up(&self.project, &observed, &desired, &options).expect("planned")
    }

    async fn run(&self, plan: &Plan) -> Report {
        let stack = stack::Stack::new(&[]);
        let tools = Tools {
            backend: self.backend.clone(),
            prober: stack.prober.clone(),
            stepper: stack.stepper.clone(),
            images: stack.images.clone(),
        };
        let (events, _receiver) = Events::channel();
        run(plan, &tools, &events, CancellationToken::new(), &Options::default()).await
    }

    async fn reset(&self) {
        let observed = observe(self.backend.as_ref(), &self.project).await.expect("observed");
        let plan = reconcile::reset_all(&self.project, &observed).expect("planned");
        let report = self.run(&plan).await;
        assert!(report.is_ok(), "{:?}", report.failure);
    }
}

fn shell(script: &str) -> Vec<String> {
    vec!["sh".into(), "-c".into(), script.into()]
}

#[tokio::test]
async fn up_starts_in_parallel_and_a_second_up_changes_nothing() {
    let lines = [
        "a: | port 28461, volume data",
        "b: | port 28462",
        "c: | port 28463",
        "d: | port 28464",
        "e: a started, b started | health",
        "f: e healthy",
        "migrate: | job",
        "g: migrate completed",
    ];
    let mut live = Live::new("parallel", &lines).await;
    live.project.services.get_mut("migrate").expect("declared").command = Some(shell("exit 0"));
    let begin = Instant::now();
    let plan = live.up_plan().await;
    let report = live.run(&plan).await;
    assert!(report.is_ok(), "{:?}", report.failure);
    println!("up: {:?}, {} operations", begin.elapsed(), plan.operations.len());
    for id in plan.critical_path(&report.elapsed()) {
        let operation = &plan.operations[id];
        println!("  {} {} {:?}", operation.action.verb(), operation.action.subject(), report.ops[id].elapsed);
    }

    let begin = Instant::now();
    let plan = live.up_plan().await;
    assert_eq!(plan.changes(), 0, "{plan}");
    assert!(live.run(&plan).await.is_ok());
    println!("second up: {:?}", begin.elapsed());

    live.project.services.get_mut("e").expect("declared").environment.insert("A".into(), "1".into());
    let plan = live.up_plan().await;
    assert_eq!(plan.changes(), 4, "only e is recreated\n{plan}");
    assert!(live.run(&plan).await.is_ok());
    live.reset().await;
    let left = observe(live.backend.as_ref(), &live.project).await.expect("observed");
    assert_eq!(left, pipectl::engine::observed::Observed::default());
}

#[tokio::test]
async fn crash_loops_exits_and_memory_are_told_apart() {
    let cases = [
        ("echo broken; exit 3", RestartPolicy::UnlessStopped, "web restarts in a loop"),
        ("echo broken; exit 3", RestartPolicy::No, "web exited with 3 before it was ready"),
        ("tail /dev/zero", RestartPolicy::No, "web was killed: out of memory"),
        ("exec sleep 1000", RestartPolicy::No, "web is unhealthy"),
    ];
    for (number, (script, restart, expected)) in cases.into_iter().enumerate() {
        let mut live = Live::new(&format!("crash{number}"), &["web: | health"]).await;
        let web = live.project.services.get_mut("web").expect("declared");
        web.command = Some(shell(script));
        web.restart = restart;
        web.mem_limit = Some(16 << 20);
        let second = Some(Duration::from_secs(1));
        web.healthcheck = Some(Healthcheck {
            test: vec!["CMD".into(), "false".into()],
            interval: second,
            timeout: second,
            retries: Some(if expected.ends_with("unhealthy") { 1 } else { 30 }),
            ..Healthcheck::default()
        });
        let begin = Instant::now();
        let plan = live.up_plan().await;
        let failure = live.run(&plan).await.failure.expect("it fails");
        println!("{expected}: {:?} {:?} {:?}", begin.elapsed(), failure.causes, failure.evidence);
        assert_eq!(failure.message, expected);
        live.reset().await;
    }
}
