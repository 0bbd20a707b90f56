//! `pipectl init`: a project from nothing but the binary, and what happens to it when the binary is a newer one.

use std::path::Path;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::harness::{Run, Stage};

/// What a run said, with `N` for numbers of files, which grow with the stack, and without the version.
fn counted(run: &Run) -> String {
    let word = |word: &str| {
        let digits = word.trim_start_matches('(');
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { word.replace(digits, "N") } else { word.to_owned() }
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ") + "\n";
    let text = run.to_string().replace(env!("CARGO_PKG_VERSION"), "VERSION");
    let code = text.lines().next().map(|first| format!("{first}\n"));
    code.into_iter().chain(text.lines().skip(1).map(line)).collect()
}

fn note(stage: &Stage) -> Value {
    serde_json::from_str(&read(stage, ".pipectl/stack.json")).expect("JSON")
}

fn read(stage: &Stage, path: &str) -> String {
    std::fs::read_to_string(stage.dir().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Makes the project one of an earlier version, in which these files were different.
fn age(stage: &Stage, earlier: &[&str]) {
    const BEFORE: &str = "as it was before\n";
    const HASH_OF_BEFORE: &str = "cfb55998115e7b354c68178688ca925d326f2b5ad479afec3977cfa5f8bf18f2";
    let mut note = note(stage);
    note["version"] = "0.0.9".into();
    for path in earlier {
        stage.write(path, BEFORE);
        note["files"][path] = HASH_OF_BEFORE.into();
    }
    stage.write(".pipectl/stack.json", &note.to_string());
}

#[test]
fn a_project_is_written_into_a_new_folder() {
    let stage = Stage::bare();
    assert_snapshot!(counted(&stage.run(&["init", "my shop"])), @r"
    exit code 0
    --- stdout
    added       compose/ (N files)
    added       data_generator/.dockerignore
    added       data_generator/Dockerfile
    added       data_generator/make_data.py
    added       data_generator/requirements.txt
    added       debezium/ (N files)
    added       hive-metastore/ (N files)
    added       pipeline.yml
    added       postgresql/Dockerfile
    added       postgresql/create_publication.sql
    added       postgresql/init_dest.sql
    added       postgresql/init_source.sql
    added       spark/ (N files)
    --- stderr
    wrote N files, the stack of pipectl VERSION
    next: cd 'my shop' && pipectl up
    ");
    let again = stage.run(&["init", "my shop"]);
    assert_snapshot!(counted(&again), @r"
    exit code 0
    --- stderr
    every file is as pipectl VERSION has it, or as you made it: nothing changed
    next: cd 'my shop' && pipectl up
    ");
    assert_eq!(read(&stage, "my shop/.pipectl/.gitignore"), "*\n!.gitignore\n!stack.json\n");
}

#[test]
fn a_program_gets_every_file_with_what_happened_to_it() {
    let stage = Stage::bare();
    let run = stage.run(&["init", "--json"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let mut printed = run.json();
    let files = printed["files"].take();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(printed, json!({"version": version, "from": null, "directory": "DIR", "files": null}));
    let files = files.as_array().expect("a list");
    assert!(files.contains(&json!({"path": "compose/images/rootfs/make.sh", "action": "added"})), "{files:?}");
    assert_eq!(note(&stage)["version"], version);
    assert_eq!(note(&stage)["files"].as_object().expect("an object").len(), files.len());
}

#[test]
fn files_that_differ_are_named_and_nothing_is_written() {
    let stage = Stage::bare();
    stage.write("pipeline.yml", "mine\n");
    assert_snapshot!(stage.run(&["init"]), @r"
    exit code 2
    --- stderr
    error: files are in the way in DIR; nothing was written

      these hold something else:
      | pipeline.yml

    hint: overwrite them: `pipectl init --force`
    hint: or name another folder: `pipectl init DIR`
    ");
    assert_eq!((read(&stage, "pipeline.yml"), stage.dir().join("compose").exists()), ("mine\n".to_owned(), false));
    assert_snapshot!(counted(&stage.run(&["init", "--force", "--quiet"])), @r"
    exit code 0
    --- stdout
    added       compose/ (N files)
    added       data_generator/.dockerignore
    added       data_generator/Dockerfile
    added       data_generator/make_data.py
    added       data_generator/requirements.txt
    added       debezium/ (N files)
    added       hive-metastore/ (N files)
    overwritten pipeline.yml
    added       postgresql/Dockerfile
    added       postgresql/create_publication.sql
    added       postgresql/init_dest.sql
    added       postgresql/init_source.sql
    added       spark/ (N files)
    ");
    assert!(read(&stage, "pipeline.yml").contains("version: 1"));
}

#[test]
fn a_link_that_leads_elsewhere_is_not_followed() {
    let stage = Stage::bare();
    let elsewhere = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(elsewhere.path(), stage.dir().join("compose")).expect("linked");
    assert_snapshot!(stage.run(&["init"]), @r"
    exit code 2
    --- stderr
    error: DIR/compose is a symbolic link, and pipectl does not write through one; nothing was written

    hint: move it away, or name another folder: `pipectl init DIR`
    ");
    assert_snapshot!(stage.run(&["init", "--force"]), @r"
    exit code 2
    --- stderr
    error: DIR/compose is a symbolic link, and pipectl does not write through one; nothing was written

    hint: move it away, or name another folder: `pipectl init DIR`
    ");
    assert_eq!(std::fs::read_dir(elsewhere.path()).expect("there").count(), 0);
}

#[test]
fn a_link_or_a_folder_in_place_of_a_file_is_not_touched_even_with_force() {
    let stage = Stage::bare();
    std::os::unix::fs::symlink("/etc/hostname", stage.dir().join("pipeline.yml")).expect("linked");
    stage.write("compose/compose.yaml/x", "mine\n");
    assert_snapshot!(stage.run(&["init", "--force"]), @r"
    exit code 2
    --- stderr
    error: files are in the way in DIR; nothing was written

      these are no files:
      | compose/compose.yaml
      | pipeline.yml

    hint: move them away, or name another folder: `pipectl init DIR`
    ");
}

#[test]
fn an_upgrade_keeps_what_was_changed_and_takes_the_rest() {
    let stage = Stage::bare();
    assert_eq!(stage.run(&["init"]).code, 0);
    age(&stage, &["compose/cdc.yaml", "pipeline.yml", "spark/jobs/gone.py"]);
    stage.write("pipeline.yml", "mine\n");
    stage.write("spark/transforms/orders.sql", "SELECT 1\n");
    std::fs::remove_file(stage.dir().join("spark/transforms/regions.sql")).expect("removed");
    assert_snapshot!(counted(&stage.run(&["init"])), @r"
    exit code 2
    --- stderr
    error: files are in the way in DIR; nothing was written

      these hold something else:
      | compose/cdc.yaml
      | pipeline.yml
      | spark/transforms/orders.sql

    hint: keep what you changed and take the rest: `pipectl init --upgrade`
    hint: overwrite them: `pipectl init --force`
    hint: or name another folder: `pipectl init DIR`
    ");
    assert_snapshot!(counted(&stage.run(&["init", "--upgrade"])), @r"
    exit code 0
    --- stdout
    replaced    compose/cdc.yaml
    kept        pipeline.yml
    removed     spark/jobs/gone.py
    kept        spark/transforms/orders.sql
    left out    spark/transforms/regions.sql
    --- stderr
    upgraded from 0.0.9 to VERSION: N changed, N as they were
    warning: pipeline.yml has your changes and stays; the new version of it is pipeline.yml.new
    hint: take over what you need, then remove pipeline.yml.new
    next: pipectl up
    ");
    assert_eq!(read(&stage, "pipeline.yml"), "mine\n");
    assert_eq!(read(&stage, "spark/transforms/orders.sql"), "SELECT 1\n");
    assert!(read(&stage, "pipeline.yml.new").contains("version: 1"));
    assert_snapshot!(counted(&stage.run(&["init", "--upgrade"])), @r"
    exit code 0
    --- stdout
    kept        pipeline.yml
    kept        spark/transforms/orders.sql
    left out    spark/transforms/regions.sql
    --- stderr
    every file is as pipectl VERSION has it, or as you made it: nothing changed
    next: pipectl up
    ");
}

#[test]
fn an_upgrade_needs_to_know_what_was_written() {
    let stage = Stage::bare();
    assert_snapshot!(stage.run(&["init", "--upgrade", "shop"]), @r"
    exit code 2
    --- stderr
    error: DIR/shop has no .pipectl/stack.json, so nobody knows which files pipectl wrote

    hint: `pipectl init shop` writes the files that are missing and names those that differ
    ");
    stage.write(".pipectl/stack.json", "{\"version\": 1}\n");
    assert_snapshot!(stage.run(&["init", "--upgrade"]), @r"
    exit code 2
    --- stderr
    error: DIR/.pipectl/stack.json is damaged
      because: invalid type: integer `1`, expected a string at line 1 column 13

    hint: remove DIR/.pipectl/stack.json and run `pipectl init`
    ");
}

#[test]
fn up_begins_a_project_in_an_empty_folder() {
    let stage = Stage::bare();
    stage.write(".env", "KAFKA_PORT=19092\n");
    let mut up = stage.command(&["up"]);
    up.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    assert_snapshot!(counted(&stage.finish(up)), @r"
    exit code 3
    --- stderr
    no project here; writing the built-in one
    wrote N files, the stack of pipectl VERSION
    error: no container engine answers at unix:///nowhere/docker.sock (from DOCKER_HOST): no such file

    hint: start it: `systemctl start docker`, Docker Desktop, or `dockerd &` where there is no systemd
    hint: `make up`, in a clone of the repository, installs and starts one on Debian and Ubuntu
    ");
    // The project goes where the engine does not: it is there now, and a second `up` does not write it again.
    let mut up = stage.command(&["up"]);
    up.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    assert_snapshot!(stage.finish(up), @r"
    exit code 3
    --- stderr
    error: no container engine answers at unix:///nowhere/docker.sock (from DOCKER_HOST): no such file

    hint: start it: `systemctl start docker`, Docker Desktop, or `dockerd &` where there is no systemd
    hint: `make up`, in a clone of the repository, installs and starts one on Debian and Ubuntu
    ");
}

#[test]
fn a_plan_and_other_commands_begin_no_project() {
    let stage = Stage::bare();
    for command in [&["up", "--plan"][..], &["status"], &["down"]] {
        let run = stage.run(command);
        assert_eq!(run.code, 2, "{command:?}: {run}");
        assert!(run.stderr.contains("\nhint: `pipectl init` writes the built-in project here"), "{command:?}: {run}");
    }
    assert_eq!(std::fs::read_dir(stage.dir()).expect("there").count(), 0);
}

#[test]
fn a_project_outside_of_the_clone_is_planned_like_the_one_in_it() {
    let stage = Stage::bare();
    assert_eq!(stage.run(&["init"]).code, 0);
    let clone = Path::new("compose/compose.yaml").canonicalize().expect("cargo runs tests in the package's directory");
    let clone = clone.to_str().expect("UTF-8");
    for command in [&["up", "--plan"][..], &["graph"]] {
        let own = stage.run(command);
        assert_eq!((own.code, own.stderr.as_str()), (0, ""), "{command:?}: {own}");
        let theirs = stage.run(&[&["-f", clone], command].concat());
        assert_eq!(own.stdout, theirs.stdout, "{command:?}");
    }
}
