"""The HTTP server: binds, serves until it is drained, and says what was left."""

from collections.abc import Mapping
from types import MappingProxyType

from orders.http.addresses import bound_socket
from orders.http.answers import Problem
from orders.http.dispatcher import GreenletDispatcher
from orders.http.limits import Limits
from orders.http.listener import Listener
from orders.http.loop import EventLoop
from orders.http.parser import Admit, RequestParser, guarded_by
from orders.http.waitress_edge import WSGIApp

_LAST_WORDS_SECONDS = 0.5


class OrderServer:
    """A WSGI application on one event loop, handlers as greenlets.

    ``drain`` may be called on any thread, a signal handler included; the rest
    belongs to the thread that calls ``run``.

    Args:
        app: the application; its handlers may park on ``dispatcher``.
        host: name or address to listen on.
        port: 0 takes a free one.
        loop: not yet running; its end is the server's end.
        dispatcher: runs the handlers, made for ``loop``.
        problem: makes the body of errors that never reach the application.
        limits: of connections, bytes and seconds.
        backlog: connections that the kernel keeps for us until they are accepted.
        admit: decides on a request before its body is read; None admits all.
        body_bytes: the largest bodies of paths that have a limit of their own.

    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        host: str,
        port: int,
        loop: EventLoop,
        dispatcher: GreenletDispatcher,
        problem: Problem,
        limits: Limits,
        backlog: int = 1024,
        admit: Admit | None = None,
        body_bytes: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._app = app
        self._address = (host, port)
        self._loop = loop
        self._dispatcher = dispatcher
        self._problem = problem
        self._limits = limits
        self._backlog = backlog
        self._body_bytes = body_bytes
        self._parser_class = RequestParser if admit is None else guarded_by(admit)
        self._listener: Listener | None = None
        self._drain_until: float | None = None
        self._left = 0

    def bind(self) -> None:
        """Listen; connections wait in the kernel until ``run``.

        Raises:
            AddressUnavailableError: says which address, and why.

        """
        self._listener = Listener(
            self._app,
            bound_socket(*self._address),
            loop=self._loop,
            dispatcher=self._dispatcher,
            problem=self._problem,
            limits=self._limits,
            backlog=self._backlog,
            parser_class=self._parser_class,
            body_bytes=self._body_bytes,
        )
        self._loop.on_tick(self._listener.review)
        self._loop.on_tick(self._check_drained)

    @property
    def port(self) -> int:
        """The port that is listened on, after ``bind``."""
        return int(self._bound_listener().effective_port)

    @property
    def connections(self) -> int:
        """Open connections; any thread."""
        return 0 if self._listener is None else len(self._listener.active_channels)

    def run(self) -> int:
        """Serve until drained; return how many requests were left unanswered."""
        listener = self._bound_listener()
        try:
            self._loop.run()
        finally:
            for channel in listener.channels:
                channel.handle_close()
            listener.close()
            self._loop.close()
        return self._left

    def close_answered(self) -> None:
        """Have each answer from now on end its connection, and go on accepting; on the
        loop.
        """
        self._bound_listener().draining = True

    def drain(self, grace_seconds: float) -> None:
        """Begin to stop, and return at once; ``run`` returns when it is done.

        Nothing new is accepted, idle connections are closed, requests in flight
        are answered with ``connection: close``. What is still parked after
        ``grace_seconds`` is told that it is late, and has half a second to answer
        that. A second call can only shorten the time.
        """
        self._loop.call(lambda: self._begin_drain(grace_seconds))

    def _begin_drain(self, grace_seconds: float) -> None:
        self._bound_listener().stop_listening()
        until = self._loop.now + grace_seconds
        known = self._drain_until
        self._drain_until = until if known is None else min(known, until)

    def _check_drained(self) -> None:
        if self._drain_until is None:
            return
        if not self.connections:
            self._loop.stop()
        elif self._loop.now >= self._drain_until:
            self._drain_until = float("inf")
            self._left = sum(c.busy for c in self._bound_listener().channels)
            self._dispatcher.release_all()
            self._loop.at(self._loop.now + _LAST_WORDS_SECONDS, self._loop.stop)

    def _bound_listener(self) -> Listener:
        if self._listener is None:
            raise RuntimeError("bind() comes first")
        return self._listener
