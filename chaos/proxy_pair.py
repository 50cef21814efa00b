"""One proxied connection: a thread that carries bytes between two sockets."""

import random
import select
import socket
import struct
import threading
import time
from collections.abc import Callable

from orders.chaos.proxy_rules import ArmedCut, CutScan, DelayLine, Direction, Rules

_READ_BYTES = 65_536
_PIECE_BYTES = 4_096
"""What a limited direction hands on at once, so that a rate is a rate."""
_LINGER_RESET = struct.pack("ii", 1, 0)
_ENDED = select.POLLHUP | select.POLLERR | select.POLLNVAL


class _Flow:
    """One direction of a connection."""

    def __init__(
        self, direction: Direction, source: socket.socket, sink: socket.socket
    ) -> None:
        self.direction = direction
        self.source = source
        self.sink = sink
        self.line = DelayLine(random.Random())
        self.ended = False
        self.passed_end = False


class Pair:
    """A client's connection and its counterpart at the server.

    Runs on a thread of its own until one side resets, both have ended, or it is
    told to. ``rules`` is asked in each turn; ``wake`` after a change of rules.

    Args:
        client: the accepted connection; owned by the pair from here on.
        server: the connection to the server; owned by the pair from here on.
        rules: returns what holds now.
        armed: returns the cut that waits, if any.
        on_end: called once, on the pair's thread, when both are closed.

    """

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        *,
        rules: Callable[[], Rules],
        armed: Callable[[], ArmedCut | None],
        on_end: Callable[["Pair"], None],
    ) -> None:
        self._client = client
        self._server = server
        self._rules = rules
        self._armed = armed
        self._on_end = on_end
        self._up = _Flow(Direction.TO_SERVER, client, server)
        self._down = _Flow(Direction.TO_CLIENT, server, client)
        self._scan: CutScan | None = None
        self._doomed = False
        self._carried = 0
        self._reset_wanted = False
        self._waker, self._woken = socket.socketpair()
        self._thread = threading.Thread(
            target=self._run, name="proxy pair", daemon=True
        )

    def start(self) -> None:
        """Begin to carry."""
        for end in (self._client, self._server):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._thread.start()

    def wake(self) -> None:
        """Have the rules looked at again; from any thread."""
        try:
            self._waker.send(b".")
        except OSError:  # it has ended, and closed its side
            return

    def reset(self) -> None:
        """End both sides with a reset (RST); from any thread, done soon after."""
        self._reset_wanted = True
        self.wake()

    def join(self, seconds: float) -> None:
        """Wait until the thread has ended."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            while not self._reset_wanted and not self._is_done():
                self._turn()
        except OSError:  # a side is gone; so is the other one then
            self._reset_wanted = True
        finally:
            self._close()
            self._on_end(self)

    def _turn(self) -> None:
        rules = self._rules()
        waiting, timeout = self._interests(rules)
        events = dict(waiting.poll(timeout))
        if events.pop(self._woken.fileno(), 0):
            self._woken.recv(_READ_BYTES)
        if self._rules().blackhole:
            return
        rules = self._rules()
        for flow in (self._up, self._down):
            if events.get(flow.source.fileno(), 0) & (select.POLLIN | _ENDED):
                self._take(flow, rules)
        for flow in (self._up, self._down):
            self._hand_on(flow, rules)
        self._cut_if_due(rules)

    def _interests(self, rules: Rules) -> tuple[select.poll, float | None]:
        """Return what to wait for, and for how many milliseconds at most."""
        masks = {self._woken.fileno(): select.POLLIN}
        now = time.monotonic()
        timeout: float | None = None
        if not rules.blackhole:
            for flow in (self._up, self._down):
                if not flow.ended and flow.line.has_room:
                    masks[flow.source.fileno()] = (
                        masks.get(flow.source.fileno(), 0) | select.POLLIN
                    )
                due = flow.line.due
                if due is None:
                    continue
                if due <= now:
                    sink = flow.sink.fileno()
                    masks[sink] = masks.get(sink, 0) | select.POLLOUT
                else:
                    left = (due - now) * 1000 + 1
                    timeout = left if timeout is None else min(timeout, left)
        waiting = select.poll()
        for descriptor, mask in masks.items():
            waiting.register(descriptor, mask)
        return waiting, timeout

    def _take(self, flow: _Flow, rules: Rules) -> None:
        if flow.ended or not flow.line.has_room:
            return
        try:
            piece = flow.source.recv(_READ_BYTES)
        except BlockingIOError:
            return
        if not piece:
            flow.ended = True
            return
        self._carried += len(piece)
        if flow.direction is Direction.TO_SERVER:
            self._look_at_request(piece)
        elif self._look_at_reply():
            return
        if rules.drop is flow.direction:
            return
        for start in range(0, len(piece), _size(rules)):
            flow.line.put(piece[start : start + _size(rules)], time.monotonic(), rules)

    def _look_at_request(self, piece: bytes) -> None:
        armed = self._armed()
        if armed is None:
            self._scan = None
            return
        if self._scan is None or self._scan.armed is not armed:
            self._scan = CutScan(armed)
        self._doomed = self._scan.is_doomed(piece) or self._doomed

    def _look_at_reply(self) -> bool:
        """Return whether this reply must not reach the client."""
        if self._scan is not None:
            self._scan.note_reply()
        if not self._doomed:
            return False
        self._cut()
        return True

    def _hand_on(self, flow: _Flow, rules: Rules) -> None:
        while piece := flow.line.head(time.monotonic()):
            try:
                sent = flow.sink.send(piece)
            except BlockingIOError:
                return
            flow.line.handed_on(sent, time.monotonic(), rules)
        if flow.ended and flow.line.is_empty and not flow.passed_end:
            flow.passed_end = True
            flow.sink.shutdown(socket.SHUT_WR)

    def _cut_if_due(self, rules: Rules) -> None:
        limit = rules.cut_after_bytes
        if limit is not None and self._carried >= limit:
            self._reset_wanted = True
        scan = self._scan
        if not self._doomed or scan is None or scan.armed.cut.await_reply:
            return
        ready = select.poll()
        ready.register(self._client, select.POLLIN)
        if self._up.line.is_empty and not ready.poll(0):  # the request is whole
            self._cut()

    def _cut(self) -> None:
        if self._scan is not None and not self._reset_wanted:
            self._scan.armed.note_fired(time.monotonic())
        self._reset_wanted = True

    def _is_done(self) -> bool:
        return self._up.passed_end and self._down.passed_end

    def _close(self) -> None:
        for end in (self._client, self._server):
            if self._reset_wanted:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
            end.close()
        self._waker.close()
        self._woken.close()


def _size(rules: Rules) -> int:
    return _READ_BYTES if rules.bytes_per_second is None else _PIECE_BYTES
