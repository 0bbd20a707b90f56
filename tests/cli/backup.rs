//! `backup` and `restore`, from the stop of the services to the bytes in the volumes.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::fake_daemon::{Node, Tree};
use crate::harness::{SHOP, Stage, UP};

/// A data directory as Postgres has it: its own owner and mode, a link, a hard link, a name longer than a tar header holds.
fn database() -> Tree {
    let long = format!("base/{}/{}", "segment".repeat(12), "x".repeat(40));
    Tree::from([
        (String::new(), Node::directory(0o700, 999)),
        ("PG_VERSION".into(), Node::file(b"17\n", 999)),
        ("base".into(), Node::directory(0o700, 999)),
        (format!("base/{}", "segment".repeat(12)), Node::directory(0o750, 999)),
        (long, Node::file(&vec![7; 70_000], 999)),
        ("empty".into(), Node::file(b"", 3_000_000)),
        ("pg_wal".into(), Node::link('l', "/elsewhere/wal")),
        ("PG_VERSION.same".into(), Node::link('h', "PG_VERSION")),
    ])
}

/// [`SHOP`], running, with data.
fn shop() -> Stage {
    let stage = Stage::up();
    stage.world().contents.insert("shop_data".into(), database());
    stage
}

/// A backup of [`shop`], and the stage it was made on.
fn saved() -> (Stage, PathBuf) {
    let stage = shop();
    let run = stage.run(&["backup", "b.tar", "--yes"]);
    assert_eq!(run.code, 0, "{run}");
    stage.calls();
    let file = stage.dir().join("b.tar");
    (stage, file)
}

/// Members of an archive with their content.
fn members(file: &PathBuf) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(std::fs::File::open(file).expect("the file"));
    let read = |entry: std::io::Result<tar::Entry<'_, std::fs::File>>| {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a path").display().to_string();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("readable");
        (name, content)
    };
    archive.entries().expect("a tar").map(read).collect()
}

#[test]
fn a_backup_stops_saves_and_starts_again() {
    let stage = shop();
    assert_snapshot!(stage.run(&["backup", "b.tar", "--yes"]), @r"
    exit code 0
    --- stdout
    b.tar
    --- stderr
    2 container(s) of shop run; they are stopped while 1 volume(s) are read, and started again afterwards
    [time] web: stopped (stop was asked for)
    [time] db: stopped (stop was asked for)
    [time] done: everything is stopped
    [time] volume shop_data: saving
    [time] volume shop_data: saved after TIME (74 KiB in 3 file(s))
    [time] done: every volume is in the backup
    [time] db: started (exited with 0)
    [time] db: ready after TIME (healthy)
    [time] web: started (exited with 0)
    [time] web: ready after TIME (runs)
    [time] done: everything that ran before is ready again
    b.tar: 1 volume(s), 74 KiB in 5.0 KiB
    ");
    assert_eq!(
        stage.calls(),
        [
            "POST /containers/shop-web-1/stop",
            "POST /containers/shop-db-1/stop",
            "POST /images/create",
            "DELETE /containers/shop-pipectl-backup-1",
            "POST /containers/create",
            "DELETE /containers/shop-pipectl-backup-1",
            "POST /containers/shop-db-1/start",
            "POST /containers/shop-web-1/start",
        ]
    );
    let file = stage.dir().join("b.tar");
    assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    let names: Vec<String> = members(&file).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["manifest.json", "volumes/data.tar.gz", "manifest.sha256"]);
    assert!(!stage.dir().join("b.tar.partial").exists());
}

#[test]
fn the_manifest_is_what_json_prints() {
    let stage = shop();
    let told = stage.run(&["backup", "b.tar", "--yes", "--json"]).json();
    let members = members(&stage.dir().join("b.tar"));
    let manifest: Value = serde_json::from_slice(&members[0].1).expect("JSON");
    assert_eq!(told["manifest"], manifest);
    assert_eq!(told["file"], "b.tar");
    let (kind, format, layout) = (&manifest["kind"], &manifest["format"], &manifest["layout"]);
    assert_eq!((kind, format, layout), (&json!("backup"), &json!(1), &json!(1)));
    assert_eq!(manifest["images"], json!({"db": "db:1", "web": "web:1"}));
    let volume = &manifest["volumes"][0];
    assert_eq!(
        (&volume["key"], &volume["name"], &volume["services"], &volume["files"]),
        (&json!("data"), &json!("shop_data"), &json!(["db"]), &json!(3))
    );
}

#[test]
fn a_restore_into_an_empty_project_brings_back_every_byte_and_owner() {
    let (stage, _) = saved();
    assert_eq!(stage.run(&["reset", "all", "--yes"]).code, 0);
    assert!(stage.world().contents.is_empty());
    stage.calls();
    assert_snapshot!(stage.run(&["restore", "b.tar"]).undated(), @r"
    exit code 0
    --- stderr
    [time] done: the backup is whole
    [time] volume shop_data: restoring
    [time] volume shop_data: restored after TIME (74 KiB in 3 file(s))
    [time] done: every volume is restored
    restored project shop as of DATE; `pipectl up` goes on from there
    ");
    assert_eq!(
        stage.calls(),
        [
            "POST /volumes/create",
            "DELETE /containers/shop-pipectl-backup-1",
            "POST /containers/create",
            "PUT /containers/shop-pipectl-backup-1/archive",
            "DELETE /containers/shop-pipectl-backup-1",
        ]
    );
    assert_eq!(stage.world().contents["shop_data"], database());
    let labels = stage.world().volumes["shop_data"].clone();
    assert_eq!(stage.run(&UP).code, 0);
    assert_eq!(stage.world().volumes["shop_data"], labels, "`up` takes it for its own");
    assert_eq!(labels["io.pipectl.layout"], "1");
    assert_eq!(stage.world().contents["shop_data"], database());
}

#[test]
fn what_is_there_is_only_replaced_by_force() {
    let (stage, _) = saved();
    stage.world().contents.insert("shop_data".into(), Tree::from([("new".into(), Node::file(b"x", 0))]));
    assert_snapshot!(stage.run(&["restore", "b.tar"]), @r"
    exit code 1
    --- stderr
    [time] done: the backup is whole
    error: project shop is not empty: it has data in shop_data

    hint: to throw that away: `pipectl restore b.tar --force`; to keep a copy: `pipectl backup FILE` first
    hint: to restore beside it: `pipectl restore b.tar --project OTHER`
    ");
    assert_snapshot!(stage.run(&["restore", "b.tar", "--force"]), @r"
    exit code 2
    --- stderr
    [time] done: the backup is whole
    REMOVES               NAME
    container             shop-web-1
    container             shop-db-1
    network               shop_default
    volume with its data  shop_data

    error: cannot ask for confirmation: this is not a terminal

    hint: to do it without a question: `pipectl restore b.tar --force --yes`
    ");
    assert_eq!(stage.world().names(), ["shop-db-1", "shop-web-1"]);
    let forced = stage.run(&["restore", "b.tar", "--force", "--yes"]);
    assert_eq!(forced.code, 0, "{forced}");
    assert_eq!(stage.world().contents["shop_data"], database());
    assert_eq!(stage.world().names(), [""; 0]);
}

#[test]
fn a_backup_of_another_project_needs_its_name() {
    let (stage, _) = saved();
    stage.write("compose/compose.yaml", &SHOP.replace("name: shop", "name: store"));
    assert_snapshot!(stage.run(&["restore", "b.tar"]), @r"
    exit code 2
    --- stderr
    error: b.tar is a backup of project shop, and this is project store

    hint: to restore it into this one: `pipectl restore b.tar --project store`
    ");
    let named = stage.run(&["restore", "b.tar", "--project", "second"]);
    assert_eq!(named.code, 0, "{named}");
    assert_eq!(stage.world().contents["second_data"], database());
    assert_eq!(stage.world().contents["shop_data"], database(), "the first one is untouched");
}

#[test]
fn a_backup_of_a_newer_or_older_layout_is_refused() {
    let (stage, _) = saved();
    stage.write("compose/compose.yaml", &format!("{SHOP}x-pipectl: {{layout: 2}}\n"));
    assert_snapshot!(stage.run(&["restore", "b.tar", "--force", "--yes"]), @r"
    exit code 2
    --- stderr
    error: b.tar holds data of layout 1, and this project has layout 2

    hint: use the older version of pipectl and of the Compose files that wrote it
    ");
}

#[test]
fn data_of_another_layout_is_not_started_on() {
    let stage = shop();
    stage.write("compose/compose.yaml", &format!("{SHOP}x-pipectl: {{layout: 2}}\n"));
    assert_snapshot!(stage.run(&["up"]), @r"
    exit code 5
    --- stderr
    error: a check before the start failed; nothing was touched
      because: data: data of layout 1 in shop_data, and this project has layout 2

    hint: an older version wrote it: that version of pipectl and of the Compose files still starts it; or to go on with this one: `pipectl reset all --backup FILE`, then `pipectl up` begins anew
    ");
    stage.world().volumes.get_mut("shop_data").expect("there").insert("io.pipectl.layout".into(), "3".into());
    assert_snapshot!(stage.run(&["up", "--skip-check", "data"]), @r"
    exit code 2
    --- stderr
    error: data of layout 3 in shop_data, and this project has layout 2

    hint: a newer version wrote it: use that version of pipectl and of the Compose files
    hint: to begin anew: `pipectl reset all` throws the data away, with `--backup FILE` it keeps a copy
    ");
    assert_eq!(stage.calls(), [""; 0]);
    let reset = stage.run(&["reset", "all", "--backup", "old.tar", "--yes"]);
    assert_eq!(reset.code, 0, "{reset}");
    let manifest: Value = serde_json::from_slice(&members(&stage.dir().join("old.tar"))[0].1).expect("JSON");
    assert_eq!(manifest["layout"], 3, "that of the data");
    assert_eq!(stage.run(&UP).code, 0);
    assert_eq!(stage.world().volumes["shop_data"]["io.pipectl.layout"], "2");
}

#[test]
fn volumes_made_before_there_were_layouts_have_the_first_one() {
    let stage = shop();
    stage.world().volumes.get_mut("shop_data").expect("there").remove("io.pipectl.layout");
    assert_eq!(stage.run(&UP).code, 0);
}

#[test]
fn services_that_run_are_not_stopped_unasked() {
    let stage = shop();
    assert_snapshot!(stage.run(&["backup", "b.tar"]), @r"
    exit code 2
    --- stderr
    2 container(s) of shop run; they are stopped while 1 volume(s) are read, and started again afterwards
    error: cannot ask for confirmation: this is not a terminal

    hint: to do it without a question: `pipectl backup b.tar --yes`
    ");
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn nothing_is_stopped_for_a_file_that_cannot_be_written() {
    let stage = shop();
    stage.write("b.tar", "precious");
    assert_snapshot!(stage.run(&["backup", "b.tar", "--yes"]), @r"
    exit code 2
    --- stderr
    error: b.tar exists already

    hint: name another file, or remove this one
    ");
    assert_snapshot!(stage.run(&["backup", "nowhere/b.tar", "--yes"]), @r"
    exit code 1
    --- stderr
    error: cannot write nowhere/b.tar
      because: No such file or directory (os error 2)
    ");
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn a_project_without_volumes_has_nothing_to_save() {
    assert_snapshot!(Stage::new(SHOP).run(&["backup", "b.tar"]), @r"
    exit code 1
    --- stderr
    error: there is nothing to save: project shop has no volumes

    hint: `pipectl up` makes them; `--project NAME` chooses another project
    ");
}

#[test]
fn what_was_stopped_by_hand_stays_stopped() {
    let stage = shop();
    assert_eq!(stage.run(&["stop", "web"]).code, 0);
    stage.calls();
    assert_eq!(stage.run(&["backup", "b.tar", "--yes"]).code, 0);
    let calls = stage.calls();
    assert!(calls.contains(&"POST /containers/shop-db-1/start".to_owned()), "{calls:?}");
    assert!(!calls.contains(&"POST /containers/shop-web-1/start".to_owned()), "{calls:?}");
}

#[test]
fn a_volume_that_breaks_off_leaves_no_file_and_a_running_project() {
    let stage = shop();
    stage.world().cut_archives = Some(20_000);
    let run = stage.run(&["backup", "b.tar", "--yes"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("error: volume shop_data cannot be saved: "), "{run}");
    assert!(!stage.dir().join("b.tar").exists() && !stage.dir().join("b.tar.partial").exists());
    assert_eq!(stage.world().names(), ["shop-db-1", "shop-web-1"], "no container is left over");
    stage.calls();
    stage.world().cut_archives = None;
    assert_eq!(stage.run(&UP).code, 0);
    assert_eq!(stage.calls(), [""; 0], "everything runs again");
}

#[test]
fn a_volume_with_a_device_node_is_not_saved() {
    let stage = shop();
    let device = Node { kind: 'b', ..Node::default() };
    stage.world().contents.insert("shop_data".into(), Tree::from([("disk".into(), device)]));
    assert_snapshot!(stage.run(&["backup", "b.tar", "--yes", "--quiet"]), @r"
    exit code 1
    --- stderr
    error: volume shop_data cannot be saved: volume/disk: a device node
    ");
}

#[test]
fn a_restore_that_fails_leaves_no_volume() {
    let (stage, _) = saved();
    assert_eq!(stage.run(&["reset", "all", "--yes"]).code, 0);
    let call = "PUT /containers/shop-pipectl-backup-1/archive";
    stage.world().refusals.insert(call.into(), (500, "no space left on device".into()));
    assert_snapshot!(stage.run(&["restore", "b.tar"]), @r"
    exit code 1
    --- stderr
    [time] done: the backup is whole
    [time] volume shop_data: restoring
    [time] volume shop_data: failed after TIME: failed to write the volume in shop-pipectl-backup-1: no space left on device
    [time] failed
    error: failed to write the volume in shop-pipectl-backup-1: no space left on device

    hint: `docker info` and the engine's log (`journalctl -u docker`) tell more
    hint: nothing of it was kept; the same command begins again
    ");
    assert!(stage.world().volumes.is_empty() && stage.world().containers.is_empty());
    stage.world().refusals.clear();
    assert_eq!(stage.run(&["restore", "b.tar"]).code, 0);
}

#[test]
fn what_a_killed_restore_left_is_not_started() {
    let (stage, _) = saved();
    stage.write(".pipectl/shop/unfinished.json", r#"{"command": "restore", "removing": null}"#);
    assert_snapshot!(stage.run(&["up"]), @r"
    exit code 5
    --- stderr
    error: a check before the start failed; nothing was touched
      because: data: `pipectl restore` did not get to its end: volumes are gone or incomplete

    hint: `pipectl reset all` leaves nothing of them, `pipectl restore FILE --force` brings a backup back
    ");
    let looked = stage.run(&["doctor"]);
    assert!(looked.stdout.contains("✗ data            `pipectl restore` did not get to its end"), "{looked}");
    assert_eq!(stage.run(&["up", "--skip-preflight"]).code, 1, "no option overrules this");
    assert_eq!(stage.run(&["restore", "b.tar", "--force", "--yes"]).code, 0);
    assert_eq!(stage.run(&UP).code, 0);
}

/// Writes an archive anew with a changed volume, its manifest made to fit.
fn forged(file: &PathBuf, to: &PathBuf, volume: &[u8], files: u64) {
    use sha2::Digest as _;
    let mut members = members(file);
    let mut manifest: Value = serde_json::from_slice(&members[0].1).expect("JSON");
    let entry = &mut manifest["volumes"][0];
    entry["bytes"] = json!(volume.len());
    entry["files"] = json!(files);
    entry["sha256"] = json!(format!("{:x}", sha2::Sha256::digest(volume)));
    members[0].1 = manifest.to_string().into_bytes();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(volume).expect("memory");
    members[1].1 = gzip.finish().expect("memory");
    members[2].1 = format!("{:x}  manifest.json\n", sha2::Sha256::digest(&members[0].1)).into_bytes();
    let mut builder = tar::Builder::new(std::fs::File::create(to).expect("a file"));
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        builder.append_data(&mut header, name, content.as_slice()).expect("a member");
    }
    builder.finish().expect("a tar");
}

/// An entry with any name, as the library would refuse to write it.
fn entry(builder: &mut tar::Builder<Vec<u8>>, kind: tar::EntryType, name: &str, link: &str) {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(0);
    header.set_cksum();
    builder.append(&header, std::io::empty()).expect("memory");
}

/// Name, kind and target of an entry.
type Part = (&'static str, tar::EntryType, &'static str);

#[test]
fn tricks_in_an_archive_are_refused_by_name() {
    use tar::EntryType::{Block, Char, Directory, Link, Regular, Symlink};
    let (stage, file) = saved();
    let forgery = stage.dir().join("forged.tar");
    let root = ("volume/", Directory, "");
    let tricks: [(&str, &[Part]); 10] = [
        ("volume/../etc/passwd: it lies outside of the volume", &[root, ("volume/../etc/passwd", Regular, "")]),
        ("/etc/passwd: it lies outside of the volume", &[root, ("/etc/passwd", Regular, "")]),
        ("etc/passwd: it lies outside of the volume", &[root, ("etc/passwd", Regular, "")]),
        (
            "volume/a/passwd: it goes through a, which is no directory",
            &[root, ("volume/a", Symlink, "/etc"), ("volume/a/passwd", Regular, "")],
        ),
        ("volume/a: it is there twice", &[root, ("volume/a", Symlink, "/etc"), ("volume/a", Directory, "")]),
        ("../etc/shadow: it lies outside of the volume", &[root, ("volume/a", Link, "../etc/shadow")]),
        (
            "volume/b: a hard link to a, which is no file before it",
            &[root, ("volume/a", Symlink, "/etc/shadow"), ("volume/b", Link, "volume/a")],
        ),
        ("volume/sda: a device node", &[root, ("volume/sda", Block, "")]),
        ("volume/null: a device node", &[root, ("volume/null", Char, "")]),
        ("volume: the volume itself is no directory", &[("volume", Symlink, "/etc")]),
    ];
    for (why, entries) in tricks {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, link) in entries {
            entry(&mut builder, *kind, name, link);
        }
        let files = entries.iter().filter(|(_, kind, _)| *kind == Regular).count();
        forged(&file, &forgery, &builder.into_inner().expect("memory"), files as u64);
        let run = stage.run(&["restore", "forged.tar", "--force", "--yes", "--quiet"]);
        let expected = format!("error: forged.tar is damaged: volumes/data.tar.gz: {why}\n");
        assert!(run.code == 1 && run.stderr.starts_with(&expected), "{why}: {run}");
    }
    assert_eq!(stage.calls(), [""; 0]);
    assert_eq!(stage.world().contents["shop_data"], database());
}

#[test]
fn a_file_that_was_cut_off_is_refused_wherever_it_was() {
    let (stage, file) = saved();
    let whole = std::fs::read(&file).expect("the file");
    for length in (0..whole.len() - 1024).step_by(whole.len() / 12).chain([whole.len() - 1025]) {
        std::fs::write(stage.dir().join("cut.tar"), &whole[..length]).expect("written");
        let run = stage.run(&["restore", "cut.tar", "--force", "--yes", "--quiet"]);
        assert!(run.code != 0 && run.stderr.starts_with("error: cut.tar is "), "{length} bytes: {run}");
    }
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn a_flipped_bit_is_refused_or_was_none_of_the_data() {
    let (stage, file) = saved();
    let whole = std::fs::read(&file).expect("the file");
    let mut refused = 0;
    // Every part has some: headers, manifest, compressed data, checksums.
    for place in (0..whole.len()).step_by(151) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        std::fs::write(stage.dir().join("flipped.tar"), &bytes).expect("written");
        // Refused for what the project holds, or before.
        let run = stage.run(&["restore", "flipped.tar", "--quiet"]);
        assert_ne!(run.code, 0, "{run}");
        if run.stderr.contains("is not empty") {
            continue;
        }
        assert!(run.stderr.starts_with("error: flipped.tar is "), "byte {place}: {run}");
        refused += 1;
    }
    assert!(refused > 10, "only {refused} were refused");
    assert_eq!(stage.world().contents["shop_data"], database());
}

#[test]
fn other_files_are_told_from_backups() {
    let stage = Stage::new(SHOP);
    stage.write("text", "hello");
    assert_snapshot!(stage.run(&["restore", "text"]), @r"
    exit code 2
    --- stderr
    error: text is no backup of pipectl: it is not a tar
    ");
    assert_snapshot!(stage.run(&["restore", "missing.tar"]), @r"
    exit code 1
    --- stderr
    error: cannot read missing.tar
      because: No such file or directory (os error 2)
    ");
}

#[test]
fn ctrl_c_starts_again_what_ran() {
    let stage = shop();
    let call = "GET /containers/shop-pipectl-backup-1/archive";
    stage.world().held.insert(call.into());
    let mut child = stage.spawn(&["backup", "b.tar", "--yes"]);
    Stage::first_line(&mut child, "volume shop_data: saving");
    crate::interrupts::signal(&child, "INT");
    Stage::first_line(&mut child, "stopping: nothing is kept");
    stage.world().held.clear();
    let run = stage.ended(child);
    assert_eq!(run.code, 130, "{run}");
    assert!(run.stderr.contains("error: interrupted"), "{run}");
    assert!(!stage.dir().join("b.tar").exists() && !stage.dir().join("b.tar.partial").exists());
    stage.calls();
    assert_eq!(stage.run(&UP).code, 0);
    assert_eq!(stage.calls(), [""; 0], "everything runs, nothing is left over");
}

#[test]
fn files_of_the_project_come_along_and_secrets_only_when_asked_for() {
    let stage = Stage::new(&format!("{SHOP}x-pipectl: {{pipeline: ../pipeline.yml}}\n"));
    stage.write("pipeline.yml", include_str!("../../pipeline.yml"));
    stage.write(".env", "SHOP_PASSWORD=hunter2\n");
    for file in std::fs::read_dir("spark/transforms").expect("our own directory") {
        let file = file.expect("a file").path();
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        stage.write(&format!("spark/transforms/{name}"), &std::fs::read_to_string(&file).expect("text"));
    }
    assert_eq!(stage.run(&UP).code, 0);
    assert_eq!(stage.run(&["backup", "plain.tar", "--yes"]).code, 0);
    let text = String::from_utf8_lossy(&std::fs::read(stage.dir().join("plain.tar")).expect("read")).into_owned();
    assert!(text.contains("topic_prefix: jadc2") && !text.contains("hunter2"));
    let secret = stage.run(&["backup", "secret.tar", "--yes", "--with-secrets"]);
    assert!(secret.stderr.ends_with("it holds passwords: keep it where only you can read it\n"), "{secret}");
    let kept = members(&stage.dir().join("secret.tar"));
    assert!(kept.contains(&("project/.env".to_owned(), b"SHOP_PASSWORD=hunter2\n".to_vec())));
    stage.write("spark/transforms/orders.sql", "SELECT 1\n");
    let restored = stage.run(&["restore", "plain.tar", "--force", "--yes"]);
    assert_eq!(restored.code, 0, "{restored}");
    let differs = "warning: files of this project are not those of the backup: spark/transforms/orders.sql\n";
    assert!(restored.stderr.contains(differs), "{restored}");
}

#[test]
fn what_was_written_into_each_catalog_is_put_back_with_it() {
    let stage = shop();
    let notes = ["catalog", "om-server"].map(|catalog| format!(".pipectl/shop/{catalog}/catalog-texts.json"));
    for note in &notes {
        stage.write(note, &format!("{{\"of\": \"{note}\"}}"));
    }
    assert_eq!(stage.run(&["backup", "b.tar", "--yes"]).code, 0);
    for note in &notes {
        std::fs::remove_dir_all(stage.dir().join(note).parent().expect("a folder")).expect("removed");
    }
    let restored = stage.run(&["restore", "b.tar", "--force", "--yes"]);
    assert_eq!(restored.code, 0, "{restored}");
    for note in &notes {
        let text = std::fs::read_to_string(stage.dir().join(note)).expect("put back");
        assert_eq!(text, format!("{{\"of\": \"{note}\"}}"));
    }
}
