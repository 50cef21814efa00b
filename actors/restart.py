"""How often an actor may be restarted, and how soon."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """One-for-one restarts within a budget; past it the process must go.

    Attributes:
        max_restarts: restarts allowed within ``window_seconds``.
        window_seconds: how long a restart counts.
        first_delay_seconds: the delay before the first one; it doubles each time.
        longest_delay_seconds: the cap of the delay.
    """

    max_restarts: int = 5
    window_seconds: float = 30.0
    first_delay_seconds: float = 0.05
    longest_delay_seconds: float = 2.0


class RestartBudget:
    """One actor's restarts so far."""

    def __init__(
        self,
        policy: RestartPolicy,
        jitter: Callable[[], float] = lambda: random.uniform(0.8, 1.2),  # noqa: S311 - not for secrets
    ) -> None:
        self._policy = policy
        self._jitter = jitter
        self._restarts: deque[float] = deque()

    def spend(self, now: float) -> float | None:
        """Return the delay before the next restart, or None when none is left."""
        policy = self._policy
        while self._restarts and self._restarts[0] <= now - policy.window_seconds:
            self._restarts.popleft()
        if len(self._restarts) >= policy.max_restarts:
            return None
        delay = policy.first_delay_seconds * 2.0 ** len(self._restarts)
        self._restarts.append(now)
        return min(delay * self._jitter(), policy.longest_delay_seconds)
