#!/usr/bin/env bash
# Makes what is published of a version: dist/pipectl-VERSION-TARGET.tar.gz, an SBOM of it, and SHA256SUMS.
# usage: dist.sh [TARGET]   with TARGET the Rust target, this machine's by default
#   PROGRAM=FILE  packages a program that is built already
#   DIST=DIR      writes there instead of dist/
# The same program and sources give the same bytes.
set -euo pipefail
# shellcheck source=.make/common.sh
. "$(dirname "$0")/common.sh"
cd "$(dirname "$0")/.."

host="$(rustc -vV | sed -n 's/^host: //p')"
target=${1:-$host}
dist=${DIST:-dist}
program=${PROGRAM:-}

# Ends with what to type when this machine cannot build for the target.
check_target() {
  if [ ! -d "$(rustc --print target-libdir --target "$target" 2>/dev/null)" ]; then
    if command -v rustup >/dev/null; then
      die "Rust's standard library for $target is not installed" "rustup target add $target"
    fi
    die "Rust's standard library for $target is not installed" \
      "install Rust with rustup (rustup.rs), then: rustup target add $target"
  fi
  local compiler="CC_${target//-/_}"
  if [[ "$target" == *-musl ]] && [ -z "${!compiler:-}" ] && ! command -v musl-gcc >/dev/null; then
    die "there is no C compiler for $target: LZ4 and TLS (ring) need one" "sudo apt-get install musl-tools"
  fi
}

if [ -z "$program" ]; then
  if [ "$target" = "$host" ]; then
    cargo build --release --locked
    program=target/release/pipectl
  else
    check_target
    cargo build --release --locked --target "$target"
    program="target/$target/release/pipectl"
    # What the target is for: it runs whatever C library the machine has, or none.
    if [[ "$target" == *-musl ]] && ldd "$program" 2>/dev/null | grep -q '=>'; then
      die "$program needs libraries of the machine: $(ldd "$program" | head -n 1)" "unset RUSTFLAGS, which may ask for that"
    fi
  fi
fi
[ -x "$program" ] || die "there is no program at $program" "set PROGRAM to one that is built, or leave it out"
command -v python3 >/dev/null || apt_install python3

version="$("$program" --version)" || die "$program does not run here, so it cannot write its manual pages" \
  "package it on a machine of its kind"
version="${version#pipectl }"
name="pipectl-$version-$target"
stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
root="$stage/$name"

install -d "$root/man/man1" "$root/completions" "$root/docs"
install -m 755 "$program" "$root/pipectl"
"$program" man "$root/man/man1" >/dev/null
for shell in bash zsh fish elvish powershell; do
  "$program" completions "$shell" >"$root/completions/pipectl.$shell"
done
install -m 644 LICENSE README.md CHANGELOG.md "$root/"
install -m 644 docs/*.md "$root/docs/"
chmod -R u=rwX,go=rX "$root"

mkdir -p "$dist"
tar --create --directory "$stage" --format ustar --sort name --mtime "@${SOURCE_DATE_EPOCH:-0}" \
  --owner 0 --group 0 --numeric-owner "$name" | gzip --no-name --best >"$dist/$name.tar.gz.partial"
mv "$dist/$name.tar.gz.partial" "$dist/$name.tar.gz"
python3 .make/sbom.py --target "$target" >"$dist/$name.cdx.json.partial"
mv "$dist/$name.cdx.json.partial" "$dist/$name.cdx.json"
# Of every target of this version: each is made by a run of its own.
(cd "$dist" && sha256sum "pipectl-$version-"*.tar.gz "pipectl-$version-"*.cdx.json >SHA256SUMS)
say "made $dist/$name.tar.gz, its SBOM and $dist/SHA256SUMS"
