"""Pacing: a busy stage lets work gather, an idle one starts at once."""

import time
from collections.abc import Callable

from orders.actors.ports import Clock


class Pace:
    """Keeps the starts of batches a few milliseconds apart; one thread's.

    A batch costs about the same whatever its size: statements, system calls, thread
    switches. Under load this makes fewer and larger ones; after a quiet time the
    first message waits for nothing.

    Args:
        seconds: the shortest time between two starts.
    """

    def __init__(
        self,
        seconds: float,
        *,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0

    def keep(self) -> None:
        """Wait until the next batch may start, at most ``seconds``."""
        left = self._next - self._clock()
        if left > 0:
            self._sleep(min(left, self._seconds))
        self._next = self._clock() + self._seconds
