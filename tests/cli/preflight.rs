//! Checks before a start: exit code 5, and nothing is touched.

use std::net::TcpListener;

use insta::assert_snapshot;

use crate::harness::{SHOP, Stage, UP};

/// One service with a memory limit of 4 GiB.
const LARGE: &str = "
name: shop
services:
  web:
    image: web:1
    mem_limit: 4g
";

#[test]
fn too_little_memory() {
    let stage = Stage::new(LARGE);
    stage.world().memory = 2 << 30;
    assert_snapshot!(stage.run(&["up"]), @r"
    exit code 5
    --- stderr
    error: a check before the start failed; nothing was touched
      because: memory: the engine has 2.00 GiB of memory, the limits of the selected services add up to 4.00 GiB (the largest is web with 4.00 GiB)

    hint: give the engine more memory, start fewer services (`pipectl up SERVICE..`), or lower a mem_limit in compose/
    ");
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn barely_enough_memory_is_a_warning() {
    let stage = Stage::new(LARGE);
    stage.world().memory = 3 << 30;
    assert_snapshot!(stage.run(&UP), @r"
    exit code 0
    --- stderr
    warning: the engine has 3.00 GiB of memory, the limits of the selected services add up to 4.00 GiB (the largest is web with 4.00 GiB)
    hint: give the engine more memory, start fewer services (`pipectl up SERVICE..`), or lower a mem_limit in compose/
    [time] network shop_default: created (not there)
    [time] web: created (not there)
    [time] web: started
    [time] web: ready after TIME (runs)
    [time] done: 3 change(s) made, everything is ready
    ");
}

#[test]
fn too_little_disk() {
    let stage = Stage::new(SHOP);
    // A file system of this machine that never has room.
    stage.world().data_root = "/proc".into();
    assert_snapshot!(stage.run(&["up"]), @r"
    exit code 5
    --- stderr
    error: a check before the start failed; nothing was touched
      because: disk: /proc holds the engine's data and has 0 B free; 1.00 GiB are needed (for data)

    hint: free some space there (`docker system df` shows what the engine holds, `pipectl images prune` removes our old images)
    ");
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn a_port_that_a_process_has_taken_is_named_with_its_owner() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port().to_string();
    let stage =
        Stage::new(&format!("name: shop\nservices:\n  web:\n    image: web:1\n    ports: ['127.0.0.1:{port}:80']\n"));
    let up = stage.run(&["up"]);
    let own = std::process::id().to_string();
    assert!(up.stderr.contains(&format!("(pid {own})")), "{up}");
    let name = up.stderr.split("taken by process ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a name");
    let other = (port.parse::<u16>().expect("a port").wrapping_add(10_000)).to_string();
    let shown = up.to_string().replace(name, "NAME").replace(&own, "PID").replace(&port, "PORT");
    assert_snapshot!(shown.replace(&other, "OTHER"), @r"
    exit code 5
    --- stderr
    error: a check before the start failed; nothing was touched
      because: ports: port PORT, which web publishes, is taken by process NAME (pid PID)

    hint: stop it (`kill PID`), or give web another port in its Compose file
    ");
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn all_problems_are_told_at_once_and_can_be_overruled() {
    let stage = Stage::new(LARGE);
    stage.world().memory = 2 << 30;
    stage.world().data_root = "/proc".into();
    let up = stage.run(&["up"]);
    assert!(up.stderr.starts_with("error: 2 checks before the start failed; nothing was touched\n"), "{up}");
    assert_eq!(stage.run(&["up", "--skip-preflight"]).code, 0);
}

#[test]
fn one_check_is_left_out_and_the_others_are_made() {
    let held = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = held.local_addr().expect("its address").port();
    let stage = Stage::new(&format!("{LARGE}    ports: ['127.0.0.1:{port}:80']\n"));
    stage.world().memory = 2 << 30;
    let up = stage.run(&["up", "--skip-check", "memory"]);
    assert_eq!(up.code, 5, "{up}");
    assert!(up.stderr.contains("because: ports: ") && !up.stderr.contains("memory"), "{up}");
    assert_eq!(stage.calls(), [""; 0]);
    assert_eq!(stage.run(&["up", "--skip-check", "memory", "--skip-check", "ports"]).code, 0);
}

#[test]
fn an_unknown_check_is_not_left_out() {
    let up = Stage::new(LARGE).run(&["up", "--skip-check", "memroy"]);
    assert_eq!(up.code, 2, "{up}");
    assert!(
        up.stderr.starts_with("error: there is no check `memroy` to skip\n\nhint: the checks are project, "),
        "{up}"
    );
}

#[test]
fn disk_is_asked_for_the_images_of_the_chosen_services_only() {
    let stage = Stage::new("name: shop\nservices:\n  web: {image: 'web:1'}\n  big: {image: 'big:1'}\n");
    stage.world().data_root = "/proc".into();
    let needed = |run: &crate::harness::Run| run.stderr.contains("1.00 GiB are needed (for data)");
    let (one, all) = (stage.run(&["up", "web"]), stage.run(&["up"]));
    assert!(needed(&one) && !needed(&all), "{one}{all}");
    assert!(all.stderr.contains("1.39 GiB are needed (1 image(s) to get, the rest for data)"), "{all}");
}
