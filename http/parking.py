"""How a handler waits without a thread: it parks its greenlet on the event loop."""

from enum import Enum
from typing import Protocol

from orders.actors.messages import Ticket


class Late(Enum):
    """What a parked handler gets when its deadline passes before an answer."""

    LATE = "late"


LATE = Late.LATE


class Parking(Protocol):
    """Implemented by the greenlet dispatcher; used inside a handler only."""

    def ticket(self, deadline: float) -> Ticket:
        """Return a one-shot ticket for the current handler.

        ``deadline`` is in ``time.monotonic()`` seconds.
        """

    def park(self, ticket: Ticket) -> object:
        """Wait for the ticket's answer and return it, or ``LATE``.

        An answer that comes after ``LATE`` is dropped. A ticket that was never
        handed out must still be parked or forgotten, not reused.
        """

    def give_way(self) -> None:
        """Let the loop serve everybody else for a turn, then go on.

        For a handler with more to compute than one turn should take.
        """
