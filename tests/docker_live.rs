//! The backend against a real engine. Part of `make test-live`: `cargo test --test docker_live`.
//! Needs an image with a shell: `PIPECTL_TEST_IMAGE`, by default `pipectl/base:latest`.

use std::collections::BTreeMap;
use std::time::Duration;

use pipectl::docker::{DockerEngine, connect};
use pipectl::engine::backend::{
    Backend, BackendError, BuildRequest, ContainerSpec, LogLine, LogOptions, NetworkSpec, SecretFile, VolumeSpec,
};
use pipectl::engine::observed::{Health, ImageSummary, PROJECT_LABEL, RunState};
use pipectl::model::{Healthcheck, Mount, MountKind, Port, Protocol, SECRETS_DIR};

/// Everything a test made; removed again by [`Scene::clear`].
struct Scene {
    engine: DockerEngine,
    name: String,
    image: String,
}

impl Scene {
    async fn new(test: &str) -> Self {
        let engine = connect(None).await.expect("a running engine");
        let prefix = std::env::var("PIPECTL_TEST_PREFIX").unwrap_or_else(|_| "pipectl-test".to_owned());
        let image = std::env::var("PIPECTL_TEST_IMAGE").unwrap_or_else(|_| "pipectl/base:latest".to_owned());
        let scene = Self { engine, name: format!("{prefix}-{test}"), image };
        scene.clear().await;
        scene
    }

    fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(PROJECT_LABEL.to_owned(), self.name.clone())])
    }

    fn container(&self, number: u32, script: &str) -> ContainerSpec {
        ContainerSpec {
            name: format!("{}-{number}", self.name),
            image: self.image.clone(),
            command: Some(vec!["sh".into(), "-c".into(), script.into()]),
            labels: self.labels(),
            ..ContainerSpec::default()
        }
    }

    async fn clear(&self) {
        for container in self.engine.containers(&self.name).await.expect("containers") {
            self.engine.remove_container(&container.id).await.expect("remove container");
        }
        for network in self.engine.networks(&self.name, &[]).await.expect("networks") {
            self.engine.remove_network(&network.name).await.expect("remove network");
        }
        for volume in self.engine.volumes(&self.name, &[]).await.expect("volumes") {
            self.engine.remove_volume(&volume.name).await.expect("remove volume");
        }
    }

    /// What a container writes, until it has ended.
    async fn output(&self, id: &str) -> Vec<LogLine> {
        let (sender, mut lines) = tokio::sync::mpsc::channel(8);
        let options = LogOptions { follow: true, ..LogOptions::default() };
        let follow = self.engine.follow_logs(id, &options, sender);
        let collect = async {
            let mut all = Vec::new();
            while let Some(line) = lines.recv().await {
                all.push(line);
            }
            all
        };
        let (followed, all) = tokio::join!(follow, collect);
        followed.expect("follow");
        all
    }

    async fn until_healthy(&self, id: &str) {
        for _ in 0..200 {
            if self.engine.inspect(id).await.expect("inspect").health == Health::Healthy {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the container never became healthy");
    }
}

#[tokio::test]
async fn a_container_lives_and_dies() {
    let scene = Scene::new("life").await;
    let engine = &scene.engine;
    let info = engine.info().await.expect("info");
    assert!(info.memory > 0 && info.cpus > 0 && info.api >= (1, 41) && !info.data_root.is_empty(), "{info:?}");

    let (front, back, data) =
        (format!("{}-front", scene.name), format!("{}-back", scene.name), format!("{}-data", scene.name));
    for name in [&front, &back] {
        let spec = NetworkSpec { name: name.clone(), labels: scene.labels(), ..NetworkSpec::default() };
        engine.create_network(&spec).await.expect("create network");
        let twice = engine.create_network(&spec).await;
        assert!(matches!(twice, Err(BackendError::Refused { .. })), "{twice:?}");
    }
    let volume = VolumeSpec { name: data.clone(), labels: scene.labels(), ..VolumeSpec::default() };
    engine.create_volume(&volume).await.expect("create volume");

    let spec = ContainerSpec {
        networks: BTreeMap::from([(front.clone(), vec!["web".into()]), (back.clone(), vec!["web".into()])]),
        mounts: vec![
            Mount { kind: MountKind::Volume(data.clone()), target: "/data".into(), read_only: false },
            Mount { kind: MountKind::Tmpfs(Some(1 << 20)), target: "/scratch".into(), read_only: false },
            Mount { kind: MountKind::Anonymous, target: "/any".into(), read_only: false },
        ],
        ports: vec![Port { host_ip: Some("127.0.0.1".into()), published: None, target: 80, protocol: Protocol::Tcp }],
        environment: BTreeMap::from([("GREETING".into(), "hello = world".into())]),
        healthcheck: Some(Healthcheck {
            test: vec!["CMD-SHELL".into(), "echo checked".into()],
            interval: Some(Duration::from_secs(1)),
            ..Healthcheck::default()
        }),
        mem_limit: Some(64 << 20),
        cpus: Some(0.5),
        ulimits: BTreeMap::from([("nofile".into(), (1024, 2048))]),
        cap_drop: vec!["ALL".into()],
        security_opt: vec!["no-new-privileges:true".into()],
        init: Some(true),
        stop_grace_period: Some(Duration::from_secs(1)),
        ..scene.container(1, "echo to-out; echo to-err >&2; exec sleep 600")
    };
    let id = engine.create_container(&spec).await.expect("create container");
    assert_eq!(engine.inspect(&id).await.expect("inspect").state, RunState::Created);
    engine.start(&id).await.expect("start");
    engine.start(&id).await.expect("start again");
    scene.until_healthy(&id).await;

    let listed = engine.containers(&scene.name).await.expect("containers");
    assert_eq!((listed.len(), listed[0].health, listed[0].state), (1, Health::Healthy, RunState::Running));
    assert_eq!(listed[0].networks.keys().collect::<Vec<_>>(), [&back, &front]);
    assert!(listed[0].ports.contains_key(&80), "{listed:?}");
    let detail = engine.inspect(&id).await.expect("inspect");
    assert_eq!((detail.ports.clone(), detail.health_output.as_str()), (listed[0].ports.clone(), "checked"));
    assert!(engine.memory(&detail).await.expect("memory") > 0);

    // The hard limit: runc before 1.2, which Go has raise its own soft limit, now and then hands that one on to what it executes.
    let command = ["sh", "-c", "echo \"$GREETING\"; echo oops >&2; ulimit -Hn; exit 3"].map(str::to_owned);
    let output = engine.exec(&id, &command).await.expect("exec");
    assert_eq!(output.exit_code, 3);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("hello = world\n2048\n", "oops\n"));

    let mut lines = engine.logs(&id, 10).await.expect("logs");
    lines.sort();
    assert_eq!(lines, ["to-err", "to-out"]);

    let taken = detail.ports[&80];
    let port = Port { host_ip: Some("127.0.0.1".into()), published: Some(taken), target: 80, protocol: Protocol::Tcp };
    let second = ContainerSpec { ports: vec![port], ..scene.container(2, "sleep 600") };
    let second = engine.create_container(&second).await.expect("create the second");
    let error = engine.start(&second).await.expect_err("the port is taken");
    assert!(matches!(error, BackendError::PortTaken { port, .. } if port == taken), "{error}");

    let begun = std::time::Instant::now();
    engine.stop(&id, Duration::from_secs(1)).await.expect("stop");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    engine.stop(&id, Duration::from_secs(1)).await.expect("stop again");
    engine.kill(&id).await.expect("kill what is not running");
    let in_use = engine.remove_volume(&data).await.expect_err("the volume is in use").to_string();
    assert!(in_use.contains("in use"), "{in_use}");
    scene.clear().await;
    for result in [
        engine.remove_container(&id).await,
        engine.stop(&id, Duration::from_secs(1)).await,
        engine.kill(&id).await,
        engine.remove_network(&front).await,
        engine.remove_volume(&data).await,
        engine.remove_image("pipectl-test/absent:1").await,
    ] {
        result.expect("removing what is absent is success");
    }
    let gone = engine.inspect(&id).await.expect_err("it is gone");
    assert!(matches!(gone, BackendError::NotFound { .. }), "{gone}");
}

#[tokio::test]
async fn a_secret_is_a_file_for_its_user_also_where_nothing_else_can_be_written() {
    let scene = Scene::new("secret").await;
    let file =
        |name: &str, uid, mode, text: &str| SecretFile { name: name.into(), uid, gid: uid, mode, content: text.into() };
    let spec = ContainerSpec {
        user: Some("1234".into()),
        read_only: true,
        cap_drop: vec!["ALL".into()],
        secrets: vec![
            file("mine", 1234, 0o400, "hunter2\n"),
            file("all", 0, 0o444, "open\n"),
            file("other", 99, 0o400, "no"),
        ],
        mounts: vec![Mount { kind: MountKind::Anonymous, target: SECRETS_DIR.into(), read_only: false }],
        ..scene.container(1, "cd /run/secrets && cat mine all; cat other; echo new > new; echo over > mine")
    };
    let id = scene.engine.create_container(&spec).await.expect("create container");
    scene.engine.start(&id).await.expect("start");
    let lines = scene.output(&id).await;
    let said: Vec<&str> = lines.iter().filter(|line| !line.stderr).map(|line| line.text.as_str()).collect();
    assert_eq!(said, ["hunter2", "open"]);
    let refused = |line: &&LogLine| line.text.ends_with("Permission denied");
    assert_eq!(lines.iter().filter(refused).count(), 3, "{lines:?}");
    let inspected = scene.engine.inspect_json(&id).await.expect("inspect");
    assert!(!inspected.to_string().contains("hunter2"));
    scene.clear().await;
}

#[tokio::test]
async fn logs_are_followed_until_the_container_ends() {
    let scene = Scene::new("logs").await;
    let script = "head -c 40000 /dev/zero | tr '\\0' x; echo; for i in 1 2 3; do echo line $i; sleep 0.2; done";
    let id = scene.engine.create_container(&scene.container(1, script)).await.expect("create");
    scene.engine.start(&id).await.expect("start");
    let all = scene.output(&id).await;
    assert_eq!(all[0].text, "x".repeat(40000), "a line in several frames is one line");
    assert_eq!(all[1..].iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["line 1", "line 2", "line 3"]);
    assert!(all.iter().all(|line| !line.time.is_empty() && !line.stderr));
    let ended = scene.engine.inspect(&id).await.expect("inspect");
    assert_eq!((ended.state, ended.exit_code), (RunState::Exited, 0));
    scene.clear().await;
}

#[tokio::test]
async fn an_image_is_built_tagged_and_removed_and_a_failing_step_is_shown() {
    let scene = Scene::new("build").await;
    let (reference, alias) = (format!("{}/image:1", scene.name), format!("{}/image:latest", scene.name));
    let build = async |dockerfile: String| {
        let archive = tempfile::NamedTempFile::new().expect("temporary file");
        let mut tar = tar::Builder::new(archive.reopen().expect("reopen"));
        let mut header = tar::Header::new_gnu();
        header.set_size(dockerfile.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, "Dockerfile", dockerfile.as_bytes()).expect("tar");
        tar.finish().expect("tar");
        let request = BuildRequest {
            references: vec![reference.clone(), alias.clone()],
            context: archive.path().to_owned(),
            dockerfile: "Dockerfile".into(),
            args: BTreeMap::from([("WORD".into(), "yes".into())]),
            labels: BTreeMap::from([("io.pipectl.image-hash".into(), "ab12".into())]),
            ..BuildRequest::default()
        };
        let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink = std::sync::Arc::clone(&seen);
        let output = move |line: &str| sink.lock().expect("not poisoned").push(line.to_owned());
        let result = scene.engine.build(request, &output).await;
        let lines = seen.lock().expect("not poisoned").clone();
        (result, lines)
    };
    // Not as in any run before: a step that comes from the cache says nothing.
    let good = format!("FROM {}\nARG WORD\nRUN echo \"said $WORD\" # {}\n", scene.image, std::process::id());
    let (succeeded, lines) = build(good).await;
    succeeded.expect("the build");
    assert!(lines.contains(&"said yes".to_owned()), "{lines:?}");
    let images = scene.engine.images().await.expect("images");
    let image = images.iter().find(|image| image.references.contains(&reference)).expect("the built image");
    assert!(image.references.contains(&alias) && image.image_hash == "ab12", "{image:?}");
    let asked = [reference.clone(), "pipectl-test/absent:1".to_owned()];
    let found = scene.engine.find_images(&asked).await.expect("images");
    assert!(found.iter().all(|image| !image.architecture.is_empty()), "{found:?}");
    // A listing does not tell the architecture.
    let listed: Vec<_> = found.into_iter().map(|image| ImageSummary { architecture: String::new(), ..image }).collect();
    assert_eq!(listed, std::slice::from_ref(image));

    let (failed, _) = build(format!("FROM {}\nRUN echo before; exit 7\n", scene.image)).await;
    let Err(BackendError::Build { step, message, output, .. }) = failed else { panic!("{failed:?}") };
    assert_eq!(step, "Step 2/4 : RUN echo before; exit 7".replace("2/4", step_count(&step)));
    assert!(message.contains("returned a non-zero code: 7"), "{message}");
    assert!(output.contains(&"before".to_owned()), "{output:?}");

    for name in [&reference, &alias] {
        scene.engine.remove_image(name).await.expect("remove image");
    }
    let images = scene.engine.images().await.expect("images");
    assert!(!images.iter().any(|image| image.references.contains(&reference)));
}

/// `2/3` of `Step 2/3 : ..`: engines count their own label steps differently.
fn step_count(step: &str) -> &str {
    step.split_whitespace().nth(1).unwrap_or_default()
}

#[tokio::test]
async fn a_pull_from_a_registry_that_is_not_there_fails_quickly() {
    let engine = connect(None).await.expect("a running engine");
    let begun = std::time::Instant::now();
    for reference in ["registry.invalid/none/such:1", "127.0.0.1:9/none/such:1"] {
        let error = engine.pull(reference, &|_, _, _| {}).await.expect_err("no registry").to_string();
        assert!(error.starts_with(&format!("failed to pull {reference}: ")), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_missing_image_is_named_when_a_container_is_created() {
    let scene = Scene::new("missing").await;
    let spec = ContainerSpec { image: "pipectl-test/absent:1".into(), ..scene.container(1, "true") };
    let error = scene.engine.create_container(&spec).await.expect_err("no such image").to_string();
    assert_eq!(error, "image pipectl-test/absent:1 does not exist");
}
