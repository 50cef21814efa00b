"""What the two embedded servers have in common: their life from start to stop."""

import signal
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from orders.devstack import ports
from orders.devstack.child import ServerProcess
from orders.devstack.errors import DevstackError
from orders.devstack.lock import DirectoryLock
from orders.devstack.progress import Progress

_STOP_SECONDS = 20.0


class EmbeddedServer(ABC):
    """A server on a loopback TCP port whose data stay in one directory.

    Without ``port`` a free one is chosen and kept in ``data_dir``, so that a
    restart has the same address. One process owns ``data_dir`` at a time. Not safe
    for several threads at once.
    """

    name: str

    def __init__(self, data_dir: Path, port: int | None, progress: Progress) -> None:
        self._directory = data_dir.resolve()
        self._chosen_port = port
        self._progress = progress
        self._lock = DirectoryLock(self._directory)
        self._process: ServerProcess | None = None

    @property
    def port(self) -> int:
        """The TCP port; known once the server has been started.

        Raises:
            DevstackError: the server was never started.

        """
        if self._chosen_port is None:
            raise DevstackError(f"{self.name} has no port before its first start")
        return self._chosen_port

    @property
    def pid(self) -> int:
        """The id of the server's main process.

        Raises:
            DevstackError: the server is not started.

        """
        return self._started().pid

    def start(self) -> None:
        """Start the server and wait until it answers; nothing while it runs.

        The first start of a directory makes its data. A server that a killed
        process left behind is ended first, and its data recovered.

        Raises:
            DevstackError: the directory is in use, or the server did not answer
                within a minute; the text holds the end of its log.

        """
        if self._process is not None and self._process.is_running():
            return
        self._lock.acquire()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server in good order, by force after 20 seconds."""
        if self._process is not None:
            self._process.stop(_STOP_SECONDS)
            self._process = None
        self._lock.release()

    def kill(self, signal_number: signal.Signals = signal.SIGKILL) -> None:
        """Send the main process a signal, for fault tests; wait after SIGKILL.

        Raises:
            DevstackError: the server is not started.

        """
        self._started().signal(signal_number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @abstractmethod
    def _start(self) -> None:
        """Start the process, set ``_process``, and return when it serves."""

    def _started(self) -> ServerProcess:
        if self._process is None:
            raise DevstackError(f"{self.name} is not running")
        return self._process

    def _settle_port(self) -> None:
        """Choose the port, unless it was given or chosen before."""
        if self._chosen_port is None:
            self._chosen_port = ports.remembered(self._directory / "port")
