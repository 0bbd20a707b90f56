//! Plans as text: what a person sees with `pipectl up --plan` is what is compared here.

use pipectl::engine::backend::BackendError;
use pipectl::engine::reconcile::{self, PlanError};
use pipectl::failure::Failure;
use pipectl::model::NetworkAttachment;

use crate::stack::Stack;

/// Compares a plan with the expected text; an inline block is indented for reading.
#[track_caller]
fn assert_plan(plan: &pipectl::engine::plan::Plan, expected: &str) {
    let trimmed = |text: &str| {
        let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(trimmed(&plan.to_string()), trimmed(expected), "\nthe plan is\n{plan}");
}

const SHOP: &[&str] = &[
    "db: | volume data, health",
    "web: db healthy, seed after | port 8080, probe",
    "step seed: db",
    "step check: web",
];

#[tokio::test]
async fn from_nothing_everything_is_made_and_creates_come_before_starts() {
    let plan = Stack::without_images(SHOP).plan().await;
    assert_eq!(
        plan.to_string(),
        "\
[ 0] image   db:1                               (not there)
[ 1] image   web:1                              (not there)
[ 2] create  network shop_default               (not there)
[ 3] create  volume shop_data                   (not there)
[ 4] create  shop-db-1             after 0,2,3  (not there)
[ 5] create  shop-web-1            after 1,2    (not there)
[ 6] start   shop-db-1             after 4      (not there)
[ 7] ready   shop-db-1             after 6      (not there)
[ 8] step    seed                  after 7      (checked on every run)
[ 9] start   shop-web-1            after 5,7,8  (not there)
[10] ready   shop-web-1            after 9      (not there)
[11] step    check                 after 10     (checked on every run)
"
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_up_only_looks() {
    let mut stack = Stack::new(SHOP);
    assert!(stack.up().await.is_ok());
    let plan = stack.plan().await;
    assert_plan(
        &plan,
        "[ 0] ready  shop-db-1           (unchanged)
         [ 1] step   seed       after 0  (checked on every run)
         [ 2] ready  shop-web-1          (unchanged)
         [ 3] step   check      after 2  (checked on every run)",
    );
    assert_eq!(plan.changes(), 0);
}

#[tokio::test(start_paused = true)]
async fn only_what_changed_is_recreated() {
    let mut stack = Stack::new(SHOP);
    stack.up().await;
    stack.service("web").environment.insert("MODE".into(), "fast".into());
    assert_plan(
        &stack.plan().await,
        "[ 0] stop    shop-web-1              (configuration changed)
         [ 1] remove  shop-web-1  after 0     (configuration changed)
         [ 2] create  shop-web-1  after 1     (configuration changed)
         [ 3] ready   shop-db-1               (unchanged)
         [ 4] step    seed        after 3     (checked on every run)
         [ 5] start   shop-web-1  after 2,3,4 (configuration changed)
         [ 6] ready   shop-web-1  after 5     (configuration changed)
         [ 7] step    check       after 6     (checked on every run)",
    );
}

#[tokio::test(start_paused = true)]
async fn the_old_container_runs_until_the_new_image_is_there() {
    let mut stack = Stack::new(&["web:"]);
    stack.up().await;
    stack.service("web").image = Some("web:2".into());
    assert_plan(
        &stack.plan().await,
        "[ 0] image   web:2                 (not there)
         [ 1] stop    shop-web-1  after 0   (image changed)
         [ 2] remove  shop-web-1  after 0,1 (image changed)
         [ 3] create  shop-web-1  after 0,2 (image changed)
         [ 4] start   shop-web-1  after 3   (image changed)
         [ 5] ready   shop-web-1  after 4   (image changed)",
    );
}

#[tokio::test(start_paused = true)]
async fn who_restarts_with_a_dependency_is_recreated_and_stopped_first() {
    let mut stack = Stack::new(&["db:", "web: db started!", "other: db started"]);
    stack.up().await;
    stack.service("db").user = Some("admin".into());
    assert_plan(
        &stack.plan().await,
        "[ 0] stop    shop-web-1              (depends on db, which is recreated)
         [ 1] stop    shop-db-1   after ~0    (configuration changed)
         [ 2] remove  shop-web-1  after 0     (depends on db, which is recreated)
         [ 3] remove  shop-db-1   after 1     (configuration changed)
         [ 4] create  shop-db-1   after 3,~0  (configuration changed)
         [ 5] create  shop-web-1  after 2     (depends on db, which is recreated)
         [ 6] start   shop-db-1   after 4     (configuration changed)
         [ 7] ready   shop-db-1   after 6     (configuration changed)
         [ 8] ready   shop-other-1            (unchanged)
         [ 9] start   shop-web-1  after 5,6   (depends on db, which is recreated)
         [10] ready   shop-web-1  after 9     (depends on db, which is recreated)",
    );
}

#[tokio::test(start_paused = true)]
async fn ended_containers_are_started_with_the_reason() {
    let mut stack = Stack::new(&["db:", "web:", "load: | job"]);
    stack.backend.script(
        "load",
        crate::fake_backend::Behaviour { exit: Some((std::time::Duration::ZERO, 0)), ..Default::default() },
    );
    stack.up().await;
    stack.backend.end("shop-db-1", 3);
    stack.backend.lose("shop-web-1");
    assert_plan(
        &stack.plan().await,
        "[ 0] create  shop-web-1           (not there)
         [ 1] start   shop-db-1            (exited with 3)
         [ 2] ready   shop-db-1   after 1  (exited with 3)
         [ 3] finish  shop-load-1          (has finished)
         [ 4] start   shop-web-1  after 0  (not there)
         [ 5] ready   shop-web-1  after 4  (not there)",
    );
}

#[tokio::test(start_paused = true)]
async fn jobs_hold_back_what_waits_for_their_end() {
    let stack = Stack::new(&["migrate:", "web: migrate completed"]);
    assert_plan(
        &stack.plan().await,
        "[ 0] create  network shop_default           (not there)
         [ 1] create  shop-migrate-1        after 0  (not there)
         [ 2] create  shop-web-1            after 0  (not there)
         [ 3] start   shop-migrate-1        after 1  (not there)
         [ 4] finish  shop-migrate-1        after 3  (not there)
         [ 5] start   shop-web-1            after 2,4 (not there)
         [ 6] ready   shop-web-1            after 5  (not there)",
    );
}

#[tokio::test(start_paused = true)]
async fn scaling_adds_and_removes_the_highest_numbers() {
    let mut stack = Stack::new(&["worker:"]);
    stack.up().await;
    stack.options.scale.insert("worker".into(), 3);
    assert_plan(
        &stack.plan().await,
        "[ 0] create  shop-worker-2           (not there)
         [ 1] create  shop-worker-3           (not there)
         [ 2] ready   shop-worker-1           (unchanged)
         [ 3] start   shop-worker-2  after 0  (not there)
         [ 4] ready   shop-worker-2  after 3  (not there)
         [ 5] start   shop-worker-3  after 1  (not there)
         [ 6] ready   shop-worker-3  after 5  (not there)",
    );
    stack.up().await;
    stack.options.scale.insert("worker".into(), 1);
    assert_plan(
        &stack.plan().await,
        "[ 0] stop    shop-worker-2           (worker is scaled to 1)
         [ 1] stop    shop-worker-3           (worker is scaled to 1)
         [ 2] remove  shop-worker-2  after 0  (worker is scaled to 1)
         [ 3] remove  shop-worker-3  after 1  (worker is scaled to 1)
         [ 4] ready   shop-worker-1           (unchanged)",
    );
}

#[tokio::test]
async fn what_cannot_run_twice_is_not_scaled() {
    let mut stack = Stack::new(&["web: | port 8080"]);
    stack.options.scale.insert("web".into(), 2);
    let observed = stack.observed().await;
    let error = reconcile::up(&stack.project, &observed, &stack.desired(), &stack.options).unwrap_err();
    assert_eq!(error, PlanError::FixedPort { service: "web".into(), port: 8080 });
    stack.service("web").container_name = Some("web".into());
    let error = reconcile::up(&stack.project, &observed, &stack.desired(), &stack.options).unwrap_err();
    assert_eq!(error, PlanError::FixedName("web".into()));
}

#[tokio::test(start_paused = true)]
async fn a_selection_brings_its_dependencies_and_leaves_the_rest() {
    let mut stack = Stack::new(SHOP);
    stack.options.services = vec!["db".into()];
    assert_plan(
        &stack.plan().await,
        "[ 0] create  network shop_default           (not there)
         [ 1] create  volume shop_data               (not there)
         [ 2] create  shop-db-1            after 0,1 (not there)
         [ 3] start   shop-db-1            after 2   (not there)
         [ 4] ready   shop-db-1            after 3   (not there)
         [ 5] step    seed                 after 4   (checked on every run)",
    );
}

#[tokio::test]
async fn an_unknown_service_is_a_usage_error_with_the_next_command() {
    let mut stack = Stack::new(SHOP);
    stack.options.services = vec!["wbe".into()];
    let error = reconcile::up(&stack.project, &stack.observed().await, &stack.desired(), &stack.options).unwrap_err();
    let failure = Failure::from(error);
    assert_eq!(
        (failure.code, failure.message.as_str()),
        (pipectl::exit::USAGE, "no service `wbe`, did you mean `web`?")
    );
    assert_eq!(failure.hints, ["`pipectl config --services` lists the services"]);
}

#[tokio::test(start_paused = true)]
async fn orphans_are_told_about_and_removed_when_asked() {
    let mut stack = Stack::new(&["web:", "old:"]);
    stack.up().await;
    stack.project.services.remove("old");
    assert_plan(
        &stack.plan().await,
        "warning: containers of services that the project no longer has: shop-old-1
         [ 0] ready  shop-web-1  (unchanged)",
    );
    stack.options.remove_orphans = true;
    assert_plan(
        &stack.plan().await,
        "[ 0] stop    shop-old-1           (orphan)
         [ 1] remove  shop-old-1  after 0  (orphan)
         [ 2] ready   shop-web-1           (unchanged)",
    );
}

#[tokio::test(start_paused = true)]
async fn a_changed_network_is_replaced_with_its_containers() {
    let mut stack = Stack::new(&["db:", "web:"]);
    stack.up().await;
    stack.project.networks.get_mut("default").unwrap().internal = true;
    assert_plan(
        &stack.plan().await,
        "[ 0] stop    shop-web-1                       (network shop_default is replaced)
         [ 1] stop    shop-db-1                        (network shop_default is replaced)
         [ 2] remove  shop-web-1            after 0    (network shop_default is replaced)
         [ 3] remove  shop-db-1             after 1    (network shop_default is replaced)
         [ 4] remove  network shop_default  after 2,3  (configuration changed)
         [ 5] create  network shop_default  after 4    (configuration changed)
         [ 6] create  shop-db-1             after 3,5  (network shop_default is replaced)
         [ 7] create  shop-web-1            after 2,5  (network shop_default is replaced)
         [ 8] start   shop-db-1             after 6    (network shop_default is replaced)
         [ 9] ready   shop-db-1             after 8    (network shop_default is replaced)
         [10] start   shop-web-1            after 7    (network shop_default is replaced)
         [11] ready   shop-web-1            after 10   (network shop_default is replaced)",
    );
    stack.options.services = vec!["db".into()];
    let plan = stack.plan().await;
    assert_eq!(plan.warnings[0].text, "network shop_default changed and is not replaced: shop-web-1 uses it");
    assert_eq!(plan.changes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_changed_volume_keeps_its_data_and_is_told_about() {
    let mut stack = Stack::new(&["db: | volume data"]);
    stack.up().await;
    stack.project.volumes.get_mut("data").unwrap().driver_opts.insert("size".into(), "1g".into());
    let plan = stack.plan().await;
    assert_eq!(plan.changes(), 0);
    assert_eq!(plan.warnings[0].text, "the configuration of volume shop_data changed; it and its data are kept");
}

#[tokio::test]
async fn external_networks_must_exist() {
    let mut stack = Stack::new(&["web:"]);
    stack.project.networks.get_mut("default").unwrap().external = true;
    let observed = stack.observed().await;
    let error = reconcile::up(&stack.project, &observed, &stack.desired(), &stack.options).unwrap_err();
    assert_eq!(error.to_string(), "network `shop_default` is declared external and does not exist");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_left_a_network_is_recreated() {
    let mut stack = Stack::new(&["web:"]);
    stack.up().await;
    let back = pipectl::model::Network { name: "shop_back".into(), ..Default::default() };
    stack.project.networks.insert("back".into(), back);
    stack.service("web").networks.insert("back".into(), NetworkAttachment::default());
    let plan = stack.plan().await;
    assert!(plan.to_string().contains("create  network shop_back"), "{plan}");
    assert!(plan.to_string().contains("(configuration changed)"), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_port_passes_from_one_container_to_another() {
    let mut stack = Stack::new(&["old: | port 8080", "web:"]);
    stack.up().await;
    let port = stack.service("old").ports.remove(0);
    stack.service("web").ports.push(port);
    let report = stack.up().await;
    assert!(report.is_ok(), "{:?}", report.failure);
}

#[tokio::test(start_paused = true)]
async fn optional_services_and_soft_dependencies_show_in_the_plan() {
    let stack = Stack::without_images(&["ui: | optional", "web: cache started?", "cache:"]);
    let text = stack.plan().await.to_string();
    assert!(text.contains("image   cache:1"), "{text}");
    assert!(text.lines().filter(|line| line.contains("shop-ui-1")).all(|line| line.ends_with("optional)")), "{text}");
    assert!(text.lines().filter(|line| line.contains("cache")).all(|line| line.ends_with("optional)")), "{text}");
    assert!(text.contains("start   shop-web-1            after 6,~7"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn down_stops_dependents_first_and_keeps_volumes() {
    let mut stack = Stack::new(&["db: | volume data", "web: db started"]);
    stack.up().await;
    let observed = stack.observed().await;
    let plan = reconcile::down(&stack.project, &observed).unwrap();
    assert_plan(
        &plan,
        "[ 0] stop    shop-web-1                       (taken down)
         [ 1] stop    shop-db-1             after ~0   (taken down)
         [ 2] remove  shop-web-1            after 0    (taken down)
         [ 3] remove  shop-db-1             after 1    (taken down)
         [ 4] remove  network shop_default  after 2,3  (taken down)",
    );
    let plan = reconcile::reset_all(&stack.project, &observed).unwrap();
    assert!(plan.to_string().contains("remove  volume shop_data"), "{plan}");
    assert!(stack.run(&plan).await.is_ok());
    assert!(stack.backend.world().is_empty());
}

#[tokio::test(start_paused = true)]
async fn taking_down_passes_over_nothing() {
    let mut stack = Stack::new(&["ui: | optional"]);
    stack.up().await;
    let plan = reconcile::down(&stack.project, &stack.observed().await).unwrap();
    let refused = BackendError::Refused { operation: "remove shop-ui-1".into(), message: "device is busy".into() };
    stack.backend.fail("remove shop-ui-1", refused);
    let failure = stack.run(&plan).await.failure.expect("not optional any more");
    assert_eq!(failure.message, "failed to remove shop-ui-1");
}

#[tokio::test(start_paused = true)]
async fn stop_start_and_restart_keep_the_containers() {
    let mut stack = Stack::new(&["db: | health", "web: db healthy, seed after", "step seed: db", "load: | job"]);
    stack.backend.script(
        "load",
        crate::fake_backend::Behaviour { exit: Some((std::time::Duration::ZERO, 0)), ..Default::default() },
    );
    stack.up().await;
    let plan = reconcile::stop(&stack.project, &stack.observed().await, &[]).unwrap();
    assert_plan(
        &plan,
        "[ 0] stop  shop-web-1            (stop was asked for)
         [ 1] stop  shop-db-1   after ~0  (stop was asked for)",
    );
    stack.run(&plan).await;
    let plan = reconcile::start(&stack.project, &stack.observed().await, &["web".into()]).unwrap();
    assert_plan(
        &plan,
        "[ 0] start  shop-db-1            (exited with 143)
         [ 1] ready  shop-db-1   after 0  (exited with 143)
         [ 2] start  shop-web-1  after 1  (exited with 143)
         [ 3] ready  shop-web-1  after 2  (exited with 143)",
    );
    stack.run(&plan).await;
    let plan = reconcile::restart(&stack.project, &stack.observed().await, &[]).unwrap();
    assert_plan(
        &plan,
        "[ 0] stop    shop-web-1              (restart was asked for)
         [ 1] stop    shop-db-1    after ~0   (restart was asked for)
         [ 2] start   shop-db-1    after 1    (restart was asked for)
         [ 3] ready   shop-db-1    after 2    (restart was asked for)
         [ 4] finish  shop-load-1             (restart was asked for)
         [ 5] start   shop-web-1   after 0,3  (restart was asked for)
         [ 6] ready   shop-web-1   after 5    (restart was asked for)",
    );
}

#[tokio::test]
async fn starting_what_was_never_made_points_to_up() {
    let stack = Stack::new(&["web:"]);
    let plan = reconcile::start(&stack.project, &stack.observed().await, &[]).unwrap();
    assert_eq!(plan.warnings[0].text, "no containers exist of: web");
    assert_eq!(plan.warnings[0].hint.as_deref(), Some("`pipectl up` makes them"));
}

#[tokio::test]
async fn steps_without_their_services_are_left_out_aloud() {
    let mut stack = Stack::new(&["web:", "step check: web, ui", "step last: check"]);
    stack.project.disabled.insert("ui".into(), vec!["ui".into()]);
    let plan = stack.plan().await;
    assert_eq!(plan.warnings.len(), 2);
    assert_eq!(plan.warnings[0].text, "step check is left out: it comes after ui, which is not enabled");
    stack.options.without_steps.insert("check".into());
    assert_eq!(stack.plan().await.warnings, []);
}
