"""A TCP proxy that breaks connections on demand, controlled in process.

    client  ->  FaultProxy (rules, armed cut)  ->  server

Bytes that were read when a rule changed may still be handed on.
"""

import select
import socket
import threading
from types import TracebackType
from typing import Self

from orders.chaos.proxy_pair import Pair
from orders.chaos.proxy_rules import PASS, ArmedCut, Cut, Rules

__all__ = ["FaultProxy"]

LOOPBACK = "127.0.0.1"
_CONNECT_SECONDS = 2.0
_JOIN_SECONDS = 5.0
_BACKLOG = 256


class FaultProxy:
    """Stands between clients and one server on the loopback.

    Control it from any thread. One thread accepts, and each connection has a
    thread of its own. A server that refuses is passed on as a reset.

    Args:
        server_port: where the server listens, or will.
        port: where to listen; 0 takes a free one.

    """

    def __init__(self, server_port: int, port: int = 0) -> None:
        self._server_port = server_port
        self._rules = PASS
        self._armed: ArmedCut | None = None
        self._lock = threading.Lock()
        self._pairs: set[Pair] = set()
        self._stopping = False
        self._listener: socket.socket | None = None
        self._waker, self._woken = socket.socketpair()
        self._settled = threading.Condition()
        self._listener = _listen(port)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    @property
    def rules(self) -> Rules:
        """What holds now."""
        return self._rules

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return len(self._pairs)

    def set_rules(self, rules: Rules) -> None:
        """Let ``rules`` hold for what exists and what comes.

        Returns when the listener is as ``refuse`` says.

        Raises:
            TimeoutError: the accepting thread did not follow.

        """
        self._rules = rules
        self._waker.send(b".")
        for pair in self._snapshot():
            pair.wake()
        with self._settled:
            if not self._settled.wait_for(self._listens_as_told, _JOIN_SECONDS):
                raise TimeoutError("the proxy did not take its rules over")

    def arm(self, cut: Cut) -> ArmedCut:
        """Wait for a request to cut; replaces what was armed before."""
        self._armed = ArmedCut(cut)
        return self._armed

    def disarm(self) -> None:
        """Cut nothing any more."""
        self._armed = None

    def reset(self) -> int:
        """Reset every connection there is; return how many."""
        pairs = self._snapshot()
        for pair in pairs:
            pair.reset()
        for pair in pairs:
            pair.join(_JOIN_SECONDS)
        return len(pairs)

    def close(self) -> None:
        """Reset everything and stop listening."""
        self._stopping = True
        self._waker.send(b".")
        self._thread.join(_JOIN_SECONDS)
        self.reset()
        self._waker.close()
        self._woken.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _snapshot(self) -> list[Pair]:
        with self._lock:
            return list(self._pairs)

    def _listens_as_told(self) -> bool:
        return (self._listener is None) == self._rules.refuse

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._follow_rules()
                self._turn()
        finally:
            if self._listener is not None:
                self._listener.close()

    def _follow_rules(self) -> None:
        with self._settled:
            if self._rules.refuse and self._listener is not None:
                self._listener.close()
                self._listener = None
            elif not self._rules.refuse and self._listener is None:
                self._listener = _listen(self.port)
            self._settled.notify_all()

    def _turn(self) -> None:
        waiting = select.poll()
        waiting.register(self._woken, select.POLLIN)
        if self._listener is not None:
            waiting.register(self._listener, select.POLLIN)
        events = dict(waiting.poll())
        if self._woken.fileno() in events:
            self._woken.recv(4096)
        if self._listener is not None and self._listener.fileno() in events:
            self._accept(self._listener)

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except OSError:  # it hung up while it waited
            return
        try:
            server = socket.create_connection(
                (LOOPBACK, self._server_port), _CONNECT_SECONDS
            )
        except OSError:
            _refuse(client)
            return
        pair = Pair(
            client,
            server,
            rules=lambda: self._rules,
            armed=lambda: self._armed,
            on_end=self._forget,
        )
        with self._lock:
            self._pairs.add(pair)
        pair.start()

    def _forget(self, pair: Pair) -> None:
        with self._lock:
            self._pairs.discard(pair)


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def _refuse(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
