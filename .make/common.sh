# Shared by the scripts in this folder: how they talk, and how they become root.
# shellcheck shell=bash

say() { printf '==> %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  for hint in "$@"; do printf 'hint: %s\n' "$hint" >&2; done
  exit 1
}

# Runs a command as root: as it is when we are root, with sudo otherwise.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "installing packages needs root, and there is no sudo" "run the same command as root"
  fi
}

# Installs Debian packages after saying so; the package lists are fetched once per run.
apt_install() {
  command -v apt-get >/dev/null || die "this is neither Debian nor Ubuntu, so nothing can be installed by itself" \
    "install by hand: $*, then run the same command again"
  say "about to install with apt-get: $*"
  if [ -z "${APT_UPDATED:-}" ]; then
    as_root apt-get update -qq
    APT_UPDATED=1
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
