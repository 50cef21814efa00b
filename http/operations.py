"""The operations listener: a second, stock waitress with threads of its own.

So a probe never queues behind orders. The listener has no credentials: keep it on
loopback or inside the cluster.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, cast

from waitress.server import create_server
from waitress.wasyncore import close_all

from orders.http.addresses import bound_socket
from orders.http.answers import Problem
from orders.http.health import HealthReport
from orders.http.operations_app import (
    OperationsApp,
    OperationsSource,
    Version,
    create_operations_app,
)
from orders.http.parser import RequestParser
from orders.http.problems import listener_problem
from orders.http.request_lines import (
    LineCache,
    parse_field,
    parse_start_line,
    recurs,
)
from orders.http.task import ProblemTask
from orders.http.waitress_edge import HTTPChannel

_THREADS = 2
_BACKLOG = 32
_STOP_SECONDS = 5.0


class _Trigger(Protocol):
    def pull_trigger(self, thunk: Callable[[], None]) -> None: ...


class _Dispatcher(Protocol):
    def shutdown(self, cancel_pending: bool, timeout: float) -> bool: ...


class _Parser(RequestParser):
    """What the API's port takes, read on another thread: with caches of its own."""

    start_lines = LineCache(parse_start_line)
    fields = LineCache(parse_field, keep=recurs)

    @property
    def request_uri(self) -> str:
        """Return what waitress's own task puts into the environment; not used."""
        return self.path


class _Channel(HTTPChannel):
    """waitress's own, with requests read and refused as on the API's port."""

    parser_class = _Parser
    error_task_class = ProblemTask


class _Waitress(Protocol):
    """The part of waitress's server that is used, and what a refusal asks of it."""

    channel_class: type[HTTPChannel]
    problem: Problem
    draining: bool
    trigger: _Trigger
    task_dispatcher: _Dispatcher

    def run(self) -> None: ...


class OperationsServer:
    """Serves the operations listener on a thread of its own.

    The socket is bound here, so ``port`` is known before ``start``.

    Raises:
        AddressUnavailableError: says which address, and why.

    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        health: HealthReport,
        source: OperationsSource,
        version: Version,
    ) -> None:
        self._socket = _listen(host, port)
        self._map: dict[int, object] = {}
        app = create_operations_app(health, source, version)
        self._server = _create_server(app, self._socket, self._map)
        self._thread = threading.Thread(
            target=self._server.run, name="operations", daemon=True
        )

    @property
    def port(self) -> int:
        """The port listened on, also where 0 asked for a free one."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Begin to answer; once only."""
        self._thread.start()

    def stop(self) -> None:
        """Close the listener and its connections, within five seconds."""
        # The loop ends when nothing is left to watch; only its own thread may close
        # what it watches.
        if self._thread.is_alive():
            # An answer on its way may wake the loop first: then the trigger is closed.
            with suppress(OSError):
                self._server.trigger.pull_trigger(lambda: close_all(self._map))
            self._thread.join(_STOP_SECONDS)
        else:
            close_all(self._map)
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=1)


def _listen(host: str, port: int) -> socket.socket:
    """Listen on one address of ``host``: one socket keeps waitress to one server."""
    listener = bound_socket(host, port)
    listener.listen(_BACKLOG)
    return listener


def _create_server(
    app: OperationsApp,
    listener: socket.socket,
    sockets: dict[int, object],
) -> _Waitress:
    server = create_server(
        app,
        map=sockets,
        sockets=[listener],
        threads=_THREADS,
        connection_limit=100,
        backlog=_BACKLOG,
        channel_timeout=30,
        cleanup_interval=10,
        max_request_header_size=16_384,
        max_request_body_size=1024,
        asyncore_use_poll=True,
        clear_untrusted_proxy_headers=True,
        ident=None,
    )
    waitress = cast("_Waitress", server)
    waitress.channel_class = _Channel
    waitress.problem = listener_problem
    waitress.draining = False
    return waitress
