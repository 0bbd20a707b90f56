"""Jobs: Python processes attached to the driver's JVM, each living as long as the connection that submitted it."""

from __future__ import annotations

import io
import json
import logging
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections import deque
from pathlib import Path
from typing import Any

from jvm import Jvm
from runs import History, Run, now_ms

log = logging.getLogger(__name__)

_RECENT = 100
_STOP_SECONDS = 15


class SubmissionError(Exception):
    """What was submitted cannot be run."""


class Job:
    """One submission: its files, its process, and what it has reported."""

    def __init__(self, name: str, archive: bytes, jvm: Jvm) -> None:
        self.name = name
        self.root = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        self.lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.state = "starting"
        self.since_ms = now_ms()
        self.detail = ""
        self.warning = ""
        self.notice = ""
        self.ready = False
        self.run = Run()
        self.recent: deque[dict[str, Any]] = deque(maxlen=_RECENT)
        self.merges: dict[str, dict[str, Any]] = {}
        self._stopping = threading.Event()
        try:
            submission = _unpack(archive, self.root)
            self._gateway = jvm.open_job()
            self._process, events = self._start(submission)
        except BaseException:
            shutil.rmtree(self.root, ignore_errors=True)
            raise
        threading.Thread(target=self._supervise, args=(events,), name=f"{name}-supervisor", daemon=True).start()

    def _start(self, submission: dict[str, Any]) -> tuple[subprocess.Popen[str], io.TextIOWrapper]:
        reader, writer = os.pipe()
        environment = {
            **os.environ,
            **submission["environment"],
            "PIPELINE_ROOT": str(self.root),
            "PYTHONPATH": f"{self.root / 'spark'}:{os.environ.get('PYTHONPATH', '')}",
            "PYTHONUNBUFFERED": "1",
            "PIPECTL_GATEWAY_PORT": str(self._gateway.port),
            "PIPECTL_GATEWAY_SECRET": self._gateway.secret,
            "PIPECTL_EVENTS_FD": str(writer),
        }
        process = subprocess.Popen(
            [sys.executable, str(self.root / submission["script"])],
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=[writer],
            start_new_session=True,
        )
        os.close(writer)
        return process, open(reader, encoding="utf-8")

    def stop(self) -> None:
        """Asks the process to end, and makes it end if it does not."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._signal(signal.SIGTERM)
        killer = threading.Timer(_STOP_SECONDS, self._signal, [signal.SIGKILL])
        killer.daemon = True
        killer.start()

    def hurry(self) -> bool:
        """Asks the process to do now what it does at an interval; false where it does not run yet, or no more."""
        if not self.ready or not self.alive:
            return False
        self._process.send_signal(signal.SIGUSR1)
        return True

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)

    @property
    def alive(self) -> bool:
        """Whether the job may still do anything."""
        return self.state in ("starting", "running")

    def describe(self) -> dict[str, Any]:
        """The job for GET /jobs."""
        recent = list(self.recent)
        return {
            "name": self.name,
            "state": self.state,
            "since_ms": self.since_ms,
            "detail": self.detail,
            "warning": self.warning,
            "notice": self.notice,
            "batches": {"count": self.run.batches, "last": recent[-1] if recent else None, "recent": recent},
            "merge": dict(self.merges),
        }

    def _supervise(self, events: io.TextIOWrapper) -> None:
        logs = threading.Thread(target=self._read_log, daemon=True)
        logs.start()
        for line in events:
            self._on_event(json.loads(line))
        code = self._process.wait()
        logs.join()
        left = self._gateway.close()
        if left:
            self.lines.put({"log": f"stopped queries the job left running: {', '.join(left)}"})
        stopped = self._stopping.is_set()
        if not self.detail and code != 0 and not stopped:
            self.detail = f"ended by signal {-code}" if code < 0 else f"ended with code {code}"
        self.run.end()
        self._become("stopped" if code == 0 or stopped else "failed")
        shutil.rmtree(self.root, ignore_errors=True)
        self.lines.put({"event": "exit", "code": 0 if stopped and code <= 0 else code})

    def _read_log(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.put({"log": line.rstrip("\n")})

    def _on_event(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "batch":
            self.run.batch(event["rows"])
            names = ("batch", "rows", "duration_ms", "committed_ms", "offsets", "version")
            self.recent.append({name: event[name] for name in names})
        elif kind == "merge":
            names = ("version", "rows_merged", "committed_ms", "offsets")
            self.merges[event["table"]] = {name: event[name] for name in names}
        elif kind == "ready":
            self.ready = True
            self._become("running")
        elif kind == "error":
            self.detail = event["message"]
        elif kind == "notice":
            self.notice = event["message"]
            return
        elif kind == "warning":
            # What is tried again goes on being told until it has succeeded.
            self.warning = event["message"]
            if not self.warning:
                return
        self.lines.put(event)

    def _become(self, state: str) -> None:
        self.state = state
        self.since_ms = now_ms()

    def describe_run(self) -> dict[str, Any]:
        """This run for the history of runs."""
        return self.run.describe(self.state, self.detail)


class Jobs:
    """All jobs by name; at most one of a name is alive."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._history = History()
        self._lock = threading.Lock()

    def submit(self, name: str, archive: bytes, jvm: Jvm) -> Job | None:
        """Starts the job; nothing if one of this name is alive."""
        with self._lock:
            existing = self._jobs.get(name)
            if existing is not None and existing.alive:
                return None
            job = Job(name, archive, jvm)
            if existing is not None:
                self._history.add(name, existing.describe_run())
            self._jobs[name] = job
            return job

    def get(self, name: str) -> Job | None:
        """The job last submitted under this name."""
        return self._jobs.get(name)

    def describe(self) -> list[dict[str, Any]]:
        """All jobs for GET /jobs."""
        # Without the lock, which a submission holds for as long as it starts a job: nobody waits for that to get an answer.
        jobs = sorted(self._jobs.items())
        return [job.describe() | {"runs": [*self._history.of(name), job.describe_run()]} for name, job in jobs]

    def newest_root(self) -> Path | None:
        """Files of a job that is alive: where pipeline.yml can be read."""
        alive = [job for job in self._jobs.values() if job.alive]
        return max(alive, key=lambda job: job.since_ms).root if alive else None

    def stop_all(self) -> None:
        """Stops every job and waits for them."""
        alive = [job for job in self._jobs.values() if job.alive]
        for job in alive:
            job.stop()
        deadline = time.monotonic() + _STOP_SECONDS + 2
        while any(job.alive for job in alive) and time.monotonic() < deadline:
            time.sleep(0.05)


def _unpack(archive: bytes, root: Path) -> dict[str, Any]:
    """Unpacks the archive and returns its submission.json: script and environment."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            files.extractall(root)
        submission = json.loads((root / "submission.json").read_text(encoding="utf-8"))
        script = submission["script"]
        environment = submission["environment"]
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, TypeError) as error:
        raise SubmissionError(f"not a job archive: {error}") from error
    if not isinstance(environment, dict) or not (root / script).is_file():
        raise SubmissionError(f"the archive has no script {script}")
    return submission
