"""What the environment decides about a job."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Settings of both jobs; each uses the ones that concern it."""

    root: Path  # directory of pipeline.yml
    kafka: str
    ingest_trigger: str
    merge_seconds: float
    merge_share: int  # percent of the time that merges take at most
    process_trigger: str
    max_offsets_per_trigger: int
    destination_user: str
    destination_password: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Reads the environment of the job's container; a value set to nothing counts as not set."""

        def get(name: str, default: str) -> str:
            return environment.get(name) or default

        return cls(
            root=Path(get("PIPELINE_ROOT", "/opt/pipeline")),
            kafka=get("KAFKA_BOOTSTRAP", "kafka:9092"),
            ingest_trigger=interval(get("INGEST_TRIGGER", "300ms")),
            merge_seconds=seconds(get("MERGE_INTERVAL", "20s")),
            merge_share=percent(get("MERGE_SHARE", "25")),
            process_trigger=interval(get("PROCESS_TRIGGER", "50ms")),
            max_offsets_per_trigger=int(get("MAX_OFFSETS_PER_TRIGGER", "50000")),
            destination_user=get("POSTGRES_USER", "admin"),
            destination_password=get("POSTGRES_PASSWORD", "password"),
        )


_UNITS = {"ms": ("milliseconds", 0.001), "s": ("seconds", 1.0), "m": ("minutes", 60.0)}


def interval(text: str) -> str:
    """``200ms``, ``10s`` or ``2m`` as Spark writes intervals."""
    number, unit = _split(text)
    return f"{number} {_UNITS[unit][0]}"


def seconds(text: str) -> float:
    """The same in seconds."""
    number, unit = _split(text)
    return number * _UNITS[unit][1]


def percent(text: str) -> int:
    """``50`` of a hundred."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100):
        raise ValueError(f"`{text}` is not a percentage from 1 to 100")
    return int(text)


def _split(text: str) -> tuple[int, str]:
    number = text.rstrip("ms")
    unit = text[len(number) :]
    if not number.isdigit() or unit not in _UNITS:
        raise ValueError(f"`{text}` is not an interval such as 200ms, 10s or 2m")
    return int(number), unit
