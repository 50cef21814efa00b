"""How many events each partition may have under way, and which are not written to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from orders.messaging.backoff import Backoff
from orders.messaging.client_logs import Log

STANDS_STILL_SECONDS = 5.0
"""An event under way for longer tells that its partition is not written to."""
_FIRST_WINDOW = 64
_LONGEST_DELAY_SECONDS = 30.0


@dataclass(slots=True)
class _Refused:
    """What a partition that the broker refused to write to may do."""

    backoff: Backoff
    window: int
    """Events it may have under way: what is too much at once passes in parts."""
    is_sick: bool = True
    """Nothing was written to it since it was refused last."""


class PartitionPlaces:
    """Shares the places among the partitions, so that one which is not written to fills
    its own alone, and the events of the others pass.

    Owned by one thread. ``clock`` is in seconds.
    """

    def __init__(self, places: int, *, log: Log, clock: Callable[[], float]) -> None:
        self._places = self._share = places
        self._log = log
        self._clock = clock
        self._refused: dict[int, _Refused] = {}
        self._still: set[int] = set()
        self._turned_away: set[int] = set()
        self._aside = Backoff(
            clock,
            first_seconds=_LONGEST_DELAY_SECONDS,
            most_seconds=_LONGEST_DELAY_SECONDS,
        )
        self.unwritable: frozenset[int] = frozenset()
        """Partitions that stand still, or are refused, as last looked at."""

    def share_among(self, partition_count: int) -> None:
        """Give each partition as many places as any other."""
        self._share = -(-self._places // partition_count)
        there = range(partition_count)
        self._still.intersection_update(there)
        self._turned_away.intersection_update(there)
        for partition in self._refused.keys() - there:
            del self._refused[partition]

    def room(self, partition: int, under_way: int) -> int:
        """Return how many more events a partition may have under way now."""
        refused = self._refused.get(partition)
        if refused is None:
            return self._share - under_way
        if refused.backoff.remaining_seconds:
            return 0
        return refused.window - under_way

    def turn_away(self, partition: int) -> None:
        """Note that there was no room for an event of this partition."""
        self._turned_away.add(partition)

    def set_aside(self) -> None:
        """Note that events were refused for themselves, not for their partition's sake:
        they are worth another try after a while.
        """
        if not self._aside.remaining_seconds:
            self._aside.failed()

    def confirmed(self, partition: int) -> None:
        """Note that the broker wrote to this partition."""
        self._still.discard(partition)
        refused = self._refused.get(partition)
        if refused is not None:
            refused.is_sick = False
            refused.backoff.succeeded()
            refused.window *= 2
            if refused.window >= self._share:
                del self._refused[partition]

    def refuse(
        self, partition: int, error: BaseException, *, in_parts: bool = True
    ) -> None:
        """Note that the broker refused to write to this partition: it is left alone
        for a delay that grows. ``in_parts`` it then gets ever less at once.
        """
        refused = self._refused.get(partition)
        if refused is None:
            backoff = Backoff(self._clock, most_seconds=_LONGEST_DELAY_SECONDS)
            refused = _Refused(backoff, 2 * _FIRST_WINDOW)
            self._refused[partition] = refused
        refused.is_sick = True
        self._turned_away.add(partition)
        if refused.backoff.remaining_seconds:
            return  # of the same attempt
        if in_parts:
            refused.window = max(1, min(refused.window, self._share) // 2)
        if refused.backoff.failed():
            self._log.error(
                "publisher.partition_refused", partition=partition, error=repr(error)
            )

    def look(self, ages_seconds: Iterable[tuple[int, float]]) -> None:
        """Note which partitions are not written to, given the age of the oldest event
        that each has under way: those where it is old, until one is confirmed, even if
        a new client has to send them again.
        """
        self._still.update(
            number for number, age in ages_seconds if age > STANDS_STILL_SECONDS
        )
        sick = {number for number, it in self._refused.items() if it.is_sick}
        unwritable = frozenset(self._still | sick)
        if unwritable - self.unwritable:
            self._log.warning(
                "publisher.partitions_unwritable", partitions=sorted(unwritable)
            )
        elif self.unwritable and not unwritable:
            self._log.info("publisher.partitions_writable")
        self.unwritable = unwritable

    def aside_is_over(self) -> bool:
        """Tell, once, whether it is time to try again what was set aside."""
        return not self._aside.remaining_seconds and self._aside.succeeded()

    def reopened(self, under_way: Callable[[int], int]) -> bool:
        """Tell whether partitions that had no room have a good part of it again."""
        free = {
            number
            for number in self._turned_away
            if self.room(number, under_way(number)) > self._limit(number) // 2
        }
        self._turned_away -= free
        return bool(free)

    def _limit(self, partition: int) -> int:
        refused = self._refused.get(partition)
        return self._share if refused is None else refused.window
