#!/usr/bin/env bash
# Crates and images, as far as the package sources tell: licences, known advisories, and what Debian's archive has a fix for.
# usage: audit.sh [--strict] [IMAGE ..]   as .make/contents.py has it
set -euo pipefail
# shellcheck source=.make/common.sh
. "$(dirname "$0")/common.sh"
cd "$(dirname "$0")/.."

if command -v cargo-deny >/dev/null; then
  # What deny.toml says; needs no network.
  cargo deny --offline --log-level warn check bans licenses sources
  if ! cargo deny --log-level warn check advisories; then
    say "advisories: the check failed or their database is not to be had, see above"
    failed=1
  fi
else
  say "NOT RUN: crates, for want of cargo-deny (cargo install cargo-deny --locked)"
fi
.make/contents.py "$@"
exit "${failed:-0}"
