"""What is measured: this service as it starts by default, and its peers."""

import os
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from psycopg import sql

from benchmarks.client import Load
from benchmarks.machine import ROOT
from benchmarks.processes import status_of, wait_for
from benchmarks.servers import Place
from orders.chaos.packages import PackagesError, python_with
from orders.chaos.releases import THIS, Release
from orders.devstack.ports import choose_free

_START_SECONDS = 60.0
_STOP_SECONDS = 40.0
_SETTLE_SECONDS = 300.0
_BUILD_SECONDS = 600.0
_OK, _NOT_FOUND = 200, 404
_PEERS = ROOT / "benchmarks" / "peers"
_BUILT = Path(sys.prefix, "peers")


class CannotRunError(Exception):
    """This machine cannot run the target; the text says why."""


class Target(ABC):
    """One server process on a database and a topic of its own."""

    name: ClassVar[str]
    path: ClassVar[str] = "/orders"
    settles: ClassVar[bool] = True
    _open: ClassVar[sql.SQL] = sql.SQL(
        "select count(*) from orders where status = 'pending'"
    )
    _done: ClassVar[sql.SQL] = sql.SQL(
        "select count(*) from orders where status <> 'pending'"
    )

    def __init__(self, place: Place, logs: Path) -> None:
        self.place = place
        self.port = choose_free()
        self.started_after = 0.0
        self._log = logs / f"{self.name}-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the process, once it is started."""
        if self._process is None:
            raise RuntimeError(f"{self.name} is not started")
        return self._process.pid

    def load(
        self, path: str = "", keys: str = "", batch: int = 0, api_key: str = ""
    ) -> Load:
        """Return a load on this target."""
        return Load(self.port, path or self.path, keys, batch, api_key)

    def questions(self, paths: Iterable[str]) -> Load:
        """Return a load that asks for each of ``paths``."""
        file = self._log.with_suffix(".paths")
        file.write_text("\n".join(paths), "ascii")
        return Load(self.port, self.path, gets=file)

    def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            CannotRunError: something that it needs is not there.
            TimeoutError: it is not ready in time; its log tells why.

        """
        command = self._command()
        own = {k: v for k, v in os.environ.items() if not k.startswith("ORDERS_")}
        began = time.perf_counter()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env={**own, **self._environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._directory(),
                start_new_session=True,
            )
        wait_for(self._is_ready, _START_SECONDS, f"{self.name}, see {self._log}")
        self.started_after = time.perf_counter() - began

    def stop(self) -> None:
        """End it in good order, by force where it does not."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def logged(self, event: str) -> int:
        """Count the lines of its output that name ``event``."""
        return self._log.read_text("utf-8", "replace").count(event)

    def unsettled(self) -> int:
        """Count the orders that wait for their outcome."""
        return int(str(self.place.ask(self._open)[0]))

    def settled(self) -> int:
        """Count the orders that have it."""
        return int(str(self.place.ask(self._done)[0]))

    def wait_settled(self) -> float:
        """Wait until no order is unsettled; return the seconds that took."""
        if not self.settles:
            return 0.0
        what = f"all orders of {self.name} settled"
        return wait_for(lambda: not self.unsettled(), _SETTLE_SECONDS, what)

    @abstractmethod
    def _command(self) -> list[str]:
        """Return how to start it, building it first where that is needed."""

    @abstractmethod
    def _environment(self) -> Mapping[str, str]:
        """Return what it is told."""

    def _directory(self) -> Path:
        return ROOT

    def _is_ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            tail = self._log.read_text("utf-8", "replace")[-1500:]
            raise CannotRunError(f"{self.name} ended at its start:\n{tail}")
        return status_of(self.port, "/orders/none") > 0


class Service(Target):
    """This service, or another release of it; ``settings`` on top of its defaults."""

    name = "service"
    path = "/Orders"
    # Nobody but a benchmark counts all orders: of millions that takes seconds.
    _open = sql.SQL(
        "select count(*) from orders where created_at > now() - interval '1 day'"
        " and status in ('PENDING', 'PROCESSING', 'UNRESOLVED')"
    )
    _done = sql.SQL(
        "select count(*) from orders where created_at > now() - interval '1 day'"
        " and status in ('PAID', 'FAILED')"
    )

    def __init__(
        self,
        place: Place,
        logs: Path,
        settings: Mapping[str, str] | None = None,
        release: Release = THIS,
    ) -> None:
        super().__init__(place, logs)
        self.operations = choose_free()
        self._settings = settings or {}
        self._release = release

    @property
    def source(self) -> str:
        """Which release it is, for notes."""
        return self._release.commit or self.name

    def _command(self) -> list[str]:
        return [str(self._release.python), str(self._release.run)]

    def _environment(self) -> Mapping[str, str]:
        return {
            **self._release.environment,
            "ORDERS_DATABASE__URL": self.place.database_url,
            "ORDERS_KAFKA__BOOTSTRAP_SERVERS": self.place.brokers,
            "ORDERS_KAFKA__TOPIC": self.place.topic,
            "ORDERS_KAFKA__GROUP": f"{self.place.topic}-group",
            "ORDERS_HTTP__PORT": str(self.port),
            "ORDERS_OPERATIONS__PORT": str(self.operations),
            **self._settings,
        }

    def _is_ready(self) -> bool:
        return super()._is_ready() and status_of(self.operations, "/readyz") == _OK


class Peer(Target):
    """A peer, told by the environment where things are."""

    def _environment(self) -> Mapping[str, str]:
        return {
            "PEER_DATABASE": self.place.database_url,
            "PEER_BROKERS": self.place.brokers,
            "PEER_TOPIC": self.place.topic,
            "PEER_PORT": str(self.port),
        }


class BareFalcon(Peer):
    """An empty handler: the ceiling for one Python process with threads."""

    name = "bare-falcon"
    settles = False

    def _command(self) -> list[str]:
        return [sys.executable, str(_PEERS / "bare_falcon" / "app.py")]


class FastApi(Peer):
    """FastAPI, asyncpg and aiokafka, in an environment of their own."""

    name = "fastapi-aiokafka"

    def _command(self) -> list[str]:
        wanted = _PEERS / "fastapi_aiokafka" / "requirements.txt"
        try:
            python = python_with(wanted, _BUILT / "fastapi-aiokafka")
        except PackagesError as error:
            raise CannotRunError(str(error)) from error
        uvicorn = (str(python), "-m", "uvicorn", "app:app", "--port", str(self.port))
        return [*uvicorn, "--log-level", "warning", "--no-access-log"]

    def _directory(self) -> Path:
        return _PEERS / "fastapi_aiokafka"


class GoReference(Peer):
    """Gin, pgx and Sarama, built on demand."""

    name = "go-reference"

    def _command(self) -> list[str]:
        go, program = shutil.which("go"), _BUILT / "go-reference"
        if go is None:
            raise CannotRunError("there is no Go toolchain on the PATH")
        _BUILT.mkdir(parents=True, exist_ok=True)
        folder = str(_PEERS / "go_reference")
        _build(go, "build", "-C", folder, "-o", str(program), ".")
        return [str(program)]


def _build(*command: str) -> None:
    """Run one step of a build.

    Raises:
        CannotRunError: it failed; the text ends with what it said.

    """
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=_BUILD_SECONDS
    )
    if done.returncode:
        said = " ".join((done.stdout + done.stderr).split())[-400:]
        raise CannotRunError(f"{' '.join(command[:3])} failed: {said}")
