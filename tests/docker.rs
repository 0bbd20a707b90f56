//! The backend against a fake engine: what each call does to it, and how each refusal reads.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipectl::docker::{DockerEngine, connect};
use pipectl::engine::backend::{
    Backend, BackendError, BuildRequest, ContainerSpec, LogOptions, NetworkSpec, VolumeSpec,
};
use pipectl::engine::observed::{CONFIG_HASH_LABEL, Health, PROJECT_LABEL, RunState, SERVICE_LABEL};
use pipectl::model::{Healthcheck, Mount, MountKind, Port, Protocol};

#[path = "support/fake_daemon.rs"]
mod fake_daemon;
use fake_daemon::{BuildFailure, ExecScript, FakeDaemon, Fate};

async fn engine(daemon: &FakeDaemon) -> DockerEngine {
    connect(Some(&daemon.docker_host())).await.expect("a connection")
}

fn labels(service: &str) -> BTreeMap<String, String> {
    [(PROJECT_LABEL, "shop"), (SERVICE_LABEL, service), (CONFIG_HASH_LABEL, "c0ffee")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

fn web() -> ContainerSpec {
    ContainerSpec {
        name: "shop-web-1".into(),
        image: "web:1".into(),
        labels: labels("web"),
        networks: BTreeMap::from([("shop_back".into(), vec!["web".into()]), ("shop_front".into(), vec!["web".into()])]),
        ports: vec![Port {
            host_ip: Some("127.0.0.1".into()),
            published: Some(8080),
            target: 80,
            protocol: Protocol::Tcp,
        }],
        mounts: vec![Mount { kind: MountKind::Volume("shop_data".into()), target: "/data".into(), read_only: false }],
        healthcheck: Some(Healthcheck { test: vec!["CMD".into(), "true".into()], ..Healthcheck::default() }),
        ..ContainerSpec::default()
    }
}

/// A started `web` with everything it needs.
async fn running_web(daemon: &FakeDaemon) -> DockerEngine {
    daemon.world().add_image("web:1");
    let engine = engine(daemon).await;
    for name in ["shop_back", "shop_front"] {
        let spec = NetworkSpec { name: name.into(), labels: labels(""), ..NetworkSpec::default() };
        engine.create_network(&spec).await.expect("create network");
    }
    let volume = VolumeSpec { name: "shop_data".into(), labels: labels(""), ..VolumeSpec::default() };
    engine.create_volume(&volume).await.expect("create volume");
    engine.create_container(&web()).await.expect("create container");
    engine.start("shop-web-1").await.expect("start");
    engine
}

#[tokio::test]
async fn a_container_that_a_killed_command_had_asked_for_is_made_anew() {
    let daemon = FakeDaemon::start();
    let engine = running_web(&daemon).await;
    let second = ContainerSpec { name: "shop-web-2".into(), ports: Vec::new(), ..web() };
    let left = engine.create_container(&second).await.expect("create container");
    let made = engine.create_container(&second).await.expect("create it again");
    assert_ne!(left, made);
    assert_eq!(daemon.world().names(), ["shop-web-1", "shop-web-2"]);
    // One that runs, or is another project's, keeps its name.
    let running = engine.create_container(&web()).await.expect_err("it runs").to_string();
    assert!(running.contains("already in use"), "{running}");
    let labels = [(PROJECT_LABEL.to_owned(), "other".to_owned())].into();
    let other = engine.create_container(&ContainerSpec { labels, ..second }).await.expect_err("taken").to_string();
    assert!(other.contains("already in use"), "{other}");
}

#[tokio::test]
async fn facts_about_the_engine() {
    let daemon = FakeDaemon::start();
    let engine = engine(&daemon).await;
    let info = engine.info().await.expect("info");
    assert_eq!((info.version.as_str(), info.api), ("Docker Engine 20.10.24", (1, 41)));
    assert_eq!((info.memory, info.cpus, info.platform.as_str()), (16 << 30, 4, "linux/x86_64"));
    assert_eq!((info.address, engine.host()), (daemon.docker_host(), "127.0.0.1"));
}

#[tokio::test]
async fn an_engine_that_is_too_old_is_told_apart() {
    let daemon = FakeDaemon::start();
    daemon.world().api_version = "1.40".into();
    daemon.world().version = "19.03.15".into();
    let error = connect(Some(&daemon.docker_host())).await.expect_err("too old");
    let address = daemon.docker_host();
    assert_eq!(
        error.to_string(),
        format!(
            "Docker Engine 19.03.15 at {address} is too old: it speaks API 1.40, and 1.41 is needed (Docker 20.10 or newer)"
        )
    );
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_told_apart() {
    let address = {
        let daemon = FakeDaemon::start();
        daemon.docker_host()
    };
    let error = connect(Some(&address)).await.expect_err("nothing there").to_string();
    assert_eq!(error, format!("no container engine answers at {address} (from --host): no such file"));
    let error = connect(Some("tcp://127.0.0.1:9")).await.expect_err("nothing there").to_string();
    assert!(error.ends_with("nothing listens there"), "{error}");
}

#[tokio::test]
async fn a_forbidden_socket_is_told_apart() {
    use std::os::unix::fs::PermissionsExt as _;
    let daemon = FakeDaemon::start();
    let nobody = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(daemon.socket(), nobody).expect("chmod");
    if std::os::unix::net::UnixStream::connect(daemon.socket()).is_ok() {
        // Root may open every socket: the mapping itself is tested beside the code.
        return;
    }
    let error = connect(Some(&daemon.docker_host())).await.expect_err("forbidden");
    assert!(matches!(error, BackendError::Permission { .. }), "{error}");
}

#[tokio::test]
async fn a_container_is_observed_through_its_life() {
    let daemon = FakeDaemon::start();
    let engine = running_web(&daemon).await;
    engine.start("shop-web-1").await.expect("starting twice is success");
    let listed = engine.containers("shop").await.expect("containers");
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].name.as_str(), listed[0].service.as_str()), ("shop-web-1", "web"));
    assert_eq!((listed[0].state, listed[0].health), (RunState::Running, Health::Healthy));
    assert_eq!((listed[0].config_hash.as_str(), listed[0].image.as_str()), ("c0ffee", "web:1"));
    assert_eq!(listed[0].ports, BTreeMap::from([(80, 8080)]));
    let on: Vec<_> = listed[0].networks.keys().map(String::as_str).collect();
    assert_eq!(on, ["shop_back", "shop_front"], "API 1.41 needs a second call for the second network");
    assert!(engine.containers("other").await.expect("containers").is_empty());
    let detail = engine.inspect("shop-web-1").await.expect("inspect");
    assert_eq!(engine.memory(&detail).await.expect("memory"), 64 << 20);

    engine.stop("shop-web-1", Duration::from_secs(1)).await.expect("stop");
    engine.stop("shop-web-1", Duration::from_secs(1)).await.expect("stopping twice is success");
    engine.kill("shop-web-1").await.expect("killing what does not run is success");
    assert_eq!(engine.inspect("shop-web-1").await.expect("inspect").state, RunState::Exited);
    let error = engine.remove_volume("shop_data").await.expect_err("in use").to_string();
    assert!(error.starts_with("failed to remove volume shop_data: remove shop_data: volume is in use"), "{error}");

    for _ in ["once", "and again: absent is success"] {
        engine.remove_container("shop-web-1").await.expect("remove container");
        engine.remove_network("shop_back").await.expect("remove network");
        engine.remove_network("shop_front").await.expect("remove network");
        engine.remove_volume("shop_data").await.expect("remove volume");
        engine.stop("shop-web-1", Duration::ZERO).await.expect("stop");
        engine.kill("shop-web-1").await.expect("kill");
    }
    let error = engine.inspect("shop-web-1").await.expect_err("it is gone").to_string();
    assert_eq!(error, "container shop-web-1 does not exist");
}

#[tokio::test]
async fn networks_and_volumes_are_listed_by_project_and_by_name() {
    let daemon = FakeDaemon::start();
    let engine = running_web(&daemon).await;
    daemon.world().networks.insert("outside".into(), BTreeMap::new());
    daemon.world().networks.insert("unrelated".into(), BTreeMap::new());
    let networks = engine.networks("shop", &["outside".into()]).await.expect("networks");
    let names: Vec<_> = networks.iter().map(|network| network.name.as_str()).collect();
    assert_eq!(names, ["outside", "shop_back", "shop_front"]);
    assert_eq!((networks[0].project.as_str(), networks[1].project.as_str()), ("", "shop"));
    assert_eq!(networks[1].config_hash, "c0ffee");
    let volumes = engine.volumes("shop", &[]).await.expect("volumes");
    assert_eq!(volumes.iter().map(|volume| volume.name.as_str()).collect::<Vec<_>>(), ["shop_data"]);
    let spec = NetworkSpec { name: "outside".into(), ..NetworkSpec::default() };
    let error = engine.create_network(&spec).await.expect_err("it exists").to_string();
    assert_eq!(error, "failed to create network outside: a network of this name exists already");
}

#[tokio::test]
async fn a_failed_listing_is_an_error_and_not_an_empty_list() {
    let daemon = FakeDaemon::start();
    let engine = engine(&daemon).await;
    daemon.world().refusals.insert("GET /containers/json".into(), (500, "database is locked".into()));
    let error = engine.containers("shop").await.expect_err("refused").to_string();
    assert_eq!(error, "failed to list containers: database is locked");
}

#[tokio::test]
async fn how_a_container_ended_or_why_it_is_unhealthy() {
    let daemon = FakeDaemon::start();
    let engine = running_web(&daemon).await;
    let fate = |fate| daemon.world().fates.insert("web".into(), fate);
    fate(Fate::NeverHealthy("connection refused".into()));
    let seen = engine.inspect("shop-web-1").await.expect("inspect");
    assert_eq!((seen.health, seen.health_output.as_str()), (Health::Unhealthy, "connection refused"));
    fate(Fate::HealthyAfter(Duration::from_secs(3600)));
    assert_eq!(engine.inspect("shop-web-1").await.expect("inspect").health, Health::Starting);
    fate(Fate::Exits(Duration::ZERO, 3));
    let seen = engine.inspect("shop-web-1").await.expect("inspect");
    assert_eq!((seen.state, seen.exit_code, seen.oom_killed), (RunState::Exited, 3, false));
    fate(Fate::OomKilled);
    let seen = engine.inspect("shop-web-1").await.expect("inspect");
    assert_eq!((seen.exit_code, seen.oom_killed), (137, true));
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let daemon = FakeDaemon::start();
    let engine = running_web(&daemon).await;
    let second = ContainerSpec { name: "shop-web-2".into(), ..web() };
    engine.create_container(&second).await.expect("create");
    let error = engine.start("shop-web-2").await.expect_err("the port is taken");
    assert!(matches!(error, BackendError::PortTaken { port: 8080, .. }), "{error}");
}

#[tokio::test]
async fn a_container_that_could_not_join_all_networks_is_not_left_behind() {
    let daemon = FakeDaemon::start();
    daemon.world().add_image("web:1");
    daemon.world().networks.insert("shop_back".into(), BTreeMap::new());
    daemon
        .world()
        .refusals
        .insert("POST /networks/shop_front/connect".into(), (404, "network shop_front not found".into()));
    let engine = engine(&daemon).await;
    let error = engine.create_container(&web()).await.expect_err("one network is missing").to_string();
    assert_eq!(error, "network shop_front does not exist");
    assert!(daemon.world().names().is_empty());
}

#[tokio::test]
async fn a_missing_image_is_named() {
    let daemon = FakeDaemon::start();
    let engine = engine(&daemon).await;
    let error = engine.create_container(&web()).await.expect_err("no image").to_string();
    assert_eq!(error, "image web:1 does not exist");
}

#[tokio::test]
async fn logs_are_lines() {
    let daemon = FakeDaemon::start();
    let engine = running_web(&daemon).await;
    daemon.world().logs.insert("web".into(), vec!["one".into(), "two".into(), "three".into()]);
    assert_eq!(engine.logs("shop-web-1", 2).await.expect("logs"), ["two", "three"]);

    let (sender, mut lines) = tokio::sync::mpsc::channel(8);
    let options = LogOptions { follow: true, tail: Some(1), since: None };
    let follow = engine.follow_logs("shop-web-1", &options, sender);
    let watch = async {
        let line = lines.recv().await.expect("a line");
        assert_eq!((line.text.as_str(), line.time.as_str()), ("three", "2026-01-02T03:04:05.000000000Z"));
        daemon.world().kill("shop-web-1");
        assert!(lines.recv().await.is_none(), "the stream ends with the container");
    };
    let (followed, ()) = tokio::join!(follow, watch);
    followed.expect("follow");
}

#[tokio::test]
async fn nobody_listening_ends_following() {
    let daemon = FakeDaemon::start();
    let engine = running_web(&daemon).await;
    let (sender, lines) = tokio::sync::mpsc::channel(1);
    drop(lines);
    let options = LogOptions { follow: true, ..LogOptions::default() };
    let followed = tokio::time::timeout(Duration::from_secs(5), engine.follow_logs("shop-web-1", &options, sender));
    followed.await.expect("it ends").expect("follow");
}

#[tokio::test]
async fn a_commands_output_and_exit_code() {
    let daemon = FakeDaemon::start();
    let engine = running_web(&daemon).await;
    daemon.world().execs.push(ExecScript {
        contains: "select 1".into(),
        exit_code: 2,
        stdout: "1\n".into(),
        stderr: "warning\n".into(),
    });
    let command = ["psql", "-c", "select 1"].map(str::to_owned);
    let output = engine.exec("shop-web-1", &command).await.expect("exec");
    assert_eq!((output.exit_code, output.stdout.as_str(), output.stderr.as_str()), (2, "1\n", "warning\n"));
    daemon.world().kill("shop-web-1");
    let error = engine.exec("shop-web-1", &command).await.expect_err("not running").to_string();
    assert!(error.starts_with("failed to run psql in shop-web-1: ") && error.ends_with("is not running"), "{error}");
}

#[tokio::test]
async fn a_pull_reports_bytes_and_a_missing_registry_fails_at_once() {
    let daemon = FakeDaemon::start();
    let engine = engine(&daemon).await;
    let begun = std::time::Instant::now();
    let error = engine.pull("team/ui:v1", &|_, _, _| {}).await.expect_err("no registry").to_string();
    assert!(error.starts_with("failed to pull team/ui:v1: ") && error.ends_with("no such host"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());

    daemon.world().registry.insert("team/ui:v1".into());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let progress = move |done: u64, total: u64, _: &str| sink.lock().expect("not poisoned").push((done, total));
    engine.pull("team/ui:v1", &progress).await.expect("pull");
    assert_eq!(*seen.lock().expect("not poisoned"), [(0, 0), (10, 40), (40, 40), (40, 40), (40, 40)]);
    let images = engine.images().await.expect("images");
    assert_eq!(images[0].references, ["team/ui:v1"]);
}

/// Builds `text` as `pipectl/x:1` and `pipectl/x:latest`.
async fn build(engine: &DockerEngine, text: &str) -> Result<(), BackendError> {
    let archive = tempfile::NamedTempFile::new().expect("temporary file");
    let mut tar = tar::Builder::new(archive.reopen().expect("reopen"));
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "Dockerfile", text.as_bytes()).expect("append");
    tar.finish().expect("finish");
    let request = BuildRequest {
        references: vec!["pipectl/x:1".into(), "pipectl/x:latest".into()],
        context: archive.path().to_owned(),
        dockerfile: "Dockerfile".into(),
        labels: BTreeMap::from([("io.pipectl.image-hash".into(), "1".into())]),
        ..BuildRequest::default()
    };
    engine.build(request, &|_| {}).await
}

#[tokio::test]
async fn a_build_tags_its_image() {
    let daemon = FakeDaemon::start();
    let engine = engine(&daemon).await;
    build(&engine, "FROM debian\nRUN make\n").await.expect("build");
    let images = engine.images().await.expect("images");
    assert_eq!(images[0].references, ["pipectl/x:1", "pipectl/x:latest"]);
    assert_eq!(images[0].image_hash, "1");
    let asked = ["pipectl/x:latest", "pipectl/absent:1"].map(str::to_owned);
    assert_eq!(engine.find_images(&asked).await.expect("images"), images);
    engine.remove_image("pipectl/x:1").await.expect("remove");
    engine.remove_image("pipectl/x:1").await.expect("removing twice is success");
}

#[tokio::test]
async fn a_failing_build_shows_its_step_and_what_it_wrote() {
    let daemon = FakeDaemon::start();
    let failure = BuildFailure {
        step: 2,
        output: vec!["cc: error: x.c".into()],
        message: "The command '/bin/sh -c make' returned a non-zero code: 2".into(),
    };
    daemon.world().build_failures.insert("pipectl/x".into(), failure);
    let engine = engine(&daemon).await;
    let error = build(&engine, "FROM debian\nRUN make\n").await.expect_err("the step fails");
    assert_eq!(
        error.to_string(),
        "building pipectl/x:1 failed at `Step 2/2 : RUN make`: The command '/bin/sh -c make' returned a non-zero code: 2"
    );
    let BackendError::Build { output, .. } = error else { panic!("not a build error") };
    assert_eq!(output, ["cc: error: x.c"]);
}

#[tokio::test]
async fn an_engine_that_goes_away_is_unreachable() {
    let daemon = FakeDaemon::start();
    let engine = engine(&daemon).await;
    std::fs::remove_file(daemon.socket()).expect("remove the socket");
    let error = engine.containers("shop").await.expect_err("it went away");
    assert!(matches!(error, BackendError::Unreachable { .. }), "{error}");
}
