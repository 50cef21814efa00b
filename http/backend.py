"""What the HTTP side asks of the rest of the process."""

from collections.abc import Callable
from typing import Protocol

from orders.actors.messages import (
    ChangeOrder,
    Question,
    Refused,
    Submission,
)


class Backend(Protocol):
    """Called on the event loop; never waits.

    Each answers None when the work was taken (its ticket will be answered) and a
    refusal when it was not.
    """

    def submit(self, submission: Submission) -> Refused | None:
        """Take an order; it is handed over at the end of the loop's turn."""

    def change(self, request: ChangeOrder) -> Refused | None:
        """Take a change of an order."""

    def ask(self, question: Question) -> Refused | None:
        """Take a question."""

    def turn_away(self) -> Refused:
        """Count what there is no place for here, and return what to say."""


class RequestMeter(Protocol):
    """Counts answered requests."""

    def http_request(
        self, method: str, route: str, status: int, seconds: float
    ) -> None:
        """Count one answer; ``route`` is the template, never the path."""

    def rejected(self, reason: str) -> None:
        """Count a request, or a row of one, that was refused."""


Clock = Callable[[], float]
"""``time.monotonic`` or a test's stand-in; seconds."""
