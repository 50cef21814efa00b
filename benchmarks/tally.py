"""What the load client counted."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from benchmarks.figures import quantile

_REFUSED_FROM = 300
_BUSY = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Summary:
    """One load, or a part of it; times in milliseconds.

    Attributes:
        answered: complete answers, those below 300 being ``accepted``.
        lost: requests without an answer when the client gave up waiting.
        late_ms: by how much the client itself sent the latest one too late.
        unexplained: refusals other than 429 and 503 with a ``Retry-After``, as far as
            the client looks for that.

    """

    seconds: float
    answered: int
    accepted: int
    lost: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    late_ms: float
    unexplained: int = 0

    @property
    def rate(self) -> float:
        """Accepted requests a second."""
        return self.accepted / self.seconds


class Tally:
    """Counts answers and keeps every time, eight bytes each."""

    def __init__(self) -> None:
        self.times = array("d")
        self.accepted = 0
        self.lost = 0
        self.seconds = 0.0
        self.late = 0.0
        self.unexplained = 0

    def add(self, status: int, took: float, *, says_when: bool = True) -> None:
        """Count an answer; ``says_when`` tells whether it has a ``Retry-After``."""
        self.times.append(took)
        self.accepted += status < _REFUSED_FROM
        explained = status < _REFUSED_FROM or (status in _BUSY and says_when)
        self.unexplained += not explained

    def sent(self, late: float) -> None:
        """Note by how much a request was sent too late."""
        self.late = max(self.late, late)

    @classmethod
    def sum(cls, parts: "Iterable[Tally]") -> Self:
        """Return the tally of all ``parts``."""
        whole = cls()
        for part in parts:
            whole.times.extend(part.times)
            whole.accepted += part.accepted
            whole.lost += part.lost
            whole.late = max(whole.late, part.late)
            whole.unexplained += part.unexplained
        return whole

    def summary(self) -> Summary:
        """Return the counts and quantiles."""
        ordered = sorted(1000 * took for took in self.times)
        return Summary(
            self.seconds,
            len(ordered),
            self.accepted,
            self.lost,
            quantile(ordered, 0.5),
            quantile(ordered, 0.99),
            quantile(ordered, 0.999),
            ordered[-1] if ordered else 0.0,
            1000 * self.late,
            self.unexplained,
        )
