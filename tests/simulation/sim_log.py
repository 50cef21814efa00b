"""Kafka as the service uses it: a topic that forgets, and a group that moves."""

from collections.abc import Callable
from dataclasses import dataclass

from sim_scheduler import Scheduler

from orders.domain.events import OrderEvent
from orders.domain.records import EventRef, PartitionLag
from orders.messaging.codec import EventEncoder, Headers
from orders.messaging.partitioning import partition_of

TOPIC = "orders"
PARTITIONS = 3
SESSION_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class SimRecord:
    """A record in the topic, with what ``sort_records`` reads of it."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: Headers
    name: EventRef
    in_reused_place: bool
    """Its offset belonged to a record that the log forgot, so whoever read that one
    may commit past this one."""


class Topic:
    """Partitions of records; the tail of one can be lost."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._encode = EventEncoder()
        self.away_until = 0.0
        self.leaderless: int | None = None
        self.partitions: list[list[SimRecord]] = [[] for _ in range(PARTITIONS)]
        self._highest = [0] * PARTITIONS
        self.lost_after_confirmation: set[EventRef] = set()
        self._confirmed: set[EventRef] = set()

    @property
    def is_away(self) -> bool:
        """Whether no broker answers at present."""
        return self.away_until > self._scheduler.now

    def append(self, event: OrderEvent) -> SimRecord:
        """Add a record for ``event``."""
        encoded = self._encode(event)
        number = partition_of(encoded.key, PARTITIONS)
        records = self.partitions[number]
        offset = len(records)
        reused = offset < self._highest[number]
        self._highest[number] = max(self._highest[number], offset + 1)
        name = EventRef(event.order_id, event.version)
        record = SimRecord(
            TOPIC,
            number,
            offset,
            encoded.key,
            encoded.value,
            encoded.headers,
            name,
            reused,
        )
        records.append(record)
        return record

    def partition_of(self, order_id: str) -> int:
        """Return where the events of an order go."""
        return partition_of(order_id.encode(), PARTITIONS)

    def confirm(self, record: SimRecord) -> bool:
        """Tell the producer, unless the record is lost by now."""
        records = self.partitions[record.partition]
        kept = record.offset < len(records) and records[record.offset] is record
        if kept:
            self._confirmed.add(record.name)
        return kept

    def lose_tail(self, partition: int, count: int) -> None:
        """Forget the last records of a partition, confirmed ones too."""
        records = self.partitions[partition]
        lost = {record.name for record in records[-count:]}
        del records[-count:]
        self.lost_after_confirmation |= lost & self._confirmed

    def names(self) -> dict[EventRef, set[bytes]]:
        """Return the events on the log, with the bytes of each."""
        found: dict[EventRef, set[bytes]] = {}
        for records in self.partitions:
            for record in records:
                found.setdefault(record.name, set()).add(record.value)
        return found


class Group:
    """The consumer group: who reads what, and how far they committed.

    A member that was not heard of for ``SESSION_SECONDS`` loses its partitions and
    learns of it when it polls again; until then it works on. Its commits are refused.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        topic: Topic,
        on_commit: Callable[[int, int], None],
    ) -> None:
        self._scheduler = scheduler
        self._topic = topic
        self._on_commit = on_commit
        self._seen: dict[object, float] = {}
        self._owners: dict[int, object] = {}
        self.committed: dict[int, int] = {}

    def heartbeat(self, member: object) -> None:
        """Hear of a member, which joins where it is not one."""
        now = self._scheduler.now
        gone = [m for m, at in self._seen.items() if at < now - SESSION_SECONDS]
        for other in gone:
            del self._seen[other]
        joins = member not in self._seen
        self._seen[member] = now
        if joins or gone:
            self.rebalance()

    def leave(self, member: object) -> None:
        """Give a member's partitions to others."""
        if self._seen.pop(member, None) is not None:
            self.rebalance()

    def rebalance(self) -> None:
        """Deal the partitions anew."""
        members = list(self._seen)
        self._scheduler.note("rebalance", len(members))
        self._scheduler.random.shuffle(members)
        self._owners = {
            partition: members[partition % len(members)]
            for partition in range(PARTITIONS)
            if members
        }

    def assigned_to(self, member: object) -> set[int]:
        """Return the partitions of a member."""
        return {number for number, owner in self._owners.items() if owner is member}

    def commit(self, member: object, partition: int, offset: int) -> bool:
        """Keep an offset; False for who does not own the partition."""
        if self._owners.get(partition) is not member:
            self._scheduler.note("commit_refused", partition, offset)
            return False
        self._on_commit(partition, offset)
        self.committed[partition] = offset
        return True

    def lag(self) -> dict[int, PartitionLag | None]:
        """Return how far the committed offsets are behind."""
        lags: dict[int, PartitionLag | None] = {}
        for number, records in enumerate(self._topic.partitions):
            committed = self.committed.get(number, 0)
            lag = PartitionLag(committed, max(0, len(records) - committed))
            lags[number] = None if number == self._topic.leaderless else lag
        return lags
