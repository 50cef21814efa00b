"""How long to leave a broker alone that was not there."""

from collections.abc import Callable
from random import random


class Backoff:
    """Doubling delays with jitter, so that nodes do not come back in step.

    Owned by one thread. ``clock`` and delays are seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        first_seconds: float = 0.25,
        most_seconds: float = 5.0,
        spread: Callable[[], float] = random,
    ) -> None:
        self._clock = clock
        self._first = first_seconds
        self._most = most_seconds
        self._spread = spread
        self._failures = 0
        self._open_at = 0.0

    @property
    def remaining_seconds(self) -> float:
        """How long it is still too early to try again; 0.0 once it is time."""
        if not self._failures:
            return 0.0
        return max(0.0, self._open_at - self._clock())

    def failed(self) -> bool:
        """Note a failure: the next try waits between half and all of the delay.

        True for the first one since a success: the one to log.
        """
        delay = min(self._most, self._first * 2.0 ** min(self._failures, 16))
        self._failures += 1
        self._open_at = self._clock() + delay * (0.5 + 0.5 * self._spread())
        return self._failures == 1

    def succeeded(self) -> bool:
        """Start over with the first delay; True where there were failures."""
        had_failed = self._failures > 0
        self._failures = 0
        return had_failed
