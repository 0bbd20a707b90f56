//! `pipectl doctor`: every check with its verdict. The fake engine runs another kernel than this machine, as an engine
//! in a virtual machine does, so limits of this machine are not judged here; their own tests do that.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use serde_json::json;

use crate::harness::{Run, SHOP, Stage};

/// Without the one line that tells about the machine on which the tests run.
fn doctor(stage: &Stage, more: &[&str]) -> Run {
    let arguments: Vec<&str> = ["doctor", "--skip", "open-files"].iter().chain(more).copied().collect();
    stage.run(&arguments)
}

#[test]
fn every_check_has_a_line() {
    assert_snapshot!(doctor(&Stage::new(SHOP), &[]), @r"
    exit code 0
    --- stdout
    ✓ project         shop in DIR/compose
    ✓ engine          Docker Engine 20.10.24, API 1.41, at unix:///SOCKET (from DOCKER_HOST)
    ✓ storage-driver  overlay2
    ✓ memory          16.00 GiB, and no service has a limit
    - disk            the engine's data is not on this machine
    ✓ ports           none is still to be taken
    - subnet          containers do not run on this machine's kernel
    - max-map-count   no selected service maps files into memory
    - inotify         containers do not run on this machine's kernel
    ✓ architecture    amd64, as all images that are here
    - clock           the engine does not tell its time
    ✓ proxy           no proxy is set
    ✓ leftovers       none
    ✓ data            nothing that this version could not go on with
    ✓ external        no network and no volume of others is missing
    ✓ bind            nothing stands open with a password of the demo

    ✓ nothing stands in the way of `pipectl up`
    ");
}

#[test]
fn problems_come_all_at_once_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port().to_string();
    let stage = Stage::new(&format!(
        "name: shop\nservices:\n  web: {{image: 'web:1', mem_limit: 4g, ports: ['127.0.0.1:{port}:80']}}\n"
    ));
    {
        let mut world = stage.world();
        world.memory = 2 << 30;
        world.driver = "vfs".into();
        world.clock = "2020-01-01T00:00:00Z".into();
    }
    let run = doctor(&stage, &["--skip", "clock"]);
    let own = format!(
        "process {}",
        run.stdout.split("process ").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or("")
    );
    let own = own.lines().next().expect("a line").to_owned();
    let kill = format!("kill {}", std::process::id());
    let shown = run.to_string().replace(&own, "process NAME (pid PID)").replace(&kill, "kill PID");
    assert_snapshot!(shown.replace(&port, "PORT"), @r#"
    exit code 5
    --- stdout
    ✓ project         shop in DIR/compose
    ✓ engine          Docker Engine 20.10.24, API 1.41, at unix:///SOCKET (from DOCKER_HOST)
    ! storage-driver  the engine's storage driver is vfs: it copies every layer in full, which is slow and takes several times the disk
                      fix: set `"storage-driver": "overlay2"` in /etc/docker/daemon.json and restart the engine; images are then built anew
    ✗ memory          the engine has 2.00 GiB of memory, the limits of the selected services add up to 4.00 GiB (the largest is web with 4.00 GiB)
                      fix: give the engine more memory, start fewer services (`pipectl up SERVICE..`), or lower a mem_limit in compose/
    - disk            the engine's data is not on this machine
    ✗ ports           port PORT, which web publishes, is taken by process NAME (pid PID)
                      fix: stop it (`kill PID`), or give web another port in its Compose file
    - subnet          containers do not run on this machine's kernel
    - max-map-count   no selected service maps files into memory
    - inotify         containers do not run on this machine's kernel
    ✓ architecture    amd64, as all images that are here
    ✓ proxy           no proxy is set
    ✓ leftovers       none
    ✓ data            nothing that this version could not go on with
    ✓ external        no network and no volume of others is missing
    ✓ bind            nothing stands open with a password of the demo

    ✗ `pipectl up` would fail: 2 thing(s) to mend
    "#);
    let clock = stage.run(&["doctor"]);
    assert!(clock.stdout.contains("s behind this machine's: measured delays and tokens go wrong"), "{clock}");
    assert_eq!(stage.calls(), [""; 0], "looking changes nothing");
}

#[test]
fn what_runs_already_has_its_ports_and_memory() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
    let stage = Stage::new(&format!(
        "name: shop\nservices:\n  web: {{image: 'web:1', mem_limit: 4g, ports: ['127.0.0.1:{port}:80']}}\n"
    ));
    assert_eq!(stage.run(&["up"]).code, 0);
    stage.world().memory = 1 << 30;
    // The fake engine publishes nothing: this stands for its container.
    let _published = TcpListener::bind(("127.0.0.1", port)).expect("still free");
    let run = doctor(&stage, &["--json"]);
    assert_eq!(run.code, 0, "{run}");
    let checks = run.json()["checks"].clone();
    let detail = |id: &str| {
        let all = checks.as_array().expect("a list");
        all.iter().find(|check| check["id"] == id).expect("the check")["detail"].clone()
    };
    assert_eq!(
        (detail("memory"), detail("ports")),
        (json!("everything runs already"), json!("none is still to be taken"))
    );
}

#[test]
fn an_engine_that_is_not_there_is_one_finding_among_the_others() {
    let stage = Stage::new(SHOP);
    let mut command = stage.command(&["doctor", "--skip", "open-files"]);
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock").env("https_proxy", "http://proxy:3128");
    assert_snapshot!(stage.finish(command), @r"
    exit code 5
    --- stdout
    ✓ project         shop in DIR/compose
    ✗ engine          no container engine answers at unix:///nowhere/docker.sock (from DOCKER_HOST): no such file
                      fix: start it: `systemctl start docker`, Docker Desktop, or `dockerd &` where there is no systemd; or `make up`, in a clone of the repository, installs and starts one on Debian and Ubuntu
    - storage-driver  no engine answers
    - memory          no engine answers
    - disk            no engine answers
    ✓ ports           none is still to be taken
    - subnet          no engine answers
    - max-map-count   no selected service maps files into memory
    - inotify         no engine answers
    - architecture    no engine answers
    - clock           no engine answers
    … proxy           https_proxy is set and no_proxy does not name 127.0.0.1: curl asks the proxy for the pipeline's addresses
                      fix: `export no_proxy=localhost,127.0.0.1`
    - leftovers       no engine answers
    - data            no engine answers
    - external        no engine answers
    - bind            no engine answers

    ✗ `pipectl up` would fail: 1 thing(s) to mend
    ");
}

#[test]
fn a_project_that_cannot_be_read_is_one_too() {
    let stage = Stage::new("name: shop\nservices:\n  web: {imag: 'web:1'}\n");
    assert_snapshot!(doctor(&stage, &[]), @r"
    exit code 5
    --- stdout
    ✗ project         compose/compose.yaml:3:9: unknown key `imag` in service `web`
                      fix: did you mean `image`?
    ✓ engine          Docker Engine 20.10.24, API 1.41, at unix:///SOCKET (from DOCKER_HOST)
    ✓ storage-driver  overlay2
    - memory          the project cannot be read
    - disk            the engine's data is not on this machine
    - ports           the project cannot be read
    - subnet          containers do not run on this machine's kernel
    - max-map-count   the project cannot be read
    - inotify         containers do not run on this machine's kernel
    ✓ architecture    amd64, as all images that are here
    - clock           the engine does not tell its time
    ✓ proxy           no proxy is set
    ✓ leftovers       none
    - data            the project cannot be read
    - external        the project cannot be read
    - bind            the project cannot be read

    ✗ `pipectl up` would fail: 1 thing(s) to mend
    ");
}

#[test]
fn leftovers_are_shown_and_ended_ones_removed_on_demand() {
    let stage = Stage::up();
    stage.world().kill("shop-web-1");
    stage.write("compose/compose.yaml", "name: shop\nservices:\n  db: {image: 'db:1'}\n");
    let leftovers = |run: &Run| {
        let lines = run.stdout.lines().skip_while(|line| !line.contains("leftovers"));
        lines.take_while(|line| !line.starts_with("✓ data ")).collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(leftovers(&doctor(&stage, &[])), @r"
    … leftovers       left over from services that the files do not name any more: shop-web-1
                      fix: `pipectl up --remove-orphans` removes them (`pipectl doctor --fix` does it)
    ");
    let fixed = doctor(&stage, &["--fix"]);
    assert_snapshot!(fixed.stderr, @r"
    going to remove shop-web-1, which ended
    removed container shop-web-1
    ");
    assert_eq!(leftovers(&fixed), "✓ leftovers       none");
    assert_eq!(stage.calls(), ["DELETE /containers/shop-web-1"]);
    assert_eq!(doctor(&stage, &["--fix"]).stderr, "nothing here can be mended without a person's decision\n");
}

#[test]
fn an_error_makes_the_exit_code_and_skipping_it_does_not() {
    let stage = Stage::new(SHOP);
    stage.world().data_root = "/proc".into();
    let run = doctor(&stage, &["--json"]);
    assert_eq!((run.code, &run.json()["ok"]), (5, &json!(false)));
    let disk = run.json()["checks"].as_array().and_then(|all| all.iter().find(|check| check["id"] == "disk").cloned());
    assert_eq!(
        disk,
        Some(json!({
            "id": "disk",
            "result": "error",
            "findings": [{
                "id": "disk",
                "severity": "error",
                "finding": "/proc holds the engine's data and has 0 B free; 1.00 GiB are needed (for data)",
                "fix": "free some space there (`docker system df` shows what the engine holds, `pipectl images prune` \
                        removes our old images)",
                "fixable": false
            }]
        }))
    );
    assert_eq!(doctor(&stage, &["--skip", "disk"]).code, 0);
}

#[test]
fn an_unknown_check_cannot_be_skipped() {
    assert_snapshot!(Stage::new(SHOP).run(&["doctor", "--skip", "discs"]), @r"
    exit code 2
    --- stderr
    error: there is no check `discs` to skip

    hint: the checks are project, engine, storage-driver, memory, disk, ports, subnet, max-map-count, inotify, open-files, architecture, clock, proxy, leftovers, data, external, bind
    ");
}

#[test]
fn doctor_and_up_tell_all_that_stands_in_the_way_in_one_run() {
    let held = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = held.local_addr().expect("its address").port();
    let stage = Stage::up();
    assert_eq!(stage.run(&["down"]).code, 0);
    stage.calls();
    let ports = format!("image: web:1\n    ports: ['127.0.0.1:{port}:80']\n    networks: [default, theirs]");
    let compose = SHOP.replace("image: web:1", &ports);
    let networks = "networks: {theirs: {external: true}}\n";
    stage.write("compose/compose.yaml", &format!("{compose}{networks}x-pipectl: {{layout: 2}}\n"));
    let told = [
        "data of layout 1 in shop_data, and this project has layout 2".to_owned(),
        "network `theirs` is declared external and does not exist".to_owned(),
        format!("port {port}, which web publishes, is taken by"),
    ];
    for command in ["doctor", "up"] {
        let run = stage.run(&[command]);
        assert_eq!(run.code, 5, "{run}");
        assert!(told.iter().all(|part| run.to_string().contains(part)), "{run}");
    }
    let plan = stage.run(&["up", "--skip-preflight"]);
    assert_eq!(plan.code, 2, "there is no plan: {plan}");
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn all_checks_take_less_than_a_second() {
    let stage = Stage::up();
    // The best of three: other programs use this machine too.
    let once = || {
        let begin = Instant::now();
        assert_eq!(doctor(&stage, &[]).code, 0);
        begin.elapsed()
    };
    let best = [once(), once(), once()].into_iter().min().expect("three");
    assert!(best < Duration::from_secs(1), "{best:?}");
}
