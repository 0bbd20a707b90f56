#!/usr/bin/env bash
# Makes sure that a Rust toolchain is there: uses any that is new enough, else installs Debian's or Ubuntu's.
set -euo pipefail
# shellcheck source=.make/common.sh
. "$(dirname "$0")/common.sh"

needed="$(sed -n 's/^rust-version = "1\.\([0-9]*\)"/\1/p' "$(dirname "$0")/../Cargo.toml")"

new_enough() {
  command -v cargo >/dev/null && command -v rustc >/dev/null || return 1
  local minor
  minor="$(rustc --version | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p')"
  [ -n "$minor" ] && [ "$minor" -ge "$needed" ]
}

if ! new_enough; then
  command -v apt-get >/dev/null || die "no Rust toolchain of version 1.$needed or newer" "install one (rustup.rs), then run the same command again"
  say "no Rust toolchain of version 1.$needed or newer is here"
  as_root apt-get update -qq
  export APT_UPDATED=1
  # Debian 12 has a current toolchain under another name; Debian 13 and later and Ubuntu have it under its own.
  if apt-cache show cargo-web >/dev/null 2>&1; then
    apt_install cargo-web rustc-web
  else
    versioned="$(apt-cache search --names-only '^cargo-1\.[0-9]+$' | sed 's/ .*//; s/cargo-1\.//' | sort -n | tail -n 1)"
    if [ -n "$versioned" ] && [ "$versioned" -ge "$needed" ]; then
      apt_install "cargo-1.$versioned" "rustc-1.$versioned"
      as_root ln -sf "/usr/bin/cargo-1.$versioned" /usr/local/bin/cargo
      as_root ln -sf "/usr/bin/rustc-1.$versioned" /usr/local/bin/rustc
    else
      apt_install cargo rustc
    fi
  fi
  hash -r
  new_enough || die "the distribution's Rust toolchain is older than 1.$needed" "install one (rustup.rs), then run the same command again"
fi
command -v cc >/dev/null || apt_install gcc libc6-dev
