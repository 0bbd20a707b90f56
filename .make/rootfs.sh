#!/usr/bin/env bash
# The base image is pulled where a registry answers; elsewhere pipectl makes it with mmdebstrap, which must be there.
set -euo pipefail
# shellcheck source=.make/common.sh
. "$(dirname "$0")/common.sh"
if command -v mmdebstrap >/dev/null || ! command -v apt-get >/dev/null; then exit 0; fi
apt_install mmdebstrap debian-archive-keyring
