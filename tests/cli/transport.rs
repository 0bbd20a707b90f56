//! `images save` and `images load`: from a machine that builds to one that cannot.

use std::fs;

use insta::assert_snapshot;
use serde_json::json;

use crate::harness::{Stage, UP};

/// A service that is built on a helper image, and one whose image comes from elsewhere.
const BUILT: &str = "
name: shop
services:
  db: {image: 'db:1'}
  web:
    build: {context: ../web}
";

fn stage() -> Stage {
    let stage = Stage::new(BUILT);
    stage.write("web/Dockerfile", "FROM pipectl/base\n");
    stage.write("compose/images/base/Dockerfile", "FROM debian\n");
    stage
}

/// An archive made where everything was built, on a stage that has nothing of it.
fn carried() -> Stage {
    let from = stage();
    assert_eq!(from.run(&["images", "build"]).code, 0);
    let saved = from.run(&["images", "save", "images.tar"]);
    assert_eq!(saved.code, 0, "{saved}");
    let to = stage();
    to.world().images.clear();
    fs::copy(from.dir().join("images.tar"), to.dir().join("images.tar")).expect("carried");
    to
}

#[test]
fn saving_takes_along_what_the_images_build_on() {
    let stage = stage();
    assert_snapshot!(stage.run(&["images", "save", "images.tar"]), @r"
    exit code 1
    --- stderr
    error: 1 image(s) are not here: pipectl/web:<image-hash>

    hint: `pipectl images build` makes them
    ");
    assert_eq!(stage.run(&["images", "build"]).code, 0);
    assert_snapshot!(stage.run(&["images", "save", "images.tar"]), @r"
    exit code 0
    --- stdout
    images.tar
    --- stderr
    [time] 3 image(s): saving
    [time] 3 image(s): saved after TIME (5.0 KiB)
    [time] done: every image is in the file
    ");
    let again = stage.run(&["images", "save", "second.tar", "--json"]).json();
    let names: Vec<_> = again["manifest"]["images"].as_array().expect("a list").iter().collect();
    assert_eq!(names.len(), 3);
    assert_eq!((&names[0]["reference"], &names[0]["services"]), (&json!("db:1"), &json!(["db"])));
    assert!(names[1]["reference"].as_str().expect("text").starts_with("pipectl/base:"));
    assert_eq!(names[1]["services"], json!([]));
    assert_snapshot!(stage.run(&["images", "save", "images.tar"]), @r"
    exit code 2
    --- stderr
    error: images.tar exists already

    hint: name another file, or remove this one
    ");
}

#[test]
fn after_loading_up_needs_no_network_and_no_build() {
    let stage = carried();
    assert_snapshot!(stage.run(&["images", "load", "images.tar"]), @r"
    exit code 0
    --- stderr
    [time] 3 image(s): loading
    [time] 3 image(s): loaded after TIME (5.0 KiB)
    [time] done: 3 image(s) loaded, 0 were there already
    ");
    assert_eq!(stage.calls(), ["POST /images/load"]);
    let up = stage.run(&UP);
    assert_eq!(up.code, 0, "{up}");
    let calls = stage.calls();
    assert!(calls.iter().all(|call| !call.contains("/images") && !call.contains("/build")), "{calls:?}");
}

#[test]
fn what_is_there_already_is_not_loaded_again() {
    let stage = carried();
    assert_eq!(stage.run(&["images", "load", "images.tar"]).code, 0);
    stage.calls();
    assert_snapshot!(stage.run(&["images", "load", "images.tar"]), @r"
    exit code 0
    --- stderr
    [time] done: 0 image(s) loaded, 3 were there already
    ");
    let told = stage.run(&["images", "load", "images.tar", "--json"]).json();
    assert_eq!((&told["loaded"], &told["missing"]), (&json!([]), &json!([])));
    assert_eq!(told["present"].as_array().expect("a list").len(), 3);
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn with_the_parents_an_edited_image_is_built_without_a_network() {
    let stage = carried();
    assert_eq!(stage.run(&["images", "load", "images.tar"]).code, 0);
    stage.write("web/Dockerfile", "FROM pipectl/base\nRUN true\n");
    stage.calls();
    assert_snapshot!(stage.run(&["images", "load", "images.tar"]), @r"
    exit code 0
    --- stderr
    [time] done: 0 image(s) loaded, 3 were there already
    warning: this project still lacks pipectl/web:<image-hash>: the archive is of other sources
    hint: `pipectl images save` from a copy of this project brings them, `pipectl up` builds or pulls them
    ");
    assert_eq!(stage.run(&["images", "build"]).code, 0);
    assert_eq!(stage.calls().iter().filter(|call| *call == "POST /build").count(), 1, "the parent is not built");
}

#[test]
fn a_damaged_archive_never_reaches_the_engine() {
    let stage = carried();
    let file = stage.dir().join("images.tar");
    let whole = fs::read(&file).expect("the file");
    let place = whole.windows(13).position(|window| window == b"\"Layers\":[]},").expect("its manifest");
    let mut flipped = whole.clone();
    flipped[place] ^= 1;
    fs::write(&file, flipped).expect("written");
    assert_snapshot!(stage.run(&["images", "load", "images.tar"]), @r"
    exit code 1
    --- stderr
    [time] archive images.tar: failed after TIME: images.tar is damaged: images.tar: its content is not what the manifest says
    [time] not finished: 3 image(s)
    [time] failed
    error: images.tar is damaged: images.tar: its content is not what the manifest says

    hint: fetch the file again from where it was kept, or take another one
    ");
    fs::write(&file, &whole[..whole.len() / 2]).expect("written");
    let cut = stage.run(&["images", "load", "images.tar"]);
    assert!(cut.code == 1 && cut.stderr.contains("error: images.tar is damaged: images.tar: "), "{cut}");
    assert_eq!(stage.calls(), [""; 0]);
    assert_snapshot!(stage.run(&["restore", "images.tar"]), @r"
    exit code 2
    --- stderr
    error: images.tar is no backup of pipectl: it holds images: `pipectl images load` reads it
    ");
}
