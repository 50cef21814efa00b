"""What became of the demo's orders so far."""

import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orders.domain.order import OrderStatus


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds, as the client saw them; None before there are any."""

    p50: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Tally:
    """The state of the run at one moment."""

    planned: int
    accepted: int
    settled: Mapping[OrderStatus, int]
    answered_in: Latency
    settled_in: Latency

    @property
    def done(self) -> int:
        """Orders that are settled."""
        return sum(self.settled.values())


class Ledger:
    """Collects outcomes from many threads."""

    def __init__(self, planned: int) -> None:
        self._planned = planned
        self._lock = threading.Lock()
        self._answered: list[float] = []
        self._settled: list[float] = []
        self._statuses: Counter[OrderStatus] = Counter()

    def accepted(self, seconds: float) -> None:
        """Note that an order was answered with its acceptance after so long."""
        with self._lock:
            self._answered.append(seconds)

    def settled(self, status: OrderStatus, seconds: float) -> None:
        """Note that an order's outcome was told so long after it was sent."""
        with self._lock:
            self._settled.append(seconds)
            self._statuses[status] += 1

    def tally(self) -> Tally:
        """Return how things stand now."""
        with self._lock:
            return Tally(
                planned=self._planned,
                accepted=len(self._answered),
                settled=dict(self._statuses),
                answered_in=latency(self._answered),
                settled_in=latency(self._settled),
            )


def latency(seconds: Sequence[float]) -> Latency:
    """Return the percentiles of some durations, by nearest rank."""
    if not seconds:
        return Latency(None, None)
    ordered = sorted(seconds)

    def rank(share: float) -> float:
        return ordered[math.ceil(share * len(ordered)) - 1] * 1000

    return Latency(rank(0.50), rank(0.99))
