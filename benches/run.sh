#!/usr/bin/env bash
# Measures what the README promises, all in one run, and prints each figure beside its goal.
#
#   benches/run.sh [ROUNDS]      rounds of each cold start, default 3; the median counts
#   SIZES=10000,1000000,5000000  rows of a table at which batches are timed; without the last, which takes half an hour, by default
#   STEADY=5                     minutes of load before the steady latency is measured, once; the first minute is measured in each round
#   SOAK=60                      minutes of steady load at the end; none by default
#
# A stack of its own is used (project pipectl-bench, ports of its own), so a running pipeline is not touched; but let the
# machine be idle otherwise. Beside pipectl's flow, the same changes go through the shortest alternative: Debezium and its own
# JDBC sink, without lake and jobs. Beside its starts, plain `docker compose up --wait` starts the same services from the same
# files and images; where docker compose v2 is not installed it is built from its Go module. A part for which something cannot
# be had is named as not run.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds="${1:-3}"
work="$(mktemp -d)"
pipectl="$PWD/target/release/pipectl"

export PIPECTL_PROJECT=pipectl-bench COMPOSE_PROJECT_NAME=pipectl-bench
# shellcheck source=tests/live/ports.env
set -a && . tests/live/ports.env && set +a
# What plain compose can start without the pipeline's steps: everything but the jobs and the generator.
services=(postgres-source postgres-dest kafka debezium namenode datanode hms-db hive-metastore spark-master spark-worker spark-driver)
flow=(--source "$POSTGRES_SOURCE_PORT" --dest "$POSTGRES_DEST_PORT" --jobs "$SPARK_API_PORT")
sink=("$pipectl" -f compose/compose.yaml -f benches/jdbc-sink/compose.yaml)
export JDBC_SINK_PORT=28084

# Whatever it has been started from, containers and volumes are the project's.
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
# Two measured the same way, and the other's in relation to pipectl's.
beside() { # NAME OURS THEIRS UNIT
  printf '%-58s %14s %14s %8s\n' "$1" "$2 $4" "$3 $4" "$(awk -v a="$3" -v b="$2" 'BEGIN {printf "%.2fx", a / b}')"
}

# `go install` refuses a module whose go.mod has exclude directives; building inside a copy of the module does not.
build_compose() { # VERSION FILE
  local module
  module="$(cd "$work" && go mod download -json "github.com/docker/compose/v2@$1" |
    python3 -c 'import json,sys; print(json.load(sys.stdin)["Dir"])')" || return
  cp -r "$module" "$work/compose" && chmod -R u+w "$work/compose" || return
  mkdir -p "$(dirname "$2")" && cd "$work/compose" && go build -o "$2" ./cmd
}

# MiB of all containers that run. Status 1 is that of a stack of which a part is left out.
memory() { # PIPECTL..
  "$@" status --json >"$work/told" || [ $? -eq 1 ]
  python3 -c 'import json,sys; print(sum(c["memory"] or 0 for c in json.load(sys.stdin)["containers"]) // 2**20)' <"$work/told"
}

# Seconds from the moment the data plane is ready to a catalog with everything and its lineage read back: the step `catalogue` of a start,
# told by its events.
catalogued() { # EVENTS
  python3 -c '
import json, sys
events = [json.loads(line) for line in sys.stdin if line.startswith("{")]
steps = [operation["id"] for event in events for operation in event.get("operations", []) if operation["subject"] == "catalogue"]
(took,) = [event["elapsed_ms"] for event in events if event["event"] == "finished" and event["id"] in steps and event["outcome"] == "done"]
print(f"{took / 1000:.2f}")' <"$1"
}

# What a change needs from the source to the destination of the stack that is up. A JVM is warm after some minutes of work.
measure_flow() { # NAME
  .venv/bin/python benches/latency.py "${flow[@]}" --rate 100 --seconds 60 >>"$work/$1.first"
  .venv/bin/python benches/burst.py "${flow[@]}" --rows 100000 >>"$work/$1.burst"
  [ ! -e "$work/$1.steady" ] || return 0
  .venv/bin/python benches/latency.py "${flow[@]}" --rate 100 --seconds $((60 * ${STEADY:-5})) >/dev/null
  # The alternative has no hops to tell apart.
  local hops=()
  [ "$1" != ours ] || hops=(--hops "$work/hops" --pipectl "$pipectl")
  .venv/bin/python benches/latency.py "${flow[@]}" --rate 100 --seconds 60 "${hops[@]}" >"$work/$1.steady"
}
half() { awk '{print $2}' "$work/$1" | median; }
most() { awk '{print $3}' "$work/$1" | median; }

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
alternative=yes
"${sink[@]}" images build >&2 || alternative=
"$pipectl" reset all --yes --quiet >/dev/null 2>&1 || true

for round in $(seq "$rounds"); do
  printf '==> pipectl, round %s of %s\n' "$round" "$rounds" >&2
  seconds "$pipectl" doctor >>"$work/doctor"
  seconds "$pipectl" up --events json >>"$work/up.cold"
  catalogued "$work/log" >>"$work/catalogued"
  seconds "$pipectl" up --quiet >>"$work/up.again"
  seconds "$pipectl" status --json >>"$work/status"
  seconds "$pipectl" bundle "$work/bundle-$round.tar.gz" >>"$work/bundle"
  memory "$pipectl" >>"$work/ours.memory"
  # The generator would change and delete some of the rows that are counted.
  "$pipectl" stop data-generator --quiet
  measure_flow ours
  "$pipectl" reset all --yes --quiet >/dev/null 2>&1
  [ -n "$alternative" ] || continue
  # On a stack of its own with nothing else: beside idle jobs and file systems it would have less of the processor than who runs
  # it instead of them. In turn with pipectl's, so that a drift of the machine's speed meets both.
  printf '==> Debezium'"'"'s JDBC sink, round %s of %s\n' "$round" "$rounds" >&2
  "${sink[@]}" up jdbc-sink --quiet
  .venv/bin/python benches/jdbc_sink.py "${flow[@]}" --connect "$JDBC_SINK_PORT"
  memory "${sink[@]}" >>"$work/theirs.memory"
  measure_flow theirs
  "$pipectl" reset all --yes --quiet >/dev/null 2>&1
done

printf '\n%-58s %10s   %s\n' "figure (median of $rounds, $(nproc) cores)" measured goal
row "pipectl up, empty volumes, to the first row proved" "$(median <"$work/up.cold") s" "30 s"
row "data plane ready to complete lineage in the lite catalog" "$(median <"$work/catalogued") s" "15 s"
row "pipectl up, nothing to do" "$(median <"$work/up.again") s" "0.3 s"
row "pipectl status" "$(median <"$work/status") s" "0.5 s"
row "pipectl doctor, before a start" "$(median <"$work/doctor") s" "1 s"
row "pipectl bundle" "$(median <"$work/bundle") s" "10 s"
row "memory of all containers after that" "$(median <"$work/ours.memory") MiB" "3072 MiB"
row "one transaction of 100,000 rows, to the destination" "$(median <"$work/ours.burst") rows/s" "12000 rows/s"
row "100 changes/s, commit to destination, half of them within" "$(half ours.steady) ms" "600 ms"
row "and 99 of 100 within" "$(most ours.steady) ms" "2000 ms"
while IFS=$'\t' read -r hop milliseconds; do row "  $hop, half of them" "$milliseconds ms" ""; done <"$work/hops"
row "in the first minute after a start, half of them within" "$(half ours.first) ms" ""
row "and 99 of 100 within" "$(most ours.first) ms" ""
row "release binary" "$(($(stat -c %s "$pipectl") / 1000000)) MB" "15 MB"
benches/catalog.sh | tail -n +2

if [ -n "$alternative" ]; then
  printf '\n%-58s %14s %14s %8s\n' "what the lake costs, beside Debezium's own JDBC sink" pipectl "JDBC sink" ratio
  beside "100 changes/s, commit to destination, half of them within" "$(half ours.steady)" "$(half theirs.steady)" ms
  beside "and 99 of 100 within" "$(most ours.steady)" "$(most theirs.steady)" ms
  beside "in the first minute after a start, half of them within" "$(half ours.first)" "$(half theirs.first)" ms
  beside "one transaction of 100,000 rows, to the destination" "$(median <"$work/ours.burst")" "$(median <"$work/theirs.burst")" rows/s
  beside "memory of all containers" "$(median <"$work/ours.memory")" "$(median <"$work/theirs.memory")" MiB
else
  printf "\nNOT RUN: Debezium's JDBC sink could not be had, so there is nothing to compare the flow with\n"
fi

printf '==> backlogs and large tables\n' >&2
"$pipectl" up --quiet
"$pipectl" stop data-generator --quiet
.venv/bin/python benches/volume.py "${flow[@]}" --pipectl "$pipectl" --sizes "${SIZES:-10000,1000000}" >"$work/volume"
goal() { # FIGURE
  case "$1" in
    snapshot*) echo "12000 rows/s" ;;
    *updates*) echo "5000 rows/s" ;;
  esac
}
while IFS=$'\t' read -r name value unit; do row "$name" "$value $unit" "$(goal "$name")"; done <"$work/volume"
if [ -n "${SOAK:-}" ]; then
  printf '\n%s minutes of 100 changes/s\n' "$SOAK"
  .venv/bin/python benches/soak.py "${flow[@]}" --pipectl "$pipectl" --minutes "$SOAK"
  "$pipectl" verify --quiet
  printf 'all three stores are equal\n'
fi
"$pipectl" reset all --yes --quiet >/dev/null 2>&1

find_compose
if [ "${#compose[@]}" -eq 0 ]; then
  printf '\nNOT RUN: docker compose v2 is not installed and could not be built, so there is nothing to compare with\n'
  exit 0
fi
# Plain compose puts no secret from a variable into a container with a read-only root; from a file it does.
theirs=("${compose[@]}" -f compose/compose.yaml -f "$work/secrets.yaml")
printf 'password\n' >"$work/password" && chmod 644 "$work/password"
printf 'secrets:\n' >"$work/secrets.yaml"
for secret in postgres_password source_password; do
  printf '  %s: !override {file: "%s"}\n' "$secret" "$work/password" >>"$work/secrets.yaml"
done
for round in $(seq "$rounds"); do # in turn, so that a drift of the machine's speed meets both
  printf '==> pipectl beside docker compose, round %s of %s\n' "$round" "$rounds" >&2
  seconds "$pipectl" up "${services[@]}" --quiet >>"$work/ours.cold"
  seconds "$pipectl" up "${services[@]}" --quiet >>"$work/ours.again"
  "$pipectl" reset all --yes --quiet >/dev/null 2>&1
  seconds "${theirs[@]}" up --wait --no-build "${services[@]}" >>"$work/theirs.cold"
  seconds "${theirs[@]}" up --wait --no-build "${services[@]}" >>"$work/theirs.again"
  "${theirs[@]}" down --volumes >/dev/null 2>&1
done
printf '\n%-58s %14s %14s %8s\n' "the same ${#services[@]} services and images" pipectl "docker compose" ratio
beside "from empty volumes" "$(median <"$work/ours.cold")" "$(median <"$work/theirs.cold")" s
beside "nothing to do" "$(median <"$work/ours.again")" "$(median <"$work/theirs.again")" s
