"""Partitions whose records this node cannot take apart for now."""

from collections.abc import Callable, Collection

from orders.messaging.backoff import Backoff
from orders.messaging.client_logs import Log

FIRST_SECONDS = 1.0
MOST_SECONDS = 30.0


class PartitionOutages:
    """Which partitions to leave alone, and when to try each of them again.

    A partition that is out keeps its position: nothing of it is lost, and the others
    go on. Owned by one thread. ``clock`` is in seconds.
    """

    def __init__(self, log: Log, clock: Callable[[], float]) -> None:
        self._log = log
        self._clock = clock
        self._tries: dict[int, Backoff] = {}

    def began(self, partition: int, offset: int, error: str) -> None:
        """Leave ``partition`` alone for a while that grows up to 30 s; log the first
        time.
        """
        tries = self._tries.setdefault(
            partition,
            Backoff(
                self._clock, first_seconds=FIRST_SECONDS, most_seconds=MOST_SECONDS
            ),
        )
        if tries.failed():
            self._log.error(
                "consumer.partition_out",
                partition=partition,
                offset=offset,
                error=error,
            )

    def waiting(self, assigned: Collection[int]) -> set[int]:
        """Return those that are not to be tried yet; forget those that moved away."""
        for moved in self._tries.keys() - assigned:
            del self._tries[moved]
        return {
            partition
            for partition, tries in self._tries.items()
            if tries.remaining_seconds
        }

    def came(self, partition: int) -> None:
        """Records of ``partition`` can be read; log it where they could not."""
        if self._tries.pop(partition, None) is not None:
            self._log.info("consumer.partition_back", partition=partition)
