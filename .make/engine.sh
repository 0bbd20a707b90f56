#!/usr/bin/env bash
# Makes sure that a container engine answers: uses the one that is there, else installs Debian's and starts it,
# with systemd or by hand where there is none.
set -euo pipefail
# shellcheck source=.make/common.sh
. "$(dirname "$0")/common.sh"

# Whoever points elsewhere (another machine, Podman, a context) has an engine; pipectl itself says if it does not answer.
if [ -n "${DOCKER_HOST:-}" ] || [ -n "${DOCKER_CONTEXT:-}" ]; then exit 0; fi
for socket in "$HOME/.docker/run/docker.sock" "$HOME/.colima/default/docker.sock" \
  "${XDG_RUNTIME_DIR:-/nonexistent}/podman/podman.sock" /run/podman/podman.sock; do
  if [ -S "$socket" ]; then exit 0; fi
done

answers() {
  [ -S /var/run/docker.sock ] || return 1
  as_root curl -sf -m 2 -o /dev/null --unix-socket /var/run/docker.sock http://engine/_ping
}

command -v curl >/dev/null || apt_install curl ca-certificates
if answers; then exit 0; fi

if ! command -v dockerd >/dev/null; then
  case "$(uname -s)" in
    Linux) apt_install docker.io iptables ;;
    *) die "no container engine answers" "start Docker Desktop, Colima or Podman, then run the same command again" ;;
  esac
fi

if [ -d /run/systemd/system ]; then
  say "starting the container engine (systemctl start docker)"
  as_root systemctl start docker
else
  say "starting the container engine (dockerd, log in /var/log/dockerd.log; there is no systemd)"
  # Its own session, so that it outlives this shell and never sees its Ctrl-C.
  as_root sh -c 'setsid dockerd >>/var/log/dockerd.log 2>&1 </dev/null &'
fi

for _ in $(seq 300); do
  if answers; then exit 0; fi
  sleep 0.1 # between two polls of the condition
done
tail -n 5 /var/log/dockerd.log >&2 || true
die "the container engine did not answer within 30 s" "read /var/log/dockerd.log or journalctl -u docker"
