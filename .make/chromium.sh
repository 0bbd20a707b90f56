#!/usr/bin/env bash
# Makes sure that there is a Chromium (or a Chrome) for the tests of the catalog's page.
set -euo pipefail
# shellcheck source=.make/common.sh
. "$(dirname "$0")/common.sh"
for program in chromium chromium-browser google-chrome; do
  if command -v "$program" >/dev/null; then exit 0; fi
done
apt_install chromium
