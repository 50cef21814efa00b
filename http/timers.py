"""Callbacks for later, on the event loop."""

import heapq
import itertools
from collections.abc import Callable


class Timers:
    """A heap of callbacks by ``time.monotonic()`` seconds; event loop only."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def at(self, when: float, callback: Callable[[], None]) -> None:
        """Have ``callback`` returned by ``take_due`` once ``when`` has come.

        Callbacks for the same moment keep their order.
        """
        heapq.heappush(self._heap, (when, next(self._order), callback))

    def next_due(self) -> float | None:
        """Return the earliest moment asked for, None where there is none."""
        return self._heap[0][0] if self._heap else None

    def take_due(self, now: float) -> list[Callable[[], None]]:
        """Remove and return what is due, earliest first."""
        due = []
        while self._heap and self._heap[0][0] <= now:
            due.append(heapq.heappop(self._heap)[2])
        return due
