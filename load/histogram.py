"""Times in buckets that grow by an eighth: bounded memory for any number of them."""

from collections import Counter
from collections.abc import Iterator
from math import ceil, floor, log, log2
from typing import NamedTuple

_GROWTH = log(1.125)
_SMALLEST_SECONDS = 1e-5


class Bucket(NamedTuple):
    """How many times were above ``from_ms`` and not above ``to_ms``."""

    from_ms: float
    to_ms: float
    number: int


class Histogram:
    """Counts durations; owned by one thread. A quantile is at most an eighth too long.

    About 150 buckets cover from 10 us to 10 minutes.
    """

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.count = 0
        self.longest_seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        place = max(
            0, ceil(log(max(seconds, _SMALLEST_SECONDS) / _SMALLEST_SECONDS) / _GROWTH)
        )
        self._counts[place] += 1
        self.count += 1
        self.longest_seconds = max(self.longest_seconds, seconds)

    def quantile_ms(self, share: float) -> float:
        """Return the time that ``share`` of all did not exceed; 0 without any."""
        wanted, seen = ceil(share * self.count), 0
        for place in sorted(self._counts):
            seen += self._counts[place]
            if seen >= wanted:
                return min(_upper_ms(place), 1000 * self.longest_seconds)
        return 0.0

    def octaves(self) -> Iterator[Bucket]:
        """Yield the counts in buckets that double, from the shortest to the longest."""
        per_octave: Counter[int] = Counter()
        for place, count in self._counts.items():
            per_octave[floor(log2(_upper_ms(place)) - 1e-9)] += count
        if not per_octave:
            return
        for octave in range(min(per_octave), max(per_octave) + 1):
            yield Bucket(2.0**octave, 2.0 ** (octave + 1), per_octave[octave])


def _upper_ms(place: int) -> float:
    return 1000 * _SMALLEST_SECONDS * float(1.125**place)
