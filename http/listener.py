"""Accepts connections, refuses those above the limit, and reviews them all."""

import errno
import socket
import sys
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import cast

from orders.http.answers import Problem, last_answer
from orders.http.channel import Channel
from orders.http.dispatcher import GreenletDispatcher
from orders.http.limits import Limits
from orders.http.loop import EventLoop
from orders.http.parser import RequestParser, sized_by
from orders.http.waitress_edge import (
    Adjustments,
    HTTPChannel,
    SocketMap,
    TcpWSGIServer,
    WSGIApp,
)

_ACCEPTED_AT_ONCE = 128
_OUT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class Listener(TcpWSGIServer):
    """waitress's server on our loop, from a socket that is already bound."""

    channel_class = Channel

    def __init__(
        self,
        app: WSGIApp,
        bound: socket.socket,
        *,
        loop: EventLoop,
        dispatcher: GreenletDispatcher,
        problem: Problem,
        limits: Limits,
        backlog: int,
        parser_class: type[RequestParser] = RequestParser,
        body_bytes: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.loop = loop
        sizes = {
            path: _adjustments(replace(limits, max_body_bytes=size), backlog)
            for path, size in body_bytes.items()
        }
        self.parser_class = sized_by(parser_class, sizes)
        self.limits = limits
        self.problem = problem
        self.draining = False
        """Whether an answer ends its connection."""
        self.lingering: set[object] = set()
        self._dispatcher = dispatcher
        self._refusal = last_answer(
            problem, 503, "Too many connections are open.", ("retry-after", "1")
        )
        super().__init__(
            app,
            map=cast("SocketMap", loop.poller.watched),
            _sock=bound,
            dispatcher=dispatcher,
            adj=_adjustments(limits, backlog),
            sockinfo=(bound.family, bound.type, bound.proto, bound.getsockname()),
            bind_socket=False,
        )

    @property
    def channels(self) -> list[Channel]:
        """The open connections."""
        return cast("list[Channel]", list(self.active_channels.values()))

    # --- what waitress and the poller call -----------------------------------

    def add_channel(self, map: SocketMap | None = None) -> None:  # noqa: A002
        """Be watched for connections."""
        super().add_channel(map)
        if self._fileno is not None:
            self.loop.poller.watch(self._fileno)

    def del_channel(self, map: SocketMap | None = None) -> None:  # noqa: A002
        """Not any more."""
        if self._fileno is not None:
            self.loop.poller.forget(self._fileno)
        super().del_channel(map)

    def add_task(self, task: HTTPChannel) -> None:
        """Queue a channel's next request, once its output is sent."""
        channel = cast("Channel", task)
        if not channel.hold_back():
            self._dispatcher.add_task(channel)

    def pull_trigger(self) -> None:
        """Nobody has to be woken: requests are served on the loop itself."""

    def readable(self) -> bool:
        """Connections are always wanted; above the limit, to refuse them."""
        return self.accepting

    def handle_accept(self) -> None:
        """Accept what waits, up to a number that keeps the turn short."""
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                accepted = self.accept()
            except OSError as error:
                if error.errno in _OUT_OF_DESCRIPTORS:
                    self._pause()
                return
            if accepted is None:
                return
            self._admit(*accepted)

    def handle_input_behind(self) -> None:
        """There is none: connections are accepted when they come."""

    def handle_error(self) -> None:
        """Keep listening, whatever went wrong with one connection."""
        self.loop.log.error("http.accept_failed", exc_info=sys.exception())

    # --- ours ----------------------------------------------------------------

    def review(self) -> None:
        """Close connections whose time is up; called every tick."""
        if self._fileno is not None:
            self.loop.poller.watch(self._fileno)
        for channel in self.channels:
            channel.review()

    def stop_listening(self) -> None:
        """Accept what already waits, then close the listening socket."""
        self.draining = True
        if self.socket is None:
            return
        self.handle_accept()
        bound = self.socket
        self.accepting = False
        self.del_channel()
        self.socket = None
        bound.close()

    def _admit(self, sock: socket.socket, addr: tuple[str, int]) -> None:
        limits, open_count = self.limits, len(self.active_channels)
        if open_count >= limits.max_connections + limits.refusal_room:
            sock.close()
            return
        try:
            self.set_socket_options(sock)
        except OSError:
            sock.close()  # the client is gone already
            return
        channel = Channel(self, sock, addr, self.adj, map=self._map)
        if open_count - len(self.lingering) >= limits.max_connections:
            channel.refuse(self._refusal)

    def _pause(self) -> None:
        """Stop asking for connections until the next tick: there is no room, and
        the kernel would report them again at once.
        """
        self.loop.log.error("http.out_of_descriptors")
        if self._fileno is not None:
            self.loop.poller.forget(self._fileno)


def _adjustments(limits: Limits, backlog: int) -> Adjustments:
    """Return waitress's settings. Its limits refuse what equals them, ours what is
    above; timeouts, connection limit and proxy headers are ours altogether.
    """
    return Adjustments(
        ident=None,
        backlog=backlog,
        server_name="localhost",
        max_request_header_size=limits.max_header_bytes + 1,
        max_request_body_size=limits.max_body_bytes + 1,
        outbuf_high_watermark=limits.max_unsent_bytes,
        outbuf_overflow=limits.max_unsent_bytes + 1,  # never, so never to a file
        clear_untrusted_proxy_headers=False,
        channel_request_lookahead=0,
    )
