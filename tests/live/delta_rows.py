"""Reads a Delta table of the lake without Spark and prints its rows as canonical texts, see spark/lib/fingerprint.py.

The files come over WebHDFS (https://hadoop.apache.org/docs/stable/hadoop-project-dist/hadoop-hdfs/WebHDFS.html); delta-rs
reads them. One JSON list of texts per row, long ones as their MD5.

    python tests/live/delta_rows.py --namenode 127.0.0.1:9870 --datanode 127.0.0.1:9864 /data/delta/orders \
      '[["order_id", "bigint"], ["amount", "numeric(12,2)"]]'
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

# Longer texts are shown by their MD5: a row of more than 1 MiB is hard to read in a failure.
LONGEST = 200


class WebHdfs:
    """Reads files of a cluster whose DataNode is published at an address of this machine."""

    def __init__(self, namenode: str, datanode: str) -> None:
        self.namenode = namenode
        self.datanode = datanode

    def copy(self, path: str, target: Path) -> None:
        """Copies a directory with everything in it."""
        target.mkdir(parents=True, exist_ok=True)
        listing = json.loads(self._get(self._url(path, "LISTSTATUS")))
        for status in listing["FileStatuses"]["FileStatus"]:
            name = status["pathSuffix"]
            if status["type"] == "DIRECTORY":
                self.copy(f"{path}/{name}", target / name)
            else:
                (target / name).write_bytes(self._read(f"{path}/{name}"))

    def _read(self, path: str) -> bytes:
        answer = json.loads(self._get(self._url(path, "OPEN") + "&noredirect=true"))
        # The NameNode names its DataNode as the containers know it.
        place = urllib.parse.urlsplit(answer["Location"])
        return self._get(place._replace(netloc=self.datanode).geturl())

    def _url(self, path: str, operation: str) -> str:
        return f"http://{self.namenode}/webhdfs/v1{urllib.parse.quote(path)}?op={operation}"

    @staticmethod
    def _get(url: str) -> bytes:
        # Not through the proxy of this machine: both servers are on it.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=30) as answer:
            return answer.read()


def canonical(kind: str, value: Any) -> str | None:
    """The canonical text of a value, as `plain` made it."""
    if value is None:
        return None
    if kind.endswith("[]"):
        texts = [canonical(kind.removesuffix("[]"), element) for element in value]
        return ",".join("-" if text is None else f"{len(text)}:{text}" for text in texts)
    written: dict[type, Callable[[Any], str]] = {
        bool: lambda value: "t" if value else "f",
        # Python has one NaN with the bits of any; Java and Postgres have the one below.
        float: lambda value: str(struct.unpack(">q", struct.pack(">d", value))[0] if value == value else 0x7FF8 << 48),
        Decimal: lambda value: f"{value:f}",
        bytes: lambda value: value.hex(),
    }
    return written.get(type(value), str)(value)


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Dates and times as the numbers they are: Python has none before the year 1 and after 9999."""
    kind = column.type
    if pa.types.is_list(kind):
        inner = number(kind.value_type)
        return column if inner is None else column.cast(pa.list_(inner))
    inner = number(kind)
    return column if inner is None else column.cast(inner)


def number(kind: pa.DataType) -> pa.DataType | None:
    """The number behind a date or a time in microseconds."""
    if pa.types.is_date32(kind):
        return pa.int32()
    if pa.types.is_timestamp(kind):
        if kind.unit != "us":
            raise SystemExit(f"{kind} is not in microseconds")
        return pa.int64()
    return None


def shown(text: str | None, longest: int = LONGEST) -> str | None:
    """The text, or its MD5 where it is long."""
    if text is None or len(text) <= longest:
        return text
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--namenode", required=True)
    parser.add_argument("--datanode", required=True)
    parser.add_argument("--longest", type=int, default=LONGEST, help="characters; longer texts are shown by their MD5")
    parser.add_argument("path")
    parser.add_argument("columns", type=json.loads)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        WebHdfs(arguments.namenode, arguments.datanode).copy(arguments.path, Path(directory))
        table = DeltaTable(directory)
        # The query engine knows deletion vectors, which the plain readers of files do not.
        rows = pa.table(QueryBuilder().register("rows", table).execute("SELECT * FROM rows").read_all())
        columns = [
            [shown(canonical(kind, value), arguments.longest) for value in plain(rows.column(name)).to_pylist()]
            for name, kind in arguments.columns
        ]
    for row in zip(*columns, strict=True):
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
