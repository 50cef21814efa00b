"""What the load client counted."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from benchmarks.figures import quantile

_REFUSED_FROM = 300


@dataclass(frozen=True, slots=True)
class Summary:
    """One load, or a part of it; times in milliseconds.

    Attributes:
        answered: complete answers, those below 300 being ``accepted``.
        lost: requests without an answer when the client gave up waiting.
        late_ms: by how much the client itself sent the latest one too late.

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

    def add(self, status: int, took: float) -> None:
        """Count an answer."""
        self.times.append(took)
        self.accepted += status < _REFUSED_FROM

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
        )
