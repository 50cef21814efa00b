"""Which orders Kafka may still bring by itself: those of partitions that advance."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orders.domain.records import PartitionLag

PartitionOf = Callable[[bytes, int], int]
"""Names the partition of a key among so many, as the producer does."""

_NEWS_VALID_SECONDS = 15.0


@dataclass(slots=True)
class _Watched:
    """One partition: how far it is behind, and when its offset last moved."""

    committed: int
    moved_at: float
    behind: int | None


class LagWatch:
    """Remembers what was heard of the consumer group, partition by partition.

    A lag excuses the age of the orders of its own partition only, and only while the
    group's committed offset moves on: a member may send heartbeats and do nothing.
    """

    def __init__(
        self, partition_of: PartitionOf, *, tolerated: int, advances_within: float
    ) -> None:
        self._partition_of = partition_of
        self._tolerated = tolerated
        self._advances_within = advances_within
        self._partitions: dict[int, _Watched | None] = {}
        self._heard_at: float | None = None

    def heard(
        self, partitions: Mapping[int, PartitionLag | None] | None, now: float
    ) -> None:
        """Take in a report; None where Kafka did not answer at all."""
        if partitions is None:
            self._heard_at = None
            return
        self._heard_at = now
        for number, lag in partitions.items():
            self._partitions[number] = self._watched(number, lag, now)
        for number in self._partitions.keys() - partitions.keys():
            del self._partitions[number]

    def has_news(self, now: float) -> bool:
        """Tell whether Kafka answered lately."""
        return (
            self._heard_at is not None and now - self._heard_at <= _NEWS_VALID_SECONDS
        )

    def excuses_all(self, now: float) -> bool:
        """Tell whether orders of every partition may still come by themselves.

        So too without news: Kafka may be back any moment.
        """
        every = self._partitions.values()
        return not self.has_news(now) or all(self._advances(p, now) for p in every)

    def excuses(self, order_id: str, now: float) -> bool:
        """Tell whether an order's age is explained by the lag of its partition."""
        if not self.has_news(now) or not self._partitions:
            return True
        number = self._partition_of(order_id.encode(), len(self._partitions))
        return self._advances(self._partitions.get(number), now)

    def _watched(
        self, number: int, lag: PartitionLag | None, now: float
    ) -> _Watched | None:
        known = self._partitions.get(number)
        if lag is None:
            if known is not None:
                known.behind = None
            return known
        if known is None or lag.committed > known.committed:
            return _Watched(lag.committed, now, lag.behind)
        return _Watched(lag.committed, known.moved_at, lag.behind)

    def _advances(self, partition: _Watched | None, now: float) -> bool:
        if partition is None or partition.behind is None:
            return False
        moved_lately = now - partition.moved_at <= self._advances_within
        return moved_lately and partition.behind > self._tolerated
