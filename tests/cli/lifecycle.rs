//! Everyday operation: down, stop, start, restart, scale, reset.

use insta::assert_snapshot;

use crate::harness::{SHOP, Stage, UP};

/// A service that can have many containers.
const WORKERS: &str = "
name: shop
services:
  worker:
    image: web:1
    scale: 2
";

#[test]
fn down_keeps_the_data() {
    let stage = Stage::up();
    assert_snapshot!(stage.run(&["down"]).sorted(), @r"
    exit code 0
    --- stderr
    [time] db: removed
    [time] db: stopped (taken down)
    [time] network shop_default: removed (taken down)
    [time] web: removed
    [time] web: stopped (taken down)
    [time] done: down; the data is kept, `pipectl up` goes on with it
    ");
    assert_eq!(stage.world().names(), [""; 0]);
    assert!(stage.world().networks.is_empty());
    assert_eq!(stage.world().volumes.keys().collect::<Vec<_>>(), ["shop_data"]);
    assert_snapshot!(stage.run(&["down"]).sorted(), @r"
    exit code 0
    --- stderr
    [time] done: nothing to do: nothing of this project is here
    ");
}

#[test]
fn down_never_deletes_data() {
    let stage = Stage::up();
    assert_snapshot!(stage.run(&["down", "--volumes"]), @r"
    exit code 2
    --- stderr
    error: `pipectl down` never deletes data: there is no --volumes; nothing was touched

    hint: `pipectl reset all` shows what goes, asks, and removes the data too; with `--backup FILE` it keeps a copy
    ");
    assert_eq!(stage.calls(), [""; 0]);
    // Here the short form is that of --verbose, and harmless.
    let verbose = stage.run(&["down", "-v"]);
    assert!(verbose.stderr.ends_with("done: down; the data is kept, `pipectl up` goes on with it\n"), "{verbose}");
    assert_eq!(stage.world().volumes.keys().collect::<Vec<_>>(), ["shop_data"]);
}

#[test]
fn nothing_but_the_own_project_is_touched() {
    let stage = Stage::up();
    let other = stage.run(&["--project", "other", "up"]);
    assert_eq!(other.code, 0, "{other}");
    assert_eq!(stage.run(&["reset", "all", "--yes"]).code, 0);
    assert_eq!(stage.world().names(), ["other-db-1", "other-web-1"]);
}

#[test]
fn stop_and_start() {
    let stage = Stage::up();
    assert_snapshot!(stage.run(&["stop"]), @r"
    exit code 0
    --- stderr
    [time] web: stopped (stop was asked for)
    [time] db: stopped (stop was asked for)
    [time] done: stopped
    ");
    assert_eq!(stage.calls(), ["POST /containers/shop-web-1/stop", "POST /containers/shop-db-1/stop"]);
    assert_snapshot!(stage.run(&["stop"]), @r"
    exit code 0
    --- stderr
    [time] done: nothing to do
    ");
    assert_snapshot!(stage.run(&["start"]), @r"
    exit code 0
    --- stderr
    [time] db: started (exited with 0)
    [time] db: ready after TIME (healthy)
    [time] web: started (exited with 0)
    [time] web: ready after TIME (runs)
    [time] done: ready
    ");
    assert_eq!(stage.calls(), ["POST /containers/shop-db-1/start", "POST /containers/shop-web-1/start"]);
}

#[test]
fn start_of_what_was_never_made_says_what_makes_it() {
    let stage = Stage::new(SHOP);
    assert_snapshot!(stage.run(&["start"]), @r"
    exit code 1
    --- stderr
    error: there is nothing to start

    hint: `pipectl up` makes the containers and starts them
    ");
}

#[test]
fn restart_of_one_service() {
    let stage = Stage::up();
    assert_snapshot!(stage.run(&["restart", "web"]), @r"
    exit code 0
    --- stderr
    [time] web: stopped (restart was asked for)
    [time] web: started
    [time] web: ready after TIME (runs)
    [time] done: restarted
    ");
    assert_eq!(stage.calls(), ["POST /containers/shop-web-1/stop", "POST /containers/shop-web-1/start"]);
}

#[test]
fn scale_from_two_to_one_and_back() {
    let stage = Stage::new(WORKERS);
    assert_eq!(stage.run(&UP).code, 0);
    stage.calls();
    let fewer = stage.run(&["scale", "worker=1"]);
    assert!(fewer.stderr.contains("[time] worker: stopped (worker is scaled to 1)\n"), "{fewer}");
    assert!(fewer.stderr.ends_with("[time] done: 2 change(s) made, everything is ready\n"), "{fewer}");
    assert_eq!(fewer.code, 0);
    assert_eq!(stage.calls(), ["POST /containers/shop-worker-2/stop", "DELETE /containers/shop-worker-2"]);
    assert_snapshot!(stage.run(&["scale", "worker=2"]), @r"
    exit code 0
    --- stderr
    [time] worker: created (not there)
    [time] worker: started
    [time] worker: ready after TIME (runs)
    [time] done: 2 change(s) made, everything is ready
    ");
    assert_eq!(stage.world().names(), ["shop-worker-1", "shop-worker-2"]);
}

#[test]
fn a_service_with_a_port_of_its_own_cannot_be_scaled() {
    let stage = Stage::new("name: shop\nservices:\n  web: {image: web:1, ports: ['127.0.0.1:8089:80']}\n");
    assert_snapshot!(stage.run(&["scale", "web=2"]), @r"
    exit code 2
    --- stderr
    error: service `web` publishes port 8089 of this machine and cannot run more than once

    hint: leave the host port out and the engine chooses one for each
    ");
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn reset_without_a_terminal_and_without_yes_refuses() {
    let stage = Stage::up();
    assert_snapshot!(stage.run(&["reset", "all"]), @r"
    exit code 2
    --- stderr
    REMOVES               NAME
    container             shop-web-1
    container             shop-db-1
    network               shop_default
    volume with its data  shop_data
    directory             DIR/.pipectl/shop

    error: cannot ask for confirmation: this is not a terminal

    hint: to do it without a question: `pipectl reset all --yes`
    ");
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn reset_all_takes_the_images_along_when_asked() {
    const BUILT: &str = "
name: shop
services:
  web:
    build: {context: ../web}
    image: pipectl/web
";
    let stage = Stage::new(BUILT);
    stage.write("web/Dockerfile", "FROM pipectl/base\n");
    stage.write("compose/images/base/Dockerfile", "FROM debian\n");
    assert_eq!(stage.run(&["up"]).code, 0);
    let own = |stage: &Stage| {
        let references = stage.world().images.iter().flat_map(|image| image.references.clone()).collect::<Vec<_>>();
        references.into_iter().filter(|reference| reference.starts_with("pipectl/")).count()
    };
    assert_eq!(own(&stage), 4, "each by its hash and as the latest");
    assert_snapshot!(stage.run(&["reset", "pipeline", "--images", "--yes"]), @r"
    exit code 2
    --- stderr
    error: images are removed by `reset all` only

    hint: pipectl reset all --images
    ");
    let reset = stage.run(&["reset", "all", "--images", "--yes"]);
    assert!(reset.stderr.ends_with("removed pipectl/web:latest\n4 image(s) removed\n"), "{reset}");
    assert_eq!((reset.code, own(&stage)), (0, 0));
    assert_eq!(
        stage.run(&["reset", "all", "--images", "--yes"]).stderr,
        "nothing to do: nothing of this project is here\n"
    );
}

#[test]
fn an_image_that_a_container_uses_stays() {
    let stage = Stage::up();
    let image = stage.world().images.iter().position(|image| image.references.contains("db:1")).expect("an image");
    stage.world().images[image].references.insert("pipectl/web:0123456789ab".into());
    stage.write("compose/images/web/Dockerfile", "FROM debian\n");
    stage.write("compose/compose.yaml", "name: shop\nservices: {web: {image: pipectl/web}}\n");
    let used = "conflict: unable to remove repository reference \"pipectl/web:0123456789ab\" (must force) - container 12ab is using its \
                referenced image 34cd";
    stage.world().refusals.insert("DELETE /images/pipectl/web:0123456789ab".into(), (409, used.into()));
    assert_snapshot!(stage.run(&["images", "prune", "--all"]), @r#"
    exit code 0
    --- stderr
    warning: pipectl/web:<image-hash> stays: conflict: unable to remove repository reference "pipectl/web:<image-hash>" (must force) - container 12ab is using its referenced image 34cd
    0 image(s) removed
    "#);
}

#[test]
fn reset_all_leaves_nothing() {
    let stage = Stage::up();
    let reset = stage.run(&["reset", "all", "--yes"]);
    assert!(reset.stderr.ends_with("[time] done: everything of this project is gone\n"), "{reset}");
    assert_eq!(reset.code, 0);
    let world = stage.world();
    assert!(world.containers.is_empty() && world.networks.is_empty() && world.volumes.is_empty());
    drop(world);
    assert_snapshot!(stage.run(&["reset", "all", "--yes"]), @r"
    exit code 0
    --- stderr
    nothing to do: nothing of this project is here
    ");
}

/// A database, a catalog, and another one that is enabled by a profile.
const CATALOGED: &str = "
name: shop
services:
  db: {image: 'db:1', volumes: ['data:/data']}
  catalog: {image: 'web:1', volumes: ['catalog-data:/data']}
  om-server: {image: 'web:1', volumes: ['om-data:/data'], profiles: [openmetadata]}
volumes: {data: {}, catalog-data: {}, om-data: {}}
";

/// With both catalogs, and what is remembered of them.
fn cataloged() -> Stage {
    let stage = Stage::new(CATALOGED);
    assert_eq!(stage.run(&["--profile", "openmetadata", "up"]).code, 0);
    stage.write(".pipectl/shop/catalog/ingestion-bot.jwt", "a-token-of-the-catalog");
    stage.write(".pipectl/shop/catalog/catalog-texts.json", "{}");
    stage.calls();
    stage
}

#[test]
fn reset_governance_shows_what_goes_and_asks() {
    let stage = cataloged();
    assert_snapshot!(stage.run(&["reset", "governance"]), @r"
    exit code 2
    --- stderr
    REMOVES               NAME
    container             shop-om-server-1
    container             shop-catalog-1
    volume with its data  shop_catalog-data
    volume with its data  shop_om-data
    file                  DIR/.pipectl/shop/catalog/ingestion-bot.jwt
    file                  DIR/.pipectl/shop/catalog/catalog-texts.json

    The pipeline and its data are not touched; what people wrote in the catalog is lost.
    error: cannot ask for confirmation: this is not a terminal

    hint: to do it without a question: `pipectl reset governance --yes`
    ");
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn reset_governance_removes_every_catalog_and_nothing_else() {
    let stage = cataloged();
    let database = stage.world().containers.values().find(|one| one.name == "shop-db-1").map(|one| one.id.clone());
    let reset = stage.run(&["reset", "governance", "--yes", "--backup", "before.tar"]);
    assert_eq!(reset.code, 0, "{reset}");
    assert!(reset.stderr.ends_with("[time] done: the catalog is gone; `pipectl up` begins a new one\n"), "{reset}");
    assert!(stage.dir().join("before.tar").is_file());
    assert_eq!(stage.world().names(), ["shop-db-1"]);
    assert_eq!(stage.world().volumes.keys().collect::<Vec<_>>(), ["shop_data"]);
    let left = stage.dir().join(".pipectl/shop/catalog");
    assert!(!left.join("ingestion-bot.jwt").exists() && !left.join("catalog-texts.json").exists());
    let again = stage.run(&["reset", "governance", "--yes"]);
    assert_eq!(again.stderr, "nothing to do: nothing of a catalog is here\n");
    assert_eq!(stage.run(&["up"]).code, 0);
    assert_eq!(stage.world().names(), ["shop-catalog-1", "shop-db-1"]);
    let same = stage.world().containers.values().find(|one| one.name == "shop-db-1").map(|one| one.id.clone());
    assert_eq!(same, database, "the database is the same container");
}
