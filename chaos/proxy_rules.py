"""What a fault proxy does to a connection, as plain data and pure state.

Nothing here touches a socket; ``proxy_pair`` drives it.
"""

import random
import threading
from collections import deque
from dataclasses import dataclass
from enum import Enum


class Direction(Enum):
    """Which way bytes go."""

    TO_SERVER = "to server"
    TO_CLIENT = "to client"


@dataclass(frozen=True, slots=True)
class Rules:
    """How a proxy treats its connections; the default passes everything on.

    Attributes:
        latency_seconds: how long each piece is kept, in both directions.
        jitter_seconds: at most so much more, at random.
        bytes_per_second: limit of each direction of each connection.
        blackhole: stop reading and keep connections open; new ones are accepted.
        drop: throw away what goes this way, and keep the connection open.
        refuse: do not listen; connections that exist stay.
        cut_after_bytes: reset a connection once it has carried so many bytes,
            both directions together.

    """

    latency_seconds: float = 0.0
    jitter_seconds: float = 0.0
    bytes_per_second: float | None = None
    blackhole: bool = False
    drop: Direction | None = None
    refuse: bool = False
    cut_after_bytes: int | None = None


PASS = Rules()


@dataclass(frozen=True, slots=True)
class Cut:
    """Reset one connection after a request was forwarded and before its reply.

    Attributes:
        pattern: bytes that mark the request, looked for on the way to the server.
        nth: which match is meant, counted over all connections of the proxy.
        later: how many requests of that connection pass after the marked one;
            1 with a mark in the last statement of a transaction means its COMMIT.
        await_reply: whether the connection is reset when the server next speaks,
            which is swallowed: the request then took effect, unless the client
            sends more before it is answered; then it may be an earlier one's reply.
            Else the connection is reset as soon as the request is on its way.

    """

    pattern: bytes
    nth: int = 1
    later: int = 0
    await_reply: bool = True


class ArmedCut:
    """A cut that waits for its request; fires once. Safe for several threads."""

    def __init__(self, cut: Cut) -> None:
        self.cut = cut
        self._lock = threading.Lock()
        self._matches = 0
        self._fired_at: float | None = None

    @property
    def matches(self) -> int:
        """How many requests with the mark were seen."""
        return self._matches

    @property
    def fired_at(self) -> float | None:
        """When a connection was cut, by the monotonic clock; None before."""
        return self._fired_at

    @property
    def fired(self) -> int:
        """How many connections were cut: 0 or 1."""
        return int(self._fired_at is not None)

    def note_match(self) -> bool:
        """Count a match; return whether it is the one that is meant."""
        with self._lock:
            self._matches += 1
            return self._matches == self.cut.nth

    def note_fired(self, now: float) -> None:
        """Take notice that the connection is cut."""
        self._fired_at = now


class CutScan:
    """Looks for an armed cut's request in one connection; owned by its thread.

    A request begins with the first bytes to the server after bytes to the client.
    """

    def __init__(self, armed: ArmedCut) -> None:
        self.armed = armed
        self._tail = b""
        self._pass_on: int | None = None
        self._answered = False

    def is_doomed(self, piece: bytes) -> bool:
        """Take a piece on its way to the server; True when its reply must not pass."""
        cut = self.armed.cut
        if self._pass_on is None:
            seen = self._tail + piece
            self._tail = (
                seen[-(len(cut.pattern) - 1) :] if len(cut.pattern) > 1 else b""
            )
            for _ in range(seen.count(cut.pattern)):
                if self.armed.note_match():
                    self._pass_on = cut.later
        elif self._answered:
            self._pass_on -= 1
        self._answered = False
        return self._pass_on == 0

    def note_reply(self) -> None:
        """Take notice that the server spoke."""
        self._answered = True


class DelayLine:
    """Bytes of one direction on their way; bounded, late by latency and rate.

    All times are seconds of one monotonic clock.
    """

    CAPACITY_BYTES = 262_144

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._pieces: deque[tuple[float, bytes]] = deque()
        self._bytes = 0
        self._free_at = 0.0
        self._last_due = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether all bytes have been handed on."""
        return not self._pieces

    @property
    def has_room(self) -> bool:
        """Whether more may be read."""
        return self._bytes < self.CAPACITY_BYTES

    @property
    def due(self) -> float | None:
        """When the next bytes may be handed on; None without any."""
        if not self._pieces:
            return None
        return max(self._pieces[0][0], self._free_at)

    def put(self, piece: bytes, now: float, rules: Rules) -> None:
        """Take bytes in; they never overtake earlier ones."""
        jitter = self._rng.uniform(0, rules.jitter_seconds)
        self._last_due = max(self._last_due, now + rules.latency_seconds + jitter)
        self._pieces.append((self._last_due, piece))
        self._bytes += len(piece)

    def head(self, now: float) -> bytes:
        """Return the bytes that may be handed on now."""
        due = self.due
        return self._pieces[0][1] if due is not None and due <= now else b""

    def handed_on(self, count: int, now: float, rules: Rules) -> None:
        """Forget ``count`` bytes of the head, which were sent."""
        due, piece = self._pieces.popleft()
        if count < len(piece):
            self._pieces.appendleft((due, piece[count:]))
        self._bytes -= count
        if rules.bytes_per_second is not None:
            self._free_at = now + count / rules.bytes_per_second
