"""One Kafka consumer that joined the group, with its vendor's oddities fenced in."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from kafka.errors import KafkaError, KafkaTimeoutError

from orders.domain.errors import BrokerUnavailableError
from orders.domain.records import PartitionLag
from orders.failpoints.registry import failpoint
from orders.messaging import lag
from orders.messaging.broker_faults import away
from orders.messaging.client_logs import Log
from orders.messaging.client_types import ConsumerClient, PartitionId
from orders.messaging.codec import RawRecord
from orders.messaging.kafka_clients import (
    STABLE,
    end_network,
    led_partitions,
    offsets_of,
    open_consumer,
    partition_id,
    rebalance_listener,
)
from orders.messaging.offsets import DoneMarks
from orders.messaging.parked_records import take_turns
from orders.messaging.unreadable import deferred_error, skip_unreadable

POLL_MS = 200
"""Shorter polls may never finish a join; longer ones delay what waits for the owner."""
METADATA_MS = 2_000
COMMIT_MS = 1_500
LEAVE_MS = 2_500


class Polled(NamedTuple):
    """What one poll brought."""

    partitions: Collection[Sequence[RawRecord]]
    unreadable: tuple[int, int] | None = None
    """Partition and offset of a record that was stepped over."""
    out: tuple[int, int, str] | None = None
    """Partition, offset and error where this node cannot read on for now."""


class MemberBrokenError(Exception):
    """The client cannot go on; another one has to be made."""


class GroupMember:
    """One membership; owned by one thread.

    Marks are changed by the rebalance callbacks too. These run on the client's IO
    thread, but only while the owner waits inside ``poll`` or ``leave``: so nothing
    is locked.
    """

    def __init__(
        self, consumer: ConsumerClient, topic: str, marks: DoneMarks, log: Log
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._marks = marks
        self._log = log
        self._hold = False
        self._before_commit = failpoint("offsets.before_commit")
        self._after_commit = failpoint("offsets.after_commit")

    @classmethod
    def join(
        cls, settings: Mapping[str, object], topic: str, marks: DoneMarks, log: Log
    ) -> "GroupMember":
        """Make a client and subscribe; the join itself happens in ``poll``.

        Raises:
            BrokerUnavailableError: no metadata within 2 s.

        """
        consumer = open_consumer(settings)
        member = cls(consumer, topic, marks, log)
        try:
            _await_metadata(consumer, topic)
            consumer.subscribe([topic], listener=rebalance_listener(member))
        except KafkaError as error:
            unavailable = away(error, consumer)
            member.leave()
            raise unavailable from error
        return member

    @property
    def stable(self) -> bool:
        """True while this member is part of the group and sends heartbeats."""
        return self._consumer.group_metadata().state == STABLE

    @property
    def assigned(self) -> set[int]:
        """Partitions that are ours."""
        return {tp.partition for tp in self._consumer.assignment()}

    @property
    def paused(self) -> set[int]:
        """Partitions that are paused."""
        return {tp.partition for tp in self._consumer.paused()}

    def change_flow(
        self, pause: Collection[int], resume: Collection[int], *, hold: bool
    ) -> None:
        """Pause and resume; with ``hold`` newly assigned partitions start paused."""
        self._hold = hold
        if pause:
            self._consumer.pause(*self._ids(pause))
        if resume:
            self._consumer.resume(*self._ids(resume))

    def poll(self, max_records: int) -> Polled:
        """Wait up to 200 ms for records.

        Raises:
            MemberBrokenError: the client failed, and not over a record.

        """
        take_turns(self._consumer)
        try:
            records = self._consumer.poll(timeout_ms=POLL_MS, max_records=max_records)
        except Exception as error:  # noqa: BLE001 - taking a record apart may raise anything
            return self._step_over(Polled(()), error)
        error_to_come = deferred_error(self._consumer)
        if error_to_come is None:
            return Polled(records.values())
        return self._step_over(Polled(records.values()), error_to_come)

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit without waiting; a failure is logged and tried again later."""
        if self._before_commit is not None:
            self._before_commit()
        try:
            self._consumer.commit_async(
                offsets_of(self._topic, offsets), callback=self._committed
            )
        except KafkaError as error:
            self._note_failed_commit(offsets, error)

    def records_to_fetch(self) -> dict[int, int]:
        """Return records not yet fetched by partition, where a fetch saw the end."""
        return lag.records_to_fetch(self._consumer)

    def has_unread_records(self) -> bool:
        """Ask the broker whether there is more; raises KafkaError within a second."""
        return lag.has_unread_records(self._consumer, self._topic)

    def group_lag(self) -> dict[int, PartitionLag | None]:
        """Ask the brokers for the group's lag; raises KafkaError within about 2 s."""
        return lag.group_lag(self._consumer, self._topic)

    def why_away(self, error: Exception | None = None) -> BrokerUnavailableError:
        """Return what is known about a broker that failed with ``error``, or gave no
        answer.
        """
        return away(error or KafkaTimeoutError(), self._consumer)

    def leave(self) -> None:
        """Commit what is done, leave the group, end the client; within about 4 s."""
        offsets = self._marks.take_commits()
        try:
            if offsets:
                self._commit_and_wait(offsets)
        except Exception as error:  # noqa: BLE001 - nothing may keep it from closing
            self._note_failed_commit(offsets, error)
        try:
            self._consumer.close(autocommit=False, timeout_ms=LEAVE_MS)
        except Exception as error:  # noqa: BLE001 - a dead IO thread hands on what killed it
            self._log.warning("consumer.close_failed", error=repr(error))
            end_network(self._consumer)
        self._marks.revoke(self._marks.assigned)

    def on_partitions_assigned(self, assigned: Collection[PartitionId]) -> None:
        """Keep marks of these; runs on the IO thread."""
        self._marks.assign(tp.partition for tp in assigned)
        if self._hold:
            self._consumer.pause(*assigned)

    def on_partitions_revoked(self, revoked: Collection[PartitionId]) -> None:
        """Commit what is done of these and forget them; runs on the IO thread."""
        offsets = self._marks.revoke(tp.partition for tp in revoked)
        if offsets:
            self.commit(offsets)

    def on_partitions_lost(self, lost: Collection[PartitionId]) -> None:
        """Forget these, which others have already; runs on the IO thread."""
        self._marks.revoke(tp.partition for tp in lost)

    def _commit_and_wait(self, offsets: Mapping[int, int]) -> None:
        if self._before_commit is not None:
            self._before_commit()
        self._consumer.commit(offsets_of(self._topic, offsets), timeout_ms=COMMIT_MS)
        if self._after_commit is not None:
            self._after_commit()

    def _step_over(self, polled: Polled, error: Exception) -> Polled:
        """Skip the record behind ``error``, or pause its partition where the record
        is not at fault; raise where there is none.
        """
        skipped = skip_unreadable(self._consumer, error)
        if skipped is None:
            raise MemberBrokenError(repr(error)) from error
        partition, offset = skipped.partition.partition, skipped.offset
        if not skipped.at_fault:
            self._consumer.pause(skipped.partition)
            return polled._replace(out=(partition, offset, repr(error)))
        self._log.error(
            "consumer.record_unreadable",
            partition=partition,
            offset=offset,
            error=repr(error),
        )
        return polled._replace(unreadable=(partition, offset))

    def _committed(
        self, offsets: Mapping[PartitionId, object], outcome: object
    ) -> None:
        if isinstance(outcome, BaseException):
            self._note_failed_commit([tp.partition for tp in offsets], outcome)
        elif self._after_commit is not None:
            self._after_commit()

    def _note_failed_commit(
        self, partitions: Collection[int], error: BaseException
    ) -> None:
        self._marks.commit_failed(partitions)
        self._log.warning("consumer.commit_failed", error=repr(error))

    def _ids(self, partitions: Collection[int]) -> tuple[PartitionId, ...]:
        return tuple(partition_id(self._topic, number) for number in partitions)


def _await_metadata(consumer: ConsumerClient, topic: str) -> None:
    """Without metadata a first join may be forgotten by the client for good."""
    try:
        consumer.end_offsets([partition_id(topic, 0)], timeout_ms=METADATA_MS)
    except KafkaError:
        if not led_partitions(consumer, topic):
            raise
        # Only this partition is without a leader: the others can be read.
