"""Pacing: a busy stage lets work gather, an idle one starts at once."""

import time
from collections.abc import Callable

from orders.actors.ports import Clock


class Pace:
    """Keeps the starts of batches apart, the further the busier; one thread's.

    A batch costs about the same whatever its size: statements, system calls, thread
    switches. Under load this makes fewer and larger ones; after a quiet time the
    first message waits for nothing.

    The gap grows with the batch before it. Below ``1 / seconds_each`` messages a
    second that shrinks batch and gap together, to next to nothing; above, both grow
    until the gap is the longest. So a stage is either prompt or thrifty.

    The shortest gap is for the few that come in a row without being many: one batch
    each would cost them more than the wait.

    Args:
        longest_seconds: the longest time between two starts.
        seconds_each: the gap that a single message is worth; the longest where it
            is not given.
        shortest_seconds: the shortest time between two starts.
    """

    def __init__(
        self,
        longest_seconds: float,
        seconds_each: float | None = None,
        shortest_seconds: float = 0.0,
        *,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._longest = longest_seconds
        self._each = longest_seconds if seconds_each is None else seconds_each
        self._shortest = shortest_seconds
        self._clock = clock
        self._sleep = sleep
        self._started = 0.0
        self._gap = 0.0

    def keep(self, *, full: bool = False) -> None:
        """Wait until the next batch may start; one already full starts at once."""
        left = self._started + self._gap - self._clock()
        if left > 0 and not full:
            self._sleep(min(left, self._longest))
        self._started = self._clock()

    def took(self, messages: int) -> None:
        """Say how many messages the batch had that was started last."""
        gap = max(self._shortest, messages * self._each)
        self._gap = min(self._longest, gap)
