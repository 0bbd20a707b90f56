"""Where the time of a change goes: from its commit into the topic, from there into the change log, from there to the destination.

What moved a change tells when: Kafka the time at which Connect sent the message, both jobs the time at which they committed the batch
that has its offset. All of it is read while nothing depends on it or after the load, so that looking does not slow the flow.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import flow

TOPIC = "jadc2.public.orders"
# Jobs remember 100 batches, which they do in 10 s at the fastest.
_LOOK_SECONDS = 2.0


@dataclass(frozen=True)
class Message:
    """A marker's message: where it is in the topic, and when it was sent, milliseconds since 1970."""

    offset: int
    sent_ms: int


class Batches:
    """Collects what both jobs say of their batches: by job, the end offset of the topic and when it was committed."""

    def __init__(self, ports: flow.Ports) -> None:
        self._port = ports.jobs
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._seen: dict[str, dict[int, int]] = {"ingest": {}, "process": {}}
        self.begin = self._look()

    def __enter__(self) -> Batches:
        """Begins to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Looks a last time."""
        self._over.set()
        self._thread.join()
        self._look()

    def _collect(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self._look()

    def _look(self) -> int:
        """Adds what is new; the end of the topic as far as it is in the change log."""
        for name, job in flow.jobs(self._port).items():
            for batch in job["batches"]["recent"]:
                if TOPIC in batch["offsets"]:
                    # The first that reached an offset brought it.
                    self._seen[name].setdefault(batch["offsets"][TOPIC], batch["committed_ms"])
        return max(self._seen["ingest"], default=0)

    def committed(self, job: str, offset: int) -> int | None:
        """When a job committed the message at an offset, milliseconds since 1970; None where no batch is known to have."""
        return min((at for end, at in self._seen[job].items() if end > offset), default=None)


def messages(pipectl: str, begin: int, markers: set[int]) -> dict[int, Message]:
    """The markers' messages by order id, as the broker has them from an offset on."""
    reader = [pipectl, "exec", "kafka", "java", "-Xmx64m", "-XX:TieredStopAtLevel=1", "@/opt/kafka/java.args"]
    reader += [
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        "--bootstrap-server",
        "localhost:9092",
        "--topic",
        TOPIC,
    ]
    reader += ["--partition", "0", "--offset", str(begin), "--timeout-ms", "5000"]
    reader += ["--formatter-property", "print.timestamp=true", "--formatter-property", "print.offset=true"]
    ran = subprocess.run(reader, capture_output=True, text=True)
    found = dict(_markers(ran.stdout, markers))
    if not found:
        raise SystemExit(
            f"none of {len(markers)} markers is in {TOPIC} from offset {begin} on: {ran.stderr.strip()[-500:]}"
        )
    return found


def _markers(text: str, markers: set[int]) -> Iterator[tuple[int, Message]]:
    # The tool writes its own log there, too.
    for line in filter(lambda line: line.startswith("CreateTime:"), text.splitlines()):
        time, offset, value = line.split("\t", 2)
        change = json.loads(value) if value != "null" else {}
        if change.get("op") == "c" and change["after"]["order_id"] in markers:
            sent = Message(int(offset.removeprefix("Offset:")), int(time.removeprefix("CreateTime:")))
            yield change["after"]["order_id"], sent


def medians(batches: Batches, found: dict[int, Message], committed: dict[int, float]) -> dict[str, float]:
    """The median of each hop, in milliseconds; `committed` are seconds since 1970 by order id."""
    hops: dict[str, list[float]] = {"commit to topic": [], "topic to change log": [], "change log to destination": []}
    for order, message in found.items():
        logged = batches.committed("ingest", message.offset)
        applied = batches.committed("process", message.offset)
        if logged is not None and applied is not None:
            times = [committed[order] * 1000, message.sent_ms, logged, applied]
            for hop, begin, end in zip(hops, times, times[1:], strict=False):
                hops[hop].append(end - begin)
    return {hop: statistics.median(times) for hop, times in hops.items() if times}
