//! Of services that do each other's work one side runs: what is tried first, what takes over, and the way back.

use std::time::Duration;

use pipectl::engine::observed::RunState;
use pipectl::engine::plan::Plan;
use pipectl::engine::reconcile;
use pipectl::event::Event;
use pipectl::model::Superseded;

use crate::fake_backend::Behaviour;
use crate::stack::{Stack, project};

const LINES: [&str; 5] = [
    "big-db: | optional, instead small, volume big-data, health",
    "big: big-db healthy | optional, instead small, port 8585",
    "small: | optional, port 8585, volume small-data",
    "step fill-big: big",
    "step fill-small: small",
];

/// Without any image, but for those.
fn stack(images: &[&str]) -> Stack {
    let mut stack = Stack::without_images(&LINES);
    stack.options.steps_on_change = ["fill-big", "fill-small"].map(str::to_owned).into();
    for image in images {
        stack.backend.add_image(image);
    }
    stack
}

/// Of the registry nothing can be had.
fn without_registry(stack: &Stack) {
    stack.images.unavailable.lock().expect("not poisoned").extend(["big:1", "big-db:1"].map(str::to_owned));
}

async fn running(stack: &Stack) -> Vec<String> {
    let containers = stack.observed().await.containers;
    containers.into_iter().filter(|old| old.state == RunState::Running).map(|old| old.name).collect()
}

/// The small one's side alone, as another choice of profiles reads the files.
fn choose_small(stack: &mut Stack) {
    stack.project = project(&[LINES[2], LINES[4]]);
    for name in ["big", "big-db"] {
        let by = Superseded { by: "small".into(), stop_grace_period: Some(Duration::from_secs(30)) };
        stack.project.superseded.insert(name.into(), by);
        stack.project.disabled.insert(name.into(), vec!["large".into()]);
    }
}

fn warnings(stack: &Stack) -> Vec<&str> {
    let texts = stack.events.iter().filter_map(|event| match event {
        Event::Warning { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

fn place(calls: &[String], call: &str) -> usize {
    calls.iter().position(|made| made == call).unwrap_or_else(|| panic!("no `{call}` in {calls:#?}"))
}

#[tokio::test(start_paused = true)]
async fn where_all_can_be_had_the_stand_in_is_neither_made_nor_fetched() {
    let mut stack = stack(&[]);
    let report = stack.up().await;
    assert!(report.is_ok(), "{:?}", report.failure);
    assert_eq!(running(&stack).await, ["shop-big-1", "shop-big-db-1"]);
    assert!(!stack.backend.images_present().contains("small:1"));
    assert_eq!(stack.ran_steps(), ["fill-big"]);
    assert_eq!(warnings(&stack), [""; 0]);

    let plan = stack.plan().await;
    assert_eq!(plan.changes(), 0, "{plan}");
    let text = plan.to_string();
    let held_back = text.lines().filter(|line| line.contains("shop-small-1"));
    assert!(held_back.clone().all(|line| line.contains("else ") && line.ends_with("only if needed)")), "{text}");
    assert_eq!(held_back.count(), 3, "{text}");
    assert_eq!(stack.run(&plan).await.changes(), 0);
    assert_eq!(stack.ran_steps(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn where_an_image_cannot_be_had_the_stand_in_takes_over_and_stays() {
    let mut stack = stack(&["big-db:1"]);
    stack.images.unavailable.lock().expect("not poisoned").insert("big:1".into());
    let report = stack.up().await;
    assert!(report.is_ok(), "{:?}", report.failure);
    assert_eq!(running(&stack).await, ["shop-small-1"]);
    assert_eq!(stack.ran_steps(), ["fill-small"]);
    let told =
        "big, big-db: left out, small takes over: failed to get image big:1: failed to pull big:1: no registry answers";
    assert_eq!(warnings(&stack), [told]);

    // The next one tries again, and disturbs nothing while it does.
    stack.backend.take_calls();
    without_registry(&stack);
    let report = stack.up().await;
    assert!(report.is_ok(), "{:?}", report.failure);
    assert_eq!(warnings(&stack), [told]);
    let calls = stack.calls(&["stop shop-small", "remove", "create container shop-small", "start shop-small"]);
    assert_eq!(calls, [""; 0]);
    assert_eq!(running(&stack).await, ["shop-small-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_stand_in_that_runs_is_stopped_once_the_images_are_there_and_goes_once_the_others_are_ready() {
    let mut stack = stack(&["small:1"]);
    without_registry(&stack);
    stack.up().await;
    assert_eq!(running(&stack).await, ["shop-small-1"]);
    stack.images.unavailable.lock().expect("not poisoned").clear();
    stack.backend.take_calls();
    stack.ran_steps();
    let report = stack.up().await;
    assert!(report.is_ok(), "{:?}", report.failure);
    let calls = stack.calls(&["stop", "start", "remove"]);
    assert!(place(&calls, "stop shop-small-1") < place(&calls, "start shop-big-1"), "{calls:#?}");
    assert!(place(&calls, "start shop-big-1") < place(&calls, "remove shop-small-1"), "{calls:#?}");
    assert_eq!(running(&stack).await, ["shop-big-1", "shop-big-db-1"]);
    assert_eq!(stack.ran_steps(), ["fill-big"]);
    let volumes = stack.observed().await.volumes;
    assert!(volumes.iter().any(|volume| volume.name == "shop_small-data"), "its data is kept: {volumes:?}");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_become_ready_is_stopped_for_the_stand_in_and_keeps_its_log() {
    let mut stack = stack(&["small:1"]);
    without_registry(&stack);
    stack.up().await;
    stack.images.unavailable.lock().expect("not poisoned").clear();
    let exit = Some((Duration::from_millis(100), 1));
    stack.backend.script("big", Behaviour { exit, ..Behaviour::default() });
    stack.backend.take_calls();
    let report = stack.up().await;
    assert!(report.is_ok(), "{:?}", report.failure);
    assert_eq!(running(&stack).await, ["shop-small-1"]);
    let calls = stack.calls(&["stop", "start", "remove"]);
    assert!(place(&calls, "stop shop-big-db-1") < calls.len() - 1, "{calls:#?}");
    assert_eq!(calls.last().map(String::as_str), Some("start shop-small-1"), "{calls:#?}");
    let names: Vec<_> = stack.observed().await.containers.into_iter().map(|old| old.name).collect();
    assert_eq!(names, ["shop-big-1", "shop-big-db-1", "shop-small-1"]);
    assert!(warnings(&stack)[0].starts_with("big, big-db: left out, small takes over: "), "{:?}", warnings(&stack));

    // Started without `up`, the side that does the work comes back and no other.
    let observed = stack.observed().await;
    let plan = reconcile::stop(&stack.project, &observed, &[]).expect("a plan");
    stack.run(&plan).await;
    let plan = reconcile::start(&stack.project, &stack.observed().await, &[]).expect("a plan");
    assert!(stack.run(&plan).await.is_ok());
    assert_eq!(running(&stack).await, ["shop-small-1"]);
    let plan = reconcile::restart(&stack.project, &stack.observed().await, &[]).expect("a plan");
    assert!(stack.run(&plan).await.is_ok());
    assert_eq!(running(&stack).await, ["shop-small-1"]);
}

#[tokio::test(start_paused = true)]
async fn another_choice_of_profiles_takes_the_other_side_down_and_keeps_its_data() {
    let mut stack = stack(&["small:1"]);
    stack.up().await;
    choose_small(&mut stack);
    stack.backend.take_calls();
    let report = stack.up().await;
    assert!(report.is_ok(), "{:?}", report.failure);
    let calls = stack.calls(&["stop", "start", "remove"]);
    assert!(place(&calls, "stop shop-big-1") < place(&calls, "start shop-small-1"), "{calls:#?}");
    assert!(calls.contains(&"remove shop-big-db-1".to_owned()), "{calls:#?}");
    assert_eq!(running(&stack).await, ["shop-small-1"]);
    assert!(stack.observed().await.volumes.iter().any(|volume| volume.name == "shop_big-data"));

    stack.project = project(&LINES);
    let report = stack.up().await;
    assert!(report.is_ok(), "{:?}", report.failure);
    assert_eq!(running(&stack).await, ["shop-big-1", "shop-big-db-1"]);
    let plan = reconcile::start(&stack.project, &stack.observed().await, &[]).expect("a plan");
    assert!(plan.warnings.is_empty(), "the stand-in is not missed: {:?}", plan.warnings);
}

#[tokio::test(start_paused = true)]
async fn a_stand_in_with_another_configuration_is_made_anew_when_it_takes_over_again() {
    let mut stack = stack(&["small:1"]);
    without_registry(&stack);
    stack.up().await;
    stack.service("small").environment.insert("NEW".into(), "1".into());
    stack.backend.take_calls();
    let report = stack.up().await;
    assert!(report.is_ok(), "{:?}", report.failure);
    let calls = stack.calls(&["stop", "create", "start", "remove"]);
    assert_eq!(running(&stack).await, ["shop-small-1"], "{calls:#?}");
    assert!(place(&calls, "remove shop-small-1") < place(&calls, "start shop-small-1"), "{calls:#?}");
}

#[tokio::test(start_paused = true)]
async fn naming_one_side_means_both() {
    let mut stack = stack(&[]);
    let subjects = |plan: &Plan| plan.operations.iter().map(|operation| operation.action.subject()).collect::<Vec<_>>();
    for named in ["big", "small"] {
        stack.options.services = vec![named.into()];
        let subjects = subjects(&stack.plan().await);
        for container in ["shop-big-1", "shop-big-db-1", "shop-small-1"] {
            assert!(subjects.iter().any(|subject| subject == container), "{named}: {subjects:?}");
        }
    }
}
