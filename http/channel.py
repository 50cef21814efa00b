"""One client's connection: waitress's channel, made never to wait.

All of it happens on the event loop, so nothing here may block: a client that does
not read its answers is closed where waitress would wait for it, and each phase of
a connection has a deadline.
"""

import socket
from contextlib import suppress
from typing import Protocol, cast

from orders.failpoints.registry import failpoint
from orders.http.answers import Problem, last_answer
from orders.http.environment import environment_of_connection
from orders.http.kept_lock import receive, send
from orders.http.limits import Limits
from orders.http.loop import EventLoop
from orders.http.parser import RequestParser
from orders.http.task import AppTask, ProblemTask
from orders.http.waitress_edge import (
    Adjustments,
    ClientDisconnected,
    HTTPChannel,
    SocketMap,
    TcpWSGIServer,
)

_HALF_OPEN_SECONDS = 0.1


class ChannelHost(Protocol):
    """What a channel asks of its listener."""

    loop: EventLoop
    limits: Limits
    problem: Problem
    parser_class: type[RequestParser]
    accepting: bool
    """False once nothing new is let in: then idle connections are closed."""
    lingering: set[object]
    """Channels that have sent their last answer."""


class Channel(HTTPChannel):
    """Reads requests, has them served one after another, and writes the answers."""

    task_class = AppTask
    error_task_class = ProblemTask
    parser_class = RequestParser

    def __init__(
        self,
        server: TcpWSGIServer,
        sock: socket.socket,
        addr: tuple[str, int],
        adj: Adjustments,
        map: SocketMap | None = None,  # noqa: A002 - waitress's name
    ) -> None:
        self._host = cast("ChannelHost", server)
        self._loop = self._host.loop
        self._limits = self._host.limits
        self._reading_since: float | None = self._loop.now
        self._idle_since = self._loop.now
        self._sending_since: float | None = None
        self._lingering_until: float | None = None
        self._ended_at: float | None = None
        self._held = False
        self.parser_class = self._host.parser_class
        self._before_answer = failpoint("http.before_answer")
        self._after_answer = failpoint("http.after_answer")
        self.environment = environment_of_connection(
            server.server_name, server.effective_port, addr
        )
        super().__init__(server, sock, addr, adj, map=map)

    # --- the poller's side ---------------------------------------------------

    def add_channel(self, map: SocketMap | None = None) -> None:  # noqa: A002
        """Enter the listener's books and be watched."""
        super().add_channel(map)
        if self._fileno is not None:
            self._loop.poller.watch(self._fileno)

    def del_channel(self, map: SocketMap | None = None) -> None:  # noqa: A002
        """Leave them, before the descriptor's number is given to another."""
        self._host.lingering.discard(self)
        if self._fileno is not None:
            self._loop.poller.forget(self._fileno)
        super().del_channel(map)

    def readable(self) -> object:
        """Tell whether input is wanted: between requests, and while lingering."""
        return self._lingering_until is not None or super().readable()

    def handle_read(self) -> None:
        """Take in what came."""
        fileno = self._fileno
        data = None if fileno is None else receive(fileno, self.adj.recv_bytes)
        try:
            data = data or self.recv(self.adj.recv_bytes)
        except BlockingIOError:
            return  # the event was for an earlier owner of this descriptor
        except OSError:
            self.handle_close()
            return
        if data and self._lingering_until is None:
            self.received(data)

    def handle_input_behind(self) -> None:
        """Note when the client has ended its side: mostly it is gone altogether."""
        if self._ended_at is None and self.socket is not None:
            with suppress(OSError):
                if not self.socket.recv(1, socket.MSG_PEEK):
                    self._ended_at = self._loop.now

    def listens(self, now: float, *, half_open: bool) -> bool:
        """Tell whether the client is still there; any thread.

        One that ended its side may read on (RFC 9112, section 9.6), but few do: unless
        ``half_open``, it is taken for gone after a tenth of a second.
        """
        if half_open or self._ended_at is None:
            return self.connected
        return self.connected and now - self._ended_at < _HALF_OPEN_SECONDS

    def handle_write(self) -> None:
        """Send what waits; then close, or serve the request that waited for that."""
        if self.total_outbufs_len:
            self._flush_exception(self._flush_some)
        if self.connected and not self.total_outbufs_len:
            self._sending_since = None
            if self.close_when_flushed:
                self._linger()
            elif self._held:
                self._held = False
                self.server.add_task(self)
        if self.will_close:
            self.handle_close()

    # --- requests ------------------------------------------------------------

    def received(self, data: bytes) -> bool:
        """Parse ``data``; each request that is complete is queued."""
        taken = super().received(data)
        if self.request is None:
            self._reading_since = None
        elif self._reading_since is None:
            self._reading_since = self._loop.now
        return taken

    def hold_back(self) -> bool:
        """Have the next request wait while there is output; True when it does.

        A client that pipelines requests and does not read the answers then costs
        the memory of one answer.
        """
        self._held = bool(self.total_outbufs_len)
        return self._held

    def service(self) -> None:
        """Serve the oldest request, in a greenlet that may park."""
        try:
            super().service()
        finally:
            self._idle_since = self._loop.now
            if self.request is not None:
                # The rest of the next request was not read meanwhile.
                self._reading_since = self._loop.now
            self._loop.poller.touch(self._fileno, self)

    # --- output --------------------------------------------------------------

    def write_soon(self, data: bytes) -> int:
        """Send ``data`` now as far as the kernel takes it, and keep the rest.

        Raises:
            ClientDisconnected: the client is gone, or reads too slowly.

        """
        if not self.connected or self.will_close:
            raise ClientDisconnected
        if self._before_answer is not None:
            self._before_answer()
        size = len(data)
        if not self.total_outbufs_len:
            data = data[self._send_at_once(data) :]
        if data:
            if self.total_outbufs_len + len(data) > self.adj.outbuf_high_watermark:
                self.will_close = True
                raise ClientDisconnected
            super().write_soon(data)
        if self._after_answer is not None:
            self._after_answer()
        return size

    def _send_at_once(self, data: bytes) -> int:
        if self.socket is None:
            raise ClientDisconnected
        sent = send(self.socket.fileno(), data)
        if sent is not None:
            return sent
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self.will_close = True
            raise ClientDisconnected from None

    def _flush_outbufs_below_high_watermark(self) -> None:
        """There is never more; waitress waits for the client here, for ever."""

    # --- the end -------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a request is being read, served or answered."""
        return bool(self.requests or self.request or self.total_outbufs_len)

    def refuse(self, answer: bytes) -> None:
        """Send a last ``answer`` to a new connection, whatever it asks."""
        try:
            self.write_soon(answer)
        except ClientDisconnected:
            self.handle_close()
        else:
            self._linger()

    def review(self) -> None:
        """Close the connection when its time is up; called every tick."""
        now, limits = self._loop.now, self._limits
        if self._lingering_until is not None:
            overdue = now >= self._lingering_until
        elif self.total_outbufs_len:
            self._sending_since = self._sending_since or now
            overdue = now - self._sending_since >= limits.send_timeout_seconds
        elif self.requests:
            overdue = False  # its ticket has the deadline
        elif self._reading_since is None:
            idle = now - self._idle_since >= limits.keep_alive_seconds
            overdue = idle or not self._host.accepting
        else:
            silent = not self._host.accepting and self.request is None
            late = now - self._reading_since >= limits.request_timeout_seconds
            if late and self.request is not None:
                self._tell_timeout()
            overdue = silent or late
        if overdue:
            self.handle_close()

    def _tell_timeout(self) -> None:
        detail = "The request did not arrive in time."
        try:
            self.write_soon(last_answer(self._host.problem, 408, detail))
        except ClientDisconnected:
            self.will_close = True

    def _linger(self) -> None:
        """Say that no more is coming and wait for the client to close.

        Closing at once would make the kernel reset the connection when the client
        has sent more, and the client might lose the answer (RFC 9112, 9.6).
        """
        self.close_when_flushed = False
        self.request = None
        self._lingering_until = self._loop.now + self._limits.linger_seconds
        self._host.lingering.add(self)
        try:
            if self.socket is not None:
                self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.will_close = True
