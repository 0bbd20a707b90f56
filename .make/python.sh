#!/usr/bin/env bash
# Makes .venv with what the Python tests and lints need, pinned in tests/python/requirements.txt.
set -euo pipefail
# shellcheck source=.make/common.sh
. "$(dirname "$0")/common.sh"
cd "$(dirname "$0")/.."
stamp=.venv/.requirements
if cmp -s tests/python/requirements.txt "$stamp" 2>/dev/null; then exit 0; fi
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then apt_install python3 python3-venv; fi
say "making .venv for the Python tests and lints"
python3 -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/python/requirements.txt
cp tests/python/requirements.txt "$stamp"
