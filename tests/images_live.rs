//! Images through a real engine, from the root file system on. Not part of plain `cargo test`:
//! `cargo test --test images_live`. Needs what a first build needs: a registry, or root and mmdebstrap.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pipectl::docker::connect;
use pipectl::engine::backend::{Backend, BackendError, ContainerSpec};
use pipectl::engine::work::ImageProvider;
use pipectl::images::{Options, Provider, catalogue};
use pipectl::model::{Build, Project, Service};

fn project(dir: &Path, prefix: &str) -> Project {
    let write = |path: String, text: &str| {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
        std::fs::write(path, text).expect("write");
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("compose/images/rootfs/make.sh");
    write(format!("images/{prefix}-rootfs/make.sh"), &std::fs::read_to_string(script).expect("make.sh"));
    let base = format!("FROM pipectl/{prefix}-rootfs\nENV PATH=/usr/sbin:/usr/bin:/sbin:/bin\nCOPY host-ca/ /ca/\n");
    write(format!("images/{prefix}-base/Dockerfile"), &base);
    write(format!("images/{prefix}-base/host-ca/README.md"), "the host's authorities\n");
    let app = format!("FROM pipectl/{prefix}-base\nARG WORD\nRUN echo \"$WORD\" > /word\nCMD [\"cat\", \"/word\"]\n");
    write("app/Dockerfile".to_owned(), &app);
    let build =
        Build { context: dir.join("app"), args: [("WORD".to_owned(), "hello".to_owned())].into(), ..Build::default() };
    let name = format!("{prefix}-app");
    let service = Service { name: name.clone(), build: Some(build), ..Service::default() };
    Project { dir: dir.to_owned(), services: [(name, service)].into(), ..Project::default() }
}

#[tokio::test]
async fn an_image_is_made_from_nothing_and_then_it_is_there() {
    let prefix = std::env::var("PIPECTL_TEST_PREFIX").unwrap_or_else(|_| "pipectl-test".to_owned());
    let dir = tempfile::tempdir().expect("temporary directory");
    let project = project(dir.path(), &prefix);
    let engine = Arc::new(connect(None).await.expect("a running engine"));
    let images = catalogue(&project).expect("a catalogue");
    let reference = images.references()[&format!("{prefix}-app")].clone();
    let said = Arc::new(std::sync::Mutex::new(Vec::new()));
    let ensure = async || {
        let provider = Provider::new(engine.clone(), images.clone(), Options::default());
        let lines = said.clone();
        let words = said.clone();
        let progress = move |_, _, word: &str| words.lock().expect("not poisoned").push(word.to_owned());
        let output = move |line: &str| lines.lock().expect("not poisoned").push(line.to_owned());
        provider.ensure(&reference, &progress, &output).await
    };
    let how = ensure().await.unwrap_or_else(|error| panic!("{error}: {:#?}", said.lock().expect("not poisoned")));
    assert!(how.starts_with("built in "), "{how}");
    let begun = Instant::now();
    assert_eq!(ensure().await.expect("present"), "present");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());

    let name = format!("{prefix}-images-live");
    engine.remove_container(&name).await.expect("remove a leftover");
    let spec = ContainerSpec { name: name.clone(), image: reference.clone(), ..ContainerSpec::default() };
    engine.create_container(&spec).await.expect("create");
    engine.start(&name).await.expect("start");
    let lines = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let lines = engine.logs(&name, 5).await.expect("logs");
            if !lines.is_empty() {
                return lines;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert_eq!(lines.await.expect("output in time"), ["hello"]);
    engine.remove_container(&name).await.expect("remove");

    for image in images.images() {
        for tag in [image.hash.as_str(), "latest"] {
            let removed = engine.remove_image(&format!("{}:{tag}", image.repository)).await;
            // A parent cannot go before its children; the loop below takes what is left.
            assert!(matches!(removed, Ok(()) | Err(BackendError::Refused { .. })), "{removed:?}");
        }
    }
    for image in images.images() {
        for tag in [image.hash.as_str(), "latest"] {
            engine.remove_image(&format!("{}:{tag}", image.repository)).await.expect("remove the image");
        }
    }
}
