#!/usr/bin/env bash
# Makes the root file system every image starts from, for machines that reach Debian's archive but no container registry.
# usage: make.sh OUT.tar        (then: docker import OUT.tar pipectl/rootfs)
set -euo pipefail

readonly suite=trixie
out=${1:?usage: make.sh OUT.tar}

if ! command -v mmdebstrap >/dev/null; then
  echo "make.sh: mmdebstrap is missing; install Debian's packages mmdebstrap and debian-archive-keyring" >&2
  exit 2
fi

# A half-written archive must never be taken for a finished one.
partial=$out.partial
trap 'rm -f "$partial"' EXIT
mmdebstrap --quiet --variant=minbase --format=tar \
  --aptopt='Acquire::Languages "none"' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  "$suite" "$partial"
mv "$partial" "$out"
