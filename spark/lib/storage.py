"""Small files in the lake's file system, through the JVM's Hadoop client."""

from __future__ import annotations

import uuid
from typing import Any

from pyspark.sql import SparkSession


class Storage:
    """The file system a path belongs to."""

    def __init__(self, spark: SparkSession) -> None:
        self._jvm = spark._jvm
        self._conf = spark._jsparkSession.sessionState().newHadoopConf()
        self._texts = self._jvm.pipectl.TextFiles(self._conf)

    def _open(self, path: str) -> tuple[Any, Any]:
        java_path = self._jvm.org.apache.hadoop.fs.Path(path)
        return java_path.getFileSystem(self._conf), java_path

    def exists(self, path: str) -> bool:
        """Whether there is such a file or directory."""
        file_system, java_path = self._open(path)
        return file_system.exists(java_path)

    def is_in_safe_mode(self, path: str) -> bool:
        """Whether the server of the path has just started and does not know yet where its files are."""
        file_system, java_path = self._open(path)
        # Asks the server, whatever kind of file system it is.
        file_system.exists(java_path)
        if file_system.getScheme() != "hdfs":
            return False
        return file_system.setSafeMode(self._jvm.org.apache.hadoop.fs.SafeModeAction.GET)

    def names(self, directory: str) -> list[str]:
        """Names in a directory, in no order; none where it does not exist."""
        names = self._texts.names(directory)
        return names.splitlines() if names else []

    def find(self, path: str) -> str | None:
        """The text of a file; none where there is no such file."""
        return self._texts.read(path)

    def read(self, path: str) -> str:
        """The text of a file."""
        text = self.find(path)
        if text is None:
            raise FileNotFoundError(path)
        return text

    def modified_ms(self, path: str) -> int:
        """When a file was last written, in milliseconds since 1970."""
        file_system, java_path = self._open(path)
        return file_system.getFileStatus(java_path).getModificationTime()

    def delete(self, path: str) -> None:
        """Removes a file, or a directory with all that is in it, where it is there."""
        file_system, java_path = self._open(path)
        file_system.delete(java_path, True)

    def create(self, path: str, text: str) -> bool:
        """Writes a file, complete from the moment it appears. False, and nothing written, where it exists already."""
        file_system, java_path = self._open(path)
        draft = self._jvm.org.apache.hadoop.fs.Path(
            f"{java_path.getParent()}/.{java_path.getName()}.{uuid.uuid4()}.tmp"
        )
        stream = file_system.create(draft, False)
        try:
            stream.write(text.encode())
        finally:
            stream.close()
        # HDFS does not rename onto an existing file.
        if file_system.rename(draft, java_path):
            return True
        file_system.delete(draft, False)
        if not file_system.exists(java_path):
            raise OSError(f"could not create {path}")
        return False
