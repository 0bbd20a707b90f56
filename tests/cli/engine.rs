//! The engine is not there, not allowed, or not good enough: exit code 3, and what to type next.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;

use insta::assert_snapshot;

use crate::harness::{SHOP, Stage, skipped};

#[test]
fn no_engine_at_all_says_what_was_tried() {
    let stage = Stage::new(SHOP);
    let mut command = stage.command(&["up"]);
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    assert_snapshot!(stage.finish(command), @r"
    exit code 3
    --- stderr
    error: no container engine answers at unix:///nowhere/docker.sock (from DOCKER_HOST): no such file

    hint: start it: `systemctl start docker`, Docker Desktop, or `dockerd &` where there is no systemd
    hint: `make up`, in a clone of the repository, installs and starts one on Debian and Ubuntu
    ");
}

#[test]
fn an_engine_on_a_port_where_nobody_listens() {
    let stage = Stage::new(SHOP);
    assert_snapshot!(stage.run(&["-H", "tcp://127.0.0.1:1", "status"]), @r"
    exit code 3
    --- stderr
    error: no container engine answers at tcp://127.0.0.1:1 (from --host): nothing listens there

    hint: correct the address: `--host URL` or DOCKER_HOST=URL; without both, the engine of this machine is used
    ");
}

#[test]
fn an_address_that_is_none() {
    let stage = Stage::new(SHOP);
    assert_snapshot!(stage.run(&["--host", "npipe:////./pipe/docker", "status"]), @r"
    exit code 3
    --- stderr
    error: no container engine answers at npipe:////./pipe/docker: not an address; expected unix:///path or tcp://host:port

    hint: correct the address: `--host URL` or DOCKER_HOST=URL; without both, the engine of this machine is used
    ");
}

#[test]
fn an_engine_that_is_too_old() {
    let stage = Stage::new(SHOP);
    stage.world().api_version = "1.39".into();
    stage.world().version = "18.09.9".into();
    assert_snapshot!(stage.run(&["up"]), @r"
    exit code 3
    --- stderr
    error: Docker Engine 18.09.9 at unix:///SOCKET is too old: it speaks API 1.39, and 1.41 is needed (Docker 20.10 or newer)

    hint: upgrade the engine, or point DOCKER_HOST at a newer one
    ");
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn no_permission_on_the_socket() {
    const NOBODY: u32 = 65534;
    let stage = Stage::new(SHOP);
    let mut command = stage.command(&["up"]);
    let socket = stage.socket();
    let allow = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
    };
    allow(&socket, 0o000);
    if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
        // Root may open everything: somebody else has to try.
        allow(stage.dir(), 0o755);
        command.uid(NOBODY).gid(NOBODY);
        let mut probe = stage.command(&["--version"]);
        if let Err(error) = probe.uid(NOBODY).gid(NOBODY).output() {
            skipped(&format!("root may open every socket, and nobody else may run the binary: {error}"));
            return;
        }
    }
    assert_snapshot!(stage.finish(command), @r"
    exit code 3
    --- stderr
    error: no permission to use the container engine at unix:///SOCKET (from DOCKER_HOST)

    hint: run as root, or join the group: `sudo usermod -aG docker $USER` and log in again
    ");
    assert_eq!(stage.calls(), [""; 0]);
}

#[test]
fn an_engine_that_refuses_to_list_is_not_taken_for_an_empty_one() {
    let stage = Stage::new(SHOP);
    stage.world().refusals.insert("GET /containers/json".into(), (500, "layer does not exist".into()));
    assert_snapshot!(stage.run(&["up"]), @r"
    exit code 1
    --- stderr
    error: failed to list containers: layer does not exist

    hint: `docker info` and the engine's log (`journalctl -u docker`) tell more
    ");
    assert_eq!(stage.calls(), [""; 0]);
}
