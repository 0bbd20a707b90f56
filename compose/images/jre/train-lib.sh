# shellcheck shell=bash
# Helpers for the scripts that train an AOT cache while an image is built. Source it.

# wait_for SECONDS PID COMMAND..: until COMMAND succeeds. Fails at the deadline, and at once when process PID is gone.
wait_for() {
  local deadline=$((SECONDS + $1)) pid=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    kill -0 "$pid" 2>/dev/null || { echo "train: process $pid ended while waiting for: $*" >&2; return 1; }
    ((SECONDS < deadline)) || { echo "train: time is up, waiting for: $*" >&2; return 1; }
    sleep 0.2
  done
}

# stop_java PID: ask it to end and wait. A JVM ended by SIGTERM reports 143; with -XX:AOTCacheOutput it writes the cache first.
stop_java() {
  local code=0
  kill -TERM "$1"
  wait "$1" || code=$?
  [[ $code == 0 || $code == 143 ]] || { echo "train: process $1 ended with $code" >&2; return 1; }
}

# check_cache FILE JAVA_ARGUMENT..: fails unless a JVM started with these arguments (class path, GC) accepts the cache.
check_cache() {
  java -XX:AOTCache="$1" -XX:AOTMode=on "${@:2}" -version 2>/dev/null || {
    echo "train: $1 is not usable with: ${*:2}" >&2
    return 1
  }
  echo "train: $1 ($(($(stat --format=%s "$1") / 1048576)) MiB)"
}
