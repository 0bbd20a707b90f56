#!/usr/bin/env bash
# Formatting and lints. A Rust toolchain without clippy or rustfmt (some distributions split them) is completed from
# the distribution, or the check is named as not run: never passed over in silence.
set -euo pipefail
# shellcheck source=.make/common.sh
. "$(dirname "$0")/common.sh"
cd "$(dirname "$0")/.."

if ! cargo fmt --version >/dev/null 2>&1; then apt_install rustfmt || say "NOT RUN: rustfmt is not to be had here"; fi
if cargo fmt --version >/dev/null 2>&1; then cargo fmt --check; fi
if ! cargo clippy --version >/dev/null 2>&1; then apt_install rust-clippy || say "NOT RUN: clippy is not to be had here"; fi
if cargo clippy --version >/dev/null 2>&1; then
  cargo clippy --locked --quiet --all-targets -- -D warnings
  # Not among all targets: plain `cargo test` leaves them out.
  cargo clippy --locked --quiet --test live --test '*_live' -- -D warnings
fi

if command -v cargo-deny >/dev/null; then
  cargo deny --offline --log-level warn check bans licenses sources
else
  say "NOT RUN: cargo-deny is not installed (cargo install cargo-deny --locked)"
fi

.make/python.sh
.venv/bin/ruff check .
.venv/bin/ruff format --check .

command -v shellcheck >/dev/null || apt_install shellcheck
git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck -x
