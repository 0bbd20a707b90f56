#!/usr/bin/env bash
# Measures what the README promises, all in one run, and prints each figure beside its goal.
#
#   benches/run.sh [ROUNDS]      rounds of each cold start, default 3; the median counts
#   SIZES=10000,1000000,5000000  rows of a table at which batches are timed; without the last, which takes half an hour, by default
#   SOAK=60                      minutes of steady load at the end; none by default
#
# A stack of its own is used (project pipectl-bench, ports of its own), so a running pipeline is not touched; but let the
# machine be idle otherwise. Beside pipectl, plain `docker compose up --wait` starts the same services from the same files
# and images; where docker compose v2 is not installed it is built from its Go module, or that part is named as not run.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds="${1:-3}"
work="$(mktemp -d)"
pipectl="$PWD/target/release/pipectl"

export PIPECTL_PROJECT=pipectl-bench COMPOSE_PROJECT_NAME=pipectl-bench
# shellcheck source=tests/live/ports.env
set -a && . tests/live/ports.env && set +a
# Those of a pipeline in use, not those of its tests.
unset MERGE_INTERVAL MERGE_SHARE
# What plain compose can start without the pipeline's steps: everything but the jobs and the generator.
services=(postgres-source postgres-dest kafka debezium namenode datanode hms-db hive-metastore spark-master spark-worker spark-driver)

cleanup() {
  "$pipectl" reset all --yes --quiet >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT

seconds() { # runs a command, prints its wall-clock seconds; its output goes to a log that is shown when it fails
  local from
  from="$(date +%s.%N)"
  if ! "$@" >"$work/log" 2>&1; then
    printf 'error: %s failed:\n' "$*" >&2
    tail -n 40 "$work/log" >&2
    exit 1
  fi
  echo "$(date +%s.%N) $from" | awk '{printf "%.2f\n", $1 - $2}'
}
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
row() { printf '%-58s %10s   %s\n' "$1" "$2" "$3"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.1fx", a / b}'; }

# `go install` refuses a module whose go.mod has exclude directives; building inside a copy of the module does not.
build_compose() { # VERSION FILE
  local module
  module="$(cd "$work" && go mod download -json "github.com/docker/compose/v2@$1" |
    python3 -c 'import json,sys; print(json.load(sys.stdin)["Dir"])')" || return
  cp -r "$module" "$work/compose" && chmod -R u+w "$work/compose" || return
  mkdir -p "$(dirname "$2")" && cd "$work/compose" && go build -o "$2" ./cmd
}

sql() { # SERVICE STATEMENT
  "$pipectl" exec "$1" -- psql -qAtX -U "${POSTGRES_USER:-admin}" -d jadc2_db -c "$2"
}

# One transaction of so many rows at the source, until all of them are in the destination.
burst() { # ROWS
  sql postgres-source "INSERT INTO orders (customer_id, amount, quantity, status, note) SELECT
    (SELECT min(customer_id) FROM customers), 1 + n % 100, 1, 'new', 'bench' FROM generate_series(1, $1) n"
  until [ "$(sql postgres-dest "SELECT count(*) FROM orders WHERE note = 'bench'")" = "$1" ]; do
    sleep 0.2 # between two polls of the condition
  done
}

compose=()
find_compose() {
  if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
  elif command -v go >/dev/null; then
    printf '==> docker compose from its Go module, to compare with; building it takes some minutes the first time\n' >&2
    compose=("$PWD/target/bench/docker-compose-${COMPOSE_VERSION:-v2.40.3}")
    [ -x "${compose[0]}" ] || build_compose "${COMPOSE_VERSION:-v2.40.3}" "${compose[0]}" >"$work/go.log" 2>&1 || {
      tail -n 5 "$work/go.log" >&2
      compose=()
    }
  fi
}

.make/python.sh
printf '==> building the images\n' >&2
"$pipectl" images build >&2
"$pipectl" reset all --yes --quiet >/dev/null 2>&1 || true

for round in $(seq "$rounds"); do
  printf '==> pipectl, round %s of %s\n' "$round" "$rounds" >&2
  seconds "$pipectl" up --quiet >>"$work/up.cold"
  seconds "$pipectl" up --quiet >>"$work/up.again"
  seconds "$pipectl" status --json >>"$work/status"
  memory="$("$pipectl" status --json | python3 -c 'import json,sys; print(sum(c["memory"] or 0 for c in json.load(sys.stdin)["containers"]) // 2**20)')"
  echo "$memory" >>"$work/memory"
  # The generator would change and delete some of the rows that are counted.
  "$pipectl" stop data-generator --quiet
  .venv/bin/python benches/latency.py "$POSTGRES_SOURCE_PORT" "$POSTGRES_DEST_PORT" 100 60 >>"$work/latency"
  seconds burst 100000 >>"$work/burst"
  "$pipectl" reset all --yes --quiet >/dev/null 2>&1
done

printf '\n%-58s %10s   %s\n' "figure (median of $rounds, $(nproc) cores)" measured goal
row "pipectl up, empty volumes, to the first row proved" "$(median <"$work/up.cold") s" "30 s"
row "pipectl up, nothing to do" "$(median <"$work/up.again") s" "0.3 s"
row "pipectl status" "$(median <"$work/status") s" "0.5 s"
row "memory of all containers after that" "$(median <"$work/memory") MiB" "3072 MiB"
row "one transaction of 100,000 rows, to the destination" \
  "$(median <"$work/burst" | awk '{printf "%d", 100000 / $1}') rows/s" "12000 rows/s"
row "100 changes/s, commit to destination, half of them within" "$(awk '{print $2}' "$work/latency" | median) ms" "600 ms"
row "and 99 of 100 within" "$(awk '{print $3}' "$work/latency" | median) ms" "2000 ms"
row "release binary" "$(($(stat -c %s "$pipectl") / 1000000)) MB" "15 MB"
benches/catalog.sh | tail -n +2

printf '==> backlogs and large tables\n' >&2
"$pipectl" up --quiet
"$pipectl" stop data-generator --quiet
flow=(--source "$POSTGRES_SOURCE_PORT" --dest "$POSTGRES_DEST_PORT" --jobs "$SPARK_API_PORT" --pipectl "$pipectl")
.venv/bin/python benches/volume.py "${flow[@]}" --sizes "${SIZES:-10000,1000000}" >"$work/volume"
goal() { # FIGURE
  case "$1" in
    snapshot*) echo "12000 rows/s" ;;
    *updates*) echo "5000 rows/s" ;;
  esac
}
while IFS=$'\t' read -r name value unit; do row "$name" "$value $unit" "$(goal "$name")"; done <"$work/volume"
if [ -n "${SOAK:-}" ]; then
  printf '\n%s minutes of 100 changes/s\n' "$SOAK"
  .venv/bin/python benches/soak.py "${flow[@]}" --minutes "$SOAK"
  "$pipectl" verify --quiet
  printf 'all three stores are equal\n'
fi
"$pipectl" reset all --yes --quiet >/dev/null 2>&1

find_compose
if [ "${#compose[@]}" -eq 0 ]; then
  printf '\nNOT RUN: docker compose v2 is not installed and could not be built, so there is nothing to compare with\n'
  exit 0
fi
for round in $(seq "$rounds"); do # in turn, so that a drift of the machine's speed meets both
  printf '==> pipectl beside docker compose, round %s of %s\n' "$round" "$rounds" >&2
  seconds "$pipectl" up "${services[@]}" --quiet >>"$work/ours.cold"
  seconds "$pipectl" up "${services[@]}" --quiet >>"$work/ours.again"
  "$pipectl" reset all --yes --quiet >/dev/null 2>&1
  seconds "${compose[@]}" -f compose/compose.yaml up --wait --no-build "${services[@]}" >>"$work/theirs.cold"
  seconds "${compose[@]}" -f compose/compose.yaml up --wait --no-build "${services[@]}" >>"$work/theirs.again"
  "${compose[@]}" -f compose/compose.yaml down --volumes >/dev/null 2>&1
done
printf '\n%-34s %10s %16s %8s\n' "the same ${#services[@]} services and images" pipectl "docker compose" ratio
for kind in cold again; do
  ours="$(median <"$work/ours.$kind")"
  theirs="$(median <"$work/theirs.$kind")"
  printf '%-34s %8s s %14s s %8s\n' "$([ $kind = cold ] && echo 'from empty volumes' || echo 'nothing to do')" "$ours" "$theirs" "$(ratio "$theirs" "$ours")"
done
