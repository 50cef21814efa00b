"""One node as a process of its own: started, probed, killed, told to stop."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from orders.chaos.releases import THIS, Release
from orders.chaos.stack import Gates
from orders.devstack import guard
from orders.devstack.deadline import wait_until
from orders.devstack.ports import LOOPBACK

_READY_SECONDS = 30.0
_PROBE_SECONDS = 2.0
_GUARD_SECONDS = "5"
_OK = 200

SETTINGS: Mapping[str, str] = {
    "ORDERS_LOG__FORMAT": "json",
    # Shorter than the defaults, so that others take over soon.
    "ORDERS_KAFKA__SESSION_TIMEOUT_SECONDS": "6",
    "ORDERS_KAFKA__GIVE_UP_SECONDS": "10",
    "ORDERS_SWEEPER__ABANDONED_AFTER_SECONDS": "20",
    "ORDERS_SWEEPER__INTERVAL_SECONDS": "0.5",
    "ORDERS_SWEEPER__LEASE_SECONDS": "5",
    "ORDERS_SWEEPER__SETTLE_ANYWAY_AFTER_SECONDS": "30",
    "ORDERS_SWEEPER__STUCK_AFTER_SECONDS": "10",
}
"""What every node of a chaos run is given; the rest are defaults."""


class NodeFailedError(Exception):
    """A node did not do what it must; the text says what and ends with its log."""


class ChaosNode:
    """``run.py`` on fixed ports; its output is appended to ``log``.

    Not safe for several threads. A guard process ends the node if we die first.
    ``release`` may be changed between two lives.
    """

    def __init__(
        self,
        name: str,
        gates: Gates,
        settings: Mapping[str, str],
        log: Path,
        release: Release = THIS,
    ) -> None:
        self.name = name
        self.release = release
        self.gates = gates
        self.log = log
        self._settings = {
            **SETTINGS,
            "ORDERS_NODE_NAME": name,
            "ORDERS_HTTP__PORT": str(gates.http_port),
            "ORDERS_OPERATIONS__PORT": str(gates.operations_port),
            "ORDERS_KAFKA__BOOTSTRAP_SERVERS": gates.bootstrap_servers,
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._began = 0
        self._is_awaited = False

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id.

        Raises:
            NodeFailedError: it was never started.

        """
        if self._process is None:
            raise NodeFailedError(f"{self.name} was never started")
        return self._process.pid

    def start(self, **settings: str) -> None:
        """Start the process; ``settings`` hold for this life alone."""
        self._began = self.log.stat().st_size if self.log.exists() else 0
        self._is_awaited = False
        plain = {k: v for k, v in os.environ.items() if not k.startswith("ORDERS_")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.release.python), str(self.release.run)],
                env={**plain, **self.release.environment, **self._settings, **settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
            )
        self._guard = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", str(Path(guard.__file__))),
                *(str(self._process.pid), str(int(signal.SIGKILL)), _GUARD_SECONDS),
            ],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait_ready(self, seconds: float = _READY_SECONDS) -> float:
        """Wait until ``/readyz`` says so; return how many seconds that took.

        Raises:
            NodeFailedError: it ended, or was not ready in time.

        """
        began = time.monotonic()
        wait_until(lambda: not self.is_running or self.is_ready(), seconds)
        if not self.is_ready():
            raise self.failed(f"is not ready after {seconds} s")
        return time.monotonic() - began

    def is_ready(self) -> bool:
        """Ask ``/readyz``."""
        return self.is_running and self._get("/readyz")[0] == _OK

    def metric(self, name: str, label: str = "") -> float:
        """Return the sum of a metric's samples with ``label`` in them; 0 without."""
        text = self._get("/metrics")[1]
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.startswith(name) and label in line
        )

    def time_of_day(self) -> float:
        """Return the node's idea of it, epoch seconds, by the date of an answer.

        Raises:
            NodeFailedError: it does not answer.

        """
        date = self._get("/livez")[2]
        if not date:
            raise self.failed("does not tell the time")
        return parsedate_to_datetime(date).timestamp()

    def kill(self) -> None:
        """SIGKILL a node that runs, and wait until it is gone.

        Raises:
            NodeFailedError: it had ended by itself, or does not end.

        """
        code = self.end()
        if code != -signal.SIGKILL:
            raise self.failed(f"was to be killed, but had ended with {code}")

    def end(self) -> int | None:
        """End it if it runs; return its exit code, None if it was never started.

        Raises:
            NodeFailedError: it does not end.

        """
        if self._process is None:
            return None
        self._process.kill()
        return self.wait_exit(_READY_SECONDS)

    def take_death(self) -> str | None:
        """Say, once, with which code the node ended while nobody waited for that."""
        if self._process is None or self._is_awaited or self.is_running:
            return None
        return f"{self.name} ended by itself with {self.wait_exit(_READY_SECONDS)}"

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop every thread of the process where it stands (SIGSTOP), then go on.

        Raises:
            NodeFailedError: it does not run.

        """
        process = self._process
        if process is None or not self.is_running:
            raise self.failed("was to be frozen and does not run")
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def terminate(self) -> None:
        """SIGTERM; ``wait_exit`` tells the rest."""
        if self._process is not None:
            self._process.terminate()

    def wait_exit(self, seconds: float) -> int:
        """Wait until the process has ended; return its exit code.

        Raises:
            NodeFailedError: it runs after ``seconds``.

        """
        if self._process is None:
            raise NodeFailedError(f"{self.name} was never started")
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.failed(f"still runs after {seconds} s") from None
        self._is_awaited = True
        if self._guard is not None:
            self._guard.communicate(b".", timeout=_READY_SECONDS)
            self._guard = None
        return code

    def events(self) -> Iterator[dict[str, object]]:
        """Yield the log lines of this life that are JSON."""
        with self.log.open("rb") as lines:
            lines.seek(self._began)
            for line in lines:
                if line.startswith(b"{") and line.endswith(b"}\n"):
                    yield json.loads(line)

    def failed(self, what: str) -> NodeFailedError:
        """Return the error that says ``what`` of this node."""
        tail = (
            self.log.read_text("utf-8", "replace")[-1500:] if self.log.exists() else ""
        )
        return NodeFailedError(f"{self.name} {what}; {self.log} ends with\n{tail}")

    def _get(self, path: str) -> tuple[int, str, str]:
        """Return status, body and date of the answer; zero and nothing without."""
        connection = HTTPConnection(
            LOOPBACK, self.gates.operations_port, timeout=_PROBE_SECONDS
        )
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            return answer.status, text, answer.getheader("date", "")
        except (OSError, HTTPException):  # not there, or not yet
            return 0, "", ""
        finally:
            connection.close()
