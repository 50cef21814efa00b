"""Watches the event loop from inside: how long its turns take."""

from collections.abc import Callable

_REPORT_EVERY_SECONDS = 10.0

SlowTurn = Callable[[float, int], None]
"""Told the seconds of a slow turn, and how many went unreported before it."""


class TurnWatch:
    """Reports slow turns, at most one in ten seconds; event loop only."""

    def __init__(self, limit_seconds: float, report: SlowTurn) -> None:
        self._limit = limit_seconds
        self._report = report
        self._next_report = 0.0
        self._suppressed = 0

    def ended(self, started: float, now: float) -> None:
        """Note a turn that ran from ``started`` to ``now``, monotonic seconds."""
        if now - started < self._limit:
            return
        if now < self._next_report:
            self._suppressed += 1
            return
        self._next_report = now + _REPORT_EVERY_SECONDS
        suppressed, self._suppressed = self._suppressed, 0
        self._report(now - started, suppressed)
