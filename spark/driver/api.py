"""The two HTTP listeners. What changes nothing is published on the host; submitting is code execution and stays inside the network."""

from __future__ import annotations

import json
import logging
import queue
import select
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from jobs import Job, SubmissionError
from tables import BadRequestError

if TYPE_CHECKING:
    from jobserver import JobServer

log = logging.getLogger(__name__)

_LARGEST_ARCHIVE = 64 * 1024 * 1024
_ALIVE_SECONDS = 5.0
_POLL_SECONDS = 0.2


class Handler(BaseHTTPRequestHandler):
    """What both listeners share."""

    protocol_version = "HTTP/1.1"
    server: Listener

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: probes come ten times a second."""

    def reply(self, status: int, body: dict[str, Any]) -> None:
        """Sends a JSON document."""
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Listener(ThreadingHTTPServer):
    """A listener that its handlers reach the job server through."""

    daemon_threads = True
    request_queue_size = 32

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up in the middle of a request is its own affair; handlers report everything else."""

    def __init__(self, port: int, handler: type[Handler], owner: JobServer) -> None:
        self.owner = owner
        super().__init__(("0.0.0.0", port), handler)


class ReadHandler(Handler):
    """GET /health, /jobs, /jobs/<name>/ready, /tables, /tables/<t>/{schema,rows?key=...,fingerprint}; POST /jobs/ingest/merge."""

    def do_GET(self) -> None:
        """Answers a request."""
        url = urlsplit(self.path)
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        try:
            status, body = self._route(parts, parse_qs(url.query))
        except (BadRequestError, json.JSONDecodeError) as error:
            status, body = 404, {"error": str(error)}
        except Exception as error:  # an answer that says so is of more use than a closed connection
            log.exception("GET %s", self.path)
            status, body = 500, {"error": str(error).splitlines()[0]}
        self.reply(status, body)

    def do_POST(self) -> None:
        """Has the merged tables brought up to date now instead of at the next interval: for those who wait for them."""
        if self.path != "/jobs/ingest/merge":
            return self.reply(404, {"error": f"no such resource: {self.path}"})
        job = self.server.owner.jobs.get("ingest")
        return self.reply(200, {"asked": job is not None and job.hurry()})

    def _route(self, parts: list[str], query: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        owner = self.server.owner
        match parts:
            case ["health"]:
                return owner.health()
            case ["jobs"]:
                return 200, {"jobs": owner.jobs.describe()}
            case ["jobs", name, "ready"]:
                return self._ready(owner.jobs.get(name))
            case ["tables", *rest]:
                tables = owner.tables()
                if tables is None:
                    return 503, {"error": "no job is running, so pipeline.yml is not known"}
                match rest:
                    case []:
                        return 200, {"tables": tables.summary()}
                    case [name, "schema"]:
                        return 200, tables.schema(name)
                    case [name, "rows"]:
                        return 200, tables.rows(name, json.loads(query.get("key", ["{}"])[0]))
                    case [name, "fingerprint"]:
                        return 200, tables.fingerprint(name)
        return 404, {"error": f"no such resource: {self.path}"}

    @staticmethod
    def _ready(job: Job | None) -> tuple[int, dict[str, Any]]:
        if job is None:
            return 503, {"state": "starting", "detail": "not submitted"}
        status = 200 if job.ready and job.state == "running" else 503
        # At work on something that has no bound, a job may take longer than the others do to become ready.
        busy = job.state == "starting" and bool(job.notice)
        return status, {"state": job.state, "detail": job.detail or job.notice, "busy": busy}


class SubmitHandler(Handler):
    """POST /jobs/<name>: runs the archive in the body; the answer lasts as long as the job.

    The connection is the lease. When the client ends its side, is killed or disappears, the job is stopped.
    """

    def do_POST(self) -> None:
        """Runs a job."""
        parts = self.path.strip("/").split("/")
        size = int(self.headers.get("Content-Length") or 0)
        if len(parts) != 2 or parts[0] != "jobs" or not parts[1].isidentifier():
            return self.reply(404, {"error": "POST /jobs/<name>"})
        if not 0 < size <= _LARGEST_ARCHIVE:
            return self.reply(413, {"error": f"an archive of at most {_LARGEST_ARCHIVE} bytes is expected"})
        archive = self.rfile.read(size)
        owner = self.server.owner
        if not owner.is_ready:
            return self.reply(503, {"error": "the driver is starting"})
        try:
            job = owner.jobs.submit(parts[1], archive, owner.jvm)
        except SubmissionError as error:
            return self.reply(400, {"error": str(error)})
        if job is None:
            return self.reply(409, {"error": f"a job {parts[1]} is running"})
        log.info("job %s: submitted by %s", job.name, self.client_address[0])
        self.close_connection = True
        try:
            self._follow(job)
        except OSError as error:
            log.info("job %s: client gone: %s", job.name, error)
        finally:
            job.stop()

    def _follow(self, job: Job) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        silent = 0.0
        while True:
            if _ended(self.connection):
                # The client may still read: it gets the last lines of an orderly stop.
                job.stop()
            try:
                line = job.lines.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                silent += _POLL_SECONDS
                if silent < _ALIVE_SECONDS:
                    continue
                # Finds out about a client whose host has gone without a word.
                line = {"event": "alive"}
            silent = 0.0
            self._chunk((json.dumps(line) + "\n").encode())
            if line.get("event") == "exit":
                self._chunk(b"")
                log.info("job %s: %s, code %s", job.name, job.state, line["code"])
                return

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def _ended(connection: socket.socket) -> bool:
    """Whether the peer has closed its side."""
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""
