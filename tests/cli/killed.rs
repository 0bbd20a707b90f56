//! Killed anywhere: after every single call to the engine the program is ended by SIGKILL, and the next command finds
//! its way from whatever that left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::fake_daemon::{Fate, Node, Tree};
use crate::harness::{Stage, wait_until};

/// Images built on each other, a job, what waits for it, several of a kind, two networks, volumes, secrets.
const PLANT: &str = "
name: shop
services:
  db:
    image: db:1
    healthcheck: {test: [CMD, 'true']}
    volumes: ['data:/data']
    networks: [inner]
    secrets: [password]
  queue:
    image: db:1
    healthcheck: {test: [CMD, 'true']}
    volumes: ['topics:/data']
  migrate:
    build: {context: ../web}
    image: pipectl/web
    depends_on: {db: {condition: service_healthy}}
    networks: [inner]
  web:
    build: {context: ../web}
    healthcheck: {test: [CMD, 'true']}
    networks: [inner, default]
    depends_on:
      migrate: {condition: service_completed_successfully}
      queue: {condition: service_started, restart: true}
  worker:
    image: web:1
    healthcheck: {test: [CMD, 'true']}
    scale: 2
    secrets: [password]
    depends_on: [queue, web]
networks: {inner: {}}
volumes: {data: {}, topics: {}}
secrets: {password: {environment: PASSWORD, x-pipectl: {default: hunter2}}}
";

const UP: [&str; 1] = ["up"];

fn plant() -> Stage {
    let stage = Stage::new(PLANT);
    stage.write("web/Dockerfile", "FROM pipectl/base\n");
    stage.write("compose/images/base/Dockerfile", "FROM debian\n");
    // With a key of its own each stage would have other hashes of the same secret.
    stage.write(".pipectl/shop/secrets.key", "0123456789abcdef0123456789abcdef");
    stage.world().fates.insert("migrate".into(), Fate::Exits(Duration::ZERO, 0));
    stage
}

fn running_plant() -> Stage {
    let stage = plant();
    assert_eq!(stage.run(&UP).code, 0);
    for (volume, text) in [("shop_data", "rows"), ("shop_topics", "events")] {
        let tree = [(String::new(), Node::directory(0o700, 999)), ("file".into(), Node::file(text.as_bytes(), 999))];
        stage.world().contents.insert(volume.into(), Tree::from(tree));
    }
    stage.calls();
    stage
}

/// Everything the engine has: containers with their state, configuration, image and secrets, networks, volumes, images.
fn everything(stage: &Stage) -> BTreeSet<String> {
    let world = stage.world();
    let containers = world.containers.values().map(|container| {
        let hash = container.labels.get("io.pipectl.config-hash").cloned().unwrap_or_default();
        let networks: Vec<&String> = container.networks.keys().collect();
        let live = container.started.is_some() && container.stopped.is_none();
        let secrets = world.anonymous.get(&container.id).map(|tree| tree.keys().collect::<Vec<_>>());
        format!("{} {live} {} {hash} {networks:?} {secrets:?}", container.name, container.request["Image"])
    });
    let networks = world.networks.iter().map(|(name, labels)| format!("network {name} {labels:?}"));
    let volumes = world.volumes.iter().map(|(name, labels)| format!("volume {name} {labels:?}"));
    // Made on the spot and empty: whether it is there makes no difference.
    let named = |reference: &&String| !reference.starts_with("pipectl/empty:");
    let images = world.images.iter().flat_map(|image| &image.references).filter(named);
    let images = images.map(|reference| format!("image {reference}"));
    let all: Vec<String> = containers.chain(networks).chain(volumes).chain(images).collect();
    let set: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(all.len(), set.len(), "twice: {all:?}");
    set
}

fn contents(stage: &Stage) -> BTreeMap<String, Tree> {
    stage.world().contents.clone()
}

/// Runs the command and kills it when the engine has got this many calls that change something; the last of them is
/// done, but the program never hears of it. False when it ended before that.
fn killed_after(stage: &Stage, calls: usize, arguments: &[&str]) -> bool {
    stage.calls();
    stage.world().deaf_after = Some(calls);
    let mut child = stage.spawn(arguments);
    let mut ended = None;
    wait_until("the call, or the end", || {
        ended = child.try_wait().expect("asked");
        ended.is_some() || stage.world().calls.len() >= calls
    });
    let killed = ended.is_none();
    if killed {
        child.kill().expect("SIGKILL");
    }
    let run = child.wait_with_output().expect("ended");
    assert!(killed || run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    // A request that the engine has not read yet would be heard after that.
    stage.forget_clients();
    stage.world().deaf_after = None;
    stage.calls();
    killed
}

/// Does something with a fresh stage for every call after which the program can be killed, on two stages at a time.
fn for_every_call(fewest: usize, test: impl Fn(usize) -> bool + Sync) {
    let last = std::thread::scope(|scope| {
        let test = &test;
        let half = |first: usize| move || (first..).step_by(2).find(|calls| !test(*calls)).expect("it ends");
        let (odd, even) = (scope.spawn(half(1)), scope.spawn(half(2)));
        odd.join().expect("no panic").min(even.join().expect("no panic"))
    });
    assert!(last > fewest, "only {last} calls were cut off");
}

#[test]
fn an_up_killed_after_any_call_is_completed_by_the_next() {
    let undisturbed = plant();
    assert_eq!(undisturbed.run(&UP).code, 0);
    let expected = everything(&undisturbed);
    for_every_call(20, |calls| {
        let stage = plant();
        let killed = killed_after(&stage, calls, &UP);
        let up = stage.run(&UP);
        assert_eq!(up.code, 0, "killed after {calls} calls: {up}");
        assert_eq!(everything(&stage), expected, "killed after {calls} calls");
        let again = stage.run(&UP);
        assert_eq!(again.stderr, "[time] done: everything is up to date: nothing changed\n", "after {calls} calls");
        let reset = stage.run(&["reset", "all", "--yes"]);
        assert_eq!(reset.code, 0, "after {calls} calls: {reset}");
        let left = everything(&stage).into_iter().filter(|line| !line.starts_with("image ")).collect::<Vec<_>>();
        assert_eq!(left, [""; 0], "after {calls} calls");
        assert!(!stage.dir().join(".pipectl/shop").exists(), "notes are left after {calls} calls");
        killed
    });
}

#[test]
fn a_half_made_project_is_taken_down_whole() {
    for_every_call(20, |calls| {
        let stage = plant();
        let killed = killed_after(&stage, calls, &UP);
        let down = stage.run(&["down"]);
        assert_eq!(down.code, 0, "killed after {calls} calls: {down}");
        let world = stage.world();
        assert!(world.containers.is_empty() && world.networks.is_empty(), "after {calls} calls");
        killed
    });
}

#[test]
fn a_down_killed_after_any_call_is_completed_by_the_next() {
    for_every_call(12, |calls| {
        let stage = running_plant();
        let (before, labels) = (contents(&stage), stage.world().volumes.clone());
        let killed = killed_after(&stage, calls, &["down"]);
        let down = stage.run(&["down"]);
        assert_eq!(down.code, 0, "killed after {calls} calls: {down}");
        assert_eq!(stage.world().names(), [""; 0]);
        assert_eq!((contents(&stage), stage.world().volumes.clone()), (before, labels));
        killed
    });
}

#[test]
fn a_backup_killed_after_any_call_leaves_a_project_that_up_starts_and_a_file_or_none() {
    let undisturbed = running_plant();
    let expected = everything(&undisturbed);
    for_every_call(15, |calls| {
        let stage = running_plant();
        let before = contents(&stage);
        let killed = killed_after(&stage, calls, &["backup", "b.tar", "--yes"]);
        let up = stage.run(&UP);
        assert_eq!(up.code, 0, "killed after {calls} calls: {up}");
        let saved = stage.dir().join("b.tar").exists();
        if !saved {
            let again = stage.run(&["backup", "b.tar", "--yes"]);
            assert_eq!(again.code, 0, "after {calls} calls: {again}");
        }
        assert_eq!(everything(&stage), expected, "after {calls} calls, file {saved}");
        assert_eq!(contents(&stage), before);
        let restored = stage.run(&["restore", "b.tar", "--force", "--yes"]);
        assert_eq!(restored.code, 0, "after {calls} calls: {restored}");
        assert_eq!(contents(&stage), before);
        killed
    });
}

#[test]
fn a_restore_killed_after_any_call_is_done_again_and_never_half_started() {
    for_every_call(15, |calls| {
        let stage = running_plant();
        let before = contents(&stage);
        assert_eq!(stage.run(&["backup", "b.tar", "--yes"]).code, 0);
        let killed = killed_after(&stage, calls, &["restore", "b.tar", "--force", "--yes"]);
        let up = stage.run(&UP);
        let whole = contents(&stage) == before;
        let empty = contents(&stage).is_empty();
        assert!(up.code == 5 || whole || empty, "after {calls} calls `up` went on with half of it: {up}");
        let again = stage.run(&["restore", "b.tar", "--force", "--yes"]);
        assert_eq!(again.code, 0, "after {calls} calls: {again}");
        assert_eq!(contents(&stage), before, "after {calls} calls");
        let up = stage.run(&UP);
        assert_eq!(up.code, 0, "after {calls} calls: {up}");
        assert_eq!(contents(&stage), before, "after {calls} calls");
        killed
    });
}

#[test]
fn a_reset_killed_after_any_call_is_not_taken_for_a_project() {
    for_every_call(10, |calls| {
        let stage = running_plant();
        let (before, labels) = (contents(&stage), stage.world().volumes.clone());
        let killed = killed_after(&stage, calls, &["reset", "all", "--yes"]);
        let left = stage.world().volumes.len();
        let up = stage.run(&UP);
        match left {
            0 => assert!(up.code == 0 || up.code == 5, "after {calls} calls: {up}"),
            1 => assert_eq!(up.code, 5, "after {calls} calls `up` went on with half of the volumes: {up}"),
            _ => {
                assert_eq!(up.code, 0, "after {calls} calls nothing is lost: {up}");
                assert_eq!((contents(&stage), stage.world().volumes.clone()), (before, labels));
            }
        }
        assert_eq!(stage.run(&["reset", "all", "--yes"]).code, 0, "after {calls} calls");
        assert!(!stage.dir().join(".pipectl/shop").exists(), "notes are left after {calls} calls");
        assert!(stage.world().volumes.is_empty() && stage.world().containers.is_empty());
        assert_eq!(stage.run(&UP).code, 0, "after {calls} calls");
        killed
    });
}

#[test]
fn a_reset_with_images_killed_anywhere_leaves_nothing_when_it_is_done_again() {
    const RESET: [&str; 4] = ["reset", "all", "--images", "--yes"];
    for_every_call(12, |calls| {
        let stage = running_plant();
        let killed = killed_after(&stage, calls, &RESET);
        assert_eq!(stage.run(&RESET).code, 0, "after {calls} calls");
        assert!(!stage.dir().join(".pipectl/shop").exists(), "notes are left after {calls} calls");
        // The images that were there before are not the stack's.
        let theirs = ["image db:1", "image web:1"].map(str::to_owned).into();
        assert_eq!(everything(&stage), theirs, "after {calls} calls");
        killed
    });
}
