#!/usr/bin/env bash
# Runs the pipectl that was built here; as root where only root may use an engine that was installed a moment ago.
set -euo pipefail
pipectl="$(dirname "$0")/../target/release/pipectl"
if [ -z "${DOCKER_HOST:-}" ] && [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ] && command -v sudo >/dev/null; then
  exec sudo -E "$pipectl" "$@"
fi
exec "$pipectl" "$@"
