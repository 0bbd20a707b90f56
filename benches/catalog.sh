#!/usr/bin/env bash
# Measures the lite catalog's budgets and prints each figure beside its goal.
#
#   benches/catalog.sh [ROUNDS]      starts that are timed, default 9; the median counts
#
# Ready is the first good answer to a request, from the moment the program is started; the client's own start, measured beside
# it, is taken off. Memory is what /proc says after a thousand tables of twenty columns were written, listed and drawn.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds="${1:-9}"
pipectl="$PWD/target/release/pipectl"
work="$(mktemp -d)"
server=
address=

end() {
  [ -n "$server" ] || return 0
  kill "$server"
  wait "$server"
  server=
}
cleanup() {
  end || true
  rm -rf "$work"
}
trap cleanup EXIT

ask() { curl -sSf --noproxy '*' "$@"; }
now() { date +%s%N; }
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
row() { printf '%-58s %10s   %s\n' "$1" "$2" "$3"; }
memory() { awk -v line="$1:" '$1 == line {printf "%.1f", $2 / 1024}' "/proc/$server/status"; }

# Starts a catalog in a directory and waits until it answers; prints nothing, sets `server` and `address`.
start() { # DIRECTORY
  rm -f "$work/said"
  mkfifo "$work/said"
  "$pipectl" catalog serve --listen 127.0.0.1:0 --data "$1" 2>"$work/said" &
  server=$!
  exec 3<"$work/said"
  read -r line <&3
  address="${line#catalog: }"
  address="${address%% *}"
  ask -o /dev/null "$address/api/v1/system/version"
}

timed_start() { # DIRECTORY FILE
  local from
  from="$(now)"
  start "$1"
  echo $((($(now) - from) / 1000)) >>"$2"
  # The same request again, of a server that has long been ready: what the client itself costs.
  from="$(now)"
  ask -o /dev/null "$address/api/v1/system/version"
  echo $((($(now) - from) / 1000)) >>"$work/client"
}

put() { # PATH BODY
  ask -o /dev/null -X PUT -H "authorization: Bearer $token" -H 'content-type: application/json' -d "$2" "$address/api/v1/$1"
}

hundred_tables() { # NUMBER OF THE HUNDRED
  awk -v hundred="$1" 'BEGIN {
    for (c = 0; c < 20; c++)
      columns = columns (c ? "," : "") sprintf("{\"name\":\"c%d\",\"dataType\":\"TEXT\",\"dataTypeDisplay\":\"text\"}", c)
    printf "["
    for (t = 0; t < 100; t++)
      printf "%s{\"name\":\"t%d_%d\",\"databaseSchema\":\"pg.shop.public\",\"columns\":[%s]}", t ? "," : "", hundred, t, columns
    printf "]"
  }'
}

for round in $(seq "$rounds"); do
  timed_start "$work/new$round" "$work/first"
  end
  rm -rf "$work/new$round"
done

start "$work/data"
login="$(printf '{"email":"admin@open-metadata.org","password":"%s"}' "$(printf admin | base64)")"
token="$(ask -H 'content-type: application/json' -d "$login" "$address/api/v1/users/login" | sed 's/.*"accessToken":"\([^"]*\)".*/\1/')"
put services/databaseServices '{"name":"pg","serviceType":"Postgres","connection":{"config":{"type":"Postgres"}}}'
put databases '{"name":"shop","service":"pg"}'
put databaseSchemas '{"name":"public","database":"pg.shop"}'
for hundred in $(seq 10); do
  hundred_tables "$hundred" >"$work/body"
  put tables/bulk "@$work/body"
done
ask -o "$work/list" -H "authorization: Bearer $token" "$address/api/v1/tables?limit=1000"
grep -q '"total":1000[,}]' "$work/list" || {
  printf 'error: there are not 1000 tables: %s\n' "$(tail -c 200 "$work/list")" >&2
  exit 1
}
drawn="$(ask -o /dev/null -w '%{time_total}' "$address/page/graph.json" | awk '{printf "%.0f", $1 * 1000}')"
resident="$(memory VmRSS)" peak="$(memory VmHWM)"
end

for round in $(seq "$rounds"); do
  timed_start "$work/data" "$work/again"
  end
done
client="$(median <"$work/client")"
milliseconds() { awk -v own="$client" '{printf "%.0f", ($1 - own) / 1000}'; }

printf '%-58s %10s   %s\n' "figure (median of $rounds starts, $(nproc) cores)" measured goal
row "catalog, start to ready, new store" "$(median <"$work/first" | milliseconds) ms" "100 ms"
row "catalog, start to ready, 1,000 tables" "$(median <"$work/again" | milliseconds) ms" "100 ms"
row "catalog, resident with 1,000 tables of 20 columns" "$resident MiB" "30 MB"
row "catalog, most that was resident meanwhile" "$peak MiB" ""
row "catalog, graph of 1,000 tables for the page" "$drawn ms" ""
