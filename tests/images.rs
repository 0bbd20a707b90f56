//! Identity of images, what is missing, and what is built in which order: examples on small projects in temporary
//! directories, with a fake engine.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use pipectl::engine::backend::BackendError;
use pipectl::engine::observed::ImageSummary;
use pipectl::engine::work::ImageProvider;
use pipectl::images::{Again, Catalogue, ImagesError, Options, Provider, catalogue};
use pipectl::model::{Build, Project, Service};

#[path = "support/fake_images.rs"]
mod fake_images;
use fake_images::FakeImages;

/// A project: service `app` from `compose/images/app`, service `db` from `db/`, both on helper `base`, `app` also with
/// files of the build-only helper `jars`.
struct Example {
    dir: tempfile::TempDir,
    project: Project,
}

impl Example {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let compose = dir.path().join("compose");
        let example = Self { project: Project { dir: compose.clone(), ..Project::default() }, dir };
        example.file("compose/images/base/Dockerfile", "FROM debian:trixie-slim\n");
        example.file("compose/images/jars/Dockerfile", "FROM pipectl/base\nRUN fetch\n");
        example
            .file("compose/images/app/Dockerfile", "FROM pipectl/base\nCOPY --from=pipectl/jars / /jars\nCOPY run /\n");
        example.file("compose/images/app/run", "#!/bin/sh\n");
        example.file("db/Dockerfile", "FROM pipectl/base\nARG INIT\n");
        let mut example = example;
        example.service("app", &compose.join("images/app"), &[]);
        let db = example.dir.path().join("db");
        example.service("db", &db, &[("INIT", "a.sql")]);
        example
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
        std::fs::write(path, text).expect("write");
    }

    fn service(&mut self, name: &str, context: &Path, args: &[(&str, &str)]) {
        let args = args.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let build = Build { context: context.to_owned(), args, ..Build::default() };
        let service = Service {
            name: name.to_owned(),
            image: Some(format!("pipectl/{name}")),
            build: Some(build),
            ..Service::default()
        };
        self.project.services.insert(name.to_owned(), service);
    }

    fn uses(&mut self, service: &str, image: &str) {
        let made = Service { name: service.to_owned(), image: Some(image.to_owned()), ..Service::default() };
        self.project.services.insert(service.to_owned(), made);
    }

    fn catalogue(&self) -> Catalogue {
        catalogue(&self.project).expect("a catalogue")
    }

    fn references(&self) -> BTreeMap<String, String> {
        self.catalogue().references()
    }
}

fn present(references: &[&str]) -> Vec<ImageSummary> {
    let image =
        |reference: &&str| ImageSummary { references: vec![(*reference).to_owned()], ..ImageSummary::default() };
    references.iter().map(image).collect()
}

fn names(order: &[&pipectl::images::Image]) -> Vec<String> {
    order.iter().map(|image| image.name.clone()).collect()
}

#[test]
fn unchanged_inputs_keep_the_tag_even_when_files_are_touched() {
    let example = Example::new();
    let before = example.references();
    let tag = before["app"].strip_prefix("pipectl/app:").expect("the image's repository");
    assert!(tag.len() == 12 && tag.bytes().all(|byte| byte.is_ascii_hexdigit()), "{tag}");
    let file = std::fs::File::options().write(true).open(example.dir.path().join("compose/images/app/run"));
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    file.expect("open").set_modified(later).expect("touch");
    example.file("compose/images/app/host-ca/own.crt", "differs from machine to machine");
    assert_eq!(example.references(), before);
}

#[test]
fn every_input_counts() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut example = Example::new();
    let mut seen = vec![example.references()["app"].clone()];
    let mut changed = |example: &Example, what: &str| {
        let reference = example.references()["app"].clone();
        assert!(!seen.contains(&reference), "{what} did not change the image's tag");
        seen.push(reference);
    };
    example.file("compose/images/app/run", "#!/bin/sh\necho changed\n");
    changed(&example, "a file's content");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(example.dir.path().join("compose/images/app/run"), executable).expect("chmod");
    changed(&example, "the executable bit");
    example.file("compose/images/app/more", "");
    changed(&example, "a new file");
    example.file("compose/images/base/Dockerfile", "FROM debian:trixie-slim\nRUN true\n");
    changed(&example, "a parent's parent");
    let context = example.dir.path().join("compose/images/app");
    example.service("app", &context, &[("VERSION", "2")]);
    changed(&example, "a build argument");
    example.file("compose/images/app/.dockerignore", "more\n");
    changed(&example, ".dockerignore");
    example.file("compose/images/app/more", "ignored now");
    assert_eq!(example.references()["app"], *seen.last().expect("a reference"));
}

#[test]
fn a_change_leaves_unrelated_images_alone() {
    let example = Example::new();
    let before = example.references();
    example.file("compose/images/jars/Dockerfile", "FROM pipectl/base\nRUN fetch more\n");
    let after = example.references();
    assert_ne!(before["app"], after["app"]);
    assert_eq!(before["db"], after["db"]);
}

#[test]
fn services_may_share_an_image_and_use_images_of_others() {
    let mut example = Example::new();
    example.uses("second-app", "pipectl/app");
    example.uses("tool", "pipectl/jars:latest");
    example.uses("ui", "ghcr.io/somebody/ui:v1");
    let references = example.references();
    assert_eq!(references["second-app"], references["app"]);
    assert!(references["tool"].starts_with("pipectl/jars:") && !references["tool"].ends_with("latest"));
    assert_eq!(references["ui"], "ghcr.io/somebody/ui:v1");
}

#[test]
fn a_present_child_does_not_need_its_parents() {
    let example = Example::new();
    let catalogue = example.catalogue();
    let references = catalogue.references();
    assert_eq!(names(&catalogue.build_order(&[])), ["base", "jars", "app", "db"]);
    let app_is_there = present(&[&references["app"]]);
    assert_eq!(catalogue.missing(&app_is_there), [references["db"].clone()]);
    assert_eq!(names(&catalogue.build_order(&app_is_there)), ["base", "db"]);
    let all = present(&[&references["app"], &references["db"]]);
    assert!(catalogue.missing(&all).is_empty() && catalogue.build_order(&all).is_empty());
}

#[test]
fn only_older_versions_of_our_own_images_are_stale() {
    let example = Example::new();
    let current = example.references()["app"].clone();
    let local = present(&[&current, "pipectl/app:0123456789ab", "pipectl/app:latest", "other/app:0123456789ab"]);
    assert_eq!(example.catalogue().stale(&local), ["pipectl/app:0123456789ab"]);
}

#[test]
fn mistakes_are_explained() {
    let example = Example::new();
    example.file("compose/images/base/Dockerfile", "FROM pipectl/app\n");
    let error = catalogue(&example.project).expect_err("a circle").to_string();
    assert_eq!(error, "images build on each other in a circle: app -> base -> app");

    example.file("compose/images/base/Dockerfile", "FROM pipectl/nothing\n");
    let error = catalogue(&example.project).expect_err("an unknown parent").to_string();
    assert!(error.contains("builds on pipectl/nothing, but no service builds it and "), "{error}");

    let mut example = Example::new();
    let missing = example.dir.path().join("gone");
    example.service("gone", &missing, &[]);
    let error = catalogue(&example.project).expect_err("no context");
    assert!(matches!(&error, ImagesError::NoContext { image, .. } if image == "gone"), "{error}");

    let mut example = Example::new();
    let context = example.dir.path().join("db");
    example.service("copy", &context, &[]);
    example.project.services.get_mut("copy").expect("the service").image = Some("pipectl/db".into());
    let error = catalogue(&example.project).expect_err("a conflict").to_string();
    assert_eq!(error, "services copy and db build image db in different ways");
}

/// Ensures the images of both services at once and returns what the engine was asked, in order.
async fn ensure_all(
    example: &Example,
    engine: &Arc<FakeImages>,
    options: Options,
) -> Result<Vec<String>, BackendError> {
    let catalogue = example.catalogue();
    let references = catalogue.references();
    let provider = Provider::new(engine.clone(), catalogue, options);
    let ensure = |reference: String| {
        let provider = &provider;
        async move { provider.ensure(&reference, &|_, _, _| {}, &|_| {}).await }
    };
    futures_util::future::try_join_all(references.into_values().map(ensure)).await?;
    Ok(engine.calls())
}

#[tokio::test]
async fn parents_are_built_once_and_first() {
    let example = Example::new();
    let engine = Arc::new(FakeImages::default());
    let calls = ensure_all(&example, &engine, Options::default()).await.expect("images");
    let builds: Vec<_> = calls.iter().filter_map(|call| call.strip_prefix("build pipectl/")).collect();
    let position = |name: &str| builds.iter().position(|build| build.starts_with(name)).expect("a build");
    assert_eq!(builds.len(), 4, "{builds:?}");
    assert!(position("base:") < position("jars:") && position("jars:") < position("app:"), "{builds:?}");
    assert!(position("base:") < position("db:"), "{builds:?}");
    assert!(calls.iter().any(|call| call.ends_with(" as pipectl/app:latest")), "{calls:?}");

    let again = ensure_all(&example, &engine, Options::default()).await.expect("images");
    assert_eq!(again.len(), calls.len(), "unchanged inputs build nothing");
}

#[tokio::test]
async fn what_is_there_is_made_again_only_when_forced_and_then_without_its_parents() {
    let example = Example::new();
    let engine = Arc::new(FakeImages::default());
    let first = ensure_all(&example, &engine, Options::default()).await.expect("images").len();
    let options = Options { again: Again::Asked, ..Options::default() };
    let calls = ensure_all(&example, &engine, options).await.expect("images").split_off(first);
    let builds: Vec<_> = calls.iter().filter_map(|call| call.strip_prefix("build pipectl/")).collect();
    assert_eq!(builds.len(), 2, "{builds:?}");
    assert!(builds.iter().all(|build| build.starts_with("app:") || build.starts_with("db:")), "{builds:?}");
}

#[tokio::test]
async fn everything_is_made_again_without_a_layer_of_before_when_it_is_to_be_fresh() {
    let example = Example::new();
    let engine = Arc::new(FakeImages::default());
    let first = ensure_all(&example, &engine, Options::default()).await.expect("images");
    let options = Options { again: Again::Everything, ..Options::default() };
    let calls = ensure_all(&example, &engine, options).await.expect("images").split_off(first.len());
    let builds = |calls: &[String]| {
        let mut builds: Vec<_> = calls.iter().filter(|call| call.starts_with("build ")).cloned().collect();
        builds.sort();
        builds
    };
    let fresh: Vec<_> = builds(&first).into_iter().map(|build| build + " without layers").collect();
    assert_eq!(builds(&calls), fresh, "every image once");
}

#[tokio::test]
async fn the_dockerfile_that_is_sent_names_exact_parents() {
    let example = Example::new();
    let engine = Arc::new(FakeImages::default());
    ensure_all(&example, &engine, Options::default()).await.expect("images");
    let catalogue = example.catalogue();
    let exact = |name: &str| catalogue.named(name).expect("an image").reference();
    let sent = engine.dockerfile(&exact("app"));
    assert_eq!(sent, format!("FROM {}\nCOPY --from={} / /jars\nCOPY run /\n", exact("base"), exact("jars")));
}

#[tokio::test]
async fn a_failing_parent_fails_every_child_with_one_build() {
    let example = Example::new();
    let engine = Arc::new(FakeImages::default());
    engine.fail_build("pipectl/base", "make: *** [all] Error 2", 9);
    let error = ensure_all(&example, &engine, Options::default()).await.expect_err("the build fails");
    assert!(matches!(&error, BackendError::Build { image, .. } if image.starts_with("pipectl/base:")), "{error}");
    assert_eq!(engine.calls().len(), 1, "{:?}", engine.calls());
}

#[tokio::test]
async fn a_failed_download_in_a_build_is_tried_once_more() {
    let example = Example::new();
    let engine = Arc::new(FakeImages::default());
    engine.fail_build("pipectl/base", "E: Failed to fetch deb/x.deb  Connection timed out", 1);
    let calls = ensure_all(&example, &engine, Options::default()).await.expect("images");
    assert_eq!(calls.iter().filter(|call| call.starts_with("build pipectl/base:")).count(), 2);
}

#[tokio::test]
async fn prebuilt_images_are_preferred_and_their_absence_is_no_error() {
    let example = Example::new();
    let engine = Arc::new(FakeImages::default());
    let db = example.catalogue().named("db").expect("an image").hash.clone();
    engine.publish(&format!("registry.example/team/db:{db}"));
    let options = Options { registry: Some("registry.example/team/".into()), ..Options::default() };
    let calls = ensure_all(&example, &engine, options).await.expect("images");
    assert!(!calls.iter().any(|call| call.starts_with("build pipectl/db:")), "{calls:?}");
    assert!(calls.contains(&format!("tag registry.example/team/db:{db} as pipectl/db:{db}")), "{calls:?}");
    assert!(calls.iter().any(|call| call.starts_with("build pipectl/app:")), "{calls:?}");
}

#[tokio::test]
async fn where_only_prebuilt_images_are_wanted_none_is_built() {
    let example = Example::new();
    let engine = Arc::new(FakeImages::default());
    let registry = Some("registry.example/team".into());
    let options = Options { registry, only_prebuilt: true, ..Options::default() };
    let error = ensure_all(&example, &engine, options).await.expect_err("nobody has pushed them").to_string();
    assert!(error.starts_with("failed to pull registry.example/team/"), "{error}");
    assert!(!engine.calls().iter().any(|call| call.starts_with("build ")), "{:?}", engine.calls());
}

#[tokio::test]
async fn an_upstream_image_that_cannot_be_pulled_says_how_to_bring_it() {
    let mut example = Example::new();
    example.project.services.clear();
    example.uses("ui", "ghcr.io/somebody/ui:v1");
    let engine = Arc::new(FakeImages::default());
    let error = ensure_all(&example, &engine, Options::default()).await.expect_err("no registry").to_string();
    assert!(error.starts_with("failed to pull ghcr.io/somebody/ui:v1: no such host; "), "{error}");
    assert!(error.contains("docker load"), "{error}");

    example.project.services.get_mut("ui").expect("the service").pull_policy = Some("never".into());
    let error = ensure_all(&example, &engine, Options::default()).await.expect_err("never").to_string();
    assert!(error.contains("`pull_policy` is `never`"), "{error}");
}

#[tokio::test]
async fn the_root_file_system_is_pulled_or_made_by_the_projects_script() {
    let mut example = Example::new();
    example.project.services.clear();
    example.file("compose/images/rootfs/make.sh", "echo made > \"$1\"\n");
    example.uses("root", "pipectl/rootfs");
    let rootfs = example.references()["root"].clone();

    let connected = Arc::new(FakeImages::default());
    connected.publish("debian:trixie-slim");
    let calls = ensure_all(&example, &connected, Options::default()).await.expect("the image");
    assert!(calls.contains(&format!("tag debian:trixie-slim as {rootfs}")), "{calls:?}");
    assert!(calls.contains(&format!("tag {rootfs} as pipectl/rootfs:latest")), "{calls:?}");
}

#[test]
fn this_program_is_an_input_of_an_image_that_asks_for_it() {
    let mut example = Example::new();
    let before = example.references()["app"].clone();
    let context = example.dir.path().join("compose/images/app");
    example.service("app", &context, &[]);
    assert_eq!(example.references()["app"], before);
    let service = example.project.services.get_mut("app").expect("a service");
    service.build.as_mut().expect("a build").executable = Some("tool".into());
    let with = example.references()["app"].clone();
    assert_ne!(with, before);
    assert_eq!(example.references()["app"], with, "the same program makes the same image");
    example.file("compose/images/app/tool", "what stands in the directory under that name is not taken");
    assert_eq!(example.references()["app"], with);
}
