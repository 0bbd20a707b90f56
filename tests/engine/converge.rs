//! The promise of `up`: whatever was there, and wherever an earlier run was killed, one more run brings what the
//! project says, and the run after that changes nothing.

use std::time::Duration;

use pipectl::model::Project;
use proptest::prelude::*;

use crate::fake_backend::Behaviour;
use crate::stack::{Stack, project};

const BEFORE: &[&str] = &[
    "db: | volume data, health",
    "cache: | port 8080",
    "migrate: db healthy | job",
    "web: db healthy!, migrate completed, cache started, seed after",
    "worker: web started | scale 3",
    "old: db started",
    "step seed: db",
];

/// Every kind of difference at once: changed, moved port, scaled down, gone, new.
fn after() -> Project {
    let mut project = project(&[
        "db: | volume data, health",
        "cache:",
        "migrate: db healthy | job",
        "web: db healthy!, migrate completed, cache started, seed after | port 8080",
        "worker: web started | scale 2",
        "new: worker started",
        "step seed: db",
    ]);
    project.services.get_mut("db").unwrap().environment.insert("TUNED".into(), "1".into());
    project.services.get_mut("worker").unwrap().image = Some("worker:2".into());
    project.networks.get_mut("default").unwrap().internal = true;
    project
}

fn stack() -> Stack {
    let stack = Stack::without_images(BEFORE);
    let exit = Some((Duration::ZERO, 0));
    stack.backend.script("migrate", Behaviour { exit, ..Behaviour::default() });
    stack
}

/// Brings a stack to the second project, killed after `changes` calls; returns the world after one more run, or none
/// when the run ended before it could be killed.
async fn killed_after(changes: usize) -> Option<Vec<String>> {
    let mut stack = stack();
    assert!(stack.up().await.is_ok());
    stack.project = after();
    stack.options.remove_orphans = true;
    stack.backend.kill_after(Some(changes));
    let backend = stack.backend.clone();
    let killed = tokio::select! {
        biased;
        () = backend.killed() => true,
        report = stack.up() => {
            assert!(report.is_ok(), "{:?}", report.failure);
            false
        }
    };
    stack.backend.kill_after(None);
    let report = stack.up().await;
    assert!(report.is_ok(), "after {changes} calls: {:?}", report.failure);
    let plan = stack.plan().await;
    assert_eq!(plan.changes(), 0, "after {changes} calls, a third up still wants\n{plan}");
    killed.then(|| stack.backend.world())
}

#[tokio::test(start_paused = true)]
async fn killed_after_any_call_the_next_up_reaches_the_same_world() {
    let mut stack = stack();
    stack.project = after();
    assert!(stack.up().await.is_ok());
    let expected = stack.backend.world();
    let mut changes = 1;
    while let Some(world) = killed_after(changes).await {
        assert_eq!(world, expected, "killed after {changes} calls");
        changes += 1;
    }
    assert!(changes > 30, "only {changes} calls were cut off");
}

/// Projects of up to six services; each may depend on those before it in one of the ways.
fn projects() -> impl Strategy<Value = Project> {
    let service = (prop::collection::vec(0..6_usize, 0..4), 0..3_u32, any::<bool>(), 0..3_u8);
    prop::collection::vec(service, 1..6).prop_map(|services| {
        let mut lines = Vec::new();
        for (n, (needs, scale, health, _)) in services.iter().enumerate() {
            let conditions = ["started", "healthy", "healthy!", "started!"];
            let needs = needs.iter().enumerate().filter(|(_, to)| **to < n);
            let needs: Vec<_> = needs.map(|(kind, to)| format!("s{to} {}", conditions[kind % 4])).collect();
            let health = if *health { ", health" } else { "" };
            lines.push(format!("s{n}: {} | scale {scale}{health}", needs.join(", ")));
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let mut project = project(&lines);
        for (n, (.., mode)) in services.iter().enumerate() {
            let service = project.services.get_mut(&format!("s{n}")).expect("made above");
            service.environment.insert("MODE".into(), mode.to_string());
        }
        project
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn from_any_project_to_any_other_killed_anywhere(before in projects(), after in projects(), cut in 1..40_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut stack = Stack::without_images(&[]);
            stack.project = before;
            assert!(stack.up().await.is_ok());
            stack.project = after;
            stack.options.remove_orphans = true;
            stack.backend.kill_after(Some(cut));
            let backend = stack.backend.clone();
            tokio::select! {
                biased;
                () = backend.killed() => {}
                report = stack.up() => assert!(report.is_ok(), "{:?}", report.failure),
            }
            stack.backend.kill_after(None);
            let report = stack.up().await;
            assert!(report.is_ok(), "{:?}", report.failure);
            let plan = stack.plan().await;
            assert_eq!(plan.changes(), 0, "{plan}");
            let expected: u32 = stack.project.services.values().map(|service| service.scale).sum();
            let running = stack.backend.world().iter().filter(|line| line.contains(" Running ")).count();
            assert_eq!(running, usize::try_from(expected).unwrap());
        });
    }
}
