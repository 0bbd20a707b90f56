#!/usr/bin/env bash
# Installs the program with its manual pages and completions.
# usage: install.sh PROGRAM PREFIX      (DESTDIR in the environment goes in front, as packagers want it)
set -euo pipefail
# shellcheck source=.make/common.sh
. "$(dirname "$0")/common.sh"

program=${1:?usage: install.sh PROGRAM PREFIX}
prefix=${2:?usage: install.sh PROGRAM PREFIX}
root="${DESTDIR:-}$prefix"
repository="$(cd "$(dirname "$0")/.." && pwd)"
share="$root/share"

[ -x "$program" ] || die "there is no program at $program" "build it first: make build"
# Said here, because `install` would say it once for every file.
existing="$root"
while [ ! -e "$existing" ]; do existing="$(dirname "$existing")"; done
[ -w "$existing" ] || die "$existing is not writable for you" \
  "install for yourself: make install PREFIX=\$HOME/.local" "or as root: sudo make install"

install -d "$root/bin" "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/site-functions" \
  "$share/fish/vendor_completions.d" "$share/elvish/lib" "$share/doc/pipectl"
"$program" man "$share/man/man1" >/dev/null
"$program" completions bash >"$share/bash-completion/completions/pipectl"
"$program" completions zsh >"$share/zsh/site-functions/_pipectl"
"$program" completions fish >"$share/fish/vendor_completions.d/pipectl.fish"
"$program" completions elvish >"$share/elvish/lib/pipectl.elv"
install -m 644 "$repository"/{LICENSE,README.md,CHANGELOG.md} "$share/doc/pipectl/"
# Last, and in one step: whoever runs the old program meanwhile keeps it.
install -m 755 "$program" "$root/bin/pipectl.new"
mv -f "$root/bin/pipectl.new" "$root/bin/pipectl"
say "installed $root/bin/pipectl, manual pages and completions below $share"
