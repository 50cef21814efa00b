"""A histogram that costs a fraction of a microsecond to add to."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from prometheus_client.utils import floatToGoString


class Distribution:
    """Counts of values by upper bound, and their sum.

    Not locked: one thread adds at a time, any thread may read. A reader may then
    see a value in the counts that is not yet in the sum, which the next reading
    puts right. (prometheus-client's own histogram takes a lock per bucket, 1.4
    microseconds a value.)
    """

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Count one value; one equal to a bound belongs below it."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    @property
    def sum(self) -> float:
        """The sum of all values."""
        return self._sum

    @property
    def count(self) -> int:
        """How many values were added."""
        return sum(self._counts)

    def buckets(self) -> list[tuple[str, float]]:
        """Return cumulative counts by ``le`` label, as Prometheus wants them."""
        labels = [*map(floatToGoString, self._bounds), "+Inf"]
        return list(zip(labels, map(float, accumulate(self._counts)), strict=True))
