"""Long work on the event loop, cut into slices between which others are served."""

from typing import Final

from orders.http.backend import Clock
from orders.http.parking import Parking

SLICE_SECONDS: Final = 0.002
"""What one handler may compute in one turn of the loop."""


class Slices:
    """Gives way as soon as a slice is used up; one handler's, event loop only."""

    def __init__(self, parking: Parking, clock: Clock) -> None:
        self._parking = parking
        self._clock = clock
        self._until = clock() + SLICE_SECONDS

    def pause(self) -> None:
        """Let the others go first, if it is time; called after each small step."""
        if self._clock() >= self._until:
            self._parking.give_way()
            self._until = self._clock() + SLICE_SECONDS
