"""The job's container: hands the job to the driver, prints what it says, and ends as it ends.

The open connection keeps the job alive. Stop this container and the driver stops the job; if the driver goes away this process
fails, and the container's restart policy submits the job again. Needs nothing but Python's standard library.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import socket
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

# The only variables that leave this container.
_PASSED = (
    "INGEST_TRIGGER",
    "MERGE_INTERVAL",
    "MERGE_SHARE",
    "PROCESS_TRIGGER",
    "MAX_OFFSETS_PER_TRIGGER",
    "KAFKA_BOOTSTRAP",
    "POSTGRES_USER",
    "POSTGRES_PASSWORD",
)
_CONNECT_SECONDS = 180
_SUFFIXES = {".py", ".sql"}


def archive(root: Path, script: str, environment: Mapping[str, str]) -> bytes:
    """The pipeline's files and what to run, as a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as files:
        files.write(root / "pipeline.yml", "pipeline.yml")
        for path in sorted((root / "spark").rglob("*")):
            if path.is_file() and path.suffix in _SUFFIXES:
                files.write(path, path.relative_to(root))
        passed = {name: environment[name] for name in _PASSED if name in environment}
        if path := environment.get("POSTGRES_PASSWORD_FILE"):
            passed["POSTGRES_PASSWORD"] = Path(path).read_text("utf-8").rstrip("\n")
        files.writestr("submission.json", json.dumps({"script": script, "environment": passed}))
    return buffer.getvalue()


def submit(host: str, port: int, name: str, body: bytes) -> http.client.HTTPResponse:
    """Posts the job; waits a bounded time for a driver that is starting or still stopping this job's predecessor."""
    deadline = time.monotonic() + _CONNECT_SECONDS
    said = ""
    while True:
        connection = http.client.HTTPConnection(host, port, timeout=30)
        try:
            connection.request("POST", f"/jobs/{name}", body, {"Content-Type": "application/zip"})
            response = connection.getresponse()
            if response.status == http.HTTPStatus.OK:
                _stop_by_signal(connection.sock)
                return response
            problem = json.loads(response.read()).get("error", response.reason)
            if response.status not in (http.HTTPStatus.SERVICE_UNAVAILABLE, http.HTTPStatus.CONFLICT):
                sys.exit(f"{name}: the driver refuses the job: {problem}")
        except OSError as error:
            problem = f"{host}:{port}: {error}"
        connection.close()
        if time.monotonic() > deadline:
            sys.exit(f"{name}: {problem} (given up after {_CONNECT_SECONDS} s)")
        if problem != said:
            print(f"{name}: {problem}; waiting", flush=True)
            said = problem
        time.sleep(0.1)


def _stop_by_signal(connection: socket.socket) -> None:
    """On SIGTERM our side of the connection ends: the driver stops the job and still sends its last lines."""

    def stop(number: int, frame: object) -> None:
        connection.shutdown(socket.SHUT_WR)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def follow(name: str, response: http.client.HTTPResponse) -> int:
    """Prints the job's lines; returns its exit code."""
    try:
        while line := response.readline():
            message = json.loads(line)
            if "log" in message:
                print(message["log"], flush=True)
            elif message["event"] == "exit":
                return int(message["code"])
            elif message["event"] in ("error", "warning"):
                print(f"{name}: {message['event']}: {message['message']}", flush=True)
            elif message["event"] != "alive":
                print(json.dumps(message), flush=True)
    except (OSError, http.client.HTTPException) as error:
        print(f"{name}: connection to the driver lost: {error}", flush=True)
        return 1
    print(f"{name}: the driver has gone", flush=True)
    return 1


def main() -> int:
    """usage: submit.py NAME SCRIPT"""
    name, script = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    root = Path(os.environ.get("PIPELINE_ROOT", "/opt/pipeline"))
    host, _, port = os.environ.get("SPARK_DRIVER", "spark-driver:4042").partition(":")
    return follow(name, submit(host, int(port), name, archive(root, script, os.environ)))


if __name__ == "__main__":
    sys.exit(main())
