"""The driver's JVM: started directly, without Spark's launcher scripts, and reached by py4j."""

from __future__ import annotations

import logging
import os
import secrets
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from py4j.clientserver import ClientServer, JavaParameters, PythonParameters
from py4j.protocol import Py4JError

log = logging.getLogger(__name__)

_GATEWAY = "org.apache.spark.api.python.PythonGatewayServer"


class JvmError(Exception):
    """The JVM did not come up."""


def spark_options(conf: Path, environment: dict[str, str]) -> list[str]:
    """spark-defaults.conf as system properties, with ${NAME} replaced from the environment."""
    options = []
    for line in conf.read_text(encoding="utf-8").splitlines():
        name, _, value = line.strip().partition(" ")
        if name and not name.startswith("#"):
            options.append(f"-D{name}={_expand(value.strip(), environment)}")
    return options


def _expand(text: str, environment: dict[str, str]) -> str:
    for name, value in environment.items():
        text = text.replace("${" + name + "}", value)
    if "${" in text:
        raise JvmError(f"spark-defaults.conf: no value for {text}")
    return text


@dataclass
class JobGateway:
    """A py4j server inside the JVM for one job, and the session that is its entry point."""

    port: int
    secret: str
    session: Any
    server: Any

    def close(self) -> list[str]:
        """Stops what the job left running; returns the names of those queries."""
        left = []
        for query in self.session.streams().active():
            left.append(query.name())
            try:
                query.stop()
            except Py4JError as error:  # the next one has to be stopped all the same
                log.warning("stopping %s: %s", left[-1], str(error).splitlines()[0])
        self.server.shutdown()
        return left


class Jvm:
    """The running JVM."""

    def __init__(self, command: list[str]) -> None:
        directory = tempfile.mkdtemp()
        info = os.path.join(directory, "gateway")
        # The gateway ends when its stdin does: the JVM cannot outlive this process.
        self.process = subprocess.Popen(
            [*command, _GATEWAY],
            stdin=subprocess.PIPE,
            env=os.environ | {"_PYSPARK_DRIVER_CONN_INFO_PATH": info},
            start_new_session=True,
        )
        port, secret = self._connection_info(info)
        self.gateway = ClientServer(
            java_parameters=JavaParameters(port=port, auth_token=secret, auto_convert=True),
            python_parameters=PythonParameters(port=0, eager_load=False),
        )
        self.session: Any = None

    def _connection_info(self, path: str) -> tuple[int, str]:
        while not os.path.exists(path):
            if self.process.poll() is not None:
                raise JvmError(f"the JVM ended with code {self.process.returncode} before it was ready")
            time.sleep(0.02)
        # The file appears complete: the JVM renames it into place.
        data = Path(path).read_bytes()
        port, length = struct.unpack("!ii", data[:8])
        return port, data[8 : 8 + length].decode()

    def start_session(self) -> None:
        """Connects to the cluster's master."""
        jvm = self.gateway.jvm
        self.session = jvm.org.apache.spark.sql.SparkSession.builder().getOrCreate()
        # Every session's configuration is a copy of this one.
        jvm.pipectl.HadoopDefaults.leaveOut(self.session.sparkContext().hadoopConfiguration())

    @property
    def app_id(self) -> str:
        """The application's id at the master."""
        return self.session.sparkContext().applicationId()

    def executor_cores(self) -> list[int]:
        """Task slots of every executor."""
        executors = self.session.sparkContext().statusStore().executorList(True)
        summaries = [executors.apply(n) for n in range(executors.size())]
        return [summary.totalCores() for summary in summaries if summary.id() != "driver"]

    def open_job(self) -> JobGateway:
        """A gateway with a new session for a job."""
        secret = secrets.token_hex(32)
        session = self.session.newSession()
        builder = getattr(self.gateway.jvm.py4j, "ClientServer$ClientServerBuilder")(session)
        server = builder.javaPort(0).authToken(secret).build()
        java_server = server.getJavaServer()
        server.startServer(True)
        return JobGateway(java_server.getListeningPort(), secret, session, server)

    def stop(self, seconds: float) -> None:
        """Ends the JVM."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
