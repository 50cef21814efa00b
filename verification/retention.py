"""How far back a topic can be judged, after retention has deleted its oldest records.

An order's id tells when it was accepted, and its events were written after that. So
an event of an order that is younger than the oldest record left was written behind
that record, and must still be there, whichever partition it went to.
"""

from array import array
from bisect import bisect_left
from collections.abc import Mapping

MARGIN_MS = 3_600_000
"""What the clocks of nodes may differ by, and what records may overtake each other."""
EVERYTHING = 0
NOTHING = 1 << 48
"""Behind all that the 48 bits of an id's time can say."""
_WINDOW = 1_000


class Retention:
    """What was read of each partition; owned by one thread.

    When a record was written is not to be had exactly: an old order's event may have
    waited long. The newest order of all records up to 2,000 behind the oldest one left
    stands for it. Memory: 16 bytes for 1,000 records.
    """

    def __init__(self) -> None:
        self._partitions: dict[int, _Partition] = {}

    def note(self, partition: int, offset: int, order_id: str) -> None:
        """Note a record of an order; those of a partition come in their order."""
        seen = self._partitions.get(partition)
        if seen is None:
            seen = self._partitions[partition] = _Partition()
        seen.note(offset, accepted_ms(order_id))

    def judged_from(self, beginnings: Mapping[int, int]) -> int:
        """Return the time (Unix, ms) from which on orders have all their events.

        Args:
            beginnings: the offsets of the oldest records left, by partition, asked
                for after the last record was read.

        Returns:
            ``EVERYTHING`` where no record was deleted, ``NOTHING`` where a partition
            that lost records has none of an order left.

        """
        trimmed = {number: offset for number, offset in beginnings.items() if offset}
        if not trimmed:
            return EVERYTHING
        seen = [self._partitions.get(number) for number in trimmed]
        newest = [
            NOTHING if partition is None else partition.newest_near(offset)
            for partition, offset in zip(seen, trimmed.values(), strict=True)
        ]
        return min(NOTHING, max(newest) + MARGIN_MS)


class _Partition:
    """The newest order up to some places of one partition."""

    def __init__(self) -> None:
        self._offsets = array("Q")
        self._newest = array("Q")
        self._last = -1
        self._newest_ms = 0
        self._records = 0

    def note(self, offset: int, time_ms: int) -> None:
        self._last = offset
        self._newest_ms = max(self._newest_ms, time_ms)
        self._records += 1
        if self._records % _WINDOW == 0:
            self._offsets.append(offset)
            self._newest.append(self._newest_ms)

    def newest_near(self, beginning: int) -> int:
        if self._last < beginning:
            return NOTHING
        index = bisect_left(self._offsets, beginning) + 1
        return self._newest[index] if index < len(self._newest) else self._newest_ms


def accepted_ms(order_id: str) -> int:
    """Return when an order was accepted: the Unix time in ms of its UUIDv7."""
    return int(order_id[:8] + order_id[9:13], 16)
