"""How long a node on its way out waits for its actors."""

from collections.abc import Callable
from typing import Any, Final

from orders.actors.ports import Clock
from orders.actors.role import Role

OUT_OF_TIME: Final = "out of time"

_PATIENCE_SECONDS = 3.0
"""Something that is slow, or fails over, may answer again within this."""
_LOOK_SECONDS = 0.25
"""How often obstacles are looked for; every role gets this long to say it is done."""


class DrainWait:
    """The waits of one drain, stage after stage; one thread's.

    Args:
        deadline: in the clock's seconds, for all of them.
        obstacle: what keeps all work from being finished at present, None if nothing.
    """

    def __init__(
        self, deadline: float, obstacle: Callable[[], str | None], *, clock: Clock
    ) -> None:
        self._deadline = deadline
        self._obstacle = obstacle
        self._clock = clock
        self._met_at: float | None = None

    def for_role(self, role: Role[Any]) -> str | None:
        """Wait until ``role`` is drained, or return why it is waited for no longer."""
        while not role.drained.wait(self._seconds_to_next_look()):
            now, obstacle = self._clock(), self._obstacle()
            if now >= self._deadline:
                return obstacle or OUT_OF_TIME
            if obstacle is None:
                self._met_at = None
            elif self._met_at is None:
                self._met_at = now
            elif now - self._met_at >= _PATIENCE_SECONDS:
                return obstacle
        return None

    def _seconds_to_next_look(self) -> float:
        return min(max(0.0, self._deadline - self._clock()), _LOOK_SECONDS)
