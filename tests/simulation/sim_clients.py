"""The two Kafka clients of a node, where kafka-python would be."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from sim_faults import Faults, Flaw
from sim_log import Group, SimRecord, Topic
from sim_scheduler import Host, Scheduler

from orders.domain.errors import BrokerUnavailableError
from orders.domain.events import OrderEvent
from orders.domain.records import EventRef, PartitionLag, PublishResults, RecordBatch
from orders.messaging.consumer import KafkaRecordSource
from orders.messaging.group_member import Polled
from orders.messaging.offsets import DoneMarks

_IDLE_SECONDS = 0.6
_FAILS_AFTER_SECONDS = 0.5
_MAX_IN_FLIGHT = 1000


class SimMember:
    """One membership, in the place of ``GroupMember``: what the record source asks
    of kafka-python, down to when the rebalance callbacks run.
    """

    stable = True

    def __init__(
        self,
        scheduler: Scheduler,
        topic: Topic,
        group: Group,
        marks: DoneMarks,
        faults: Faults,
    ) -> None:
        self._scheduler = scheduler
        self._topic = topic
        self._group = group
        self._marks = marks
        self._faults = faults
        self._positions: dict[int, int] = {}
        self._unsaid: list[int] = []
        self._left = False
        self.paused: set[int] = set()

    @property
    def assigned(self) -> set[int]:
        """Partitions that are ours, as far as we know."""
        return set(self._positions)

    def change_flow(
        self, pause: Collection[int], resume: Collection[int], *, hold: bool
    ) -> None:
        """Pause and resume."""
        del hold
        self.paused = (self.paused | set(pause)) - set(resume)

    def poll(self, max_records: int) -> Polled:
        """Hear of the group, then wait a little for records."""
        self._hear()
        found = self._fetch(max_records)
        if not found:
            self._scheduler.pause(_IDLE_SECONDS)
            self._hear()
            found = self._fetch(max_records)
        return Polled(found)

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Send offsets; whether they were taken is heard with a later poll."""
        for partition, offset in offsets.items():
            self._scheduler.after(
                self._scheduler.latency(),
                partial(self._arrive, partition, offset),
            )

    def records_to_fetch(self) -> dict[int, int]:
        """Return how far each partition is behind."""
        ends = self._topic.partitions
        return {p: max(0, len(ends[p]) - at) for p, at in self._positions.items()}

    def has_unread_records(self) -> bool:
        """Every fetch here brings what there is."""
        return False

    def group_lag(self) -> dict[int, PartitionLag | None]:
        """Return the lag of the whole group."""
        return self._group.lag()

    def why_away(self, error: Exception | None = None) -> BrokerUnavailableError:
        """Say no more than that."""
        return BrokerUnavailableError(str(error))

    def leave(self) -> None:
        """Commit what is done and leave."""
        for partition, offset in self._marks.take_commits().items():
            self._arrive(partition, offset)
        self._marks.revoke(self._marks.assigned)
        self._group.leave(self)
        self._left = True

    def _hear(self) -> None:
        """Learn which partitions moved, as the client's callbacks tell it."""
        if self._topic.is_away or self._left:
            return
        self._group.heartbeat(self)
        unsaid, self._unsaid = self._unsaid, []
        self._marks.commit_failed(unsaid)
        mine = self._group.assigned_to(self)
        moved = self.assigned - mine
        if moved:
            self.commit(self._marks.revoke(sorted(moved)))
        new = mine - self.assigned
        if new:
            self._marks.assign(sorted(new))
        self._positions = {
            p: self._group.committed.get(p, 0) if p in new else self._positions[p]
            for p in sorted(mine)
        }
        self.paused &= mine

    def _fetch(self, max_records: int) -> list[Sequence[SimRecord]]:
        if self._topic.is_away:
            return []
        found: list[Sequence[SimRecord]] = []
        for partition, kept in self._positions.items():
            if partition in self.paused or partition == self._topic.leaderless:
                continue
            records = self._topic.partitions[partition]
            # Out of range: from the earliest on.
            position = kept if kept <= len(records) else 0
            fetched = records[position : position + max_records]
            self._positions[partition] = position + len(fetched)
            if fetched:
                found.append(fetched)
        return found

    def _arrive(self, partition: int, offset: int) -> None:
        lost = self._topic.is_away or self._scheduler.chance(self._faults.commit_lost)
        if lost or not self._group.commit(self, partition, offset):
            self._scheduler.counts["commit_failed"] += 1
            self._unsaid.append(partition)


class HastySource(KafkaRecordSource):
    """Takes a batch for done as soon as it came: a flaw."""

    def poll(self, *, hold: bool = False) -> RecordBatch | None:
        """Poll, and let the offsets be committed ahead of the work."""
        batch = super().poll(hold=hold)
        if batch is not None:
            self.done(batch.token)
        return batch


class SimPublisher:
    """An event publisher whose records are lost, doubled, late and out of order."""

    unwritable = ()

    def __init__(
        self,
        scheduler: Scheduler,
        topic: Topic,
        host: Host,
        faults: Faults,
        flaws: frozenset[Flaw],
    ) -> None:
        self._scheduler = scheduler
        self._topic = topic
        self._host = host
        self._faults = faults
        self._flaws = flaws
        self._flying: dict[EventRef, OrderEvent] = {}
        self._confirmed: list[EventRef] = []
        self._failed: list[OrderEvent] = []

    @property
    def in_flight(self) -> int:
        """Events handed over and not answered."""
        return len(self._flying)

    def publish(self, events: Sequence[OrderEvent]) -> int:
        """Send each on its own way."""
        if self._topic.is_away:
            return 0
        for event in events[:_MAX_IN_FLIGHT]:
            name = EventRef(event.order_id, event.version)
            self._flying[name] = event
            if Flaw.FORGET_BEFORE_CONFIRM in self._flaws:
                self._confirmed.append(name)
            self._send(event)
        return len(events[:_MAX_IN_FLIGHT])

    def take_results(self) -> PublishResults:
        """Return what was confirmed or failed since the last call."""
        results = PublishResults(self._confirmed, self._failed)
        self._confirmed, self._failed = [], []
        return results

    def close(self) -> None:
        """Forget what is in flight; it may arrive all the same."""
        self._flying.clear()

    def _send(self, event: OrderEvent) -> None:
        scheduler, faults = self._scheduler, self._faults
        if scheduler.chance(faults.record_lost):
            scheduler.note("record_lost", event.order_id, event.version)
            scheduler.after(_FAILS_AFTER_SECONDS, lambda: self._answer(event, False))
            return
        if scheduler.chance(faults.record_doubled):
            scheduler.note("record_doubled", event.order_id, event.version)
            scheduler.after(scheduler.latency(), lambda: self._topic.append(event))
        answered = not scheduler.chance(faults.answer_lost)
        if not answered:
            scheduler.note("answer_lost", event.order_id, event.version)
        scheduler.after(scheduler.latency(), lambda: self._arrive(event, answered))

    def _arrive(self, event: OrderEvent, answered: bool) -> None:
        place = self._topic.partition_of(event.order_id)
        unwritable = self._topic.is_away or place == self._topic.leaderless
        if unwritable or (self._host.dead and self._scheduler.chance(0.5)):
            wait = _FAILS_AFTER_SECONDS
            self._scheduler.after(wait, lambda: self._answer(event, False))
            return
        record = self._topic.append(event)
        self._scheduler.after(
            self._scheduler.latency() if answered else _FAILS_AFTER_SECONDS,
            lambda: self._answer(event, answered and self._topic.confirm(record)),
        )

    def _answer(self, event: OrderEvent, confirmed: bool) -> None:
        name = EventRef(event.order_id, event.version)
        if self._flying.pop(name, None) is None or self._host.dead:
            return
        if confirmed:
            self._confirmed.append(name)
        elif Flaw.FORGET_BEFORE_CONFIRM not in self._flaws:
            self._failed.append(event)


def refuse_while_away(topic: Topic) -> None:
    """Raise BrokerUnavailableError where a client could not be made."""
    if topic.is_away:
        raise BrokerUnavailableError("no broker answers")
