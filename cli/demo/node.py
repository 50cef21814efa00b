"""The service that the demo talks to: one of its own, or one that already runs."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM

from orders.cli.demo.client import DemoError
from orders.cli.running_stack import running_database_url
from orders.cli.target import local_url
from orders.config.settings import Settings
from orders.domain.errors import DatabaseUnavailableError
from orders.persistence.operator_reads import operator_reads

Say = Callable[[str], None]
"""Shows one line of text."""

# The first start of a machine fetches Kafka's jars and makes the databases.
_START_SECONDS = 300.0
_JOIN_SECONDS = 15.0
_STOP_SECONDS = 60.0
_PROBE_SECONDS = 2.0
_TAIL_LINES = 5
_OWN_SETTINGS = {
    "ORDERS_HTTP__HOST": "127.0.0.1",
    "ORDERS_HTTP__PORT": "0",
    "ORDERS_OPERATIONS__HOST": "127.0.0.1",
    "ORDERS_OPERATIONS__PORT": "0",
    "ORDERS_AUTH__MODE": "open",
    "ORDERS_LOG__FORMAT": "json",
    "ORDERS_LOG__LEVEL": "info",
}


@contextmanager
def service(settings: Settings, say: Say) -> Iterator[str]:
    """Give the URL of a service on the embedded stack of ``settings.data_dir``.

    One that runs there is used and left running; else one is started, with its
    servers, and all of it is stopped at the end, however that comes.

    Raises:
        DemoError: the stack runs but its node cannot be reached, or none starts.

    """
    database_url = running_database_url(settings.data_dir)
    if database_url is not None:
        url = _find_running(settings, database_url)
        say(f"using the service that runs at {url}")
        yield url
        return
    with _own_service(settings, say) as url:
        yield url


def _find_running(settings: Settings, database_url: str) -> str:
    """Return the API of the node at the settings' ports, if it is of this stack."""
    name = _name_of_node(local_url(settings.operations.host, settings.operations.port))
    try:
        with operator_reads(database_url) as reads:
            living = {node.name for node in reads.living_nodes()}
    except DatabaseUnavailableError:
        living = set()
    if name not in living:
        raise DemoError(
            f"{settings.data_dir} is in use, but its service does not answer on "
            f"port {settings.operations.port}: stop that one, give its ports in "
            "ORDERS_HTTP__PORT and ORDERS_OPERATIONS__PORT, or choose another "
            "ORDERS_DATA_DIR"
        )
    return local_url(settings.http.host, settings.http.port)


def _name_of_node(operations: str) -> str | None:
    try:
        with urllib.request.urlopen(  # noqa: S310 - always http
            f"{operations}/version", timeout=_PROBE_SECONDS
        ) as response:
            return str(json.load(response)["node"])
    except (OSError, ValueError, KeyError, TypeError):  # nobody there, or another
        return None


@contextmanager
def _own_service(settings: Settings, say: Say) -> Iterator[str]:
    # The command line may be installed without the extra that brings the servers.
    from orders.devstack.child import Launch, ServerProcess  # noqa: PLC0415

    directory = settings.data_dir.resolve() / "demo"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DemoError(f"{error}; set ORDERS_DATA_DIR") from error
    process = ServerProcess(
        Launch(
            name="the node",
            command=(sys.executable, "-m", "orders.cli.main", "serve"),
            mark=str(directory),
            directory=directory,
            stop_signal=SIGTERM,
            environment={
                **os.environ,
                **_OWN_SETTINGS,
                "ORDERS_DATA_DIR": str(settings.data_dir.resolve()),
                "ORDERS_DATABASE__URL": "embedded",
                "ORDERS_KAFKA__BOOTSTRAP_SERVERS": "embedded",
            },
        )
    )
    began = time.monotonic()
    say("starting PostgreSQL, Kafka and a node")
    try:
        process.spawn()
        url = _await_ready(process.log, process.is_running, say)
        say(f"ready at {url} after {time.monotonic() - began:.1f} s")
        yield url
    finally:
        try:
            say("stopping")
        finally:  # also where nobody can be told any more
            is_stopped = process.stop(_STOP_SECONDS)
        if not is_stopped:
            say(f"the node had to be ended by force; its log is {process.log}")


def _await_ready(file: Path, is_running: Callable[[], bool], say: Say) -> str:
    """Return the API's URL once the node serves, relaying what it says meanwhile."""
    from orders.devstack.deadline import wait_until  # noqa: PLC0415

    log = NodeLog(file)

    def has(condition: Callable[[], bool], seconds: float) -> bool:
        def look() -> bool:
            for line in log.read_new():
                say(f"  {line}")
            return condition() or not is_running()

        return wait_until(look, seconds)

    has(lambda: log.api is not None, _START_SECONDS)
    # It invites once its consumers have joined; without that, orders settle late.
    has(lambda: log.has_invited, _JOIN_SECONDS)
    if log.api is None or not is_running():
        raise DemoError(f"the node did not start:\n{_tail(file)}")
    return log.api


class NodeLog:
    """What a node has logged: JSON lines for programs, the others for people."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._position = 0
        self.api: str | None = None
        """Where it serves; None before it does."""
        self.has_invited = False

    def read_new(self) -> Iterator[str]:
        """Go through the lines for people since the last call, up to the invitation."""
        with self._file.open("rb") as stream:
            stream.seek(self._position)
            whole, newline, _ = stream.read().rpartition(b"\n")
        self._position += len(whole) + len(newline)
        for line in whole.decode("utf-8", "replace").splitlines():
            if line.startswith("{"):
                self._note(line)
            elif line.startswith("Ready."):
                self.has_invited = True
            elif line and not self.has_invited:
                yield line

    def _note(self, line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:  # a person's line that begins so
            return
        if event.get("event") == "node.started":
            self.api = str(event["api"])


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:])
