"""Notices a consumer that has stopped for good, though nothing raises."""

from collections.abc import Callable

UNSTABLE_SECONDS = 40.0
"""A rebalance takes as long as its slowest member, which ``max_poll_interval``
bounds to 30 s; a join that the client forgot takes for ever."""
SILENT_SECONDS = 30.0


class StallWatch:
    """Times how long a member was not stable, and how long it returned nothing.

    Owned by one thread. ``clock`` is in seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        unstable_seconds: float = UNSTABLE_SECONDS,
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        self._clock = clock
        self._unstable_seconds = unstable_seconds
        self._silent_seconds = silent_seconds
        self.restart()

    def restart(self) -> None:
        """Start to time a new client."""
        self._last_stable = self._last_lively = self._clock()

    def polled(self, *, stable: bool, lively: bool) -> None:
        """Note one poll. It was ``lively`` when it returned records, or had a reason
        not to: paused or without partitions.
        """
        now = self._clock()
        if stable:
            self._last_stable = now
        if lively:
            self._last_lively = now

    @property
    def unstable_for_too_long(self) -> bool:
        """True when the member does not get into the group."""
        return self._clock() - self._last_stable >= self._unstable_seconds

    @property
    def silent_for_long(self) -> bool:
        """True when it is worth asking the broker whether there was nothing."""
        return self._clock() - self._last_lively >= self._silent_seconds
