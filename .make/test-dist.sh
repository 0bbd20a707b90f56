#!/usr/bin/env bash
# Makes the static archive of this machine's kind and runs the program in it where there is nothing else: no C library, no shell, no /etc.
# It compiles every crate again, for another C library: minutes, so it is not a part of `make test`.
set -euo pipefail
# shellcheck source=.make/common.sh
. "$(dirname "$0")/common.sh"
cd "$(dirname "$0")/.."

target="$(uname -m)-unknown-linux-musl"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
DIST="$work" .make/dist.sh "$target"
(cd "$work" && sha256sum --check --strict --quiet SHA256SUMS)

mkdir "$work/unpacked" "$work/root"
tar --extract --gzip --directory "$work/unpacked" --file "$work"/pipectl-*-"$target".tar.gz
cp "$work"/unpacked/pipectl-*/pipectl "$work/root/"
# A root directory with this one file.
alone() { as_root chroot "$work/root" /pipectl "$@"; }
version="$(alone --version)"
alone init /project >/dev/null
test -f "$work/root/project/pipeline.yml" || die "the program in the archive has not written its project"
alone -f /project/compose/compose.yaml config >/dev/null
# The project was written by root.
as_root rm -rf "$work/root/project"
say "$version of $target runs from its archive alone"
