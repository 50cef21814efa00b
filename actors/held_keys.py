"""Orders whose idempotency key someone else holds, apart from a writer's batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orders.actors.messages import Submission

KEY_PATIENCE_SECONDS: Final = 1.0
"""How long a held key is tried again before its client is told that it is in use."""
RETRY_HELD_SECONDS: Final = 0.05
_SUSPECTED_SECONDS: Final = 5.0
_MAX_HELD: Final = 1_000
_AT_ONCE: Final = 4
"""Each is waited for in turn, and a batch waits behind them."""


@dataclass(slots=True)
class HeldOrder:
    """One of them.

    Attributes:
        until: when its client is told that the key is in use, in the clock's seconds.
        unsure: an earlier try may have stored it; it is tried until its deadline.

    """

    submission: Submission
    until: float
    unsure: bool

    def is_late(self, now: float) -> bool:
        """Tell whether its client is to be answered, whatever the key."""
        return now >= (self.submission.deadline if self.unsure else self.until)


class HeldKeys:
    """Remembers them, and which keys were held lately: a repetition of such a request
    must not hold up a batch either. Owned by one writer.
    """

    def __init__(self) -> None:
        self._held: list[HeldOrder] = []
        self._suspected: dict[tuple[str, str, str], float] = {}
        self._due = 0.0

    def __len__(self) -> int:
        return len(self._held)

    def set_apart(
        self, submissions: Sequence[Submission], now: float
    ) -> Sequence[Submission]:
        """Keep those whose key is suspected; return the others."""
        if not self._suspected:
            return submissions
        self._suspected = {p: t for p, t in self._suspected.items() if t > now}
        others = []
        for submission in submissions:
            suspected = _place(submission) in self._suspected
            if not (suspected and self.keep(submission, now, unsure=submission.tried)):
                others.append(submission)
        return others

    def keep(self, submission: Submission, now: float, *, unsure: bool) -> bool:
        """Keep one that met a held key; False where there is no room."""
        if len(self._held) >= _MAX_HELD:
            return False
        until = now + KEY_PATIENCE_SECONDS
        self._held.append(HeldOrder(submission, until, unsure))
        self._suspect(submission, now)
        submission.done = True
        self._due = self._due or now + RETRY_HELD_SECONDS
        return True

    def take_due(self, now: float) -> tuple[list[HeldOrder], list[HeldOrder]]:
        """Return some to be tried again, and all that are late.

        Those that are still held are to be given back, and wait behind the others.
        """
        if not self._held or now < self._due:
            return [], []
        late = [held for held in self._held if held.is_late(now)]
        waiting = [held for held in self._held if not held.is_late(now)]
        self._held = waiting[_AT_ONCE:]
        self._due = now + RETRY_HELD_SECONDS if self._held else 0.0
        return waiting[:_AT_ONCE], late

    def give_back(self, held: HeldOrder, now: float) -> None:
        """Keep it for another try."""
        self._held.append(held)
        self._suspect(held.submission, now)
        self._due = self._due or now + RETRY_HELD_SECONDS

    def _suspect(self, submission: Submission, now: float) -> None:
        place = _place(submission)
        if place is not None and len(self._suspected) < _MAX_HELD:
            self._suspected[place] = now + _SUSPECTED_SECONDS


def _place(submission: Submission) -> tuple[str, str, str] | None:
    """Return what the key is unique by."""
    key = submission.order.key
    return None if key is None else (submission.order.tenant_id, key.route, key.key)
